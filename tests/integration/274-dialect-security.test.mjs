// What holds in every dialect alike: nobody passes for somebody else, nobody reads what is not his, and no token reaches a log.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { dialects } from '../lib/dialects.mjs';
import { chat, flushNotifications, notifications, privateMessage } from '../lib/inbox.mjs';
import { SocketIo } from '../lib/socketio.mjs';
import { idNumber } from '../lib/token.mjs';
import { useSystem } from '../lib/system.mjs';
import { until } from '../lib/wait.mjs';

let ann;
let bob;
let cyd;
const sys = useSystem({ before, after }, { rest: { log_level: 'debug' }, ws: { log_level: 'debug' } }, async () => { [ann, bob, cyd] = await sys.api.users(3); });

// How a client of each dialect begins: where, and with a frame that is answered when it is in.
const doors = {
    rooms: { path: '/ws', hello: { type: 'ping' }, greeted: (f) => f.type === 'pong' },
    subscribe: { path: '/api/ws', query: (who) => ({ userId: who.username }), greeted: (f) => f.type === 'connected' },
    conversations: { path: '/ws', port: 8080, hello: {}, greeted: (f) => f.error },
    'inbox, notifications': { path: '/ws/notifications', hello: { type: 'ping' }, greeted: (f) => f.type === 'pong' },
    'inbox, chat': { path: '/ws/chat', hello: { type: 'ping' }, greeted: (f) => f.type === 'pong' },
};

const open = ({ path, port = 8000, query = () => ({}) }, who, more = {}) => sys.rooms(who, { path, port, wait: false, ...more, query: { ...query(who), ...more.query } });

/** Refused at once: the close code, or 4000 + the HTTP status for those who can read one. */
async function refusal(client) {
    const answer = await client.open.then(() => client.gone(), (error) => ({ code: 4000 + (error.status ?? 0) }));
    assert.deepEqual(client.frames, []);
    return answer.code;
}

async function isIn(door, client) {
    await client.opened();
    if (door.hello) {
        client.send(door.hello);
    }
    await client.wait(door.greeted);
}

describe('whose connection it is', () => {
    for (const [name, door] of Object.entries(doors)) {
        test(`${name}: a token in the URL or the header`, async () => {
            const carriers = [{ carrier: 'query' }, { carrier: 'none', query: { token: ann.token } }, { carrier: 'none', headers: { authorization: `Bearer ${ann.token}` } }];
            for (const carrier of carriers) {
                // On the shared path a header means another dialect, unless the client says which (C-01).
                const query = { ...carrier.query, ...(name === 'rooms' ? { dialect: 'rooms' } : {}) };
                const client = await open(door, ann, { ...carrier, query });
                await isIn(door, client);
                client.close();
            }
        });
        test(`${name}: two carriers that name different users are refused, the same user twice is not`, async () => {
            const both = (other) => open(door, ann, { query: name === 'rooms' ? { dialect: 'rooms' } : {}, headers: { authorization: `Bearer ${other}` } });
            assert.equal(await refusal(await both(bob.token)), 4401);
            assert.equal(await refusal(await both('nonsense')), 4401);
            const client = await both(sys.api.token(ann.n));
            await isIn(door, client);
            client.close();
        });
        test(`${name}: an upgrade by cookie from a foreign site is refused`, async () => {
            for (const origin of ['https://evil.example', 'null', undefined]) {
                const client = await open(door, ann, { carrier: 'cookie', headers: origin ? { origin } : {} });
                assert.equal(await refusal(client), 4403, String(origin));
            }
        });
    }
    test("subscribe: Ann's token with Bob's userId is refused", async () => {
        for (const userId of [bob.username, `user${bob.n}`, String(bob.n), 'nobody']) {
            assert.equal(await refusal(await open(doors.subscribe, ann, { query: { userId } })), 4401, userId);
        }
    });
    test("elsewhere Bob's userId means nothing: the connection is Ann's", async () => {
        const id = idNumber((await sys.api.personal(bob, cyd)).chat_id);
        for (const [name, door] of Object.entries(doors).filter(([n]) => n !== 'subscribe')) {
            const client = await open(door, ann, { query: { userId: bob.username, user_id: bob.n } });
            await isIn(door, client);
            client.next = client.frames.length;
            client.send(name === 'conversations' ? { event: 'read', conversation_id: id } : { type: 'read', chat_id: id });
            const refused = await client.wait((f) => f.type === 'error' || f.error);
            assert.ok(['chat_not_found', 'forbidden'].includes(refused.code ?? refused.error.code), name);
            client.close();
        }
    });
});

