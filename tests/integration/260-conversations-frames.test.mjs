// The conversations socket: message objects with exactly the keys of the document, the whole object again after an edit
// and a deletion, sending, and errors that leave the connection open.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { MESSAGE_KEYS, conversations, flush, say, uuidOf } from '../lib/conversations.mjs';
import { useSystem } from '../lib/system.mjs';
import { idUuid } from '../lib/token.mjs';
import { until } from '../lib/wait.mjs';

let ann;
let bob;
let cyd;
let room;
const sys = useSystem({ before, after }, {}, async () => {
    [ann, bob, cyd] = await Promise.all(['Ann', 'Bob', 'Cyd'].map((n) => sys.api.user(n)));
    room = await sys.api.group(ann, 'Room', [bob]);
});
const MICROSECONDS = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;
const isMessage = (frame) => assert.deepEqual(Object.keys(frame), MESSAGE_KEYS, JSON.stringify(frame));
const messages = `/api/chats/`;
const stored = async (chatId, by = ann) => (await sys.api.expect(200, 'GET', `${messages}${chatId}/messages?limit=100`, { token: by.token })).json.messages;

describe('message objects', () => {
    test('sent by REST: the keys and forms of the document, the values of REST', async () => {
        const client = await conversations(sys, bob);
        for (const [content, kind] of [['hello', 'text'], ['/a.png', 'image'], ['quotes " \\ </b> ünï 👩‍👩‍👧', 'x-y_9']]) {
            const sent = await sys.api.send(ann, room.chat_id, content, { message_type: kind });
            const frame = await client.wait((f) => f.content === content);
            isMessage(frame);
            assert.deepEqual({ ...frame, created_at: '' }, {
                id: uuidOf(sent.message_id), conversation_id: uuidOf(room.chat_id), sender_id: uuidOf(ann.id), content,
                message_type: kind, created_at: '', is_edited: false, is_deleted: false,
            });
            assert.match(frame.created_at, MICROSECONDS);
            assert.equal(`${frame.created_at.slice(0, 19)}Z`, sent.created_at);
        }
        client.close();
    });
    test('a direct conversation is like any other', async () => {
        const client = await conversations(sys, bob);
        const direct = await sys.api.personal(ann, bob);
        await sys.api.send(ann, direct.chat_id, 'for you');
        const frame = await client.wait((f) => f.content === 'for you');
        isMessage(frame);
        assert.equal(frame.conversation_id, uuidOf(direct.chat_id));
        client.close();
    });
    test('edited and deleted by REST: the whole object again, with the flags', async () => {
        const clients = [await conversations(sys, ann), await conversations(sys, bob)];
        const sent = await sys.api.send(ann, room.chat_id, 'first');
        const url = `${messages}${room.chat_id}/messages/${sent.message_id}`;
        await sys.api.expect(200, 'PATCH', url, { token: ann.token, body: { content: 'second' } });
        await sys.api.call('DELETE', url, { token: ann.token });
        for (const client of clients) {
            const [first, second, third] = await until('three objects', () => {
                const list = client.frames.filter((f) => f.id === uuidOf(sent.message_id));
                return list.length === 3 && list;
            });
            [first, second, third].forEach(isMessage);
            assert.deepEqual(second, { ...first, content: 'second', is_edited: true });
            assert.deepEqual(third, { ...first, content: '', is_edited: true, is_deleted: true });
            client.close();
        }
    });
    test('deleted without an edit: is_edited stays false', async () => {
        const client = await conversations(sys, bob);
        const sent = await sys.api.send(ann, room.chat_id, 'short life');
        await sys.api.call('DELETE', `${messages}${room.chat_id}/messages/${sent.message_id}`, { token: ann.token });
        const frame = await client.wait((f) => f.is_deleted);
        assert.deepEqual([frame.id, frame.content, frame.is_edited], [uuidOf(sent.message_id), '', false]);
        client.close();
    });
    test('nothing but messages comes to a strict client, and nothing from foreign conversations', async () => {
        const client = await conversations(sys, cyd);
        await sys.api.send(ann, room.chat_id, 'secret');
        const mine = await sys.api.group(ann, 'New', [cyd, bob]);
        await sys.api.expect(200, 'PATCH', `/api/chats/${mine.chat_id}`, { token: ann.token, body: { chat_name: 'Renamed' } });
        await sys.api.call('POST', `/api/chats/${mine.chat_id}/read`, { token: bob.token });
        await flush(sys, ann, mine.chat_id, [client]);
        const isNotification = (f) => f.link !== undefined || f.notification_id !== undefined || f.event === 'read_all';
        client.frames.filter((f) => !isNotification(f)).forEach(isMessage);
        assert.ok(!client.texts.some((t) => t.includes('secret')));
        client.close();
    });
});

