// Who is who: bad tokens, several carriers, cookies and origins, tickets, and that no secret reaches a log.
import crypto from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { signToken } from '../lib/token.mjs';
import { useSystem } from '../lib/system.mjs';

let ann;
let bob;
const sys = useSystem({ before, after }, { workers: 1, rest: { log_level: 'debug', token_leeway_ms: '0ms', ticket_ttl_ms: '2s', origins: 'https://app.example' }, ws: { log_level: 'debug' } }, async () => { [ann, bob] = await sys.api.users(2); });
const b64 = (v) => Buffer.from(typeof v === 'string' ? v : JSON.stringify(v)).toString('base64url');

const bad = {
    expired: () => sys.api.token(ann.n, { ttl: -5 }),
    'not yet valid': () => sys.api.token(ann.n, { claims: { nbf: Math.floor(Date.now() / 1000) + 100 } }),
    'issued in the future': () => sys.api.token(ann.n, { claims: { iat: Math.floor(Date.now() / 1000) + 1000 } }),
    'without expiry': () => sys.api.token(ann.n, { claims: { exp: undefined } }),
    'expiry as a string': () => sys.api.token(ann.n, { claims: { exp: '9999999999' } }),
    'expiry as a fraction beyond numbers': () => sys.api.token(ann.n, { claims: { exp: 1e300 } }),
    'signed with another key': () => signToken(crypto.randomBytes(32).toString('base64url'), ann.n),
    'signed with an empty key': () => signToken('', ann.n),
    'alg none without a signature': () => sys.api.token(ann.n, { header: { alg: 'none' } }),
    'alg None': () => sys.api.token(ann.n, { header: { alg: 'None' } }),
    'alg none with the old signature': () => { const [, p, s] = ann.token.split('.'); return `${b64({ alg: 'none', typ: 'JWT' })}.${p}.${s}`; },
    'alg HS512': () => sys.api.token(ann.n, { header: { alg: 'HS512' } }),
    'alg RS256 with an HMAC': () => { const [, p, s] = ann.token.split('.'); return `${b64({ alg: 'RS256' })}.${p}.${s}`; },
    'an unknown kid': () => sys.api.token(ann.n, { kid: 'another' }),
    'a kid that is a path': () => sys.api.token(ann.n, { kid: '../../../../dev/null' }),
    'claims exchanged': () => { const [h, , s] = ann.token.split('.'); return `${h}.${bob.token.split('.')[1]}.${s}`; },
    'signature cut': () => ann.token.slice(0, -1),
    'signature with a character more': () => `${ann.token}A`,
    'signature with padding': () => `${ann.token}=`,
    'no signature': () => `${ann.token.split('.').slice(0, 2).join('.')}.`,
    'two parts': () => ann.token.split('.').slice(0, 2).join('.'),
    'four parts': () => `${ann.token}.x`,
    'another issuer': () => sys.api.token(ann.n, { claims: { iss: 'evil' } }),
    'another audience': () => sys.api.token(ann.n, { claims: { aud: 'evil' } }),
    'no subject': () => sys.api.token(ann.n, { claims: { sub: undefined } }),
    'a subject that does not exist': () => sys.api.token(999999),
    'a subject that is no number': () => sys.api.token('root'),
    'a subject with a space': () => sys.api.token(` ${ann.n}`),
    'a subject with a sign': () => sys.api.token(`+${ann.n}`),
    'a numeric subject': () => sys.api.token(ann.n, { claims: { sub: ann.n } }),
    'claims that are no JSON': () => `${b64({ alg: 'HS256' })}.${b64('nonsense')}.${b64('x')}`,
    'a duplicate claim': () => {
        const p = b64(`{"iss":"confab","aud":"confab","sub":"${bob.n}","sub":"${ann.n}","iat":1,"exp":9999999999}`);
        const h = b64({ alg: 'HS256', typ: 'JWT' });
        return `${h}.${p}.${crypto.createHmac('sha256', sys.secret).update(`${h}.${p}`).digest('base64url')}`;
    },
    'eight kilobytes': () => `${ann.token}${'A'.repeat(6000)}`,
    nonsense: () => 'nonsense',
};

