// The frames of the subscribe document over real sockets: exact key sets and texts, who gets what, and what is said wrongly.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { Subscribe, chatTag, flushSubscribed, userTag } from '../lib/subscribe.mjs';
import { useSystem } from '../lib/system.mjs';
import { idHex } from '../lib/token.mjs';
import { until } from '../lib/wait.mjs';

const MILLIS = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
let ann;
let bob;
let cyd;
let room;
let chat;
let other; // a room of Ann and Bob that nobody subscribes to
let foreign; // a room without Ann
let tabs; // two of Ann
let peer; // Bob
const sys = useSystem({ before, after }, { workers: 2 }, async () => {
    [ann, bob, cyd] = await sys.api.users(3);
    room = await sys.api.group(ann, 'Room', [bob, cyd]);
    other = await sys.api.group(ann, 'Other', [bob]);
    foreign = await sys.api.group(bob, 'Foreign', [cyd]);
    chat = chatTag(room);
    tabs = [await Subscribe.open(sys, ann.username), await Subscribe.open(sys, userTag(ann))];
    peer = await Subscribe.open(sys, bob.username);
    for (const client of [...tabs, peer]) {
        await client.subscribe(chat);
    }
});
const keys = (frame, ...expected) => assert.deepEqual(Object.keys(frame), expected, JSON.stringify(frame));

describe('greeting and subscriptions', () => {
    test('connected: first of all, with the user as the client named it', async () => {
        for (const userId of [ann.username, userTag(ann), String(ann.n), ann.id]) {
            const client = await Subscribe.open(sys, userId);
            const [first] = client.frames;
            keys(first, 'type', 'userId', 'message', 'timestamp');
            assert.equal(first.userId, userId);
            assert.equal(first.message, 'Successfully connected to WebSocket');
            assert.match(first.timestamp, MILLIS);
            assert.ok(Math.abs(Date.now() - Date.parse(first.timestamp)) < 60000);
            client.close();
        }
    });
    test('subscribe before anything has come from the server', async () => {
        const client = new Subscribe(sys, ann.username);
        sys.clients.add(client);
        client.ws.once('open', () => client.send({ action: 'subscribe', chatId: chat }));
        await client.wait('subscription_confirmed');
        assert.deepEqual(client.types(), ['connected', 'subscription_confirmed']);
        client.close();
    });
    test('subscription_confirmed, also again, also for unsubscribing, and in one form of the id', async () => {
        const client = await Subscribe.open(sys, ann.username);
        for (const form of [chat, chat, room.chat_id, Number(chat.slice(5))]) {
            assert.deepEqual(await client.subscribe(form),
                { type: 'subscription_confirmed', action: 'subscribe', chatId: chat, message: `Subscribed to chat ${chat}` });
        }
        for (let i = 0; i < 2; i += 1) {
            assert.deepEqual(await client.unsubscribe(chat),
                { type: 'subscription_confirmed', action: 'unsubscribe', chatId: chat, message: `Unsubscribed from chat ${chat}` });
        }
        client.close();
    });
    test('without userId, or with one that nobody has, the connection closes', async () => {
        for (const [userId, code] of [[undefined, 4400], ['', 4400], ['nobody-at-all', 4404]]) {
            const client = new Subscribe(sys, userId);
            const gone = await client.gone();
            assert.equal(gone.code, code, JSON.stringify(gone));
        }
    });
});

