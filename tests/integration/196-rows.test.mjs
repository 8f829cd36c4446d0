// Every row of the documents has a test, and every test named for a row is there. No server is needed.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { ROOT } from '../lib/database.mjs';

const HERE = path.join(ROOT, 'tests/integration');
const range = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
// How many rows a document has, and which of them only say where it comes from. Of D0 it is those about pages: the others are
// its transcripts (200, 205, 210).
const DOCUMENTS = {
    R0: { rows: 20, others: range(1, 12) },
    R1: { rows: 58, others: [54] },
    R2: { rows: 28, others: [1] },
    R3: { rows: 29, others: [] },
    R4: { rows: 73, others: [] },
};
const lines = fs.readFileSync(path.join(ROOT, 'tests/rows.txt'), 'utf8').split('\n')
    .map((text, i) => ({ text, at: i + 1 })).filter(({ text }) => text && !text.startsWith('#'))
    .map(({ text, at }) => ({ at, ...(/^(?<row>(?:R\d|[CD])-\d\d) (?<file>\S+) (?<title>.+)$/.exec(text)?.groups ?? assert.fail(`line ${at}: ${text}`)) }));

for (const [name, { rows, others }] of Object.entries(DOCUMENTS)) {
    test(`${name}: each row has a test`, () => {
        const wanted = range(1, rows).filter((n) => !others.includes(n)).map((n) => `${name}-${String(n).padStart(2, '0')}`);
        const proved = new Set(lines.map((l) => l.row));
        assert.deepEqual(wanted.filter((row) => !proved.has(row)), []);
        assert.deepEqual([...proved].filter((row) => row.startsWith(name) && !wanted.includes(row)), [], 'rows that are not there');
    });
}

test('what was decided about pages: each row has a test', () => {
    const proved = new Set(lines.map((l) => l.row).filter((row) => /^[CD]/.test(row)));
    assert.deepEqual([...proved].sort(), ['C-19', 'C-27', 'C-37', 'C-38', 'D-18', 'D-19', 'D-20']);
});

test('each line leads to a test', () => {
    const texts = new Map();
    for (const { row, file, title, at } of lines) {
        const from = path.join(HERE, `${file}.test.mjs`);
        assert.ok(fs.existsSync(from), `line ${at}: ${row}: no ${file}`);
        texts.set(from, texts.get(from) ?? fs.readFileSync(from, 'utf8'));
        assert.match(texts.get(from), new RegExp(`\\b(test|it|describe)\\(['"\`]${title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}['"\`]`), `line ${at}: ${row}`);
    }
});