describe('sending', () => {
    test('as the document shows it: to the others and to the sender\'s other devices, silence for the sending connection', async () => {
        const [sender, device, peer] = await Promise.all([conversations(sys, ann), conversations(sys, ann), conversations(sys, bob)]);
        sender.send({ conversation_id: uuidOf(room.chat_id), content: 'from the socket' });
        sender.send({ conversation_id: uuidOf(room.chat_id), content: '/b.png', type: 'image' });
        for (const client of [device, peer]) {
            const frame = await client.wait((f) => f.content === 'from the socket');
            isMessage(frame);
            assert.deepEqual([frame.sender_id, frame.message_type], [uuidOf(ann.id), 'text']);
            assert.equal((await client.wait((f) => f.content === '/b.png')).message_type, 'image');
        }
        await flush(sys, bob, room.chat_id, [sender]);
        assert.deepEqual(sender.frames.filter((f) => f.conversation_id && !f.content.startsWith('marker')), []);
        [sender, device, peer].forEach((c) => c.close());
    });
    test('every form of the conversation\'s id is taken', async () => {
        const [sender, peer] = [await conversations(sys, ann), await conversations(sys, bob)];
        const n = Number(BigInt(`0x${room.chat_id.slice(10)}`));
        for (const form of [n, String(n), `chat_${n}`, room.chat_id, idUuid(2, n).toUpperCase()]) {
            sender.send({ conversation_id: form, content: `to ${form}` });
            assert.equal((await peer.wait((f) => f.content === `to ${form}`)).conversation_id, idUuid(2, n));
        }
        [sender, peer].forEach((c) => c.close());
    });
    test('the same client_msg_id by REST, by D3 and by D0: one stored message', async () => {
        const fresh = await sys.api.group(ann, 'Keys', [bob]);
        const [client, rooms, peer] = [await conversations(sys, ann, { ext: true }), await sys.rooms(ann), await conversations(sys, bob)];
        const viaRest = await sys.api.send(ann, fresh.chat_id, 'once', { client_msg_id: 'one-key' });
        const viaSocket = await say(client, fresh.chat_id, 'once', { client_msg_id: 'one-key' });
        const viaRooms = await rooms.message(fresh.chat_id, 'once', { client_msg_id: 'one-key' });
        assert.equal(viaSocket.message_id, uuidOf(viaRest.message_id));
        assert.equal(viaRooms.message_id, viaRest.message_id);
        const other = await say(client, fresh.chat_id, 'twice', { client_msg_id: 'one-key' });
        assert.equal(other.code, 'key_reused');
        // And the other way about, with a UUID of the client's own.
        const key = '018f2b7e-8a52-7cc1-8d5e-0123456789ab';
        const first = await say(client, fresh.chat_id, 'uuid', { client_msg_id: key });
        const again = await sys.api.send(ann, fresh.chat_id, 'uuid', { client_msg_id: key, status: 200 });
        assert.equal(uuidOf(again.message_id), first.message_id);
        await flush(sys, ann, fresh.chat_id, [peer]);
        assert.equal(peer.frames.filter((f) => f.content === 'once').length, 1);
        assert.deepEqual((await stored(fresh.chat_id)).map((m) => m.content).filter((c) => !c.startsWith('marker')).sort(), ['once', 'uuid']);
        [client, rooms, peer].forEach((c) => c.close());
    });
    test('a D3 client and a D0 client in one conversation: each in its own form, in the same order', async () => {
        const both = await sys.api.group(ann, 'Both', [bob]);
        const [d3, d0] = [await conversations(sys, ann, { ext: true }), await sys.rooms(bob, { ext: true })];
        const [watch3, watch0] = [await conversations(sys, bob, { ext: true }), await sys.rooms(ann, { ext: true })];
        const sends = [];
        for (let i = 0; i < 100; i += 1) {
            sends.push(i % 2 === 0 ? say(d3, both.chat_id, `n ${i}`) : d0.message(both.chat_id, `n ${i}`));
        }
        await Promise.all(sends);
        await flush(sys, ann, both.chat_id, [watch3]);
        await watch0.wait((f) => f.data?.content.startsWith('marker'));
        const mine = (list) => list.filter(([, content]) => content?.startsWith('n '));
        const order3 = mine(watch3.frames.map((f) => [f.id, f.content]));
        const order0 = mine(watch0.frames.map((f) => [f.data && uuidOf(f.data.message_id), f.data?.content]));
        assert.equal(order3.length, 100);
        assert.deepEqual(order3, order0);
        const seqs = watch3.frames.filter((f) => f.content?.startsWith('n ')).map((f) => f._ext.seq);
        assert.deepEqual(seqs, [...seqs].sort((a, b) => a - b));
        [d3, d0, watch3, watch0].forEach((c) => c.close());
    });
    test('an image a D3 client sends is an image for D0', async () => {
        const [sender, rooms] = [await conversations(sys, ann), await sys.rooms(bob)];
        sender.send({ conversation_id: room.chat_id, content: '/c.png', type: 'image' });
        assert.equal((await rooms.wait((f) => f.data?.content === '/c.png')).data.message_type, 'image');
        [sender, rooms].forEach((c) => c.close());
    });
});

