// Settings in use: what --check-config finds out, what a reload takes over, and that a wrong start harms nobody.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from '../lib/database.mjs';
import { useSystem } from '../lib/system.mjs';
import { until } from '../lib/wait.mjs';

const BUILD = path.resolve(ROOT, process.env.BUILD || 'build');
const rest = (...args) => promisify(execFile)(path.join(BUILD, 'confab-rest'), args, { timeout: 20000 })
    .then(({ stdout, stderr }) => ({ code: 0, stdout, stderr }), (e) => ({ code: e.code, stdout: e.stdout, stderr: e.stderr }));
const sys = useSystem({ before, after }, { workers: 1 });

describe('--check-config', () => {
    const check = (...sets) => rest('--config', sys.restConfig, ...sets.flatMap((s) => ['--set', s]), '--check-config');

    test('a good file: status 0 and no word', async () => {
        assert.deepEqual(await check(), { code: 0, stdout: '', stderr: '' });
    });
    for (const [what, set, pattern] of [
        ['a listener without a port', 'listen=127.0.0.1 rooms', /listen: .*ADDRESS:PORT/],
        ['a dialect that is none', 'listen=127.0.0.1:80 smoke', /names no dialect/],
        ['a network that is none', 'trusted_proxies=10.0.0.0/99', /trusted_proxies/],
        ['an origin without a scheme', 'origins=chat.example.org', /origins/],
        ['a user that is not there', 'link_user=nobody-of-that-name', /link_user/],
        ['a password file that is not there', 'db_password_file=/nonexistent', /db_password_file: cannot read \/nonexistent/],
        ['a CA file that is not there', 'db_tls_ca=/nonexistent', /db_tls_ca/],
        ['a migrations folder that is not there', 'migrations_dir=/nonexistent', /migrations_dir/],
        ['a secret that is too short', 'jwt_secret_file=/etc/hostname', /\/etc\/hostname:1: the secret is shorter/],
        ['keys that are no keys', 'jwt_jwks_file=/etc/passwd', /\/etc\/passwd: JSON/],
        ['a subject of pushes that is no address', 'push_subject=me', /push_subject must begin/],
        ['a webhook that is none', 'push_webhook_url=ftp://example.org/', /push_webhook_url must begin with https/],
        ['a webhook without a secret', 'push_webhook_url=http://127.0.0.1:1/', /needs push_webhook_secret_file/],
        ['a VAPID key that is none', 'push_vapid_key_file=/etc/hostname', /the VAPID key is shorter/],
        ['a CA file for pushes that is not there', 'push_ca=/nonexistent', /push_ca/],
        ['two settings that do not fit', 'link_ping_ms=14s', /link_timeout_ms/],
    ]) {
        test(`${what}: status 2 and a sentence`, async () => {
            const { code, stderr } = await check(set);
            assert.equal(code, 2, stderr);
            assert.match(stderr, pattern);
            assert.doesNotMatch(stderr, /\\x0a/);
        });
    }
    test('production refuses what is open to everybody', async () => {
        for (const [set, pattern] of [['test_fixture=yes', /test_fixture is refused/], ['origins=*', /origins = \* is refused/], ['d1_auth=off', /d1_auth = off or warn is refused/]]) {
            assert.equal((await check(set)).code, 0, set);
            const { code, stderr } = await check(set, 'profile=prod');
            assert.equal(code, 2, stderr);
            assert.match(stderr, pattern);
        }
    });
    test('production does not make secrets, development does not ask for them', async () => {
        assert.equal((await check('jwt_secret_file=/nonexistent/s')).code, 0);
        assert.equal((await check('jwt_secret_file=/nonexistent/s', 'profile=prod')).code, 2);
        assert.equal((await check('admin_token_file=/nonexistent/s', 'profile=prod')).code, 2);
        assert.equal((await check('push_vapid_key_file=/nonexistent/s')).code, 0);
        assert.equal((await check('push_vapid_key_file=/nonexistent/s', 'profile=prod')).code, 2);
        assert.ok(!fs.existsSync('/nonexistent'));
    });
});

describe('reload', () => {
    const withSettings = (more) => fs.writeFileSync(sys.restConfig,
        `${fs.readFileSync(sys.restConfig, 'utf8')}${Object.entries(more).map(([k, v]) => `${k} = ${v}\n`).join('')}`);
    const reload = async (event) => {
        const seen = sys.rest.output().length;
        process.kill(sys.rest.pid, 'SIGHUP');
        return until(event, () => sys.rest.output().slice(seen).split('\n').find((l) => l.includes(` ${event} `)));
    };
    const register = (name) => sys.api.call('POST', '/api/auth/register', { body: { username: name, password: 'correct horse' } });
    const fromPage = async (origin) => {
        const answer = await sys.api.call('POST', '/api/auth/logout', { headers: { origin, cookie: `confab_token=${(await sys.api.user()).token}` } });
        return answer.status;
    };

    test('takes over what is reloadable and names what waits for a restart', async () => {
        const ann = await sys.api.user('Ann');
        assert.equal(await fromPage('https://chat.example.org'), 403);
        withSettings({ register_open: 'no', origins: 'https://chat.example.org', user_connections_max: 1, log_level: 'debug', http_threads: 3 });
        const line = await reload('reloaded');
        for (const name of ['register_open', 'origins', 'user_connections_max', 'log_level']) {
            assert.match(line, new RegExp(`changed=\\S*${name}`));
        }
        assert.match(line, /after_restart="?http_threads"?/);
        assert.equal((await register('late')).status, 403);
        const first = await sys.rooms(ann);
        const second = await sys.rooms(ann, { wait: false });
        assert.equal((await second.gone()).code, 4429);
        assert.ok(first.isOpen);
        withSettings({ register_open: 'yes' });
        await reload('reloaded');
        assert.equal(await fromPage('https://chat.example.org'), 204);
        assert.equal(await fromPage('https://evil.example.org'), 403);
    });
    test('a mistake in the file changes nothing', async () => {
        const good = fs.readFileSync(sys.restConfig, 'utf8');
        withSettings({ register_open: 'no', no_such_setting: 1 });
        assert.match(await reload('reload_failed'), /no_such_setting/);
        fs.writeFileSync(sys.restConfig, good);
        withSettings({ register_open: 'no', trusted_proxies: 'everybody' });
        assert.match(await reload('reload_failed'), /trusted_proxies/);
        fs.writeFileSync(sys.restConfig, good);
        assert.equal((await register('still-open')).status, 201);
    });
});

test('a second confab-rest on the same ports ends before it takes anything from the first', async () => {
    const ann = await sys.api.user('Ann');
    const pid = sys.rest.pid;
    const { code, stderr } = await rest('--config', sys.restConfig);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /Cannot bind .* port 8000: Address already in use/);
    await sys.api.group(ann, 'Still here', []);
    assert.equal(sys.rest.pid, pid);
});
