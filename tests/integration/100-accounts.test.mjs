// Accounts over REST: register, login, me, refresh, logout, search; every way to get them wrong.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { useSystem } from '../lib/system.mjs';

const sys = useSystem({ before, after }, { workers: 1 });
const register = (body) => sys.api.call('POST', '/api/auth/register', { body });
const login = (username, password) => sys.api.call('POST', '/api/auth/login', { body: { username, password } });

describe('register', () => {
    test('gives the user and tokens that work', async () => {
        const answer = await register({ username: 'ann', password: 'correct horse', name: 'Ann Example' });
        assert.equal(answer.status, 201, answer.text);
        assert.equal(answer.json.user.username, 'ann');
        assert.equal(answer.json.user.name, 'Ann Example');
        assert.match(answer.json.user.user_id, /^[0-9a-f]{24}$/);
        const me = await sys.api.expect(200, 'GET', '/api/me', { token: answer.json.access_token });
        assert.equal(me.json.username, 'ann');
        assert.equal(answer.headers.get('cache-control'), 'no-store');
    });
    test('the same user name again: 409, whatever its case', async () => {
        for (const username of ['ann', 'Ann', 'ANN']) {
            await sys.api.refused(409, 'username_taken', 'POST', '/api/auth/register', { body: { username, password: 'correct horse' } });
        }
    });
    for (const [what, body] of Object.entries({
        'no user name': { password: 'correct horse' },
        'no password': { username: 'x1' },
        'an empty user name': { username: '', password: 'correct horse' },
        'a user name that is too long': { username: 'a'.repeat(33), password: 'correct horse' },
        'a user name with a space': { username: 'a b', password: 'correct horse' },
        'a user name with a control character': { username: 'a\u0007b', password: 'correct horse' },
        'a user name that is a number': { username: 7, password: 'correct horse' },
        'a user name that is null': { username: null, password: 'correct horse' },
        'a short password': { username: 'x2', password: 'short' },
        'a password that is too long': { username: 'x3', password: 'p'.repeat(257) },
        'a password that is an array': { username: 'x4', password: ['correct horse'] },
        'a display name that is too long': { username: 'x5', password: 'correct horse', name: 'n'.repeat(101) },
        'a display name with a newline': { username: 'x6', password: 'correct horse', name: 'a\nb' },
        'a display name with a right-to-left override': { username: 'x7', password: 'correct horse', name: 'a\u202eb' },
    })) {
        test(`${what}: 422`, async () => {
            const answer = await sys.api.refused(422, 'invalid_field', 'POST', '/api/auth/register', { body });
            assert.equal(typeof answer.json.field, 'string');
        });
    }
    test('emoji and umlauts in a display name come back as they went in', async () => {
        const name = 'Zoë 👩‍👩‍👧 Ünïcode';
        const answer = await register({ username: 'zoe', password: 'correct horse', name });
        assert.equal(answer.status, 201, answer.text);
        assert.equal(answer.json.user.name, name);
    });
});

describe('login', () => {
    test('right', async () => {
        const answer = await login('ann', 'correct horse');
        assert.equal(answer.status, 200);
        assert.equal(answer.json.token_type.toLowerCase(), 'bearer');
        assert.equal(answer.json.expires_in, 900);
        for (const member of ['access_token', 'refresh_token']) {
            assert.equal(typeof answer.json[member], 'string');
        }
        assert.equal(answer.json.user.username, 'ann');
        assert.match(answer.headers.get('set-cookie') ?? '', /confab_token=.*HttpOnly/i);
    });
    test('wrong password and unknown user are the same answer', async () => {
        const wrong = await sys.api.refused(401, 'bad_credentials', 'POST', '/api/auth/login', { body: { username: 'ann', password: 'wrong horse' } });
        const unknown = await sys.api.refused(401, 'bad_credentials', 'POST', '/api/auth/login', { body: { username: 'nobody', password: 'wrong horse' } });
        assert.equal(wrong.json.detail, unknown.json.detail);
    });
});

