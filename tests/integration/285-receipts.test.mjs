// Read cursors: forward only, told with the message they stand at; in large chats the others hear of them now and then.
// Looking at a chat reads it.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { notifications } from '../lib/inbox.mjs';
import { Subscribe, chatTag, flushSubscribed, userTag } from '../lib/subscribe.mjs';
import { useSystem } from '../lib/system.mjs';
import { until } from '../lib/wait.mjs';

const RECEIPT_MS = 1500;
let ann; // writes
let bob; // reads
let cyd;
let room;
let large;
let asks; // Ann's, who wants to know
const sys = useSystem({ before, after }, { workers: 2, rest: { chat_update_members_max: 4, receipt_ms: `${RECEIPT_MS}ms`, chat_update_ms: '400ms' } }, async () => {
    let rest;
    [ann, bob, cyd, ...rest] = await sys.api.users(6);
    room = await sys.api.group(ann, 'Room', [bob, cyd]);
    large = await sys.api.group(ann, 'Large', [bob, cyd, ...rest]);
    asks = await Subscribe.open(sys, ann.username, { query: { events: 'read' } });
    await asks.subscribe(chatTag(room));
    await asks.subscribe(chatTag(large));
});
const messageTag = (id) => `msg_${Number(BigInt(`0x${id.slice(10)}`)).toString(36)}`;
const read = async (by, chat, body = {}) => (await sys.api.expect(200, 'POST', `/api/chats/${chat.chat_id}/read`, { token: by.token, body })).json;
const receipts = (client, chat) => client.of('message_read').filter((f) => f.chatId === chatTag(chat));

test('message_read: to the others who asked, with the message at the cursor, however it was given', async () => {
    const strict = await Subscribe.open(sys, cyd.username);
    const own = await Subscribe.open(sys, bob.username, { query: { events: 'read' } });
    for (const client of [strict, own]) {
        await client.subscribe(chatTag(room));
    }
    const sent = [];
    for (let i = 0; i < 5; i += 1) {
        sent.push(await sys.api.send(ann, room.chat_id, `message ${i}`));
    }
    await read(bob, room, { message_id: sent[0].message_id });
    const frame = await asks.wait('message_read');
    assert.deepEqual(Object.keys(frame), ['type', 'chatId', 'userId', 'messageId', 'timestamp']);
    assert.deepEqual([frame.chatId, frame.userId, frame.messageId], [chatTag(room), userTag(bob), messageTag(sent[0].message_id)]);
    await read(bob, room, { seq: sent[2].seq });
    assert.equal((await asks.wait('message_read')).messageId, messageTag(sent[2].message_id));
    await read(bob, room, { seq: sent[1].seq }); // backwards: nothing
    own.send({ action: 'read', chatId: chatTag(room) });
    assert.equal((await asks.wait('message_read')).messageId, messageTag(sent[4].message_id));
    await flushSubscribed(sys, cyd, room.chat_id, [asks, own]);
    // Who comes later is told by the list of members.
    const { members } = (await sys.api.expect(200, 'GET', `/api/chats/${room.chat_id}/members`, { token: cyd.token })).json;
    assert.deepEqual(members.map((m) => [m.username, m.read_seq]), [[ann.username, 0], [bob.username, sent[4].seq], [cyd.username, 0]]);
    assert.equal(receipts(asks, room).length, 3);
    assert.equal(receipts(own, room).length + receipts(strict, room).length, 0);
    own.close();
    strict.close();
});

test('a read cursor never moves back, whatever comes in whatever order', async () => {
    const sent = [];
    for (let i = 0; i < 12; i += 1) {
        sent.push(await sys.api.send(ann, room.chat_id, `ordered ${i}`));
    }
    const shuffled = sent.map((s) => s.seq).sort(() => Math.random() - 0.5);
    await Promise.all(shuffled.map((seq) => read(bob, room, { seq })));
    assert.deepEqual(await read(bob, room, { seq: sent[3].seq }), { chat_id: room.chat_id, read_seq: sent[11].seq, unread_count: 0 });
    const [[stored]] = await sys.db.sql(`SELECT read_seq FROM members WHERE chat_id = ${Number(chatTag(room).slice(5))} AND user_id = ${bob.n}`);
    assert.equal(Number(stored), sent[11].seq);
    await flushSubscribed(sys, cyd, room.chat_id, [asks]);
    const order = asks.of('message_read').slice(3).map((f) => parseInt(f.messageId.slice(4), 36));
    assert.deepEqual(order, [...order].sort((a, b) => a - b));
});

