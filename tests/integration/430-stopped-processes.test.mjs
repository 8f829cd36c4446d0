// Processes that neither work nor die (SIGSTOP): a frozen worker costs only its own clients, a frozen confab-rest costs time.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { useSystem } from '../lib/system.mjs';
import { until } from '../lib/wait.mjs';

const LINK = { link_ping_ms: '200ms', link_timeout_ms: '1s' };
const sys = useSystem({ before, after }, { workers: 2, rest: LINK, ws: LINK });

test('a frozen worker: others go on, it is dropped, and when it wakes its clients get everything once', { timeout: 60000 }, async () => {
    const [ann, bob] = await sys.api.users(2);
    const room = await sys.api.group(ann, 'Frozen', [bob]);
    const clients = await Promise.all(Array.from({ length: 20 }, () => sys.rooms(bob, { ext: true })));
    await Promise.all(clients.map((c) => c.wait('live')));
    const [frozen] = sys.workers;
    frozen.child.kill('SIGSTOP');
    try {
        let last;
        for (let i = 0; i < 100; i += 1) {
            last = await sys.api.send(ann, room.chat_id, `frozen ${i}`);
        }
        await until('the clients of the other worker have all of it', () => clients.filter((c) => c.frames.some((f) => f.data && f._ext?.seq === last.seq)).length >= 5);
        await until('the frozen worker is dropped', async () => (await sys.metric('confab_feed_workers')) === 1);
        const fresh = await sys.rooms(bob, { ext: true });
        await fresh.wait('live');
        fresh.close();
        await sys.api.send(ann, room.chat_id, 'while it was dropped');
    } finally {
        frozen.child.kill('SIGCONT');
    }
    await until('it is back', async () => (await sys.metric('confab_feed_workers')) === 2);
    await sys.api.send(ann, room.chat_id, 'final');
    for (const client of clients) {
        await client.wait((f) => f.data?.content === 'final');
        assert.deepEqual(client.frames.filter((f) => f.data).map((f) => f._ext.seq), Array.from({ length: 102 }, (_, i) => i + 1));
    }
});

test('a frozen confab-rest: sockets stay, commands wait and are done once', { timeout: 60000 }, async () => {
    const [ann, bob] = await sys.api.users(2);
    const room = await sys.api.group(ann, 'Frozen', [bob]);
    const client = await sys.rooms(ann, { ext: true });
    const peer = await sys.rooms(bob, { ext: true });
    await Promise.all([client.wait('live'), peer.wait('live')]);
    sys.rest.child.kill('SIGSTOP');
    const replies = Array.from({ length: 10 }, (_, i) => client.message(room.chat_id, `frozen ${i}`));
    const began = Date.now();
    await until('longer than the link waits', () => Date.now() - began > 1500);
    sys.rest.child.kill('SIGCONT');
    for (const reply of await Promise.all(replies)) {
        assert.equal(reply.type, 'message_sent', JSON.stringify(reply));
    }
    await sys.ready();
    const final = await client.message(room.chat_id, 'final');
    await peer.wait((f) => f._ext?.seq === final.seq);
    assert.deepEqual(peer.frames.filter((f) => f.data).map((f) => f._ext.seq), Array.from({ length: 11 }, (_, i) => i + 1));
    assert.ok(client.isOpen && peer.isOpen);
});

test('a flood of kills: a worker killed again and again while it resumes', { timeout: 60000 }, async () => {
    const [ann, bob] = await sys.api.users(2);
    const room = await sys.api.group(ann, 'Flood', [bob]);
    let cursor;
    const seqs = [];
    for (let round = 0; round < 8; round += 1) {
        const client = await until('a connection', () => sys.rooms(bob, { ext: true, since: cursor }), 20000);
        await sys.api.send(ann, room.chat_id, `round ${round}`);
        if (round % 2) {
            await client.wait((f) => f.data?.content === `round ${round}`);
        }
        await Promise.all(sys.workers.map((w) => sys.bounce(w)));
        await client.gone();
        seqs.push(...client.frames.filter((f) => f.data).map((f) => f._ext.seq));
        cursor = client.cursor ?? cursor;
    }
    await sys.ready();
    const last = await sys.rooms(bob, { ext: true, since: cursor });
    const final = await sys.api.send(ann, room.chat_id, 'final');
    await last.wait((f) => f._ext?.seq === final.seq);
    seqs.push(...last.frames.filter((f) => f.data).map((f) => f._ext.seq));
    // The first connection may have ended before it had a cursor: then it starts later, but without holes.
    assert.deepEqual(seqs, Array.from({ length: seqs.length }, (_, i) => seqs[0] + i));
    assert.equal(seqs.at(-1), 9);
});