describe('a bad token is refused on every way in', () => {
    for (const [what, make] of Object.entries(bad)) {
        test(what, async () => {
            const token = make();
            const http = await sys.api.call('GET', '/api/me', { token });
            assert.equal(http.status, 401, `${http.status} ${http.text}`);
            assert.match(http.json.code, /unauthenticated|token_expired|token_revoked/);
            assert.match(http.headers.get('www-authenticate') ?? '', /bearer/i);
            const client = await sys.rooms(token);
            assert.equal((await client.gone()).code, 4401);
        });
    }
    test('no token, and other schemes', async () => {
        for (const authorization of [undefined, '', 'Bearer', 'Bearer ', `Basic ${b64('a:b')}`, `Token ${ann.token}`, `Bearer ${ann.token} x`, `Bearer ${ann.token},Bearer ${ann.token}`]) {
            const answer = await sys.api.call('GET', '/api/me', { headers: authorization === undefined ? {} : { authorization } });
            assert.equal(answer.status, 401, String(authorization));
        }
    });
    test('the admin secret is no user token and the other way round', async () => {
        assert.equal((await sys.api.call('GET', '/api/me', { token: sys.adminSecret })).status, 401);
        for (const token of [ann.token, `${sys.adminSecret}x`, sys.adminSecret.slice(0, -1), '']) {
            const answer = await sys.api.call('GET', '/api/admin/status', token ? { token } : {});
            assert.ok([401, 403].includes(answer.status), `${answer.status}`);
        }
        assert.equal((await sys.api.admin('GET', '/api/admin/status')).status, 200);
    });
    test('every route but the public ones asks for a token', async () => {
        const public_ = new Set(['GET /healthz', 'GET /readyz', 'GET /metrics', 'POST /api/auth/register', 'POST /api/auth/login', 'POST /api/auth/refresh',
            'GET /{page}']); // files of web_dir, which there is none of here
        const fs = await import('node:fs');
        const path = await import('node:path');
        const { ROOT } = await import('../lib/database.mjs');
        const source = fs.readFileSync(path.join(ROOT, 'rest/routes.c'), 'utf8');
        const routes = [...source.matchAll(/\{HTTP_(\w+), "([^"]+)"/g)].map(([, method, path_]) => [method, path_]);
        assert.ok(routes.length > 25);
        for (const [method, pattern] of routes) {
            const url = pattern.replace(/\{\w+\}/g, '1');
            const answer = await sys.api.call(method, url, { body: method === 'GET' || method === 'DELETE' ? undefined : {} });
            if (/^\/(socket|engine)\.io\/$/.test(pattern)) { // who it is comes in Socket.IO's CONNECT; without, nothing is heard (700)
                assert.ok([400, 404].includes(answer.status), `${method} ${pattern}: ${answer.status}`);
            } else if (public_.has(`${method} ${pattern}`)) {
                assert.notEqual(answer.status, 401, `${method} ${pattern}`);
            } else {
                assert.ok([401, 403].includes(answer.status), `${method} ${pattern}: ${answer.status}`);
            }
        }
    });
});

describe('carriers', () => {
    test('each works on a WebSocket: query, cookie with an allowed Origin, subprotocol, ticket', async () => {
        const { json } = await sys.api.expect(201, 'POST', '/api/auth/ticket', { token: ann.token });
        for (const options of [{ carrier: 'query' }, { carrier: 'cookie', headers: { origin: 'http://localhost:8000' } }, { carrier: 'subprotocol' },
            { carrier: 'none', query: { ticket: json.ticket } }, { carrier: 'none', query: { token: ann.token } }]) {
            const client = await sys.rooms(ann, options);
            client.send({ type: 'ping' });
            await client.wait('pong');
            if (options.carrier === 'subprotocol') {
                assert.equal(client.ws.protocol, 'rooms.v1', 'the token must not come back as the chosen protocol');
            }
            client.close();
        }
    });
    test('two of the same user are fine', async () => {
        const client = await sys.rooms(ann, { carrier: 'query', headers: { cookie: `confab_token=${sys.api.token(ann.n)}` } });
        client.send({ type: 'ping' });
        await client.wait('pong');
    });
    test('two of different users are refused, on REST and WebSocket', async () => {
        const client = await sys.rooms(ann, { carrier: 'query', headers: { cookie: `confab_token=${bob.token}` } });
        assert.equal((await client.gone()).code, 4401);
        const answer = await sys.api.call('GET', '/api/me', { token: ann.token, headers: { cookie: `confab_token=${bob.token}` } });
        assert.equal(answer.status, 401);
        assert.equal(answer.json.code, 'carriers_disagree');
        const query = await sys.api.call('GET', `/api/me?access_token=${bob.token}`, { token: ann.token });
        assert.equal(query.status, 401);
    });
    test('a good one beside a bad one is refused', async () => {
        const client = await sys.rooms(ann, { carrier: 'query', protocols: ['rooms.v1', 'bearer.nonsense'] });
        assert.equal((await client.gone()).code, 4401);
    });
    test('the same carrier twice is refused', async () => {
        const answer = await sys.api.call('GET', `/api/me?access_token=${ann.token}&access_token=${bob.token}`);
        assert.ok([400, 401].includes(answer.status), `${answer.status} ${answer.text}`);
        const cookie = await sys.api.call('GET', '/api/me', { headers: { cookie: `confab_token=${ann.token}; confab_token=${bob.token}` } });
        assert.ok([400, 401].includes(cookie.status), `${cookie.status} ${cookie.text}`);
    });
});

describe('cookies and origins', () => {
    const refused = async (who, options) => {
        const client = await sys.rooms(who, { ...options, wait: false });
        return client.open.then(() => client.gone(), (error) => ({ status: error.status, error: error.message }));
    };
    const upgrade = (headers, carrier = 'cookie') => sys.rooms(ann, { carrier, headers });
    test('an upgrade by cookie from a foreign site is refused', async () => {
        for (const origin of ['https://evil.example', 'null', 'http://localhost.evil.example', 'https://app.example.evil.com', 'http://app.example', 'https://app.example:444', 'file://']) {
            const outcome = await refused(ann, { carrier: 'cookie', headers: { origin } });
            assert.ok(outcome.code === 4403 || outcome.status === 403, `${origin}: ${JSON.stringify(outcome)}`);
        }
    });
    test('an upgrade by cookie without any Origin is refused', async () => {
        const outcome = await refused(ann, { carrier: 'cookie' });
        assert.ok(outcome.code === 4403 || outcome.status === 403, JSON.stringify(outcome));
    });
    test('an allowed origin may', async () => {
        for (const origin of ['https://app.example', 'http://localhost:8000', 'http://127.0.0.1:5173']) {
            const client = await upgrade({ origin });
            client.send({ type: 'ping' });
            await client.wait('pong');
            client.close();
        }
    });
    test('a foreign origin is refused even with a token in the URL', async () => {
        const outcome = await refused(ann, { carrier: 'query', headers: { origin: 'https://evil.example' } });
        assert.ok(outcome.code === 4403 || outcome.status === 403, JSON.stringify(outcome));
    });
    test('a change by cookie needs an allowed Origin; reading does too, from scripts', async () => {
        const post = (headers) => sys.api.call('POST', '/api/chat/create/personal', { body: { user_id: bob.id }, headers: { cookie: `confab_token=${ann.token}`, ...headers } });
        for (const headers of [{}, { origin: 'https://evil.example' }, { origin: 'null' }, { 'sec-fetch-site': 'cross-site' }]) {
            const answer = await post(headers);
            assert.ok([401, 403].includes(answer.status), `${JSON.stringify(headers)}: ${answer.status}`);
        }
        assert.ok([200, 201].includes((await post({ origin: 'https://app.example' })).status));
        const read = await sys.api.call('GET', '/api/me', { headers: { cookie: `confab_token=${ann.token}`, origin: 'https://evil.example' } });
        assert.equal(read.headers.get('access-control-allow-origin'), null);
    });
    test('CORS: the exact origin, never *, for allowed ones only; preflight', async () => {
        const answer = await sys.api.call('GET', '/api/me', { token: ann.token, headers: { origin: 'https://app.example' } });
        assert.equal(answer.headers.get('access-control-allow-origin'), 'https://app.example');
        assert.match(answer.headers.get('vary') ?? '', /origin/i);
        const failed = await sys.api.call('GET', '/api/nothing', { headers: { origin: 'https://app.example' } });
        assert.equal(failed.headers.get('access-control-allow-origin'), 'https://app.example', 'errors need it too');
        const preflight = await sys.api.call('OPTIONS', '/api/chats', { headers: { origin: 'https://app.example', 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization,content-type' } });
        assert.ok([200, 204].includes(preflight.status), preflight.text);
        assert.equal(preflight.headers.get('access-control-allow-origin'), 'https://app.example');
        assert.match(preflight.headers.get('access-control-allow-headers') ?? '', /authorization/i);
        const evil = await sys.api.call('OPTIONS', '/api/chats', { headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' } });
        assert.equal(evil.headers.get('access-control-allow-origin'), null);
    });
});

describe('tickets', () => {
    const ticket = async () => (await sys.api.expect(201, 'POST', '/api/auth/ticket', { token: ann.token })).json.ticket;
    test('works once', async () => {
        const value = await ticket();
        const client = await sys.rooms(null, { query: { ticket: value } });
        client.send({ type: 'ping' });
        await client.wait('pong');
        const again = await sys.rooms(null, { query: { ticket: value } });
        assert.equal((await again.gone()).code, 4401);
    });
    test('expires', async () => {
        const value = await ticket();
        const { until } = await import('../lib/wait.mjs');
        const made = Date.now();
        await until('the ticket is old', () => Date.now() - made > 2500);
        const client = await sys.rooms(null, { query: { ticket: value } });
        assert.equal((await client.gone()).code, 4401);
    });
    test('dies with the token it came from', async () => {
        const { json: session } = await sys.api.expect(200, 'POST', '/api/auth/login', { body: { username: ann.username, password: 'correct horse' } });
        const value = (await sys.api.expect(201, 'POST', '/api/auth/ticket', { token: session.access_token })).json.ticket;
        await sys.api.call('POST', '/api/auth/logout', { token: session.access_token });
        const client = await sys.rooms(null, { query: { ticket: value } });
        assert.equal((await client.gone()).code, 4401);
    });
    test('is no token for REST', async () => {
        const value = await ticket();
        assert.equal((await sys.api.call('GET', '/api/me', { token: value })).status, 401);
        assert.equal((await sys.api.call('GET', `/api/me?ticket=${value}`)).status, 401);
    });
    test('guessed: refused', async () => {
        const client = await sys.rooms(null, { query: { ticket: crypto.randomBytes(32).toString('base64url') } });
        assert.equal((await client.gone()).code, 4401);
    });
});

test('no token, ticket, password or cookie is in any log, even at debug level', async () => {
    const password = 'a-very-distinct-password';
    const dan = await sys.api.user('Dan', { password });
    const { json: session } = await sys.api.expect(200, 'POST', '/api/auth/login', { body: { username: dan.username, password } });
    await sys.api.call('POST', '/api/auth/login', { body: { username: dan.username, password: `${password}-wrong` } });
    await sys.api.call('POST', '/api/auth/refresh', { body: { refresh_token: session.refresh_token } });
    await sys.api.call('GET', `/api/me?access_token=${dan.token}`);
    await sys.api.call('GET', `/nowhere?access_token=${dan.token}&token=${dan.token}`);
    const { json } = await sys.api.expect(201, 'POST', '/api/auth/ticket', { token: dan.token });
    for (const options of [{ carrier: 'query' }, { carrier: 'subprotocol' }, { carrier: 'none', query: { ticket: json.ticket } }, { carrier: 'cookie', headers: { origin: 'http://localhost:8000' } }]) {
        (await sys.rooms(dan, options)).close();
    }
    const client = await sys.rooms(dan);
    client.send({ type: 'auth', token: sys.api.token(dan.n) });
    await client.wait('auth_ok');
    const logs = [sys.rest, ...sys.workers].map((d) => d.output()).join('');
    assert.ok(logs.length > 1000, 'nothing is logged at all?');
    const signature = (t) => t.split('.')[2];
    for (const [what, secret] of Object.entries({
        password, 'access token': signature(session.access_token), 'own token': signature(dan.token), 'refresh token': session.refresh_token,
        ticket: json.ticket, 'signing key': sys.secret, 'admin secret': sys.adminSecret,
    })) {
        assert.ok(!logs.includes(secret), `${what} is in a log`);
    }
});
