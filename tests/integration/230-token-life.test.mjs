// A socket lives no longer than its token: expiry, refresh in-band, logout, revocation, disabling, kick.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { useSystem } from '../lib/system.mjs';

let ann;
let bob;
const sys = useSystem({ before, after }, { rest: { token_leeway_ms: '0ms' } }, async () => { [ann, bob] = await sys.api.users(2); });
const login = async (user) => (await sys.api.expect(200, 'POST', '/api/auth/login', { body: { username: user.username, password: 'correct horse' } })).json;
const now = () => Math.floor(Date.now() / 1000);

test('the token expires: 4401 with a reason, not before', async () => {
    const token = sys.api.token(ann.n, { ttl: 3 });
    const client = await sys.rooms(token);
    const { code, reason } = await client.gone(20000);
    assert.equal(code, 4401);
    assert.match(reason, /expired/i);
    assert.ok(now() >= JSON.parse(Buffer.from(token.split('.')[1], 'base64url')).exp, 'closed too early');
});

test('refreshed in-band it stays, and lives as long as the new one', async () => {
    const client = await sys.rooms(sys.api.token(ann.n, { ttl: 3 }));
    const witness = await sys.rooms(sys.api.token(ann.n, { ttl: 4 }));
    client.send({ type: 'auth', token: sys.api.token(ann.n, { ttl: 7 }) });
    const ok = await client.wait('auth_ok');
    assert.match(ok.expires_at, /^\d{4}-.*Z$/);
    await witness.gone(20000);
    assert.ok(client.isOpen, 'closed although refreshed');
    assert.equal((await client.gone(20000)).code, 4401);
});

describe('a bad refresh in-band is an error and changes nothing', () => {
    for (const [what, make] of Object.entries({
        "another user's token": () => bob.token,
        'an expired token': () => sys.api.token(ann.n, { ttl: -10 }),
        'a forged token': () => `${ann.token.slice(0, -6)}AAAAAA`,
        'nonsense': () => 'nonsense',
        'an empty token': () => '',
        'a number': () => 7,
    })) {
        test(what, async () => {
            const client = await sys.rooms(ann);
            client.send({ type: 'auth', token: make() });
            const error = await client.wait('error');
            assert.ok(['unauthenticated', 'token_expired', 'carriers_disagree', 'forbidden', 'invalid_field'].includes(error.code), error.code);
            client.send({ type: 'ping' });
            await client.wait('pong');
            client.close();
        });
    }
});

test('logout closes the sockets of that session only, with 4401', async () => {
    const [one, two] = [await login(ann), await login(ann)];
    const [first, second] = [await sys.rooms(one.access_token), await sys.rooms(two.access_token)];
    const third = await sys.rooms(one.access_token);
    await sys.api.call('POST', '/api/auth/logout', { token: one.access_token });
    assert.equal((await first.gone()).code, 4401);
    assert.equal((await third.gone()).code, 4401);
    second.send({ type: 'ping' });
    await second.wait('pong');
    const refused = await sys.rooms(one.access_token);
    assert.equal((await refused.gone()).code, 4401);
});

test('a socket that was refreshed with another session belongs to that one', async () => {
    const [one, two] = [await login(ann), await login(ann)];
    const client = await sys.rooms(one.access_token);
    client.send({ type: 'auth', token: two.access_token });
    await client.wait('auth_ok');
    await sys.api.call('POST', '/api/auth/logout', { token: one.access_token });
    const other = await sys.rooms(one.access_token);
    await other.gone();
    assert.ok(client.isOpen);
    await sys.api.call('POST', '/api/auth/logout', { token: two.access_token });
    assert.equal((await client.gone()).code, 4401);
});

