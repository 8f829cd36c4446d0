// Caps: per address, per user, per second; each costs only the one who reaches it.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import WebSocket from 'ws';
import { Raw } from '../lib/raw.mjs';
import { useSystem } from '../lib/system.mjs';
import { until } from '../lib/wait.mjs';

describe('connections', () => {
    const sys = useSystem({ before, after }, { workers: 2, rest: { address_connections_max: 60, user_connections_max: 5 } });
    let ann;
    let bob;
    before(async () => { [ann, bob] = await sys.api.users(2); });

    test('of one user: the sixth is refused in a way a browser can read, another user is not', async () => {
        const five = [];
        for (let i = 0; i < 5; i += 1) {
            const c = await sys.rooms(ann);
            c.send({ type: 'ping' });
            await c.wait('pong');
            five.push(c);
        }
        const sixth = await sys.rooms(ann);
        assert.equal((await sixth.gone()).code, 4429);
        assert.ok(five.every((c) => c.isOpen));
        const other = await sys.rooms(bob);
        other.send({ type: 'ping' });
        await other.wait('pong');
        five[0].close();
        await until('a place is free again', async () => {
            const c = await sys.rooms(ann);
            c.send({ type: 'ping' });
            return c.wait('pong', 500).catch(() => null); /* refused once more: not yet */
        });
        [...five, other].forEach((c) => c.close());
    });

    test('of one address: refused, another address is served, and places come back', async () => {
        const from = (localAddress) => Raw.open(sys.host, 8000, { localAddress });
        const held = [];
        for (let i = 0; i < 60; i += 1) {
            held.push(await from('127.99.0.1'));
            held[i].send('GET / HT');
        }
        await until('the door has them', async () => (await sys.metric('confab_door_pending')) >= 59);
        const extra = await from('127.99.0.1');
        extra.send('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
        await extra.gone();
        assert.doesNotMatch(extra.text, /^HTTP\/1.1 200/);
        const other = await from('127.99.0.2');
        other.send(`GET /healthz HTTP/1.1\r\nHost: ${sys.host}\r\n\r\n`);
        assert.equal((await other.answer()).status, 200);
        held.forEach((raw) => raw.close());
        await until('the address is served again', async () => {
            const raw = await from('127.99.0.1');
            raw.send(`GET /healthz HTTP/1.1\r\nHost: ${sys.host}\r\n\r\n`);
            return (await raw.answer()).status === 200;
        });
        other.close();
    });

    test('WebSockets count for their address too, and only as long as they live', async () => {
        const users = await sys.api.users(15);
        // The socket once it has answered a ping; null when it is refused, before the upgrade or right after it.
        const open = (user) => new Promise((resolve) => {
            const ws = new WebSocket(`ws://${sys.host}:8000/ws?access_token=${user.token}`, { localAddress: '127.99.0.3', perMessageDeflate: false });
            ws.on('open', () => ws.send('{"type":"ping"}'));
            ws.on('message', () => resolve(ws));
            ws.on('close', () => resolve(null));
            ws.on('error', () => resolve(null));
        });
        const sockets = [];
        for (const user of users) {
            for (let i = 0; i < 4; i += 1) {
                sockets.push(await open(user));
            }
        }
        assert.equal(sockets.filter(Boolean).length, 60);
        assert.equal(await open(users[0]), null);
        await sys.bounce(sys.rest);
        await sys.ready();
        await until('the count has survived the restart of confab-rest', async () => (await open(users[0])) === null);
        sockets.forEach((ws) => ws.terminate());
        await until('places are back', async () => {
            const ws = await open(users[0]);
            ws?.terminate();
            return ws;
        });
    });
});

describe('rates', () => {
    const sys = useSystem({ before, after }, { workers: 1,
        rest: { user_messages_per_s: 5, user_messages_burst: 20, address_logins_per_minute: 60, address_handshakes_per_s: 100000 },
        ws: { messages_per_s: 5, messages_burst: 20, messages_refused_max: 50, frames_per_s: 200, frames_burst: 400 } });
    let ann;
    let bob;
    let room;
    before(async () => {
        [ann, bob] = await sys.api.users(2);
        room = await sys.api.group(ann, 'Room', [bob]);
    });

    test('messages of one user: 429 with Retry-After; the other one is not slowed', async () => {
        const answers = await Promise.all(Array.from({ length: 60 }, (_, i) => sys.api.call('POST', `/api/chats/${room.chat_id}/messages`, { token: ann.token, body: { content: `flood ${i}` } })));
        const refused = answers.filter((a) => a.status === 429);
        assert.ok(refused.length >= 30 && refused.length <= 40, String(refused.length));
        assert.equal(refused[0].json.code, 'rate_limited');
        assert.ok(Number(refused[0].headers.get('retry-after')) >= 1);
        await sys.api.send(bob, room.chat_id, 'calm');
        const [[count]] = await sys.db.sql('SELECT COUNT(*) FROM messages');
        assert.equal(Number(count), 60 - refused.length + 1);
    });

    test('operations of one connection: errors, then closed with 4429 when it does not stop', async () => {
        const client = await sys.rooms(bob);
        const calm = await sys.rooms(ann);
        for (let i = 0; i < 40; i += 1) {
            client.send({ type: 'read', chat_id: room.chat_id, client_msg_id: `read-${i}` });
        }
        const error = await client.wait('error');
        assert.equal(error.code, 'rate_limited');
        assert.match(error.client_msg_id, /^read-(19|2\d)$/);
        for (let i = 0; i < 200 && client.isOpen; i += 1) {
            client.send(i % 2 ? '{' : { type: 'read', chat_id: room.chat_id });
        }
        assert.equal((await client.gone()).code, 4429);
        calm.send({ type: 'ping' });
        await calm.wait('pong');
    });

    test('frames of one connection, whatever they say: a hard limit far above', async () => {
        const client = await sys.rooms(bob);
        for (let i = 0; i < 350; i += 1) {
            client.send({ type: 'ping' });
        }
        await until('350 pongs', () => client.frames.filter((f) => f.type === 'pong').length === 350);
        for (let i = 0; i < 2000 && client.isOpen; i += 1) {
            client.send({ type: 'ping' });
        }
        assert.equal((await client.gone()).code, 4429);
        assert.ok(client.frames.some((f) => f.code === 'rate_limited'));
    });

    test('logins of one address', async () => {
        const answers = await Promise.all(Array.from({ length: 100 }, () => sys.api.call('POST', '/api/auth/login', { body: { username: 'nobody', password: 'wrong wrong' } })));
        const codes = answers.map((a) => a.status);
        assert.ok(codes.filter((c) => c === 429).length >= 30, String(codes));
        assert.ok(codes.every((c) => [401, 429, 503].includes(c)), String(codes));
        assert.equal((await sys.api.call('GET', '/api/me', { token: ann.token })).status, 200);
    });
});

describe('handshakes', () => {
    const sys = useSystem({ before, after }, { workers: 1, rest: { address_handshakes_per_s: 10, address_handshakes_burst: 50 } });
    test('new connections of one address above the rate are refused, another address is not', async () => {
        const results = [];
        for (let i = 0; i < 120; i += 1) {
            const raw = await Raw.open(sys.host, 8000, { localAddress: '127.99.0.9' });
            raw.send(`GET /healthz HTTP/1.1\r\nHost: ${sys.host}\r\nConnection: close\r\n\r\n`);
            await raw.gone();
            results.push(raw.text.startsWith('HTTP/1.1 200'));
        }
        const good = results.filter(Boolean).length;
        assert.ok(good >= 50 && good < 110, `${good} of 120`);
        const other = await Raw.open(sys.host, 8000, { localAddress: '127.99.0.10' });
        other.send(`GET /healthz HTTP/1.1\r\nHost: ${sys.host}\r\n\r\n`);
        assert.equal((await other.answer()).status, 200);
        other.close();
    });
});