test('a large chat: the others get at most one per reader and period, and the last one', async () => {
    const reader = await Subscribe.open(sys, bob.username);
    await reader.subscribe(chatTag(large));
    const sent = [];
    for (let i = 0; i < 20; i += 1) {
        sent.push(await sys.api.send(ann, large.chat_id, `large ${i}`));
    }
    const began = Date.now();
    for (const { seq } of sent) {
        await read(bob, large, { seq });
    }
    await reader.wait((f) => f.type === 'chat_update' && f.chatId === chatTag(large) && f.unreadCount === 0);
    await asks.wait((f) => f.type === 'message_read' && f.messageId === messageTag(sent[19].message_id));
    const most = 2 + Math.ceil((Date.now() - began) / RECEIPT_MS);
    assert.ok(receipts(asks, large).length >= 2 && receipts(asks, large).length <= most, `${receipts(asks, large).length} receipts`);
    assert.ok(await sys.metric('confab_receipts_held_total') > 0);
    reader.close();
});

test('a large chat: chat_update at most once a period, the last state in the end', async () => {
    const watch = await Subscribe.open(sys, cyd.username);
    await watch.subscribe(chatTag(large));
    const began = Date.now();
    for (let i = 0; i < 40; i += 1) {
        await sys.api.send(ann, large.chat_id, `many ${i}`);
    }
    await watch.wait((f) => f.type === 'chat_update' && f.lastMessage === 'many 39');
    const updates = watch.of('chat_update').length;
    assert.equal(watch.of('new_message').length, 40);
    assert.ok(updates <= 2 + Math.ceil((Date.now() - began) / 400), `${updates} updates`);
    watch.close();
});

test('looking at a chat reads it, for all tabs and for the others', async () => {
    const [one, two] = [await notifications(sys, bob), await notifications(sys, bob)];
    const chat = Number(chatTag(room).slice(5));
    const sent = await sys.api.send(ann, room.chat_id, 'look');
    one.send({ type: 'active_chat', chat_id: chat });
    for (const tab of [one, two]) {
        const frame = await tab.wait('unread_update');
        assert.deepEqual([frame.chat_id, frame.unread_count], [chat, 0]);
    }
    await asks.wait((f) => f.type === 'message_read' && f.messageId === messageTag(sent.message_id));
    // Ten times in a row is a cursor a period at most, and the last one is not forgotten.
    const moves = asks.of('message_read').length;
    const began = Date.now();
    for (let i = 0; i < 10; i += 1) {
        await sys.api.send(ann, room.chat_id, `again ${i}`);
        one.send({ type: 'active_chat', chat_id: chat });
    }
    await until('all is read', async () => (await read(bob, room, { seq: 1 })).unread_count === 0);
    await flushSubscribed(sys, cyd, room.chat_id, [asks]);
    const made = asks.of('message_read').length - moves;
    assert.ok(made >= 1 && made <= 2 + Math.ceil((Date.now() - began) / RECEIPT_MS), `${made} moves`);
    one.close();
    two.close();
});

test('a text that is in memory no more is read from the database, and nobody waits for it', async () => {
    const cold = await sys.api.group(ann, 'Cold', [bob]);
    await sys.api.send(ann, cold.chat_id, 'first');
    await sys.api.send(ann, cold.chat_id, 'from long ago');
    await sys.db.sql('UPDATE events SET at_us = at_us - 3600000000'); // older than anything that is kept in memory
    await sys.bounce(sys.rest, 'SIGTERM');
    await sys.ready();
    const reader = await Subscribe.open(sys, bob.username);
    await reader.subscribe(chatTag(cold));
    await read(bob, cold, { seq: 1 });
    const frame = await reader.wait('chat_update');
    assert.deepEqual([frame.lastMessage, frame.unreadCount], ['from long ago', 1]);
    assert.ok(await sys.metric('confab_chat_update_reads_total') > 0);
    reader.close();
});
