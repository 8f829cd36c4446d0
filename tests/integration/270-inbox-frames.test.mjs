// The frames of D4's two sockets: exactly their keys, to whom they belong, and errors that leave the connection open.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import WebSocket from 'ws';
import { chat, flushNotifications, notifications, privateMessage } from '../lib/inbox.mjs';
import { useSystem } from '../lib/system.mjs';
import { until } from '../lib/wait.mjs';

let ann;
let bob;
let cyd;
const sys = useSystem({ before, after }, {}, async () => {
    [ann, bob, cyd] = await Promise.all(['Ann', 'Bob', 'Cyd'].map((n) => sys.api.user(n)));
});

const NEW_MESSAGE = ['type', 'message', 'chat_id', 'sender_id', 'sender_name', 'content_preview', 'message_type', 'timestamp'];
const MESSAGE = ['type', 'message_id', 'chat_id', 'sender_id', 'sender_name', 'content', 'message_type', 'timestamp'];
const SENT = ['type', 'message_id', 'chat_id', 'client_msg_id', 'timestamp'];
const SECONDS = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const isKeys = (frame, keys) => assert.deepEqual(Object.keys(frame), keys, JSON.stringify(frame));

/** A chat of two that both know: its number. */
async function direct(one, other) {
    const socket = await chat(sys, one);
    const { chat_id: id } = await privateMessage(socket, { receiver_id: other.n }, 'hello');
    socket.close();
    return id;
}

/** Behind this, nothing that these chat sockets should see of Ann's messages is on its way. */
async function flushChat(chatId, sockets) {
    const content = `marker ${Math.random()}`;
    await sys.api.send(ann, chatId, content);
    await Promise.all(sockets.map((s) => s.wait((f) => f.content === content)));
}

describe('the URLs of the document, as they are written', () => {
    for (const path of ['notifications', 'chat']) {
        test(path, async () => {
            const socket = new WebSocket(`ws://${sys.host}:8000/ws/${path}?access_token=${ann.token}`);
            await new Promise((resolve, reject) => { socket.once('open', resolve); socket.once('error', reject); });
            socket.send('{"type":"ping"}');
            const pong = await new Promise((resolve) => { socket.once('message', resolve); });
            assert.equal(pong.toString(), '{"type":"pong"}');
            assert.equal(socket.protocol, '');
            socket.terminate();
        });
    }
});

