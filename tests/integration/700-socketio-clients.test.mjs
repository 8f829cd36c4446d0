// The Socket.IO document with the stock client: default transports, polling only, WebSocket only.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { io } from 'socket.io-client';
import { useSystem } from '../lib/system.mjs';
import { until } from '../lib/wait.mjs';

let ann, bob, cy;
const sys = useSystem({ before, after }, { workers: 2 }, async () => {
    [ann, bob, cy] = [await sys.api.user('Ann'), await sys.api.user('Bob'), await sys.api.user('Cy')];
});
const open = [];
after(() => open.forEach((s) => s.disconnect()));

/** A connected client that keeps what it hears: heard = [[name, data], ...]. */
async function client(who, options = {}) {
    const socket = io(`http://${sys.host}:3000/chat`, { auth: { token: who.token ?? who }, forceNew: true, ...options });
    socket.heard = [];
    socket.onAny((name, data) => socket.heard.push([name, data]));
    open.push(socket);
    await new Promise((resolve, reject) => { socket.on('connect', resolve); socket.on('connect_error', reject); });
    return socket;
}
const heard = (socket, name, match = () => true) => until(`${name}`, () => socket.heard.find(([n, d]) => n === name && match(d))?.[1]);
const call = (who, method, path, body) => sys.api.call(method, path, { token: who.token, body });

for (const [name, options, transport] of [
    ['default transports', {}, 'websocket'],
    ['polling only', { transports: ['polling'] }, 'polling'],
    ['WebSocket only', { transports: ['websocket'] }, 'websocket'],
]) {
    describe(name, () => {
        test('the events of the document', async () => {
            const [a, b] = [await client(ann, options), await client(bob, options)];
            await until('the transport', () => a.io.engine.transport.name === transport && !a.io.engine.upgrading);
            const users = [await sys.api.user('X'), await sys.api.user('Y')];
            const [x, y] = [await client(users[0], options), await client(users[1], options)];
            x.emit('createConversation', { user2_id: users[1].n });
            const created = await heard(x, 'conversationCreated');
            assert.deepEqual(await heard(y, 'conversationCreated'), created, 'both are told');
            assert.deepEqual(Object.keys(created), ['conversation', 'participants']);
            assert.deepEqual(Object.keys(created.conversation), ['id', 'user1_id', 'user2_id', 'created_at', 'updated_at']);
            const convId = created.conversation.id;
            x.emit('sendMessage', { convId, message: { message: 'Hello, how are you?' } });
            for (const s of [x, y]) { // the sender, too: both were joined
                const got = await heard(s, 'newMessage');
                assert.equal(got.message.message, 'Hello, how are you?');
                assert.deepEqual(Object.keys(got.message), ['id', 'conversation_id', 'sender_id', 'message', 'created_at']);
                assert.deepEqual(got.sender, { id: users[0].n, username: users[0].username, name: 'X' });
            }
            y.emit('leaveConversation', { convId });
            assert.deepEqual(await heard(y, 'leftConversation'), { convId });
            assert.equal((await call(users[0], 'POST', `/chats/${convId}/message`, { message: 'by REST' })).status, 201);
            await heard(x, 'newMessage', (d) => d.message.message === 'by REST');
            y.emit('joinConversation', { convId });
            assert.deepEqual(await heard(y, 'joinedConversation'), { convId });
            assert.ok(!y.heard.some(([n, d]) => n === 'newMessage' && d.message.message === 'by REST'), 'left, so not told');
            const made = await call(ann, 'POST', '/chats', { user2_id: users[0].n });
            assert.equal(made.status, 201);
            assert.deepEqual(await heard(a, 'conversationCreated', (d) => d.conversation.id === made.json.conversation.id), made.json);
            assert.equal(b.heard.length, 0, 'nobody else hears anything');
            for (const s of [a, b, x, y]) {
                s.disconnect();
            }
        });

        test('acknowledgements', async () => {
            const [u, v] = [await sys.api.user('U'), await sys.api.user('V')];
            const s = await client(u, options);
            const made = await s.emitWithAck('createConversation', { user2_id: v.n });
            assert.equal(made.ok, true);
            assert.deepEqual(Object.keys(made), ['ok', 'conversation', 'participants']);
            const again = await s.emitWithAck('createConversation', { user2_id: v.n });
            assert.deepEqual(again.conversation, made.conversation);
            const sent = await s.emitWithAck('sendMessage', { convId: made.conversation.id, message: { message: 'm' } });
            assert.equal(sent.ok, true);
            assert.ok(sent.id > 0);
            for (const [event, data, code, message] of [
                ['sendMessage', { convId: 99999, message: { message: 'x' } }, 'chat_not_found', 'Conversation not found'],
                ['joinConversation', { convId: 99999 }, 'chat_not_found', 'Conversation not found'],
                ['createConversation', { user2_id: 99999 }, 'user_not_found', 'User not found'],
                ['createConversation', { user2_id: u.n }, 'self_chat', 'Cannot start a conversation with yourself'],
                ['sendMessage', {}, 'invalid_field'], ['dance', {}, 'unsupported_type'], ['sendMessage', 5, 'invalid_field'],
            ]) {
                s.heard.length = 0;
                const refused = await s.emitWithAck(event, data);
                assert.equal(refused.ok, false, event);
                assert.equal(refused.error.code, code);
                const error = await heard(s, 'error');
                assert.equal(error.message, message ?? error.message);
            }
            s.disconnect();
        });

        test('a token is needed, and nothing is heard without', async () => {
            for (const [token, code] of [[undefined, 'unauthenticated'], ['', 'unauthenticated'], ['nonsense', 'unauthenticated'],
                [sys.api.token(ann.n, { ttl: -60 }), 'token_expired']]) {
                const socket = io(`http://${sys.host}:3000/chat`, { auth: { token }, forceNew: true, reconnection: false, ...options });
                const events = [];
                socket.onAny((...args) => events.push(args));
                const error = await new Promise((resolve) => socket.on('connect_error', resolve));
                assert.equal(error.data.code, code);
                assert.ok(error.message.length > 3);
                await call(ann, 'POST', `/chats/${(await call(ann, 'POST', '/chats', { user2_id: cy.n })).json.conversation.id}/message`, { message: 'secret' });
                assert.deepEqual(events, []);
                socket.close();
            }
        });

        test('a killed worker: the client comes back by itself', async () => {
            const u = await sys.api.user('Back');
            const s = await client(u, { ...options, reconnectionDelay: 20, reconnectionDelayMax: 100 });
            const ids = new Set([s.id]);
            s.on('connect', () => ids.add(s.id));
            for (const w of sys.workers) {
                await sys.bounce(w);
            }
            await until('a new connection', () => s.connected && ids.size > 1);
            const v = await sys.api.user('Other');
            assert.equal((await s.emitWithAck('createConversation', { user2_id: v.n })).ok, true);
            s.disconnect();
        });
    });
}

