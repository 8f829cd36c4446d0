// Bodies that are no JSON or no object, paths and methods outside the table.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { useSystem } from '../lib/system.mjs';
import { assertProblem } from '../lib/api.mjs';

let ann;
let bob;
const sys = useSystem({ before, after }, { workers: 1 }, async () => { [ann, bob] = await sys.api.users(2); });
const create = (body, headers) => sys.api.call('POST', '/api/chat/create/group', { token: ann.token, body, headers });

describe('bodies', () => {
    const cases = {
        empty: '', 'cut off': '{"chat_name":"x","participants":[', 'a trailing comma': '{"chat_name":"x","participants":[],}',
        'two documents': '{}{}', 'text behind': '{"chat_name":"x","participants":[]} x', 'single quotes': "{'chat_name':'x'}", 'a comment': '{/* */"chat_name":"x"}',
        'a byte order mark': '\ufeff{"chat_name":"x","participants":[]}', 'a duplicate key': '{"chat_name":"x","chat_name":"y","participants":[]}',
        'an escaped duplicate key': '{"chat_name":"x","chat_\\u006eame":"y","participants":[]}', 'a NUL escape': '{"chat_name":"a\\u0000b","participants":[]}',
        'a NUL escape in a key': '{"chat_name\\u0000":"x","participants":[]}', 'a raw NUL': '{"chat_name":"a\0b","participants":[]}', 'a raw newline in a string': '{"chat_name":"a\nb","participants":[]}',
        'a raw tab in a string': '{"chat_name":"a\tb","participants":[]}', 'a lone high surrogate': '{"chat_name":"\\ud83d","participants":[]}', 'a lone low surrogate': '{"chat_name":"\\ude00","participants":[]}',
        'a surrogate pair the wrong way round': '{"chat_name":"\\ude00\\ud83d","participants":[]}', 'a bad escape': '{"chat_name":"\\x41","participants":[]}', 'NaN': '{"chat_name":NaN}', 'Infinity': '{"a":Infinity}',
        'a leading zero': '{"a":01}', 'a number with a plus': '{"a":+1}', 'a lone minus': '{"a":-}', 'a hex number': '{"a":0x10}', 'a number beyond everything': '{"a":1e400}',
        'deep nesting': `{"a":${'['.repeat(5000)}${']'.repeat(5000)}}`, 'very deep nesting': '['.repeat(100000), nonsense: 'nonsense', 'form data': 'chat_name=x',
    };
    for (const [what, text] of Object.entries(cases)) {
        test(`${what}: 400`, async () => {
            const answer = await create(text);
            assert.ok([400, 413, 422].includes(answer.status), `${answer.status} ${answer.text}`);
            assert.match(answer.json.code, /bad_json|bad_request|invalid_field|too_large/);
        });
    }
    test('broken JSON is answered with the place', async () => {
        const answer = await create('{"chat_name": x}');
        assertProblem(answer, 400, 'bad_json');
        assert.match(answer.json.detail, /1[0-9]|line|position|byte|offset/i);
    });
    for (const [what, bytes] of Object.entries({
        'Latin-1': [0xfc], 'a surrogate in UTF-8': [0xed, 0xa0, 0x80], 'an overlong form': [0xc0, 0xaf], 'beyond U+10FFFF': [0xf4, 0xbf, 0xbf, 0xbf], 'a cut sequence': [0xe2, 0x82],
    })) {
        test(`text in ${what}: 400`, async () => {
            const body = Buffer.concat([Buffer.from('{"chat_name":"'), Buffer.from(bytes), Buffer.from('","participants":[]}')]);
            const answer = await create(body, { 'content-type': 'application/json' });
            assert.equal(answer.status, 400, answer.text);
        });
    }
    for (const text of ['[]', '"x"', '5', 'null', 'true']) {
        test(`${text} instead of an object`, async () => {
            const answer = await create(text);
            assert.ok([400, 422].includes(answer.status), `${answer.status} ${answer.text}`);
        });
    }
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/xml', 'application/jsonx']) {
        test(`Content-Type ${type}: 415`, async () => {
            const answer = await create('{"chat_name":"x","participants":[]}', { 'content-type': type });
            assertProblem(answer, 415, 'unsupported_media_type');
        });
    }
    test('application/json with a charset is fine', async () => {
        const answer = await create(JSON.stringify({ chat_name: 'charset', participants: [bob.id] }), { 'content-type': 'application/json; charset=utf-8' });
        assert.equal(answer.status, 201, answer.text);
    });
    test('unknown members are ignored', async () => {
        const answer = await create({ chat_name: 'more', participants: [], colour: 'red', __proto__x: {} });
        assert.equal(answer.status, 201, answer.text);
    });
    test('a body above http_body_max_bytes: 413', async () => {
        const answer = await create(JSON.stringify({ chat_name: 'x', pad: 'p'.repeat(1100000) })).catch((error) => ({ error }));
        assert.ok(answer.error || answer.status === 413, answer.text);
    });
    test('nothing of all that was half-done', async () => {
        const { json } = await sys.api.expect(200, 'GET', '/api/chats', { token: ann.token });
        assert.deepEqual(json.chats.map((c) => c.chat_name).sort(), ['charset', 'more']);
    });
});

describe('routes', () => {
    test('unknown paths: 404 as a problem', async () => {
        for (const path of ['/', '/api', '/api/', '/api/nothing', '/api/chats/', '/api/chats/1/2/3', '/favicon.ico', '/api/me/x', '/.env', '/api/admin']) {
            assertProblem(await sys.api.call('GET', path, { token: ann.token }), 404, 'route_not_found');
        }
    });
    test('a known path with another method: 405 with Allow', async () => {
        for (const [method, path, allow] of [['DELETE', '/healthz', /GET/], ['PUT', '/api/chats', /GET/], ['GET', '/api/auth/login', /POST/], ['PATCH', '/api/chats/1/messages', /POST/], ['POST', '/api/me', /GET/]]) {
            const answer = await sys.api.call(method, path, { token: ann.token, body: method === 'GET' ? undefined : {} });
            assertProblem(answer, 405, 'method_not_allowed');
            assert.match(answer.headers.get('allow') ?? '', allow, `${method} ${path}`);
        }
    });
    test('HEAD is GET without a body', async () => {
        const answer = await sys.api.call('HEAD', '/healthz');
        assert.equal(answer.status, 200);
        assert.equal(answer.text, '');
    });
    test('every answer has a request id, and errors repeat it', async () => {
        const good = await sys.api.call('GET', '/healthz');
        assert.ok(good.headers.get('x-request-id'));
        const bad = await sys.api.call('GET', '/nothing');
        assert.equal(bad.headers.get('x-request-id'), bad.json.request_id);
        assert.notEqual(bad.headers.get('x-request-id'), good.headers.get('x-request-id'));
    });
    test('percent-encoded ids and odd queries', async () => {
        const room = await sys.api.group(ann, 'Query', [bob]);
        const encoded = [...room.chat_id].map((c) => `%${c.charCodeAt(0).toString(16)}`).join('');
        assert.equal((await sys.api.call('GET', `/api/chats/${encoded}`, { token: ann.token })).status, 200);
        for (const query of ['?', '?&&', '?=', '?x', '?limit=5&limit=6', '?limit=%35', '?unknown=1', `?${'a=1&'.repeat(500)}`]) {
            const answer = await sys.api.call('GET', `/api/chats${query}`, { token: ann.token });
            assert.ok([200, 400, 414, 422, 431].includes(answer.status), `${query}: ${answer.status}`);
        }
    });
});
