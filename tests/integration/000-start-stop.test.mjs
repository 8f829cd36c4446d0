// Starting, stopping and configuring the programs.
import { execFile } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from '../lib/database.mjs';
import { System, useSystem } from '../lib/system.mjs';
import { Daemon } from '../lib/process.mjs';
import { until } from '../lib/wait.mjs';

const BUILD = path.resolve(ROOT, process.env.BUILD || 'build');
const run = (program, args) => promisify(execFile)(path.join(BUILD, program), args, { timeout: 20000 })
    .then(({ stdout, stderr }) => ({ code: 0, stdout, stderr }), (e) => ({ code: e.code, stdout: e.stdout, stderr: e.stderr }));
const file = (text) => {
    const at = path.join(fs.mkdtempSync('/tmp/confab-conf-'), 'test.conf');
    fs.writeFileSync(at, text);
    return at;
};

for (const program of ['confab-rest', 'confab-ws']) {
    describe(`${program}: configuration`, () => {
        test('--print-config prints every setting and loads back to the same', async () => {
            const first = await run(program, ['--print-config']);
            assert.equal(first.code, 0, first.stderr);
            assert.ok(first.stdout.split('\n').filter((l) => /^[a-z_0-9]+ =/.test(l)).length > 20);
            const second = await run(program, ['--config', file(first.stdout), '--print-config']);
            assert.equal(second.stdout, first.stdout);
        });
        for (const [what, line, pattern] of [
            ['an unknown setting', 'no_such_setting = 1', /no_such_setting/],
            ['a bad unit', 'watchdog_ms = 5 parsecs', /watchdog_ms/],
            ['a value out of bounds', 'watchdog_ms = 1ms', /watchdog_ms/],
            ['no value', 'watchdog_ms', /:2|line 2/],
            ['a bad choice', 'log_level = loud', /log_level/],
        ]) {
            test(`${what}: status 2, with file and line`, async () => {
                const at = file(`# a comment\n${line}\n`);
                const { code, stderr } = await run(program, ['--config', at, '--check-config']);
                assert.equal(code, 2, stderr);
                assert.match(stderr, pattern);
                assert.ok(stderr.includes(at) && /2/.test(stderr), stderr);
            });
        }
        test('--help says what the flags are; a mistake in the file is told without them', async () => {
            const help = await run(program, ['--help']);
            assert.equal(help.code, 0);
            assert.match(help.stdout, /--check-config/);
            const wrong = await run(program, ['--config', file('nonsense\n'), '--check-config']);
            assert.doesNotMatch(wrong.stderr, /usage:/);
        });
        test('a file that does not exist, an unknown option: status 2', async () => {
            assert.equal((await run(program, ['--config', '/nonexistent/x.conf', '--check-config'])).code, 2);
            assert.notEqual((await run(program, ['--no-such-option'])).code, 0);
        });
    });
}

