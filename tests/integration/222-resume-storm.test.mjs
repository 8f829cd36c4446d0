// Everybody comes back at once, with cursors that are older than what is in memory: all wait for the database, nobody
// is told of a gap, and who asks something by HTTP meanwhile is served.
// CONFAB_STORM=5000 makes it a storm to measure; the figures are printed.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { useSystem } from '../lib/system.mjs';
import { until } from '../lib/wait.mjs';

const CLIENTS = Number(process.env.CONFAB_STORM ?? 400);
const MISSED = 30;
const OLD = { ring_max_bytes: 65536 };

/** Messages that push everything older out of the ring. */
async function fill(sys, who) {
    const room = await sys.api.group(who, 'Bulk', []);
    for (let i = 0; i < 40; i += 1) {
        await sys.api.send(who, room.chat_id, `${i} ${'x'.repeat(8000)}`);
    }
}

/** Clients of these users, on their way at the same time; a door that is full is tried again, as clients do. */
async function storm(sys, users, since, count, ms = 300000) {
    const clients = [];
    let next = 0;
    await Promise.all(Array.from({ length: 200 }, async () => {
        for (let i = next; i < count; i = next) {
            next += 1;
            clients.push(await until('a place at the door', () => sys.rooms(users[i % users.length], { ext: true, since }), ms));
        }
    }));
    const end = (client) => client.frames.find((f) => f.type === 'live' || f.type === 'gap');
    await until('the end of all replays', () => clients.every(end), ms, 50);
    return clients.map((client) => ({ client, frame: end(client) }));
}

describe('a storm of resumes', () => {
    const sys = useSystem({ before, after }, { rest: { ...OLD, db_read_threads: 2, db_read_queue: 8, replay_chunk_events: 20, replay_refs_max: 2000 } });
    test(`${CLIENTS} clients and a queue for 8 reads: everybody gets everything`, { timeout: 600000 }, async (t) => {
        const users = await sys.api.users(50);
        const room = await sys.api.group(users[0], 'Room', users.slice(1));
        const watcher = await sys.rooms(users[0], { ext: true });
        const since = (await watcher.wait('live'))._ext.event_id;
        for (let i = 0; i < MISSED; i += 1) {
            await sys.api.send(users[0], room.chat_id, `missed ${i}`);
        }
        await fill(sys, users[0]);

        const began = performance.now();
        let over = false;
        const reading = (async () => {
            const times = [];
            for (let i = 0; i < 100000 && !over; i += 1) {
                const start = performance.now();
                const page = await sys.api.call('GET', `/api/chats/${room.chat_id}/messages`, { token: users[1].token });
                assert.equal(page.status, 200, page.text);
                times.push(performance.now() - start);
            }
            return times.sort((a, b) => a - b);
        })();
        const back = await storm(sys, users.slice(1), since, CLIENTS).finally(() => { over = true; });
        const took = performance.now() - began;
        const times = await reading;
        t.diagnostic(`${CLIENTS} resumed in ${Math.round(took)} ms; ${times.length} reads meanwhile, median ${times[times.length >> 1].toFixed(1)} ms, longest ${times.at(-1).toFixed(1)} ms`);

        assert.equal(back.filter(({ frame }) => frame.type === 'gap').length, 0);
        const wanted = Array.from({ length: MISSED }, (_, i) => `missed ${i}`);
        for (const { client } of back) {
            assert.deepEqual(client.frames.filter((f) => f.data).map((f) => f.data.content), wanted);
        }
        await sys.api.send(users[0], room.chat_id, 'afterwards');
        await until('what comes next', () => back.every(({ client }) => client.frames.some((f) => f.data?.content === 'afterwards')), 30000);
        await until('the queue is empty', async () => (await sys.metric('confab_db_replay_queue')) === 0);
        assert.equal(await sys.metric('confab_feed_gaps_total'), 0);
    });
});

describe('more than the queue holds', () => {
    const sys = useSystem({ before, after }, { rest: { ...OLD, db_read_threads: 1, db_replay_queue: 1 } });
    test('those are told of a gap, which a reload fills', { timeout: 120000 }, async () => {
        const users = await sys.api.users(10);
        const room = await sys.api.group(users[0], 'Room', users.slice(1));
        const watcher = await sys.rooms(users[0], { ext: true });
        const since = (await watcher.wait('live'))._ext.event_id;
        await sys.api.send(users[0], room.chat_id, 'missed');
        await fill(sys, users[0]);
        // The thread's connection waits for the table, so the queue stands still behind one resume.
        const locked = sys.db.sql('LOCK TABLES events WRITE, messages WRITE; DO SLEEP(2); UNLOCK TABLES');
        await until('the lock', async () => (await sys.db.sql("SELECT 1 FROM information_schema.processlist WHERE info LIKE 'DO SLEEP%'")).length > 0);
        const back = await storm(sys, users, since, 10);
        await locked;
        const gaps = back.filter(({ frame }) => frame.type === 'gap');
        assert.ok(gaps.length === 8 || gaps.length === 9, String(gaps.length)); // the thread may hold another read instead
        assert.ok(gaps.every(({ frame }) => frame.reason === 'too_much'));
        for (const { client, frame } of back) {
            assert.equal(client.frames.some((f) => f.data?.content === 'missed'), frame.type === 'live');
        }
    });
});
