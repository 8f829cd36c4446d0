// What subscribe clients get only when they ask by ?events=: user_status, message_read, upload_progress.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { Attachments, noise } from '../lib/attachments.mjs';
import { Subscribe, chatTag, flushSubscribed, userTag } from '../lib/subscribe.mjs';
import { useSystem } from '../lib/system.mjs';
import { idNumber } from '../lib/token.mjs';
import { SLOW } from '../lib/wait.mjs';

const MILLIS = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const GRACE_MS = 2000 * SLOW;
let ann;
let bob;
let dan; // shares no chat with Ann
let room;
let chat;
let asks; // Ann, for everything
let strict; // Ann, for nothing
const sys = useSystem({ before, after }, { workers: 2, rest: { presence_grace_ms: `${GRACE_MS}ms` } }, async () => {
    [ann, bob, dan] = await sys.api.users(3);
    room = await sys.api.group(ann, 'Room', [bob]);
    chat = chatTag(room);
    asks = await Subscribe.open(sys, ann.username, { query: { events: 'status,read,upload' } });
    strict = await Subscribe.open(sys, ann.username);
    await asks.subscribe(chat);
    await strict.subscribe(chat);
});
const status = (user, what) => asks.wait((f) => f.type === 'user_status' && f.userId === userTag(user) && f.status === what);

describe('user_status', () => {
    test('online with the first connection in any dialect, offline a while after the last', async () => {
        const rooms = await sys.rooms(ann, { query: { events: 'status' } });
        const first = await sys.rooms(bob);
        const on = await status(bob, 'online');
        assert.deepEqual(Object.keys(on), ['type', 'userId', 'username', 'status', 'lastSeen', 'timestamp']);
        assert.equal(on.username, bob.username);
        assert.match(on.timestamp, MILLIS);
        const second = await Subscribe.open(sys, bob.username);
        first.close();
        await first.gone();
        second.close();
        await second.gone();
        const off = await status(bob, 'offline');
        assert.match(off.lastSeen, MILLIS);
        assert.ok(Math.abs(Date.now() - Date.parse(off.lastSeen)) < 60000);
        assert.equal(asks.of('user_status').length, 2, 'one frame for each change');
        const seen = await rooms.wait((f) => f.type === 'user_status' && f.status === 'offline');
        assert.deepEqual(Object.keys(seen), ['type', 'user_id', 'username', 'status', 'last_seen']);
        assert.deepEqual(rooms.types(), ['user_status', 'user_status']);
        assert.equal(Math.trunc(Date.parse(off.lastSeen) / 1000) * 1000, Date.parse(seen.last_seen));
        rooms.close();
    });
    test('a reconnect within the grace time is not shown', async () => {
        const from = asks.of('user_status').length;
        let client = await sys.rooms(bob);
        await status(bob, 'online');
        for (let i = 0; i < 5; i += 1) {
            client.close();
            await client.gone();
            client = await sys.rooms(bob);
        }
        await flushSubscribed(sys, bob, room.chat_id, [asks]);
        assert.equal(asks.of('user_status').length, from + 1);
        client.close();
        await status(bob, 'offline');
    });
    test('nothing of people without a common chat', async () => {
        const client = await sys.rooms(dan);
        client.close();
        await client.gone();
        const again = await sys.rooms(bob);
        await status(bob, 'online');
        again.close();
        await status(bob, 'offline');
        assert.equal(asks.of('user_status').filter((f) => f.userId === userTag(dan)).length, 0);
    });
});

describe('message_read', () => {
    test('to the others, with the message that is read; not to the reader', async () => {
        const sent = await sys.api.send(ann, room.chat_id, 'read me');
        const reader = await Subscribe.open(sys, bob.username, { query: { events: 'read' } });
        await reader.subscribe(chat);
        reader.send({ action: 'read', chatId: chat });
        const frame = await asks.wait('message_read');
        assert.deepEqual(Object.keys(frame), ['type', 'chatId', 'userId', 'messageId', 'timestamp']);
        const n = Number(BigInt(`0x${sent.message_id.slice(10)}`));
        assert.deepEqual([frame.chatId, frame.userId, frame.messageId], [chat, userTag(bob), `msg_${n.toString(36)}`]);
        assert.match(frame.timestamp, MILLIS);
        await reader.wait((f) => f.type === 'chat_update' && f.unreadCount === 0);
        await flushSubscribed(sys, ann, room.chat_id, [reader]);
        assert.equal(reader.of('message_read').length, 0);
        reader.close();
    });
});

describe('upload_progress', () => {
    test('to the uploader who asks, in every dialect; the other members hear nothing of it', async () => {
        const files = new Attachments(sys);
        const rooms = await sys.rooms(ann, { query: { events: 'upload' } });
        const other = await Subscribe.open(sys, bob.username, { query: { events: 'upload' } });
        await other.subscribe(chat);
        const bytes = noise(3000);
        const { upload_id: id } = await files.begin(ann, room.chat_id, bytes.length);
        await files.patch(ann, id, 0, bytes.subarray(0, 1000));
        const some = await asks.wait((f) => f.type === 'upload_progress' && f.bytes === 1000);
        assert.deepEqual(Object.keys(some), ['type', 'uploadId', 'chatId', 'bytes', 'total', 'percent', 'state', 'timestamp']);
        assert.deepEqual([some.uploadId, some.chatId, some.total, some.percent, some.state],
            [`upl_${idNumber(id)}`, chat, 3000, 33, 'running']);
        assert.match(some.timestamp, MILLIS);
        await files.patch(ann, id, 1000, bytes.subarray(1000));
        const done = await asks.wait((f) => f.type === 'upload_progress' && f.state !== 'running');
        assert.deepEqual([done.bytes, done.percent, done.state], [3000, 100, 'done']);
        const same = await rooms.wait((f) => f.type === 'upload_progress' && f.state === 'done');
        assert.deepEqual(same, { type: 'upload_progress', upload_id: id, chat_id: room.chat_id, bytes: 3000, total: 3000, percent: 100, state: 'done' });
        await flushSubscribed(sys, ann, room.chat_id, [other]);
        assert.equal(other.of('upload_progress').length, 0);
        other.close();
        rooms.close();
    });
    test('one that is given up ends as failed', async () => {
        const files = new Attachments(sys);
        const { upload_id: id } = await files.begin(ann, room.chat_id, 5000);
        await files.patch(ann, id, 0, noise(500));
        await sys.api.expect(204, 'DELETE', `/api/uploads/${id}`, { token: ann.token });
        const frame = await asks.wait((f) => f.type === 'upload_progress' && f.uploadId === `upl_${idNumber(id)}` && f.state !== 'running');
        assert.equal(frame.state, 'failed');
    });
});

test('who has not asked has seen none of these', async () => {
    await flushSubscribed(sys, bob, room.chat_id, [strict]);
    assert.deepEqual([...new Set(strict.types())].sort(), ['chat_update', 'connected', 'new_message', 'subscription_confirmed']);
});