describe('messages on the chat socket', () => {
    test('the steps of the document: to a person who is connected, and a notification', async () => {
        const sender = await chat(sys, ann);
        const [receiver, root] = [await chat(sys, bob), await notifications(sys, bob)];
        const text = 'Hey, are you available for lunch on Friday? I found a new place.';
        const sent = await privateMessage(sender, { receiver_id: bob.n }, text, { client_msg_id: 'first' });
        isKeys(sent, SENT);
        assert.equal(sent.client_msg_id, 'first');
        assert.match(sent.timestamp, SECONDS);
        const frame = await receiver.wait('private_message');
        isKeys(frame, MESSAGE);
        assert.deepEqual(frame, { type: 'private_message', message_id: sent.message_id, chat_id: sent.chat_id, sender_id: ann.n, sender_name: 'Ann',
            content: text, message_type: 'text_message', timestamp: sent.timestamp });
        const note = await root.wait('new_message');
        isKeys(note, NEW_MESSAGE);
        assert.deepEqual(note, { type: 'new_message', message: 'New message from Ann', chat_id: sent.chat_id, sender_id: ann.n, sender_name: 'Ann',
            content_preview: 'Hey, are you available for lunch on Friday? I foun...', message_type: 'text_message', timestamp: sent.timestamp });
        await flushNotifications(sys, bob, [root]);
        assert.deepEqual(sender.types(), ['message_sent'], 'the sender hears nothing of his own but the answer');
        assert.deepEqual(receiver.types(), ['private_message']);
        assert.deepEqual(root.types(), ['new_message', 'marker']);
    });
    test('stored as the kind that the others know, and shown as the one that this dialect knows', async () => {
        const [sender, receiver] = [await chat(sys, ann), await chat(sys, bob)];
        for (const [kind, stored, shown] of [['text_message', 'text', 'text_message'], [undefined, 'text', 'text_message'], ['text', 'text', 'text_message'], ['image', 'image', 'image']]) {
            const sent = await privateMessage(sender, { receiver_id: bob.n }, `a ${kind}`, { message_type: kind });
            assert.equal((await receiver.wait('private_message')).message_type, shown);
            const { json } = await sys.api.expect(200, 'GET', `/api/chats/${sent.chat_id}/messages?limit=1`, { token: ann.token });
            assert.equal(json.messages[0].message_type, stored);
        }
    });
    test("the sender's other chat sockets get the message, too", async () => {
        const [sender, other] = [await chat(sys, ann), await chat(sys, ann)];
        const sent = await privateMessage(sender, { receiver_id: bob.n }, 'from another tab');
        assert.equal((await other.wait('private_message')).message_id, sent.message_id);
        await flushChat(sent.chat_id, [sender, other]);
        assert.deepEqual(sender.of('private_message').map((f) => f.message_id).includes(sent.message_id), false);
    });
    test('the same mark is the same message; without a mark the answer says null', async () => {
        const [sender, receiver] = [await chat(sys, ann), await chat(sys, bob)];
        const one = await privateMessage(sender, { receiver_id: bob.n }, 'once', { client_msg_id: 'once-1' });
        sender.next = sender.frames.length;
        sender.send({ type: 'private_message', receiver_id: bob.n, content: 'once', message_type: 'text_message', client_msg_id: 'once-1' });
        assert.deepEqual(await sender.wait('message_sent'), one);
        sender.send({ type: 'private_message', chat_id: one.chat_id, content: 'no mark' });
        const last = await sender.wait('message_sent');
        isKeys(last, SENT);
        assert.equal(last.client_msg_id, null);
        await receiver.wait((f) => f.content === 'no mark');
        assert.deepEqual(receiver.of('private_message').map((f) => f.content), ['once', 'no mark']);
    });
    test('into a group by its id: group_message for those who asked, a notification for all', async () => {
        const room = await sys.api.group(ann, 'Group', [bob, cyd]);
        const strict = await chat(sys, bob);
        const asked = await chat(sys, bob, { query: { events: 'group' } });
        const roots = [[bob, await notifications(sys, bob)], [cyd, await notifications(sys, cyd)]];
        const sender = await chat(sys, ann);
        const sent = await privateMessage(sender, { chat_id: room.chat_id }, 'hello all');
        const frame = await asked.wait('group_message');
        isKeys(frame, MESSAGE);
        assert.equal(frame.message_id, sent.message_id);
        for (const [, root] of roots) {
            const note = await root.wait('new_message');
            isKeys(note, NEW_MESSAGE);
            assert.equal(note.chat_id, sent.chat_id);
        }
        await flushChat(await direct(ann, bob), [strict]);
        assert.ok(!strict.types().includes('group_message'));
    });
    test('sent by REST or in another dialect it looks the same', async () => {
        const id = await direct(ann, bob);
        const receiver = await chat(sys, bob);
        const rooms = await sys.rooms(ann);
        const one = await sys.api.send(ann, id, 'by REST');
        const two = await rooms.message(id, 'by a room client');
        for (const content of ['by REST', 'by a room client']) {
            const frame = await receiver.wait('private_message');
            isKeys(frame, MESSAGE);
            assert.equal(frame.content, content);
        }
        assert.ok(one.message_id && two.message_id);
    });
});