describe('messages', () => {
    test('new_message and chat_update reach the subscribers, not the sender in any tab', async () => {
        const sent = await sys.api.send(bob, room.chat_id, 'Hello world!');
        for (const tab of tabs) {
            const frame = await tab.wait('new_message');
            keys(frame, 'type', 'chatId', 'message', 'timestamp');
            keys(frame.message, 'id', 'text', 'sender', 'timestamp', 'isOwnMessage');
            const n = Number(BigInt(`0x${sent.message_id.slice(10)}`));
            assert.deepEqual(frame.message, {
                id: `msg_${n.toString(36)}`, text: 'Hello world!', sender: bob.username, timestamp: frame.message.timestamp, isOwnMessage: false,
            });
            assert.equal(frame.chatId, chat);
            assert.match(frame.timestamp, MILLIS);
            assert.match(frame.message.timestamp, MILLIS);
            const update = await tab.wait('chat_update');
            keys(update, 'type', 'chatId', 'lastMessage', 'lastMessageTime', 'unreadCount', 'timestamp');
            assert.deepEqual([update.chatId, update.lastMessage, update.unreadCount], [chat, 'Hello world!', 1]);
            assert.equal(update.lastMessageTime, frame.message.timestamp);
            assert.match(update.timestamp, MILLIS);
        }
        await flushSubscribed(sys, cyd, room.chat_id, [...tabs, peer]);
        assert.equal(peer.of('new_message').filter((f) => f.message.sender === bob.username).length, 0);
        assert.equal(peer.of('chat_update').filter((f) => f.lastMessage === 'Hello world!').length, 0);
    });
    test('sent in one tab, by REST or on another socket: the others hear it, no tab of the sender does', async () => {
        const rooms = await sys.rooms(ann);
        await rooms.message(room.chat_id, 'by socket');
        await sys.api.send(ann, room.chat_id, 'by REST');
        for (const text of ['by socket', 'by REST']) {
            assert.equal((await peer.wait((f) => f.message?.text === text)).message.sender, ann.username);
        }
        await flushSubscribed(sys, bob, room.chat_id, tabs);
        for (const tab of tabs) {
            assert.equal(tab.frames.filter((f) => f.message?.sender === ann.username).length, 0);
            assert.equal(tab.of('chat_update').filter((f) => f.lastMessage.startsWith('by ')).length, 0);
        }
        rooms.close();
    });
    test('what is not text is shown by its text, a long text is cut in chat_update only', async () => {
        const long = '\u00e9\u{1f600}'.repeat(200); // 400 code points
        await sys.api.send(bob, room.chat_id, long);
        assert.equal((await tabs[0].wait((f) => f.message?.text === long)).type, 'new_message');
        const update = await tabs[0].wait((f) => f.type === 'chat_update' && f.lastMessage.length > 100);
        assert.equal([...update.lastMessage].length, 280);
        assert.ok(long.startsWith(update.lastMessage));
    });
    test('only subscribed chats, and none any more after unsubscribing', async () => {
        await sys.api.send(bob, other.chat_id, 'elsewhere');
        await flushSubscribed(sys, bob, room.chat_id, tabs);
        assert.equal(tabs[0].frames.filter((f) => f.chatId === chatTag(other)).length, 0);
        await tabs[1].subscribe(chatTag(other));
        await tabs[1].unsubscribe(chat);
        await sys.api.send(bob, room.chat_id, 'not for tab 1');
        await flushSubscribed(sys, bob, other.chat_id, [tabs[1]]);
        await flushSubscribed(sys, bob, room.chat_id, [tabs[0]]);
        assert.equal(tabs[1].frames.filter((f) => f.message?.text === 'not for tab 1').length, 0);
        assert.equal(tabs[0].frames.filter((f) => f.message?.text === 'not for tab 1').length, 1);
        await tabs[1].unsubscribe(chatTag(other));
        await tabs[1].subscribe(chat);
    });
    test('reading moves unreadCount in all tabs; new messages count from there', async () => {
        await sys.api.send(bob, room.chat_id, 'unread one');
        await sys.api.send(bob, room.chat_id, 'unread two');
        await Promise.all(tabs.map((t) => t.wait((f) => f.type === 'chat_update' && f.lastMessage === 'unread two' && f.unreadCount >= 2)));
        tabs[0].send({ action: 'read', chatId: chat });
        await Promise.all(tabs.map((t) => t.wait((f) => f.type === 'chat_update' && f.unreadCount === 0)));
        await sys.api.send(bob, room.chat_id, 'unread three');
        await sys.api.send(bob, room.chat_id, 'unread four');
        await Promise.all(tabs.map((t) => t.wait((f) => f.type === 'chat_update' && f.unreadCount === 2)));
        const last = tabs[0].of('new_message').find((f) => f.message.text === 'unread three');
        tabs[1].send({ type: 'read', chatId: chat, messageId: last.message.id });
        await Promise.all(tabs.map((t) => t.wait((f) => f.type === 'chat_update' && f.unreadCount === 1)));
        // By REST, too.
        await sys.api.expect(200, 'POST', `/api/chats/${chat}/read`, { token: ann.token, body: {} });
        await Promise.all(tabs.map((t) => t.wait((f) => f.type === 'chat_update' && f.unreadCount === 0)));
    });
    test('a deleted last message updates the chat', async () => {
        const sent = await sys.api.send(bob, room.chat_id, 'soon gone');
        await tabs[0].wait((f) => f.type === 'chat_update' && f.lastMessage === 'soon gone');
        await sys.api.expect(200, 'DELETE', `/api/chats/${room.chat_id}/messages/${sent.message_id}`, { token: bob.token });
        const update = await tabs[0].wait((f) => f.type === 'chat_update' && f.lastMessage === '');
        assert.equal(update.unreadCount, 0, 'a message that is gone is not unread');
    });
    test('a removed member hears nothing more', async () => {
        const gone = await Subscribe.open(sys, cyd.username);
        const third = await sys.api.group(ann, 'Third', [cyd, bob]);
        await gone.subscribe(chatTag(third));
        await gone.subscribe(chat);
        await flushSubscribed(sys, bob, third.chat_id, [gone]);
        await sys.api.expect(204, 'DELETE', `/api/chats/${third.chat_id}/members/${cyd.id}`, { token: ann.token });
        await sys.api.send(bob, third.chat_id, 'without Cyd');
        await flushSubscribed(sys, bob, room.chat_id, [gone]);
        assert.equal(gone.frames.filter((f) => f.message?.text === 'without Cyd').length, 0);
        assert.equal((await gone.subscribe(chatTag(third))).error, 'Forbidden');
        gone.close();
    });
});