describe('rooms', () => {
    const everywhere = [{}, { transports: ['polling'] }, { transports: ['websocket'] }, { transports: ['websocket'] }];
    test('both users are in the room of a new conversation with all their clients, whoever made it, on every worker', async () => {
        for (const make of ['socket', 'REST']) {
            const [u, v, other] = await sys.api.users(3);
            const clients = await Promise.all([u, v].flatMap((who) => everywhere.map((options) => client(who, options))));
            const stranger = await client(other);
            const { conversation } = make === 'REST' ? (await call(u, 'POST', '/chats', { user2_id: v.n })).json
                : await clients[0].emitWithAck('createConversation', { user2_id: v.n });
            await call(v, 'POST', `/chats/${conversation.id}/message`, { message: 'to the room' });
            for (const s of clients) {
                await heard(s, 'newMessage', (d) => d.message.message === 'to the room');
                assert.deepEqual(s.heard.map(([name]) => name), ['conversationCreated', 'newMessage'], make);
            }
            assert.deepEqual(stranger.heard, []);
            [...clients, stranger].forEach((s) => s.disconnect());
        }
    });
    test('who connects later hears nothing of a conversation until he joins it', async () => {
        const [u, v] = await sys.api.users(2);
        const { conversation } = (await call(u, 'POST', '/chats', { user2_id: v.n })).json;
        const [joins, waits] = [await client(v), await client(v)];
        await joins.emitWithAck('joinConversation', { convId: conversation.id });
        await call(u, 'POST', `/chats/${conversation.id}/message`, { message: 'first' });
        await heard(joins, 'newMessage');
        await waits.emitWithAck('joinConversation', { convId: conversation.id });
        await call(u, 'POST', `/chats/${conversation.id}/message`, { message: 'second' });
        await heard(waits, 'newMessage');
        assert.deepEqual(waits.heard.filter(([n]) => n === 'newMessage').map(([, d]) => d.message.message), ['second']);
        [joins, waits].forEach((s) => s.disconnect());
    });
    test('events of other conversations do not come', async () => {
        const [u, v, w] = await sys.api.users(3);
        const [one, two] = [(await call(u, 'POST', '/chats', { user2_id: v.n })).json, (await call(u, 'POST', '/chats', { user2_id: w.n })).json];
        const s = await client(u);
        await s.emitWithAck('joinConversation', { convId: two.conversation.id });
        await call(v, 'POST', `/chats/${one.conversation.id}/message`, { message: 'not joined' });
        await call(w, 'POST', `/chats/${two.conversation.id}/message`, { message: 'joined' });
        await heard(s, 'newMessage');
        assert.deepEqual(s.heard.map(([n, d]) => [n, d.message?.message]), [['joinedConversation', undefined], ['newMessage', 'joined']]);
        s.disconnect();
    });
});

test('the namespace /chat, the path /chats and the WebSocket /ws/chat are told apart', async () => {
    const { n } = await sys.api.user('Paths');
    const token = sys.api.token(n);
    const s = await client({ token, n });
    assert.equal(s.nsp, '/chat');
    assert.equal((await fetch(`http://${sys.host}:3000/chats`, { headers: { authorization: `Bearer ${token}` } })).status, 200);
    const inbox = await sys.rooms({ token }, { path: '/ws/chat', port: 3000 });
    inbox.send({ type: 'ping' });
    await inbox.wait('pong');
    assert.notEqual((await fetch(`http://${sys.host}:3000/socket.io`, { redirect: 'manual' })).status, 200, 'not without its slash');
    assert.equal((await fetch(`http://${sys.host}:3000/socket.io/chat?EIO=4&transport=polling`)).status, 404);
    s.disconnect();
});