describe('refresh', () => {
    const refresh = (token) => sys.api.call('POST', '/api/auth/refresh', { body: { refresh_token: token } });
    test('rotates: the new one works, the old one revokes the whole session', async () => {
        const { json: first } = await login('ann', 'correct horse');
        const second = await refresh(first.refresh_token);
        assert.equal(second.status, 200, second.text);
        assert.notEqual(second.json.refresh_token, first.refresh_token);
        await sys.api.expect(200, 'GET', '/api/me', { token: second.json.access_token });
        const reuse = await refresh(first.refresh_token);
        assert.equal(reuse.status, 401);
        assert.equal(reuse.json.code, 'refresh_reused');
        assert.equal((await refresh(second.json.refresh_token)).status, 401);
        await sys.api.refused(401, 'token_revoked', 'GET', '/api/me', { token: second.json.access_token });
        // Another session of the same user goes on.
        const { json: other } = await login('ann', 'correct horse');
        await sys.api.expect(200, 'GET', '/api/me', { token: other.access_token });
    });
    test('with the same Idempotency-Key: the same new one, until that is used', async () => {
        const again = (token, key) => sys.api.call('POST', '/api/auth/refresh', { body: { refresh_token: token }, headers: { 'idempotency-key': key } });
        const { json: first } = await login('ann', 'correct horse');
        const answers = await Promise.all([again(first.refresh_token, 'a'), again(first.refresh_token, 'a')]);
        answers.push(await again(first.refresh_token, 'a'));
        assert.deepEqual(answers.map(({ status }) => status), [200, 200, 200]);
        assert.equal(new Set(answers.map(({ json }) => json.refresh_token)).size, 1);
        const second = answers[0].json;
        await sys.api.expect(200, 'GET', '/api/me', { token: answers[2].json.access_token });
        const third = await again(second.refresh_token, 'b');
        assert.equal(third.status, 200, third.text);
        assert.equal((await again(first.refresh_token, 'a')).json.code, 'refresh_reused');
        assert.equal((await again(third.json.refresh_token, 'c')).status, 401);
    });
    test('with another Idempotency-Key, or none, a token that was used ends the session', async () => {
        for (const headers of [{ 'idempotency-key': 'other' }, {}]) {
            const { json: first } = await login('ann', 'correct horse');
            const send = (with_) => sys.api.call('POST', '/api/auth/refresh', { body: { refresh_token: first.refresh_token }, headers: with_ });
            assert.equal((await send({ 'idempotency-key': 'a' })).status, 200);
            assert.equal((await send(headers)).json.code, 'refresh_reused');
            assert.equal((await send({ 'idempotency-key': 'a' })).status, 401);
        }
    });
    test('two at once with the same token: one wins', async () => {
        const { json: first } = await login('ann', 'correct horse');
        const answers = await Promise.all([refresh(first.refresh_token), refresh(first.refresh_token)]);
        assert.deepEqual(answers.map((a) => a.status).sort(), [200, 401]);
    });
    for (const [what, token] of [['nonsense', 'nonsense'], ['empty', ''], ['an access token', null]]) {
        test(`${what}: refused`, async () => {
            const value = token ?? (await login('ann', 'correct horse')).json.access_token;
            assert.ok([401, 422].includes((await refresh(value)).status));
        });
    }
});

test('logout ends the session and only that', async () => {
    const { json: one } = await login('ann', 'correct horse');
    const { json: two } = await login('ann', 'correct horse');
    const answer = await sys.api.call('POST', '/api/auth/logout', { token: one.access_token });
    assert.ok([200, 204].includes(answer.status), answer.text);
    await sys.api.refused(401, 'token_revoked', 'GET', '/api/me', { token: one.access_token });
    assert.equal((await sys.api.call('POST', '/api/auth/refresh', { body: { refresh_token: one.refresh_token } })).status, 401);
    await sys.api.expect(200, 'GET', '/api/me', { token: two.access_token });
});

test('search finds active users by name and user name, bounded', async () => {
    const anna = await sys.api.user('Annabel Search', { username: 'searchme' });
    for (const q of ['searchm', 'SEARCHM', 'annabel', 'Annabel S']) {
        const { json } = await sys.api.expect(200, 'GET', `/api/users?q=${encodeURIComponent(q)}`, { token: anna.token });
        assert.ok(json.users.some((u) => u.username === 'searchme'), `${q}: ${JSON.stringify(json)}`);
        assert.deepEqual(Object.keys(json.users[0]).sort(), ['name', 'user_id', 'username']);
    }
    for (const q of ['%', '_', 'zzzz', '%25']) {
        const { json } = await sys.api.expect(200, 'GET', `/api/users?q=${encodeURIComponent(q)}`, { token: anna.token });
        assert.deepEqual(json.users, [], `"${q}" is no pattern`);
    }
    await sys.api.refused(422, 'invalid_field', 'GET', '/api/users', { token: anna.token });
});
