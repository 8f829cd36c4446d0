-- Outcomes of mutations are forgotten with the events they made, so they are looked for by age.
ALTER TABLE op_keys ADD KEY at_us (at_us);
