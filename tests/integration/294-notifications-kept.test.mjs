// Notifications that are too old go, a piece at a time; unread counts stay what they are over crashes; and check-ins of
// deleted event sessions go too.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { conversations, uuidOf } from '../lib/conversations.mjs';
import { Notes } from '../lib/notes.mjs';
import { useSystem } from '../lib/system.mjs';
import { until } from '../lib/wait.mjs';

const DAY_US = 86400e6;
let ann;
let bob;
let cyd;
const sys = useSystem({ before, after }, { workers: 1, rest: { trim_every_ms: '1s', notify_chunk_rows: 4 } }, async () => {
    [ann, bob, cyd] = await sys.api.users(3);
    await sys.db.sql(`UPDATE users SET created_us = created_us - ${300 * DAY_US}`); // they were there before what is made old
});
const notes = new Notes(sys);
const rows = async (where) => Number((await sys.db.sql(`SELECT COUNT(*) FROM notifications WHERE ${where}`))[0][0]);

async function some(users, count) {
    const made = [];
    for (let i = 0; i < count; i += 1) {
        made.push(...(await notes.create({ user_ids: users.map((u) => u.id), title: `Note ${i}` })).notification_ids);
    }
    return made;
}

/** As if everything up to now were that many days older. */
const age = async (days) => {
    await sys.db.sql(`UPDATE notifications SET created_us = created_us - ${days * DAY_US};
        UPDATE events SET at_us = at_us - ${days * DAY_US}`);
};

describe('what is older than notifications_keep_ms', () => {
    test('unread ones are deleted for their user, more than fit in one piece; newer ones stay', { timeout: 90000 }, async () => {
        const old = await some([bob], 11);
        await notes.read(bob, old[0]);
        const broadcast = (await notes.create({ title: 'For all', everyone: true })).notification_ids;
        await notes.read(cyd, broadcast[0]);
        const client = await conversations(sys, bob);
        await sys.db.sql(`UPDATE notifications SET created_us = created_us - ${91 * DAY_US}`);
        const fresh = await some([bob], 2);
        await until('they are gone', async () => (await notes.unread(bob)) === 3, 60000);
        const gone = client.frames.filter((f) => f.event === 'deleted').map((f) => f.notification_id);
        assert.deepEqual(new Set(gone), new Set(old.slice(1).map(uuidOf)), 'his socket is told of each, once');
        assert.equal(gone.length, 10);
        const list = (await notes.all(bob)).map((n) => n.id);
        assert.deepEqual(list.filter((id) => fresh.includes(id)).length, 2);
        assert.equal(list.filter((id) => old.slice(1).includes(id)).length, 0);
        assert.equal(await rows(`user_id = ${bob.n} AND deleted_us IS NOT NULL`), 10, 'rows stay while the log speaks of them');
        client.close();
    });

    test('the unread count is the same after SIGKILL, after a stop, and again', { timeout: 90000 }, async () => {
        await some([ann, bob], 5);
        await notes.readAll(ann);
        await some([ann], 2);
        const expected = [await notes.unread(ann), await notes.unread(bob), await notes.unread(cyd)];
        for (const signal of ['SIGKILL', 'SIGKILL', 'SIGTERM', 'SIGKILL']) {
            await sys.bounce(sys.rest, signal);
            await sys.ready();
            assert.deepEqual([await notes.unread(ann), await notes.unread(bob), await notes.unread(cyd)], expected, signal);
        }
        const stored = await sys.db.sql(`SELECT unread FROM notification_users WHERE user_id = ${ann.n}`);
        assert.deepEqual(stored, [['2']]);
    });

    test('rows and broadcasts go when the log no longer speaks of them, and marks behind them', { timeout: 120000 }, async () => {
        await sys.rest.stop('SIGTERM');
        await age(100);
        const before = await rows('1 = 1');
        sys.rest.start();
        await sys.ready();
        const fresh = await some([bob, cyd], 1);
        await until('only the newest are left', async () => (await rows('1 = 1')) === fresh.length + await rows('deleted_us IS NOT NULL'), 90000);
        assert.ok(before > fresh.length);
        assert.equal(await rows('user_id = 0'), 0);
        await until('marks go behind their broadcast', async () => (await sys.db.sql('SELECT COUNT(*) FROM notification_marks'))[0][0] === '0');
        await until('counts are those of the newest', async () => {
            const counts = [await notes.unread(ann), await notes.unread(bob), await notes.unread(cyd)];
            return counts.join() === '0,1,1';
        });
        await sys.bounce(sys.rest);
        await sys.ready();
        assert.deepEqual([await notes.unread(ann), await notes.unread(bob), await notes.unread(cyd)], [0, 1, 1]);
        assert.deepEqual((await notes.all(bob)).map((n) => n.title), ['Note 0']);
    });
});

test('check-ins of an event session go when it was deleted long ago', { timeout: 60000 }, async () => {
    const ids = [];
    for (const title of ['Old', 'New']) {
        const { json } = await sys.api.expect(201, 'POST', '/api/sessions', { token: ann.token, body: { title, open_registration: true } });
        const { session_id: id } = json;
        ids.push(id);
        await sys.api.expect(200, 'POST', `/api/sessions/${id}/checkins`, { token: ann.token, body: { user_id: bob.id } });
    }
    await sys.api.expect(204, 'DELETE', `/api/sessions/${ids[0]}`, { token: ann.token });
    assert.equal((await sys.db.sql('SELECT COUNT(*) FROM checkins'))[0][0], '2');
    await sys.db.sql(`UPDATE event_sessions SET deleted_us = deleted_us - ${91 * DAY_US} WHERE deleted_us IS NOT NULL`);
    await until('its check-in is gone', async () => (await sys.db.sql('SELECT COUNT(*) FROM checkins'))[0][0] === '1');
    assert.equal((await sys.db.sql('SELECT COUNT(*) FROM event_sessions'))[0][0], '2');
});