describe('wrong: an error frame, and the connection stays', () => {
    const chatId = () => chat;
    const cases = {
        'no JSON': ['Invalid JSON', 'Could not parse message as JSON', '{"action":'],
        'not JSON at all': ['Invalid JSON', 'Could not parse message as JSON', 'hello'],
        'an empty frame': ['Invalid JSON', 'Could not parse message as JSON', ''],
        'two documents': ['Invalid JSON', 'Could not parse message as JSON', '{}{}'],
        'a lone surrogate': ['Invalid JSON', 'Could not parse message as JSON', '{"action":"\\ud800"}'],
        'too deep': ['Invalid JSON', 'Could not parse message as JSON', `{"action":"subscribe","x":${'['.repeat(2000)}${']'.repeat(2000)}}`],
        'an array': ['Invalid message', 'The message must be a JSON object', '[]'],
        'a string': ['Invalid message', 'The message must be a JSON object', '"subscribe"'],
        'neither action nor type': ['Invalid field', 'The message needs an action or a type', '{}'],
        'a type that is a number': ['Invalid field', 'The message needs an action or a type', '{"type":1}'],
        'an unknown type': ['Unknown message type', 'There is no action or type dance', '{"type":"dance"}'],
        'an unknown action': ['Unknown message type', 'There is no action or type dance', '{"action":"dance"}'],
        'an application ping': ['Unknown message type', 'There is no action or type ping', '{"type":"ping"}'],
        'a frame of another dialect': ['Unknown message type', 'There is no action or type message', '{"type":"message","chat_id":1,"content":"x"}'],
        'a binary frame': ['Unknown message type', 'Send JSON text with a known action or type', Buffer.from('{"type":"typing"}')],
        'subscribe without a chat': ['Invalid field', 'chatId is missing or no id', { action: 'subscribe' }],
        'subscribe to no id': ['Bad id', 'Not an id of the expected kind: general', { action: 'subscribe', chatId: 'general' }],
        'subscribe to a user': ['Chat not found', /^There is no chat user/, () => ({ action: 'subscribe', chatId: userTag(ann) })],
        'subscribe to an unknown chat': ['Forbidden', 'Not a member of chat chat_777777', { action: 'subscribe', chatId: 'chat_777777' }],
        'subscribe to a foreign chat': ['Forbidden', /^Not a member of chat chat_/, () => ({ action: 'subscribe', chatId: chatTag(foreign) })],
        'typing without isTyping': ['Invalid field', 'typing needs chatId, and isTyping as true or false', () => ({ type: 'typing', chatId: chatId() })],
        'typing in a foreign chat': ['Forbidden', /^Not a member of chat chat_/, () => ({ type: 'typing', chatId: chatTag(foreign), isTyping: true })],
        'typing in an unknown chat': ['Forbidden', 'Not a member of chat chat_777777', { type: 'typing', chatId: 'chat_777777', isTyping: true }],
        'read a foreign chat': ['Forbidden', /^Not a member of chat chat_/, () => ({ action: 'read', chatId: chatTag(foreign) })],
        'read an unknown chat': ['Forbidden', 'Not a member of chat chat_777777', { action: 'read', chatId: 'chat_777777' }],
        'read up to an unknown message': ['Message not found', 'Message not found', () => ({ action: 'read', chatId: chatId(), messageId: idHex(3, 77777777) })],
        'a token that is none': ['Unauthenticated', /./, { type: 'auth', token: 'nonsense' }],
    };
    for (const [what, [error, details, frame]] of Object.entries(cases)) {
        test(what, async () => {
            const client = tabs[0];
            const body = typeof frame === 'function' ? frame() : frame;
            client.send(body);
            const answer = await client.wait('error');
            keys(answer, 'type', 'error', 'details', 'timestamp');
            assert.equal(answer.error, error, JSON.stringify(answer));
            assert[details instanceof RegExp ? 'match' : 'equal'](answer.details, details);
            assert.match(answer.timestamp, MILLIS);
            assert.ok(client.isOpen);
        });
    }
    test('and afterwards it hears messages as before', async () => {
        await flushSubscribed(sys, bob, room.chat_id, tabs);
    });
    test('bytes that are not UTF-8 end only their own connection', async () => {
        const client = await Subscribe.open(sys, ann.username);
        client.ws._socket.write(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28]));
        assert.equal((await client.gone()).code, 1007);
        await flushSubscribed(sys, bob, room.chat_id, tabs);
    });
});