test('a message is encoded once on each worker, however many connections hear of it', async () => {
    const users = await sys.api.users(2);
    const many = await sys.api.group(ann, 'Many', users);
    await Promise.all(users.map((u) => sys.api.expect(200, 'PUT', '/api/me/notification-preferences', { token: u.token, body: { level: 'none' } })));
    const clients = await Promise.all(Array.from({ length: 60 }, (_, i) => conversations(sys, users[i % 2])));
    const before_ = await sys.settled('confab_ws_encodings_total');
    for (let i = 0; i < 10; i += 1) {
        await sys.api.send(ann, many.chat_id, `of ten ${i}`);
    }
    await Promise.all(clients.map((c) => c.wait((f) => f.content === 'of ten 9')));
    const spent = await sys.settled('confab_ws_encodings_total') - before_;
    assert.ok(spent >= 10 && spent <= 2 * 10, `${spent} encodings`);
    for (const client of clients) {
        assert.deepEqual(client.frames.map((f) => f.content), Array.from({ length: 10 }, (_, i) => `of ten ${i}`));
        client.close();
    }
});

describe('wrong', () => {
    let client;
    before(async () => { client = await conversations(sys, ann); });
    after(() => client?.close());
    const to = (more) => () => ({ conversation_id: room.chat_id, content: 'x', ...more });
    const cases = {
        'no JSON': ['bad_json', '{"conversation_id":'],
        'an empty frame': ['bad_json', ''],
        'two documents': ['bad_json', '{}{}'],
        'a duplicate key': ['bad_json', '{"content":"a","content":"b"}'],
        'a lone surrogate': ['bad_json', '{"content":"\\ud800"}'],
        'too deep': ['bad_json', `{"x":${'['.repeat(2000)}${']'.repeat(2000)}}`],
        'an array': ['bad_request', '[]'],
        'null': ['bad_request', 'null'],
        'a binary frame': ['unsupported_type', () => Buffer.from(JSON.stringify(to()()))],
        'a frame of D0': ['invalid_field', () => ({ type: 'message', chat_id: room.chat_id, content: 'x' })],
        'a ping of D0': ['unsupported_type', { type: 'ping' }],
        'a frame of D1': ['unsupported_type', { action: 'subscribe', chatId: 'chat_1' }],
        'a frame of D4': ['unsupported_type', { type: 'active_chat', chat_id: 1 }],
        'no conversation': ['invalid_field', { content: 'x' }],
        'no content': ['invalid_field', to({ content: undefined })],
        'content that is a number': ['invalid_field', to({ content: 7 })],
        'empty content': ['invalid_field', to({ content: '' })],
        'content that is too long': ['too_large', to({ content: 'x'.repeat(20000) })],
        'an unknown conversation': ['chat_not_found', to({ conversation_id: idUuid(2, 77777777) })],
        'a UUID of somebody else': ['chat_not_found', to({ conversation_id: '7d444840-9dc0-41d1-b245-5ffdce74fad2' })],
        'the id of a user': ['chat_not_found', () => to({ conversation_id: uuidOf(ann.id) })()],
        'an id that is none': ['bad_id', to({ conversation_id: 'nonsense' })],
        'a negative id': ['invalid_field', to({ conversation_id: -5 })],
        'a type with capitals': ['invalid_field', to({ type: 'Text!' })],
        'the type that is the server\'s own': ['invalid_field', to({ type: 'system' })],
        'a type that is too long': ['invalid_field', to({ type: 'x'.repeat(33) })],
        'a type that is no text': ['invalid_field', to({ type: 7 })],
        'a mark that is too long': ['invalid_field', to({ client_msg_id: 'k'.repeat(200) })],
        'an event that nobody knows': ['unsupported_type', { event: 'dance' }],
        'reading what is not there': ['message_not_found', () => ({ event: 'read', conversation_id: room.chat_id, message_id: idUuid(3, 77777777) })],
    };
    for (const [what, [code, frame]] of Object.entries(cases)) {
        test(`${what}: ${code}`, async () => {
            const errors = () => client.frames.filter((f) => f.error).length;
            const before = errors();
            client.send(typeof frame === 'function' ? frame() : frame);
            const error = await client.wait((f) => f.error);
            assert.deepEqual(Object.keys(error), ['error']);
            assert.deepEqual(Object.keys(error.error), ['code', 'message']);
            assert.equal(error.error.code, code);
            assert.ok(error.error.message.length > 0);
            assert.equal(errors(), before + 1);
        });
    }
    test('a foreign conversation: as one that does not exist; nothing is stored', async () => {
        const foreign = await sys.api.group(bob, 'Foreign', [cyd]);
        client.send({ conversation_id: uuidOf(foreign.chat_id), content: 'intruder' });
        assert.equal((await client.wait((f) => f.error)).error.code, 'chat_not_found');
        client.send({ event: 'read', conversation_id: uuidOf(foreign.chat_id) });
        assert.equal((await client.wait((f) => f.error)).error.code, 'chat_not_found');
        assert.equal((await stored(foreign.chat_id, bob)).length, 0);
    });
    test('after all of that the connection works', async () => {
        const peer = await conversations(sys, bob);
        client.send({ conversation_id: room.chat_id, content: 'still here' });
        await peer.wait((f) => f.content === 'still here');
        assert.ok(client.isOpen);
        peer.close();
    });
});