test('disabling a user closes every socket and refuses every token; enabling lets him in again', async () => {
    const dan = await sys.api.user();
    const clients = await Promise.all([1, 2, 3, 4].map(() => sys.rooms(dan)));
    const off = await sys.api.admin('POST', `/api/admin/users/${dan.id}/disable`);
    assert.equal(off.status, 200, off.text);
    for (const client of clients) {
        const { code } = await client.gone();
        assert.ok([4401, 4403].includes(code), String(code));
    }
    assert.ok([401, 403].includes((await sys.api.call('GET', '/api/me', { token: dan.token })).status));
    assert.ok([401, 403].includes((await sys.api.call('POST', '/api/auth/login', { body: { username: dan.username, password: 'correct horse' } })).status));
    await sys.api.refused(404, 'user_not_found', 'POST', '/api/chat/create/personal', { token: ann.token, body: { user_id: dan.id } });
    assert.equal((await sys.api.admin('POST', `/api/admin/users/${dan.id}/enable`)).status, 200);
    await login(dan);
});

test('kick closes the sockets, and he may come back', async () => {
    const dan = await sys.api.user();
    const clients = await Promise.all([1, 2, 3].map(() => sys.rooms(dan)));
    const answer = await sys.api.admin('POST', '/api/admin/kick', { body: { user_id: dan.id } });
    assert.equal(answer.status, 204, answer.text);
    for (const client of clients) {
        assert.ok((await client.gone()).code >= 4400);
    }
    const again = await sys.rooms(dan);
    again.send({ type: 'ping' });
    await again.wait('pong');
});

test('kick with revoke ends every token made before', async () => {
    const dan = await sys.api.user();
    const session = await login(dan);
    const client = await sys.rooms(session.access_token);
    await sys.api.admin('POST', '/api/admin/kick', { body: { user_id: dan.id, revoke: true } });
    assert.equal((await client.gone()).code, 4401);
    await sys.api.refused(401, 'token_revoked', 'GET', '/api/me', { token: session.access_token });
    assert.equal((await sys.api.call('POST', '/api/auth/refresh', { body: { refresh_token: session.refresh_token } })).status, 401);
});

test('a token without a login, in the same second as a revocation: before it void, after it good', async () => {
    const dan = await sys.api.user();
    const issue = async () => (await sys.api.admin('POST', '/api/admin/tokens', { body: { user_id: dan.id } })).json.access_token;
    const me = async (token) => (await sys.api.call('GET', '/api/me', { token })).status;
    const tokens = [];
    for (let round = 0; round < 20; round += 1) { // several a second
        tokens.push(await issue());
        assert.equal(await me(tokens.at(-1)), 200);
        const client = await sys.rooms(tokens.at(-1));
        const second = now();
        await sys.api.admin('POST', '/api/admin/kick', { body: { user_id: dan.id, revoke: true } });
        assert.equal((await client.gone()).code, 4401);
        for (const token of tokens) {
            assert.equal(await me(token), 401);
        }
        const strange = sys.api.token(dan.n); // says no more than the second: in that of the revocation it may be from before
        const { iat } = JSON.parse(Buffer.from(strange.split('.')[1], 'base64url'));
        assert.ok(iat > second || await me(strange) === 401);
    }
    await sys.bounce(sys.rest);
    await sys.ready();
    assert.equal(await me(tokens.at(-1)), 401);
    assert.equal(await me(await issue()), 200);
});

test('a revocation survives a restart', async () => {
    const session = await login(ann);
    await sys.api.call('POST', '/api/auth/logout', { token: session.access_token });
    await sys.bounce(sys.rest);
    await sys.ready();
    await sys.api.refused(401, 'token_revoked', 'GET', '/api/me', { token: session.access_token });
});

test('sockets that are just opening are caught by a logout too', async () => {
    for (let round = 0; round < 20; round += 1) {
        const session = await login(bob);
        const opening = Array.from({ length: 10 }, () => sys.rooms(session.access_token, { wait: false }));
        const clients = await Promise.all(opening);
        await sys.api.call('POST', '/api/auth/logout', { token: session.access_token });
        for (const client of clients) {
            const { code } = await client.gone();
            const opened = await client.open.then(() => true, () => false);
            assert.equal(code, opened ? 4401 : 1006, 'either it never opened, or it is told why');
        }
    }
});