describe('frames for those who ask', () => {
    test('typing: to the others in the chat, on and off, never to the one who types', async () => {
        const id = await direct(ann, bob);
        const [strict, asked, own] = [await chat(sys, bob), await chat(sys, bob, { query: { events: 'typing' } }), await chat(sys, ann, { query: { events: 'typing' } })];
        for (const on of [true, false]) {
            own.send({ type: 'typing', chat_id: id, is_typing: on });
            const frame = await asked.wait('typing');
            isKeys(frame, ['type', 'chat_id', 'user_id', 'user_name', 'is_typing', 'timestamp']);
            assert.deepEqual([frame.chat_id, frame.user_id, frame.user_name, frame.is_typing], [id, ann.n, 'Ann', on]);
            assert.match(frame.timestamp, SECONDS);
        }
        await flushChat(id, [strict, own]);
        assert.ok(![...strict.types(), ...own.types()].includes('typing'));
    });
    test('message_read: to the others in the chat', async () => {
        const id = await direct(ann, bob);
        const [strict, asked] = [await chat(sys, ann), await chat(sys, ann, { query: { events: 'read' } })];
        const [reader, readersOther] = [await chat(sys, bob), await chat(sys, bob, { query: { events: 'read' } })];
        const message = await sys.api.send(ann, id, 'read me');
        const { message_id: n } = await reader.wait((f) => f.content === 'read me');
        reader.send({ type: 'read', chat_id: id, message_id: n });
        const frame = await asked.wait('message_read');
        isKeys(frame, ['type', 'chat_id', 'user_id', 'message_id', 'timestamp']);
        assert.deepEqual([frame.chat_id, frame.user_id, frame.message_id], [id, bob.n, n]);
        assert.ok(message.message_id);
        await flushChat(id, [strict, readersOther]);
        assert.ok(![...strict.types(), ...readersOther.types()].includes('message_read'));
    });
    test('user_status, with ?events=status', async () => {
        const [dan, eve] = await sys.api.users(2);
        await direct(dan, eve);
        const [strict, asked] = [await chat(sys, dan), await chat(sys, dan, { query: { events: 'status' } })];
        const other = await chat(sys, eve);
        const frame = await asked.wait((f) => f.type === 'user_status' && f.user_id === eve.n && f.status === 'online');
        isKeys(frame, ['type', 'user_id', 'user_name', 'status', 'last_seen', 'timestamp']);
        other.close();
        assert.ok(!strict.types().includes('user_status'));
    });
    test('edits and deletions, with ext', async () => {
        const id = await direct(ann, bob);
        const [strict, ext] = [await chat(sys, bob), await chat(sys, bob, { ext: true })];
        const sent = await sys.api.send(ann, id, 'one');
        const url = `/api/chats/${id}/messages/${sent.message_id}`;
        await sys.api.expect(200, 'PATCH', url, { token: ann.token, body: { content: 'two' } });
        await sys.api.call('DELETE', url, { token: ann.token });
        const [message, edited, deleted] = [await ext.wait('private_message'), await ext.wait('message_edited'), await ext.wait('message_deleted')];
        isKeys(message, [...MESSAGE, '_ext']);
        isKeys(edited, [...MESSAGE, '_ext']);
        assert.equal(edited.content, 'two');
        isKeys(deleted, ['type', 'message_id', 'chat_id', 'deleted_by', 'timestamp', '_ext']);
        assert.deepEqual(Object.keys(message._ext), ['event_id', 'seq', 'chat_id']);
        await flushChat(id, [strict]);
        assert.deepEqual([...new Set(strict.types())], ['private_message']);
        assert.ok(strict.texts.every((t) => !t.includes('_ext')));
    });
});

describe('notifications of other kinds', () => {
    const create = async (body) => {
        const answer = await sys.api.admin('POST', '/api/admin/notifications', { body });
        assert.equal(answer.status, 201, answer.text);
        return answer.json;
    };
    test('to one person: a frame of its kind on all tabs, and nobody else', async () => {
        const tabs = [await notifications(sys, bob), await notifications(sys, bob)];
        const [other, chatSocket] = [await notifications(sys, ann), await chat(sys, bob)];
        await create({ user_ids: [bob.id], type: 'new_comment', title: 'Comment', message: 'Ann wrote', link: '/posts/7' });
        for (const tab of tabs) {
            const frame = await tab.wait('new_comment');
            isKeys(frame, ['type', 'title', 'message', 'link', 'timestamp']);
            assert.deepEqual([frame.title, frame.message, frame.link], ['Comment', 'Ann wrote', '/posts/7']);
            assert.match(frame.timestamp, SECONDS);
        }
        await flushNotifications(sys, ann, [other]);
        await flushChat(await direct(ann, bob), [chatSocket]);
        assert.deepEqual(other.types(), ['marker']);
        assert.deepEqual([...new Set(chatSocket.types())], ['private_message']);
    });
    test('to everybody', async () => {
        const roots = [await notifications(sys, ann), await notifications(sys, bob), await notifications(sys, cyd)];
        await create({ everyone: true, type: 'maintenance', title: 'Maintenance', message: 'At noon.' });
        for (const root of roots) {
            const frame = await root.wait('maintenance');
            isKeys(frame, ['type', 'title', 'message', 'link', 'timestamp']);
            assert.equal(frame.link, null);
        }
    });
    test('read, read all and delete tell every tab how many are unread', async () => {
        const dan = await sys.api.user('Dan');
        const tabs = [await notifications(sys, dan), await notifications(sys, dan)];
        for (const kind of ['one', 'two', 'three']) {
            await create({ user_ids: [dan.id], type: kind, title: kind, message: kind });
        }
        const { json } = await sys.api.expect(200, 'GET', '/api/notifications', { token: dan.token });
        assert.equal(json.unread_count, 3);
        const ids = json.notifications.map((n) => n.id);
        const steps = [['POST', `/api/notifications/${ids[0]}/read`, 2], ['DELETE', `/api/notifications/${ids[1]}`, 1], ['POST', '/api/notifications/read-all', 0]];
        for (const [method, url, unread] of steps) {
            const answer = await sys.api.call(method, url, { token: dan.token });
            assert.ok(answer.status < 300, answer.text);
            for (const tab of tabs) {
                const frame = await tab.wait('notifications_update');
                isKeys(frame, ['type', 'unread_count', 'timestamp']);
                assert.equal(frame.unread_count, unread);
            }
        }
    });
});