describe('the chats of others', () => {
    test('cannot be read, written or watched in any dialect', async () => {
        const secret = idNumber((await sys.api.group(ann, 'Secret', [bob])).chat_id);
        const common = idNumber((await sys.api.group(ann, 'Common', [bob, cyd])).chat_id);
        const clients = {};
        for (const [name, dialect] of Object.entries(dialects)) {
            clients[name] = await dialect.open(sys, cyd, { chatId: common });
        }
        clients.root = await notifications(sys, cyd); // of somebody who looks at the common chat
        const attempts = {
            rooms: [{ type: 'message', chat_id: secret, content: 'x' }, { type: 'read', chat_id: secret }],
            subscribe: [{ action: 'subscribe', chatId: `chat_${secret}` }, { type: 'typing', chatId: `chat_${secret}`, isTyping: true }, { action: 'read', chatId: `chat_${secret}` }],
            conversations: [{ conversation_id: secret, content: 'x' }, { event: 'typing', conversation_id: secret, is_typing: true }, { event: 'read', conversation_id: secret }, { event: 'active_chat', conversation_id: secret }],
            inbox_chat: [{ type: 'private_message', chat_id: secret, content: 'x' }, { type: 'typing', chat_id: secret, is_typing: true }, { type: 'read', chat_id: secret }, { type: 'active_chat', chat_id: secret }],
            socketio: [{ type: 'sendMessage', convId: secret, message: { message: 'x' } }, { type: 'joinConversation', convId: secret }, { type: 'typing', convId: secret, isTyping: true }, { type: 'markRead', convId: secret }],
            root: [{ type: 'typing', chat_id: secret, is_typing: true }, { type: 'read', chat_id: secret }, { type: 'active_chat', chat_id: secret }],
        };
        for (const [name, frames] of Object.entries(attempts)) {
            for (const frame of frames) {
                clients[name].next = clients[name].frames.length;
                clients[name].send(frame);
                await clients[name].wait((f) => f.type === 'error' || f.error);
            }
        }
        for (const by of [ann, bob]) {
            await sys.api.send(by, secret, 'the secret text');
        }
        await sys.api.send(ann, common, 'the marker');
        for (const [name, dialect] of Object.entries(dialects)) {
            await clients[name].wait((f) => dialect.shown(f)?.content === 'the marker');
        }
        await flushNotifications(sys, cyd, [clients.root]);
        for (const [name, client] of Object.entries(clients)) {
            assert.ok(client.texts.every((t) => !t.includes('the secret text')), name);
        }
        const { json } = await sys.api.expect(200, 'GET', `/api/chats/${secret}/messages`, { token: ann.token });
        assert.deepEqual(json.messages.map((m) => m.content), ['the secret text', 'the secret text'], 'and nothing was written');
    });
    test('who is removed hears nothing more, in any dialect', async () => {
        const dan = await sys.api.user('Dan'); // looks nowhere, so he is notified
        const room = await sys.api.group(ann, 'Shrinking', [bob, cyd, dan]);
        const id = idNumber(room.chat_id);
        const clients = {};
        for (const [name, dialect] of Object.entries(dialects)) {
            clients[name] = await dialect.open(sys, cyd, { chatId: id });
        }
        const root = await notifications(sys, dan);
        await sys.api.send(ann, id, 'still there');
        for (const [name, dialect] of Object.entries(dialects)) {
            await clients[name].wait((f) => dialect.shown(f)?.content === 'still there');
        }
        await root.wait((f) => f.content_preview === 'still there');
        for (const user of [cyd, dan]) {
            await sys.api.call('DELETE', `/api/chats/${room.chat_id}/members/${user.id}`, { token: ann.token });
        }
        await sys.api.send(ann, id, 'after the removal');
        const other = idNumber((await sys.api.group(ann, 'Other', [cyd, dan])).chat_id);
        clients.subscribe.send({ action: 'subscribe', chatId: `chat_${other}` });
        await clients.subscribe.wait('subscription_confirmed');
        await sys.api.send(ann, other, 'the marker');
        for (const [name, dialect] of Object.entries(dialects)) {
            await clients[name].wait((f) => dialect.shown(f)?.content === 'the marker');
            assert.ok(clients[name].texts.every((t) => !t.includes('after the removal')), name);
        }
        await root.wait((f) => f.content_preview === 'the marker');
        assert.ok(root.texts.every((t) => !t.includes('after the removal')));
    });
    test("a notification is its owner's alone", async () => {
        const [mine, other] = [await notifications(sys, bob), await notifications(sys, cyd)];
        const sender = await chat(sys, ann);
        await privateMessage(sender, { receiver_id: bob.n }, 'for Bob');
        await mine.wait((f) => f.content_preview === 'for Bob');
        await privateMessage(sender, { receiver_id: cyd.n }, 'for Cyd');
        await other.wait((f) => f.content_preview === 'for Cyd');
        assert.ok(other.texts.every((t) => !t.includes('for Bob')));
        const { json } = await sys.api.expect(200, 'GET', '/api/notifications', { token: bob.token });
        const [note] = json.notifications;
        for (const [method, path] of [['POST', `/api/notifications/${note.id}/read`], ['DELETE', `/api/notifications/${note.id}`]]) {
            await sys.api.refused(404, 'notification_not_found', method, path, { token: cyd.token });
        }
    });
});

