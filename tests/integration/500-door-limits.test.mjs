// The front door against heads that are slow, endless, oversize or absent, and upgrades that are not WebSocket.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import WebSocket from 'ws';
import { Raw, request } from '../lib/raw.mjs';
import { useSystem } from '../lib/system.mjs';
import { until } from '../lib/wait.mjs';

let ann;
const sys = useSystem({ before, after }, {
    workers: 1,
    rest: { door_head_timeout_ms: '1500ms', door_head_max_bytes: '8k', http_request_timeout_ms: '2s', http_body_max_bytes: '64k' },
}, async () => { ann = await sys.api.user('Ann'); });
const host = () => `Host: ${sys.host}:8000`;
const KEY = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==';
const upgrade = (...more) => ['Connection: Upgrade', 'Upgrade: websocket', KEY, 'Sec-WebSocket-Version: 13', ...more];

describe('time', () => {
    test('half a head, then silence: 408 and closed', async () => {
        const raw = await Raw.open(sys.host, 8000);
        raw.send('GET /healthz HTTP/1.1\r\nHost: x\r\nX-Half: ');
        assert.equal((await raw.answer(10000)).status, 408);
        await raw.gone();
        raw.close();
    });
    test('nothing at all: closed', async () => {
        const raw = await Raw.open(sys.host, 8000);
        await raw.gone(10000);
        raw.close();
    });
    test('one byte at a time for ever: 408 although never silent', async () => {
        const raw = await Raw.open(sys.host, 8000);
        const drip = setInterval(() => { if (!raw.ended) { raw.send('a'); } }, 100);
        raw.send('GET /healthz HTTP/1.1\r\nX-Drip: ');
        try {
            assert.equal((await raw.answer(10000)).status, 408);
        } finally {
            clearInterval(drip);
            raw.close();
        }
    });
    test('a body that never comes: answered or closed, not held', async () => {
        const raw = await Raw.open(sys.host, 8000);
        raw.send(request('POST', '/api/auth/login', [host(), 'Content-Type: application/json', 'Content-Length: 100'], '{"user'));
        await raw.gone(15000);
        raw.close();
    });
    test('a body that drips: cut by the deadline of the request', async () => {
        const raw = await Raw.open(sys.host, 8000);
        raw.send(request('POST', '/api/auth/login', [host(), 'Content-Type: application/json', 'Content-Length: 60000'], '{"a":"'));
        const drip = setInterval(() => { if (!raw.ended) { raw.send('a'); } }, 50);
        try {
            await raw.gone(15000);
        } finally {
            clearInterval(drip);
            raw.close();
        }
    });
    test('others are served meanwhile', async () => {
        const slow = await Promise.all(Array.from({ length: 200 }, () => Raw.open(sys.host, 8000)));
        slow.forEach((raw) => raw.send('GET / HT'));
        for (let i = 0; i < 20; i += 1) {
            await sys.api.expect(200, 'GET', '/healthz');
        }
        await Promise.all(slow.map((raw) => raw.gone(10000)));
        slow.forEach((raw) => raw.close());
        await until('no head pending', async () => (await sys.metric('confab_door_pending')) === 0);
    });
});

describe('size', () => {
    test('a head above the limit: 431', async () => {
        const raw = await Raw.open(sys.host, 8000);
        raw.send(request('GET', '/healthz', [host(), `X-Big: ${'a'.repeat(9000)}`]));
        assert.equal((await raw.answer()).status, 431);
        await raw.gone();
    });
    test('a head without end: 431, not memory', async () => {
        const raw = await Raw.open(sys.host, 8000);
        raw.send('GET /healthz HTTP/1.1\r\n');
        for (let i = 0; i < 64 && !raw.ended; i += 1) {
            raw.send(`X-${i}: ${'b'.repeat(1000)}\r\n`);
        }
        assert.equal((await raw.answer()).status, 431);
        raw.close();
    });
    test('a target above the limit: 431 or 414', async () => {
        const raw = await Raw.open(sys.host, 8000);
        raw.send(request('GET', `/${'a'.repeat(9000)}`, [host()]));
        assert.ok([414, 431].includes((await raw.answer()).status));
    });
    test('a body above the limit by its Content-Length: 413, before the body is sent', async () => {
        const raw = await Raw.open(sys.host, 8000);
        raw.send(request('POST', '/api/auth/login', [host(), 'Content-Type: application/json', 'Content-Length: 70000']));
        assert.equal((await raw.answer()).status, 413);
        raw.close();
    });
    test('a body of exactly the limit is read', async () => {
        const body = JSON.stringify({ username: 'nobody', password: 'x', pad: '' });
        const full = body.replace('""', `"${'p'.repeat(65536 - body.length)}"`);
        assert.equal(full.length, 65536);
        const answer = await sys.api.call('POST', '/api/auth/login', { body: full });
        assert.ok([401, 422].includes(answer.status), `${answer.status}`);
    });
    test('POST without a length: 411', async () => {
        const raw = await Raw.open(sys.host, 8000);
        raw.send(request('POST', '/api/auth/login', [host(), 'Content-Type: application/json']));
        assert.ok([400, 411].includes((await raw.answer()).status));
        raw.close();
    });
});

