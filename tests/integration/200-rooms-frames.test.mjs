// The frames of the rooms document: exactly its keys, on every connection of every participant, and nowhere else.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { flush } from '../lib/rooms.mjs';
import { useSystem } from '../lib/system.mjs';

let ann;
let bob;
let cyd;
let tabs;
const sys = useSystem({ before, after }, {}, async () => {
    [ann, bob, cyd] = await Promise.all(['Ann', 'Bob', 'Cyd'].map((n) => sys.api.user(n)));
    // Two tabs each, and with two workers both see some.
    tabs = Object.fromEntries(await Promise.all([ann, bob, cyd].map(async (u) => [u.name, [await sys.rooms(u), await sys.rooms(u)]])));
});
const keys = (object) => Object.keys(object).sort();
const MESSAGE_KEYS = ['chat_id', 'content', 'created_at', 'message_id', 'message_type', 'sender_id', 'sender_name'];

const all = () => Object.values(tabs).flat();

describe('new_chat_room', () => {
    test('personal: both people, all tabs, the creator too; the room as each of them sees it, byte for byte the REST answer', async () => {
        const room = await sys.api.personal(ann, bob);
        for (const tab of tabs.Ann) {
            const frame = await tab.wait('new_chat_room');
            assert.deepEqual(Object.keys(frame), ['type', 'chat_room']);
            assert.equal(tab.lastText, `{"type":"new_chat_room","chat_room":${room.text}}`);
        }
        const seenByBob = await sys.api.personal(bob, ann, 200);
        for (const tab of tabs.Bob) {
            const frame = await tab.wait('new_chat_room');
            assert.equal(tab.lastText, `{"type":"new_chat_room","chat_room":${seenByBob.text}}`);
            assert.equal(frame.chat_room.chat_name, 'Ann');
        }
        assert.equal(room.chat_name, 'Bob');
    });
    test('group: everybody, all tabs, byte for byte, whatever the name holds', async () => {
        for (const name of ['My New Chat', 'quotes " \\ / <b>', 'ünï 👩‍👩‍👧', 'x'.repeat(100), '\ufffd \ud7ff']) {
            const room = await sys.api.group(ann, name, [bob, cyd]);
            for (const tab of all()) {
                await tab.wait((f) => f.chat_room?.chat_id === room.chat_id);
                assert.equal(tab.lastText, `{"type":"new_chat_room","chat_room":${room.text}}`);
            }
            assert.match(room.chat_id, /^[0-9a-f]{24}$/);
            assert.match(room.last_updated, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
        }
    });
    test('an existing personal room makes no frame for the other one', async () => {
        const room = await sys.api.personal(bob, cyd);
        await Promise.all([...tabs.Bob, ...tabs.Cyd].map((t) => t.wait((f) => f.chat_room?.chat_id === room.chat_id)));
        await sys.api.personal(cyd, bob, 200);
        await flush(sys, cyd, room.chat_id, [...tabs.Bob, ...tabs.Cyd]);
        for (const tab of tabs.Bob) {
            assert.equal(tab.of('new_chat_room').filter((f) => f.chat_room.chat_id === room.chat_id).length, 1);
        }
    });
    test('the room is in the list of every participant the moment the frame arrives', async () => {
        const [dan, eve] = await sys.api.users(2);
        const listener = await sys.rooms(eve);
        for (let i = 0; i < 20; i += 1) {
            const creating = sys.api.group(dan, `instant ${i}`, [eve]);
            const frame = await listener.wait('new_chat_room');
            const { json } = await sys.api.expect(200, 'GET', '/api/chats?limit=1', { token: eve.token });
            assert.equal(json.chats[0].chat_id, frame.chat_room.chat_id);
            await creating;
        }
    });
});

describe('messages', () => {
    test('personal_message: exactly the keys, payload in data', async () => {
        const room = await sys.api.personal(ann, bob, 200);
        const sent = await sys.api.send(ann, room.chat_id, 'hello Bob');
        for (const tab of [...tabs.Ann, ...tabs.Bob]) {
            const frame = await tab.wait('personal_message');
            assert.deepEqual(Object.keys(frame), ['type', 'data']);
            assert.deepEqual(keys(frame.data), MESSAGE_KEYS);
            assert.deepEqual(frame.data, Object.fromEntries(Object.keys(frame.data).map((k) => [k, sent[k]])), 'the same values as in the REST answer');
        }
    });
    test('group_message: exactly the keys, chat_id outside and inside', async () => {
        const room = await sys.api.group(ann, 'Group', [bob, cyd]);
        const sent = await sys.api.send(bob, room.chat_id, 'hello all', { message_type: 'image' });
        for (const tab of all()) {
            const frame = await tab.wait((f) => f.type === 'group_message' && f.chat_id === room.chat_id);
            assert.deepEqual(Object.keys(frame), ['type', 'chat_id', 'data']);
            assert.deepEqual(keys(frame.data), MESSAGE_KEYS);
            assert.equal(frame.data.chat_id, room.chat_id);
            assert.equal(frame.data.message_id, sent.message_id);
            assert.equal(frame.data.message_type, 'image');
            assert.equal(frame.data.sender_name, 'Bob');
        }
    });
    test('sent on a socket: all other connections get it, that one gets the reply instead', async () => {
        const room = await sys.api.group(ann, 'Socket', [bob]);
        const [one, two] = tabs.Ann;
        const reply = await one.message(room.chat_id, 'from a socket', { client_msg_id: 'echo-1' });
        assert.deepEqual(keys(reply), ['chat_id', 'client_msg_id', 'created_at', 'message_id', 'seq', 'type']);
        for (const tab of [two, ...tabs.Bob]) {
            const frame = await tab.wait((f) => f.data?.message_id === reply.message_id);
            assert.equal(frame.data.content, 'from a socket');
        }
        await flush(sys, bob, room.chat_id, [one]);
        assert.ok(!one.frames.some((f) => f.data?.message_id === reply.message_id), 'the sender got its own message');
    });
    test('nobody outside the room gets anything', async () => {
        const secret = await sys.api.group(ann, 'Secret', [bob]);
        await sys.api.send(ann, secret.chat_id, 'secret text');
        const room = await sys.api.personal(ann, cyd);
        await flush(sys, ann, room.chat_id, tabs.Cyd);
        for (const tab of tabs.Cyd) {
            assert.ok(!tab.texts.some((t) => t.includes(secret.chat_id) || t.includes('secret text')));
        }
    });
});

test('changes are shown only to those who asked with ext=1', async () => {
    const room = await sys.api.group(ann, 'Changes', [bob]);
    const ext = await sys.rooms(bob, { ext: true });
    const strict = await sys.rooms(bob);
    const url = `/api/chats/${room.chat_id}`;
    const sent = await sys.api.send(ann, room.chat_id, 'one');
    await sys.api.expect(200, 'PATCH', `${url}/messages/${sent.message_id}`, { token: ann.token, body: { content: 'two' } });
    await sys.api.call('DELETE', `${url}/messages/${sent.message_id}`, { token: ann.token });
    await sys.api.call('POST', `${url}/read`, { token: bob.token });
    await sys.api.expect(200, 'PATCH', url, { token: ann.token, body: { chat_name: 'Changed' } });
    await sys.api.expect(201, 'POST', `${url}/members`, { token: ann.token, body: { user_id: cyd.id } });
    await sys.api.expect(200, 'PATCH', `${url}/members/${cyd.id}`, { token: ann.token, body: { role: 'admin' } });
    await sys.api.call('DELETE', `${url}/members/${cyd.id}`, { token: ann.token });
    await sys.api.call('DELETE', url, { token: ann.token });
    const expected = {
        group_message: ['_ext', 'chat_id', 'data', 'type'],
        message_edited: ['_ext', 'chat_id', 'data', 'type'],
        message_deleted: ['_ext', 'chat_id', 'deleted_by', 'message_id', 'type'],
        message_read: ['_ext', 'chat_id', 'seq', 'type', 'user_id'],
        chat_renamed: ['_ext', 'chat_room', 'renamed_by', 'type'],
        member_added: ['_ext', 'added_by', 'chat_id', 'name', 'role', 'type', 'user_id', 'username'],
        member_role: ['_ext', 'chat_id', 'role', 'type', 'user_id'],
        member_removed: ['_ext', 'chat_id', 'removed_by', 'type', 'user_id'],
        chat_deleted: ['_ext', 'chat_id', 'type'],
    };
    let last = 0;
    for (const [type, names] of Object.entries(expected)) {
        const frame = await ext.wait(type);
        assert.deepEqual(keys(frame), names, type);
        assert.match(frame._ext.event_id, /^[0-9a-f]{8}\.\d+$/);
        const event = Number(frame._ext.event_id.split('.')[1]);
        assert.ok(event > last, `${type}: event ${event} after ${last}`);
        last = event;
    }
    const other = await sys.api.personal(ann, bob, 200);
    await flush(sys, ann, other.chat_id, [strict]);
    assert.deepEqual([...new Set(strict.types())].sort(), ['group_message', 'personal_message']);
    assert.ok(strict.texts.every((t) => !t.includes('_ext')));
});

test('who is added to a room later sees it as new, and its messages from then on', async () => {
    const room = await sys.api.group(ann, 'Later', [bob]);
    await sys.api.send(ann, room.chat_id, 'too early');
    await sys.api.expect(201, 'POST', `/api/chats/${room.chat_id}/members`, { token: ann.token, body: { user_id: cyd.id } });
    for (const tab of tabs.Cyd) {
        const frame = await tab.wait((f) => f.chat_room?.chat_id === room.chat_id);
        assert.deepEqual(Object.keys(frame.chat_room), ['chat_id', 'chat_name', 'last_updated']);
    }
    await flush(sys, ann, room.chat_id, tabs.Cyd);
    assert.ok(tabs.Cyd.every((t) => !t.texts.some((x) => x.includes('too early'))));
    await sys.api.call('DELETE', `/api/chats/${room.chat_id}/members/${cyd.id}`, { token: cyd.token });
    await sys.api.send(ann, room.chat_id, 'too late');
    const other = await sys.api.personal(ann, cyd, 200);
    await flush(sys, ann, other.chat_id, tabs.Cyd);
    assert.ok(tabs.Cyd.every((t) => !t.texts.some((x) => x.includes('too late'))));
});

test('1000 messages from two rooms and four senders: every tab sees all of them, in one order', async () => {
    const rooms = [await sys.api.group(ann, 'A', [bob, cyd]), await sys.api.group(bob, 'B', [ann, cyd])];
    await Promise.all([ann, bob, cyd, ann].map(async (by, lane) => {
        for (let i = 0; i < 250; i += 1) {
            await sys.api.send(by, rooms[(i + lane) % 2].chat_id, `bulk ${lane}.${i}`);
        }
    }));
    await flush(sys, ann, rooms[0].chat_id, all());
    const orders = all().map((t) => t.frames.filter((f) => f.data?.content.startsWith('bulk')).map((f) => f.data.content).join());
    assert.equal(new Set(orders).size, 1);
    assert.equal(new Set(orders[0].split(',')).size, 1000);
});

test('every listener answers HTTP and WebSocket', async () => {
    for (const port of [8000, 8080, 3000]) {
        const answer = await fetch(`http://${sys.host}:${port}/healthz`);
        assert.equal(answer.status, 200);
        const client = await sys.rooms(ann, { port, query: { dialect: 'rooms' } });
        const room = await sys.api.group(bob, `port ${port}`, [ann]);
        await client.wait((f) => f.chat_room?.chat_id === room.chat_id);
        client.close();
    }
});
