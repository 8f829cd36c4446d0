// Who gets a conversations socket: 401 in plain HTTP before the upgrade, and how the dialect of /ws is chosen.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { MESSAGE_KEYS, conversations } from '../lib/conversations.mjs';
import { Raw } from '../lib/raw.mjs';
import { useSystem } from '../lib/system.mjs';

let ann;
let bob;
let room;
const sys = useSystem({ before, after }, { workers: 1, rest: { token_leeway_ms: '0ms' } }, async () => {
    [ann, bob] = await sys.api.users(2);
    room = await sys.api.group(ann, 'Room', [bob]);
});

describe('401 before the upgrade', () => {
    const upgrade = async (headers, { path = '/ws', port = 8080 } = {}) => {
        const raw = await Raw.open(sys.host, port);
        const lines = { Host: `${sys.host}:${port}`, Upgrade: 'websocket', Connection: 'Upgrade', 'Sec-WebSocket-Version': '13',
            'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==', ...headers };
        raw.send(`GET ${path} HTTP/1.1\r\n${Object.entries(lines).map(([k, v]) => `${k}: ${v}\r\n`).join('')}\r\n`);
        const answer = await raw.answer();
        raw.close();
        return answer;
    };
    const bearer = (token) => ({ Authorization: `Bearer ${token}` });
    for (const [what, [code, headers, where]] of Object.entries({
        'no token': ['unauthenticated', () => ({})],
        'no token, asked for by name on the rooms port': ['unauthenticated', () => ({}), { path: '/ws?dialect=conversations', port: 8000 }],
        'no token, asked for by subprotocol': ['unauthenticated', () => ({ 'Sec-WebSocket-Protocol': 'conversations.v1' }), { port: 8000 }],
        'an empty token': ['unauthenticated', () => bearer('')],
        'nonsense': ['unauthenticated', () => bearer('nonsense')],
        'a forged token': ['unauthenticated', () => bearer(`${ann.token.slice(0, -6)}AAAAAA`)],
        'alg none': ['unauthenticated', () => bearer(sys.api.token(ann.n, { header: { alg: 'none' } }))],
        'an expired token': ['token_expired', () => bearer(sys.api.token(ann.n, { ttl: -10 }))],
        'an expired token on the rooms port': ['token_expired', () => bearer(sys.api.token(ann.n, { ttl: -10 })), { port: 8000 }],
        'another scheme': ['unauthenticated', () => ({ Authorization: `Basic ${Buffer.from('ann:secret').toString('base64')}` })],
        'the token of a user that does not exist': ['unauthenticated', () => bearer(sys.api.token(987654321))],
        'two users at once': ['carriers_disagree', () => bearer(ann.token), { path: '/ws?access_token=BOB' }],
    })) {
        test(`${what}: ${code}`, async () => {
            const path = where?.path?.replace('BOB', bob.token);
            const answer = await upgrade(headers(), { ...where, ...(path ? { path } : {}) });
            assert.equal(answer.status, 401, answer.body);
            assert.match(answer.headers['content-type'], /^application\/problem\+json/);
            const problem = JSON.parse(answer.body);
            assert.deepEqual([problem.status, problem.code], [401, code]);
            assert.match(answer.headers['www-authenticate'], /^Bearer/);
        });
    }
    test('an npm ws client sees the status', async () => {
        await assert.rejects(conversations(sys, 'nonsense'), /HTTP 401/);
        await assert.rejects(conversations(sys, null), /HTTP 401/);
    });
    test('a logged-out session', async () => {
        const { json } = await sys.api.expect(200, 'POST', '/api/auth/login', { body: { username: ann.username, password: 'correct horse' } });
        const client = await conversations(sys, json.access_token);
        await sys.api.call('POST', '/api/auth/logout', { token: json.access_token });
        assert.equal((await client.gone()).code, 4401);
        await assert.rejects(conversations(sys, json.access_token), /HTTP 401/);
    });
});

describe('the dialect of /ws', () => {
    const authorization = () => ({ authorization: `Bearer ${ann.token}` });
    for (const [what, dialect, options] of [
        ['port 8080, Authorization', 'conversations', () => ({ port: 8080, carrier: 'none', headers: authorization() })],
        ['port 8000, Authorization', 'conversations', () => ({ port: 8000, carrier: 'none', headers: authorization() })],
        ['port 8080, token in the query', 'conversations', () => ({ port: 8080 })],
        ['port 8000, token in the query', 'rooms', () => ({ port: 8000 })],
        ['port 8080, but ?dialect=rooms', 'rooms', () => ({ port: 8080, query: { dialect: 'rooms' } })],
        ['port 8000, ?dialect=conversations', 'conversations', () => ({ port: 8000, query: { dialect: 'conversations' } })],
        ['port 8000, subprotocol conversations.v1', 'conversations', () => ({ port: 8000, protocols: ['conversations.v1'] })],
        ['port 8080, subprotocol rooms.v1 with Authorization', 'rooms', () => ({ port: 8080, carrier: 'none', headers: authorization(), protocols: ['rooms.v1'] })],
        ['?dialect= over subprotocol', 'conversations', () => ({ port: 8000, query: { dialect: 'conversations' }, protocols: ['rooms.v1'] })],
    ]) {
        test(`${what}: ${dialect}`, async () => {
            const given = options();
            // npm ws insists on an answer to what it offered; the server answers with the chosen dialect's own or not at all.
            if (given.query?.dialect && given.protocols) {
                given.protocols = [...given.protocols, 'conversations.v1'];
            }
            const client = await sys.rooms(ann, given);
            await sys.api.send(bob, room.chat_id, what);
            const frame = await client.wait((f) => f.content === what || f.data?.content === what);
            assert.equal(frame.data ? 'rooms' : 'conversations', dialect);
            if (dialect === 'conversations') {
                assert.deepEqual(Object.keys(frame), MESSAGE_KEYS);
            }
            assert.equal(client.ws.protocol, given.protocols ? `${dialect}.v1` : '');
            client.close();
        });
    }
    test('a frame of the other dialect is an error, never a switch', async () => {
        const client = await conversations(sys, ann);
        const rooms = await sys.rooms(ann);
        client.send({ type: 'message', chat_id: room.chat_id, content: 'x' });
        assert.equal((await client.wait((f) => f.error)).error.code, 'invalid_field');
        rooms.send({ conversation_id: room.chat_id, content: 'x' });
        assert.equal((await rooms.wait('error')).code, 'invalid_field');
        await sys.api.send(bob, room.chat_id, 'unchanged');
        assert.deepEqual(Object.keys(await client.wait((f) => f.content === 'unchanged')), MESSAGE_KEYS);
        await rooms.wait((f) => f.data?.content === 'unchanged');
        [client, rooms].forEach((c) => c.close());
    });
});
