// Waiting: always for a condition, always with a deadline. Nothing in the tests sleeps for a fixed time.
import { setTimeout as pause } from 'node:timers/promises';

/** The sanitizer builds are slower; one factor for every deadline. */
export const SLOW = Number(process.env.CONFAB_TEST_SLOW || 1);

/** Ask fn again and again until it gives something true; its last value. Errors of fn count as "not yet", unless they are final. */
export async function until(what, fn, ms = 15000, every = 10) {
    const end = Date.now() + ms * SLOW;
    let last;
    for (;;) {
        try {
            const value = await fn();
            if (value) {
                return value;
            }
            last = value;
        } catch (error) {
            if (error.final) {
                throw error;
            }
            last = error;
        }
        if (Date.now() > end) {
            throw new Error(`still waiting for ${what} after ${ms * SLOW} ms (last: ${last?.message ?? String(last)})`);
        }
        await pause(every);
    }
}

/** promise, or an error that says what did not happen in time. */
export async function within(what, promise, ms = 15000) {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`${what}: nothing after ${ms * SLOW} ms`)), ms * SLOW);
    });
    try {
        return await Promise.race([promise, late]);
    } finally {
        clearTimeout(timer);
    }
}