describe('d3_strict_others: the sending user\'s other connections are left out', () => {
    const other = useSystem({ before, after }, { workers: 1, rest: { d3_strict_others: 'yes' } });
    test('messages by socket and by REST', async () => {
        const [one, two] = await other.api.users(2);
        const chat = await other.api.group(one, 'Others', [two]);
        const [sender, device, peer, rooms] = [await conversations(other, one), await conversations(other, one),
            await conversations(other, two), await other.rooms(one)];
        sender.send({ conversation_id: chat.chat_id, content: 'socket' });
        await peer.wait((f) => f.content === 'socket');
        const sent = await other.api.send(one, chat.chat_id, 'rest');
        await peer.wait((f) => f.content === 'rest');
        await other.api.expect(200, 'PATCH', `/api/chats/${chat.chat_id}/messages/${sent.message_id}`, { token: one.token, body: { content: 'edited' } });
        await flush(other, two, chat.chat_id, [sender, device]);
        for (const client of [sender, device]) {
            assert.deepEqual(client.frames.filter((f) => f.sender_id === uuidOf(one.id)).map((f) => f.content), ['edited']);
        }
        assert.deepEqual(rooms.of('group_message').map((f) => f.data.content).slice(0, 2), ['socket', 'rest'], 'other dialects keep their own rule');
    });
});