describe('a running system', () => {
    const sys = useSystem({ before, after });

    test('health, readiness, metrics', async () => {
        assert.deepEqual((await sys.api.expect(200, 'GET', '/healthz')).json, { status: 'ok' });
        const ready = await sys.api.expect(200, 'GET', '/readyz');
        assert.deepEqual([ready.json.status, ready.json.database, ready.json.writer, ready.json.workers], ['ready', true, true, 2]);
        const { text, headers } = await sys.api.expect(200, 'GET', '/metrics');
        assert.match(headers.get('content-type'), /^text\/plain/);
        for (const line of text.trim().split('\n')) {
            assert.match(line, /^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{[^}]*\})? [0-9.e+]+|[a-z_]+(\{[^}]*\})? \+Inf)$/, line);
        }
        for (const name of ['confab_http_requests_total', 'confab_http_request_microseconds_bucket', 'confab_writer_queue', 'confab_writer_batch_rows_bucket', 'confab_feed_workers']) {
            assert.ok(text.includes(name), name);
        }
    });

    test('WebSockets are in confab-ws and not in confab-rest', async () => {
        const ann = await sys.api.user();
        const clients = await Promise.all(Array.from({ length: 10 }, () => sys.rooms(ann, { ext: true })));
        await Promise.all(clients.map((c) => c.wait('live')));
        const ports = new Set(clients.map((c) => c.ws._socket.localPort));
        const address = sys.host.split('.').reverse().map((n) => Number(n).toString(16).padStart(2, '0')).join('').toUpperCase();
        const inodes = new Set(fs.readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1).map((l) => l.trim().split(/\s+/))
            .filter((f) => f.length > 9 && f[1] === `${address}:1F40` && ports.has(parseInt(f[2].split(':')[1], 16)) && f[3] === '01').map((f) => f[9]));
        assert.equal(inodes.size, 10);
        const held = (pid) => fs.readdirSync(`/proc/${pid}/fd`).map((fd) => {
            try { return fs.readlinkSync(`/proc/${pid}/fd/${fd}`); } catch { return ''; }
        }).filter((l) => inodes.has(/^socket:\[(\d+)\]$/.exec(l)?.[1])).length;
        await until('the door has closed its copies', () => held(sys.rest.pid) === 0);
        assert.equal(sys.workers.reduce((n, w) => n + held(w.pid), 0), 10);
        assert.ok(sys.workers.every((w) => held(w.pid) > 0), 'one worker got all');
    });

    test('listens on the addresses it was given and on no other', async () => {
        await assert.rejects(fetch('http://127.0.0.55:8000/healthz', { signal: AbortSignal.timeout(2000) }));
        const listening = fs.readFileSync('/proc/net/tcp', 'utf8').split('\n').filter((l) => / 0A /.test(l)).map((l) => l.trim().split(/\s+/));
        const own = new Set(fs.readdirSync(`/proc/${sys.rest.pid}/fd`).map((fd) => /socket:\[(\d+)\]/.exec(fs.readlinkSync(`/proc/${sys.rest.pid}/fd/${fd}`, { throwIfNoEntry: false }) ?? '')?.[1]));
        const addresses = listening.filter((f) => own.has(f[9])).map((f) => f[1].split(':')[0]);
        assert.equal(addresses.length, 3);
        assert.ok(!addresses.includes('00000000'));
        for (const worker of sys.workers) {
            const sockets = new Set(fs.readdirSync(`/proc/${worker.pid}/fd`).map((fd) => { try { return /socket:\[(\d+)\]/.exec(fs.readlinkSync(`/proc/${worker.pid}/fd/${fd}`))?.[1]; } catch { return ''; } }));
            assert.equal(listening.filter((f) => sockets.has(f[9])).length, 0, 'confab-ws listens');
        }
    });

    test('a second worker with the same number is refused or replaces the first, and clients are served', async () => {
        const twin = new Daemon('twin', sys.workers[0].command, sys.workers[0].args, { log: sys.workers[0].log.replace('.log', '-twin.log'), cwd: sys.dir });
        twin.start();
        const ann = await sys.api.user();
        for (let i = 0; i < 20; i += 1) {
            const client = await sys.rooms(ann);
            client.send({ type: 'ping' });
            await client.wait('pong').catch(() => {});
            client.close();
        }
        await twin.stop('SIGKILL');
        sys.workers.filter((w) => !w.running).forEach((w) => w.start());
        await sys.ready();
    });

    test('SIGTERM to everything: status 0, and everything is there at the next start', async () => {
        const [ann, bob] = await sys.api.users(2);
        const room = await sys.api.group(ann, 'Kept', [bob]);
        await sys.api.send(ann, room.chat_id, 'kept');
        for (const daemon of [...sys.workers, sys.rest]) {
            assert.deepEqual(await daemon.stop(), { code: 0, signal: null }, daemon.name);
        }
        assert.ok(!fs.existsSync(path.join(sys.dir, 'link.sock')), 'the link socket is left behind');
        sys.workers.forEach((w) => w.start());
        sys.rest.start();
        await sys.ready();
        const { json } = await sys.api.expect(200, 'GET', `/api/chats/${room.chat_id}/messages`, { token: bob.token });
        assert.deepEqual(json.messages.map((m) => m.content), ['kept']);
    });
});

test('without a database confab-rest says so and either waits or ends with a sentence, never half-started', async () => {
    const system = new System({ name: '000-no-database' });
    await system.db.start();
    system.writeConfig();
    await system.db.stop();
    const daemon = new Daemon('confab-rest', path.join(BUILD, 'confab-rest'), ['--config', system.restConfig], { log: path.join(system.logs, 'confab-rest.log'), cwd: system.dir }).start();
    let ended = null;
    daemon.exited.then((e) => { ended = e; });
    await until('a sentence about the database', () => /database|mariadb|mysql/i.test(daemon.output()), 20000);
    if (!ended) {
        const ready = await fetch(`${system.origin}/readyz`).catch(() => null);
        assert.ok(!ready || ready.status === 503);
        await daemon.stop();
    } else {
        assert.notEqual(ended.code, 0);
    }
    await system.stop();
});