describe('errors have a code and leave the connection open', () => {
    test('bad frames on both', async () => {
        const cases = [['{', 'bad_json'], ['7', 'bad_request'], [Buffer.from('{"type":"ping"}'), 'unsupported_type'], [{}, 'invalid_field'], [{ type: 'nonsense' }, 'unsupported_type'],
            [{ type: 'active_chat' }, 'invalid_field'], [{ type: 'active_chat', chat_id: 'x y' }, 'bad_id'], [{ type: 'typing', chat_id: 5 }, 'invalid_field'], [{ type: 'auth', token: '' }, 'invalid_field']];
        for (const open of [notifications, chat]) {
            const socket = await open(sys, ann);
            for (const [frame, code] of cases) {
                socket.send(frame);
                const error = await socket.wait('error');
                isKeys(error, ['type', 'code', 'message']);
                assert.equal(error.code, code, JSON.stringify(frame));
            }
            socket.send({ type: 'ping' });
            await socket.wait('pong');
        }
    });
    test('foreign and unknown chats, people that are not there', async () => {
        const foreign = await direct(bob, cyd);
        const socket = await chat(sys, ann);
        const root = await notifications(sys, ann);
        const refused = async (on, frame) => {
            on.send(frame);
            const error = await on.wait((f) => f.type === 'error');
            assert.ok(['forbidden', 'chat_not_found', 'user_not_found', 'self_chat'].includes(error.code), `${JSON.stringify(frame)}: ${error.code}`);
        };
        for (const id of [foreign, 999999999]) {
            for (const on of [socket, root]) {
                await refused(on, { type: 'active_chat', chat_id: id });
                await refused(on, { type: 'typing', chat_id: id, is_typing: true });
                await refused(on, { type: 'read', chat_id: id });
            }
            await refused(socket, { type: 'private_message', chat_id: id, content: 'x' });
        }
        await refused(socket, { type: 'private_message', receiver_id: 999999999, content: 'x' });
        await refused(socket, { type: 'private_message', receiver_id: ann.n, content: 'x' });
        root.send({ type: 'private_message', receiver_id: bob.n, content: 'x' });
        assert.equal((await root.wait('error')).code, 'unsupported_type');
        for (const on of [socket, root]) {
            on.send({ type: 'ping' });
            await on.wait('pong');
        }
    });
});

describe('tokens', () => {
    for (const [name, open] of [['notifications', notifications], ['chat', chat]]) {
        test(`${name}: a bad or expired token is accepted and then closed with 4401 and a reason`, async () => {
            for (const token of ['nonsense', sys.api.token(ann.n, { ttl: -60 }), `${ann.token.slice(0, -6)}AAAAAA`, '']) {
                const socket = await open(sys, token);
                const { code, reason } = await socket.gone();
                assert.equal(code, 4401);
                assert.ok(reason.length > 0);
                assert.deepEqual(socket.frames, []);
            }
        });
        test(`${name}: a token that expires meanwhile closes with 4401, one refreshed in-band does not`, async () => {
            const socket = await open(sys, sys.api.token(ann.n, { ttl: 2 }));
            const refreshed = await open(sys, sys.api.token(ann.n, { ttl: 2 }));
            refreshed.send({ type: 'auth', token: ann.token });
            const ok = await refreshed.wait('auth_ok');
            assert.match(ok.expires_at, SECONDS);
            assert.equal((await socket.gone(60000)).code, 4401);
            refreshed.send({ type: 'ping' });
            await refreshed.wait('pong');
            refreshed.send({ type: 'auth', token: bob.token });
            assert.ok((await refreshed.wait('error')).code);
        });
    }
});

test('a client that asked resumes where it stopped', async () => {
    const id = await direct(ann, bob);
    for (const [open, type, content] of [[chat, 'private_message', (f) => f.content], [notifications, 'new_message', (f) => f.content_preview]]) {
        const first = await open(sys, bob, { ext: true });
        await sys.api.send(ann, id, 'before');
        await first.wait((f) => f.type === type && content(f) === 'before');
        first.close();
        await first.gone();
        await sys.api.send(ann, id, 'meanwhile 1');
        await sys.api.send(ann, id, 'meanwhile 2');
        const second = await open(sys, bob, { ext: true, since: first.cursor });
        await until('both are there', () => second.of(type).length >= 2);
        assert.deepEqual(second.of(type).slice(0, 2).map(content), ['meanwhile 1', 'meanwhile 2']);
        second.close();
    }
});