describe('tokens', () => {
    test('a token of another user than userId is refused; its own is fine, and can be renewed on the way', async () => {
        const wrong = new Subscribe(sys, ann.username, { token: bob });
        assert.equal((await wrong.gone()).code, 4401);
        const client = await Subscribe.open(sys, ann.username, { token: ann });
        client.send({ type: 'auth', token: sys.api.token(ann.n, { ttl: 1000 }) });
        const ok = await client.wait('auth_ok');
        keys(ok, 'type', 'expiresAt', 'timestamp');
        assert.match(ok.expiresAt, MILLIS);
        client.send({ type: 'auth', token: bob.token });
        const error = await client.wait('error');
        assert.ok(client.isOpen, JSON.stringify(error));
        client.close();
    });
});

describe('with ?ext=1', () => {
    test('logged frames carry _ext, and a client resumes where it was', async () => {
        const first = await Subscribe.open(sys, ann.username, { ext: true, token: ann });
        await first.subscribe(chat);
        await sys.api.send(bob, room.chat_id, 'with a cursor');
        const frame = await first.wait((f) => f.message?.text === 'with a cursor');
        keys(frame, 'type', 'chatId', 'message', 'timestamp', '_ext');
        keys(frame._ext, 'event_id', 'seq', 'chat_id');
        assert.equal(frame._ext.chat_id, chat);
        first.close();
        await first.gone();
        await sys.api.send(bob, room.chat_id, 'while away');
        const again = await Subscribe.open(sys, ann.username, { ext: true, token: ann, since: first.cursor });
        await again.wait('live');
        assert.ok(again.frames.every((f) => f.message?.text !== 'with a cursor'));
        again.close();
    });
    test('new chats are announced without a subscription', async () => {
        const client = await Subscribe.open(sys, cyd.username, { ext: true, token: cyd });
        const fresh = await sys.api.group(ann, 'Fresh', [cyd]);
        const frame = await client.wait('chat_created');
        keys(frame, 'type', 'chatId', 'chatName', 'timestamp', '_ext');
        assert.deepEqual([frame.chatId, frame.chatName], [chatTag(fresh), 'Fresh']);
        await sys.api.send(ann, fresh.chat_id, 'not subscribed');
        await sys.api.expect(204, 'DELETE', `/api/chats/${fresh.chat_id}/members/${cyd.id}`, { token: ann.token });
        assert.equal((await client.wait('member_removed')).userId, userTag(cyd));
        assert.equal(client.of('new_message').length, 0);
        client.close();
    });
});

test('a message is encoded once, however many connections hear of it', async () => {
    const many = await sys.api.group(bob, 'Many', [ann, cyd]);
    const clients = [];
    for (let i = 0; i < 60; i += 1) {
        clients.push(await Subscribe.open(sys, [ann, cyd][i % 2].username));
    }
    await Promise.all(clients.map((c) => c.subscribe(chatTag(many))));
    const before_ = await sys.settled('confab_ws_encodings_total');
    for (let i = 0; i < 10; i += 1) {
        await sys.api.send(bob, many.chat_id, `of ten ${i}`);
    }
    await Promise.all(clients.map((c) => c.wait((f) => f.message?.text === 'of ten 9')));
    await Promise.all(clients.map((c) => c.wait((f) => f.type === 'chat_update' && f.lastMessage === 'of ten 9')));
    const ways = 2 * 2; // new_message and chat_update, on two workers
    const spent = await sys.settled('confab_ws_encodings_total') - before_;
    assert.ok(spent >= 20);
    assert.ok(spent <= 10 * ways, `${spent} encodings`);
    for (const client of clients) {
        assert.equal(client.of('new_message').length, 10);
        client.close();
    }
});

test('no strict client has seen a frame or a key that the document does not show', () => {
    const shown = {
        connected: 4, subscription_confirmed: 4, new_message: 4, chat_update: 6, user_typing: 6, error: 4,
    };
    for (const client of [...tabs, peer]) {
        for (const frame of client.frames) {
            assert.equal(Object.keys(frame).length, shown[frame.type], JSON.stringify(frame));
        }
    }
});

test('closed connections leave nothing behind', async () => {
    for (const client of sys.clients) {
        client.close();
    }
    await until('no connection is left', async () => (await sys.total('confab_ws_connections')) === 0);
});
