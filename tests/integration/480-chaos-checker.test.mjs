// The verdict of the long run (make chaos) is worth something only if it can be "failed".
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { selfTest } from '../chaos/self-test.mjs';

test('the checker passes a sound record and notices every way of doctoring it', () => {
    assert.deepEqual(selfTest(), []);
});
