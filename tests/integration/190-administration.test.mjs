// Administration: over the API with its own secret, and through confabctl.
import { execFile } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from '../lib/database.mjs';
import { useSystem } from '../lib/system.mjs';

const sys = useSystem({ before, after }, { workers: 1 });
const ctl = path.resolve(ROOT, process.env.BUILD || 'build', 'confabctl');

test('users: add with a wanted id, list, password', async () => {
    const made = await sys.api.admin('POST', '/api/admin/users', { body: { username: 'root_made', name: 'Made', password: 'first password', user_id: 123 } });
    assert.equal(made.status, 201, made.text);
    assert.equal(made.json.id, 123);
    assert.equal((await sys.api.admin('POST', '/api/admin/users', { body: { username: 'other', user_id: 123 } })).status, 409);
    assert.equal((await sys.api.admin('POST', '/api/admin/users', { body: { username: 'ROOT_MADE' } })).status, 409);
    const login = (password) => sys.api.call('POST', '/api/auth/login', { body: { username: 'root_made', password } });
    assert.equal((await login('first password')).status, 200);
    assert.equal((await sys.api.admin('PUT', '/api/admin/users/123/password', { body: { password: 'second password' } })).status, 200);
    assert.equal((await login('first password')).status, 401);
    assert.equal((await login('second password')).status, 200);
    const { json } = await sys.api.admin('GET', '/api/admin/users');
    assert.ok(json.users.some((u) => u.username === 'root_made'));
});

test('what another system calls a user is good for finding the user', async () => {
    const make = (body) => sys.api.admin('POST', '/api/admin/users', { body });
    const old = '64fa0c1e9b3e4b0012345678';
    const made = await make({ username: 'moved', external_id: old });
    assert.equal(made.status, 201, made.text);
    assert.equal((await make({ username: 'twice', external_id: old })).status, 409);
    const both = await Promise.all([1, 2].map((n) => make({ username: `racer${n}`, external_id: 'auth0|race' })));
    assert.deepEqual(both.map((a) => a.status).sort(), [201, 409]);
    for (const bad of ['1', 'user5', 'x'.repeat(191), 'a\u0001b']) {
        const answer = await make({ username: 'bad_one', external_id: bad });
        assert.equal(answer.status, 422, bad);
        assert.equal(answer.json.field, 'external_id');
    }
    await sys.bounce(sys.rest, 'SIGTERM');
    await sys.ready();
    const me = await sys.api.call('GET', '/api/me', { token: sys.api.token(old) });
    assert.equal(me.status, 200, me.text);
    assert.equal(me.json.username, 'moved');
});

test('a user without a password cannot log in, but gets tokens from the administrator', async () => {
    await sys.api.admin('POST', '/api/admin/users', { body: { username: 'robot' } });
    for (const password of ['', 'x', 'password']) {
        assert.ok([401, 422].includes((await sys.api.call('POST', '/api/auth/login', { body: { username: 'robot', password } })).status));
    }
    const token = await sys.api.admin('POST', '/api/admin/tokens', { body: { username: 'robot', ttl_s: 60 } });
    assert.equal(token.status, 201, token.text);
    assert.equal((await sys.api.expect(200, 'GET', '/api/me', { token: token.json.access_token })).json.username, 'robot');
    for (const ttl of [0, -1, 'x', 1e12, 1.5]) {
        assert.equal((await sys.api.admin('POST', '/api/admin/tokens', { body: { username: 'robot', ttl_s: ttl } })).status, 422, String(ttl));
    }
});

describe('confabctl', { skip: fs.existsSync(ctl) ? false : 'not built' }, () => {
    const run = async (...args) => promisify(execFile)(ctl, ['--url', sys.origin, '--admin-token-file', path.join(sys.dir, 'admin.secret'), ...args], { timeout: 20000 });
    test('help names its commands', async () => {
        const { stdout, stderr } = await promisify(execFile)(ctl, ['--help']).catch((e) => e);
        assert.match(stdout + stderr, /user.*token.*kick.*status/s);
    });
    test('status, user add, token issue, kick', async () => {
        assert.match((await run('status')).stdout, /worker/i);
        await run('user', 'add', 'ctl_user');
        const { stdout } = await run('token', 'issue', 'ctl_user');
        const token = /[\w-]+\.[\w-]+\.[\w-]+/.exec(stdout)[0];
        assert.equal((await sys.api.expect(200, 'GET', '/api/me', { token })).json.username, 'ctl_user');
        const client = await sys.rooms(token);
        await run('kick', 'ctl_user');
        assert.ok((await client.gone()).code >= 4400);
        await run('user', 'disable', 'ctl_user');
        assert.notEqual((await sys.api.call('GET', '/api/me', { token })).status, 200);
    });
    test('errors are a sentence and a status', async () => {
        await assert.rejects(run('user', 'disable', 'nobody_at_all'), (e) => e.code !== 0 && e.stderr.length > 0);
        await assert.rejects(run('dance'), (e) => e.code !== 0);
    });
});