test('no token is in any log, whatever the dialect and whether it was good', async () => {
    const dan = await sys.api.user('Dan');
    const tokens = [dan.token, sys.api.token(dan.n, { ttl: -100 }), `${dan.token.slice(0, -8)}AAAAAAAA`];
    for (const door of Object.values(doors)) {
        for (const token of tokens) {
            for (const more of [{ carrier: 'query' }, { carrier: 'none', query: { token } }]) {
                const client = await open(door, { ...dan, token }, more);
                await client.open.then(() => (token === dan.token ? isIn(door, client) : client.gone()), () => {});
                client.close();
            }
        }
    }
    for (const token of tokens) {
        for (const transports of [['polling', 'websocket'], ['websocket']]) {
            const client = new SocketIo(sys, token, { transports, query: { token } });
            await client.open.then(() => assert.equal(token, dan.token), (error) => assert.match(error.data.code, /unauthenticated|token_expired/));
            client.close();
        }
    }
    const refreshed = sys.api.token(dan.n, { ttl: 1000 });
    for (const name of ['/ws/notifications', '/ws/chat']) {
        const client = await sys.rooms(dan, { path: name });
        client.send({ type: 'auth', token: refreshed });
        await client.wait('auth_ok');
    }
    const logs = await until('the upgrades are in the log', () => {
        const text = [sys.rest, ...sys.workers].map((d) => d.output()).join('');
        return ['/api/ws', '/ws/notifications', '/ws/chat'].every((p) => text.includes(p)) ? text : null;
    });
    for (const token of [...tokens, refreshed]) {
        const [, claims, signature] = token.split('.');
        assert.ok(!logs.includes(signature) && !logs.includes(claims), 'a token is in a log');
    }
});
