// Cursors: what a client with ext=1 missed comes again once and in order, or it is told of a gap.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { flush } from '../lib/rooms.mjs';
import { useSystem } from '../lib/system.mjs';

let ann;
let bob;
let cyd;
let room;
const sys = useSystem({ before, after }, { rest: { replay_max_events: 500, replay_chunk_events: 50, ring_max_age_ms: '1h' } }, async () => {
    [ann, bob, cyd] = await sys.api.users(3);
    room = await sys.api.group(ann, 'Room', [bob]);
});
const event = (cursor) => Number(cursor.split('.')[1]);
const contents = (client) => client.frames.filter((f) => f.data).map((f) => f.data.content);

/** A connection from this cursor on, once it is live. */
async function resume(who, since) {
    const client = await sys.rooms(who, { ext: true, since });
    await client.wait((f) => f.type === 'live' || f.type === 'gap');
    return client;
}
async function cursorNow(who) {
    const client = await sys.rooms(who, { ext: true });
    const live = await client.wait('live');
    client.close();
    return live._ext?.event_id ?? client.cursor;
}

describe('resume', () => {
    test('what came while away, once, in order, then live', async () => {
        const first = await sys.rooms(bob, { ext: true });
        await sys.api.send(ann, room.chat_id, 'seen');
        await first.wait((f) => f.data?.content === 'seen');
        first.close();
        await first.gone();
        for (let i = 0; i < 120; i += 1) {
            await sys.api.send(ann, room.chat_id, `missed ${i}`);
        }
        const second = await resume(bob, first.cursor);
        await sys.api.send(ann, room.chat_id, 'afterwards');
        await second.wait((f) => f.data?.content === 'afterwards');
        assert.deepEqual(contents(second), [...Array.from({ length: 120 }, (_, i) => `missed ${i}`), 'afterwards']);
        const ids = second.frames.filter((f) => f.data).map((f) => event(f._ext.event_id));
        assert.deepEqual(ids, [...new Set(ids)].sort((a, b) => a - b));
        second.close();
    });
    test('changes are replayed as they are now', async () => {
        const cursor = await cursorNow(bob);
        const sent = await sys.api.send(ann, room.chat_id, 'draft');
        const url = `/api/chats/${room.chat_id}/messages/${sent.message_id}`;
        await sys.api.expect(200, 'PATCH', url, { token: ann.token, body: { content: 'final' } });
        const gone = await sys.api.send(ann, room.chat_id, 'to be deleted');
        await sys.api.expect(200, 'DELETE', `/api/chats/${room.chat_id}/messages/${gone.message_id}`, { token: ann.token });
        const made = await sys.api.group(ann, 'made meanwhile', [bob]);
        const client = await resume(bob, cursor);
        assert.deepEqual(client.types().filter((t) => t !== 'live' && !t.startsWith('notification')), ['group_message', 'message_edited', 'group_message', 'message_deleted', 'new_chat_room']);
        assert.deepEqual(contents(client).slice(0, 2), ['final', 'final']);
        assert.ok(!client.texts.some((t) => t.includes('to be deleted')), 'a deleted text was replayed');
        assert.equal(client.of('new_chat_room')[0].chat_room.chat_id, made.chat_id);
        client.close();
    });
    test('from the same cursor twice: the same', async () => {
        const cursor = await cursorNow(bob);
        await sys.api.send(ann, room.chat_id, 'again');
        for (let i = 0; i < 2; i += 1) {
            const client = await resume(bob, cursor);
            assert.deepEqual(contents(client), ['again']);
            client.close();
        }
    });
    test('at the newest event: nothing, live at once', async () => {
        const cursor = await cursorNow(bob);
        const client = await resume(bob, cursor);
        assert.deepEqual(client.types().filter((type) => type !== 'notification'), ['live']); // that one comes when it comes
        client.close();
    });
    test('from before the membership: nothing of then; of a room that was left: only that', async () => {
        const cursor = await cursorNow(cyd);
        const hall = await sys.api.group(ann, 'Hall', [bob]);
        await sys.api.send(ann, hall.chat_id, 'before cyd');
        await sys.api.expect(201, 'POST', `/api/chats/${hall.chat_id}/members`, { token: ann.token, body: { user_id: cyd.id } });
        await sys.api.send(ann, hall.chat_id, 'with cyd');
        const inside = await resume(cyd, cursor);
        assert.deepEqual(contents(inside), ['with cyd']);
        assert.equal(inside.of('new_chat_room').length, 1);
        inside.close();
        await sys.api.call('DELETE', `/api/chats/${hall.chat_id}/members/${cyd.id}`, { token: ann.token });
        await sys.api.send(ann, hall.chat_id, 'after cyd');
        const outside = await resume(cyd, cursor);
        assert.deepEqual(contents(outside), []);
        assert.equal(outside.of('member_removed').length, 1);
        outside.close();
    });
    test('a cursor of somebody else opens no foreign room', async () => {
        const client = await resume(cyd, `${(await cursorNow(ann)).split('.')[0]}.1`);
        assert.ok(!client.texts.some((t) => t.includes(room.chat_id)));
        client.close();
    });
    test('while messages pour in: no hole and no double at the seam', async () => {
        let cursor = await cursorNow(bob);
        let stop = false;
        let sent = 0;
        const pouring = Promise.all([0, 1, 2, 3].map(async () => {
            while (!stop) {
                sent += 1;
                await sys.api.send(ann, room.chat_id, `pour ${sent}`);
            }
        }));
        const seqs = [];
        for (let round = 0; round < 15; round += 1) {
            const client = await resume(bob, cursor);
            const wanted = client.frames.length + 5;
            await client.wait(() => client.frames.length >= wanted);
            client.close();
            await client.gone();
            cursor = client.cursor;
            seqs.push(...client.frames.filter((f) => f.data).map((f) => f._ext.seq));
        }
        stop = true;
        await pouring;
        assert.deepEqual(seqs, Array.from({ length: seqs.length }, (_, i) => seqs[0] + i));
    });
});