describe('upgrades that are refused', () => {
    const target = () => `/ws?access_token=${ann.token}`;
    const cases = {
        'version 8': [426, () => request('GET', target(), [host(), 'Connection: Upgrade', 'Upgrade: websocket', KEY, 'Sec-WebSocket-Version: 8'])],
        'version 99': [426, () => request('GET', target(), [host(), 'Connection: Upgrade', 'Upgrade: websocket', KEY, 'Sec-WebSocket-Version: 99'])],
        'no version': [[400, 426], () => request('GET', target(), [host(), 'Connection: Upgrade', 'Upgrade: websocket', KEY])],
        'no key': [400, () => request('GET', target(), [host(), 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'])],
        'a short key': [400, () => request('GET', target(), [host(), 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Key: abc', 'Sec-WebSocket-Version: 13'])],
        'a key that is no base64': [400, () => request('GET', target(), [host(), 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Key: !!!!!!!!!!!!!!!!!!!!!!==', 'Sec-WebSocket-Version: 13'])],
        'two keys': [400, () => request('GET', target(), [host(), ...upgrade(KEY)])],
        'two versions': [400, () => request('GET', target(), [host(), ...upgrade('Sec-WebSocket-Version: 8')])],
        'two Upgrade headers': [[400, 426], () => request('GET', target(), [host(), ...upgrade('Upgrade: h2c')])],
        'Upgrade: h2c': [[400, 426], () => request('GET', target(), [host(), 'Connection: Upgrade', 'Upgrade: h2c'])],
        'POST': [[400, 405], () => request('POST', target(), [host(), ...upgrade('Content-Length: 0')])],
        'HTTP/1.0': [[400, 426, 505], () => request('GET', target(), [host(), ...upgrade()]).replace('HTTP/1.1', 'HTTP/1.0')],
        'an unknown path': [404, () => request('GET', `/nowhere?access_token=${ann.token}`, [host(), ...upgrade()])],
        'a path of the API (which may ignore it)': [[200, 400, 404, 426], () => request('GET', `/api/me?access_token=${ann.token}`, [host(), ...upgrade()])],
        'a body with it': [400, () => request('GET', target(), [host(), ...upgrade('Content-Length: 5')], 'hello')],
        'an obs-folded header': [400, () => request('GET', target(), [host(), ...upgrade('X-A: b\r\n c')])],
        'two Hosts': [400, () => request('GET', target(), [host(), ...upgrade('Host: other')])],
    };
    for (const [name, [status, bytes]] of Object.entries(cases)) {
        test(name, async () => {
            const raw = await Raw.open(sys.host, 8000);
            raw.send(bytes());
            const answer = await raw.answer();
            assert.ok([status].flat().includes(answer.status), `${answer.status} ${answer.body}`);
            if (answer.status === 426) {
                assert.match(answer.headers['sec-websocket-version'] ?? answer.headers.upgrade ?? '', /13|websocket/i);
            }
            raw.close();
        });
    }
    test('an unknown dialect: closed with 4404, which a browser can read', async () => {
        for (const dialect of ['klingon', 'socketio']) {
            const socket = new WebSocket(`ws://${sys.host}:8000${target()}&dialect=${dialect}`);
            socket.on('error', () => {});
            const code = await new Promise((resolve) => { socket.on('close', resolve); socket.on('unexpected-response', (rq, answer) => resolve(answer.statusCode)); });
            assert.equal(code, dialect === 'klingon' ? 4404 : 400, dialect); // Socket.IO needs a query of its own
        }
    });
    test('a plain GET of /ws: 426 with a JSON hint', async () => {
        const answer = await sys.api.call('GET', '/ws', { token: ann.token });
        assert.equal(answer.status, 426);
        assert.equal(answer.json.code, 'upgrade_required');
        assert.match(answer.headers.get('upgrade') ?? '', /websocket/i);
    });
    test('no token: 101, then 4401 with a reason', async () => {
        const client = await sys.rooms(null);
        const { code, reason } = await client.gone();
        assert.equal(code, 4401);
        assert.notEqual(reason, '');
    });
});

test('upgrades in one, two and many pieces, and with frames right behind the head', async () => {
    const head = request('GET', `/ws?access_token=${ann.token}&ext=1`, [host(), ...upgrade()]);
    const ping = Buffer.from([0x81, 0x80 | 15, 0, 0, 0, 0, ...Buffer.from('{"type":"ping"}')]);
    const whole = Buffer.concat([Buffer.from(head), ping]);
    for (const cuts of [[whole.length], [10, whole.length], [head.length, whole.length], [head.length - 2, whole.length], [head.length + 3, whole.length],
        Array.from({ length: 20 }, (_, i) => Math.ceil(whole.length * (i + 1) / 20))]) {
        const raw = await Raw.open(sys.host, 8000);
        let from = 0;
        for (const cut of cuts) {
            raw.send(whole.subarray(from, cut));
            from = cut;
            await new Promise((resolve) => { setImmediate(resolve); });
        }
        const answer = await raw.answer();
        assert.equal(answer.status, 101);
        assert.equal(answer.headers['sec-websocket-accept'], 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
        await until(`a pong (cut at ${cuts})`, () => raw.text.includes('"pong"'));
        raw.close();
    }
});