describe('gap', () => {
    const cases = {
        'another log': (cursor) => `00000000.${event(cursor)}`,
        'the future': (cursor) => `${cursor.split('.')[0]}.${event(cursor) + 1000000}`,
        'nonsense': () => 'nonsense',
        'a negative number': (cursor) => `${cursor.split('.')[0]}.-1`,
        'a huge number': (cursor) => `${cursor.split('.')[0]}.99999999999999999999`,
        'an empty cursor': () => '',
    };
    for (const [what, make] of Object.entries(cases)) {
        test(`${what}: gap, then live`, async () => {
            const since = make(await cursorNow(bob));
            const client = await sys.rooms(bob, { ext: true, query: { since } });
            const frame = await client.wait((f) => f.type === 'gap' || f.type === 'live');
            if (what !== 'an empty cursor') {
                assert.equal(frame.type, 'gap');
                assert.equal(typeof frame.reason, 'string');
            }
            await sys.api.send(ann, room.chat_id, `after the gap: ${what}`);
            await client.wait((f) => f.data?.content === `after the gap: ${what}`);
            assert.equal(contents(client).length, 1);
            client.close();
        });
    }
    test('too much to replay', async () => {
        const cursor = await cursorNow(bob);
        await Promise.all([0, 1, 2, 3].map(async (lane) => {
            for (let i = 0; i < 140; i += 1) {
                await sys.api.send(ann, room.chat_id, `much ${lane}.${i}`);
            }
        }));
        const client = await resume(bob, cursor);
        assert.equal(client.of('gap').length, 1);
        assert.equal(contents(client).length, 0);
        client.close();
    });
    test('a gap carries a cursor that works', async () => {
        const client = await sys.rooms(bob, { ext: true, query: { since: 'nonsense' } });
        const gap = await client.wait('gap');
        client.close();
        await sys.api.send(ann, room.chat_id, 'after');
        const next = await resume(bob, gap._ext.event_id);
        assert.deepEqual(contents(next), ['after']);
        next.close();
    });
});

test('after a restart of confab-rest the ring is gone and the database answers the same', async () => {
    const cursor = await cursorNow(bob);
    for (let i = 0; i < 150; i += 1) {
        await sys.api.send(ann, room.chat_id, `old ${i}`);
    }
    await sys.bounce(sys.rest);
    await sys.ready();
    await sys.api.send(ann, room.chat_id, 'new');
    const client = await resume(bob, cursor);
    assert.deepEqual(contents(client), [...Array.from({ length: 150 }, (_, i) => `old ${i}`), 'new']);
    client.close();
});

test('rooms deleted and left while away are told of after a restart, too', async () => {
    const cursor = await cursorNow(bob);
    const deleted = await sys.api.group(ann, 'to be deleted', [bob]);
    const left = await sys.api.group(ann, 'to be left', [bob]);
    await sys.api.expect(204, 'DELETE', `/api/chats/${deleted.chat_id}`, { token: ann.token });
    await sys.api.expect(204, 'DELETE', `/api/chats/${left.chat_id}/members/me`, { token: bob.token });
    await sys.api.expect(204, 'DELETE', `/api/chats/${left.chat_id}`, { token: ann.token });
    const seen = async () => {
        const client = await resume(bob, cursor);
        client.close();
        return client.frames.filter((f) => f.type !== 'live').map((f) => [f.type, f.chat_id]);
    };
    assert.deepEqual(await seen(), [['chat_deleted', deleted.chat_id], ['member_removed', left.chat_id]]);
    await sys.bounce(sys.rest);
    await sys.ready();
    assert.deepEqual(await seen(), [['chat_deleted', deleted.chat_id], ['member_removed', left.chat_id]]);
});

test('a strict client gets no cursor and no replay', async () => {
    const cursor = await cursorNow(bob);
    await sys.api.send(ann, room.chat_id, 'history');
    const client = await sys.rooms(bob, { query: { since: cursor } });
    await flush(sys, ann, room.chat_id, [client]);
    assert.equal(contents(client).length, 1);
    assert.ok(client.texts.every((t) => !t.includes('_ext')));
});
