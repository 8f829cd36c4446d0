// The units in etc/systemd/: systemd takes every line of them, and what they promise fits what the daemons do by default.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ROOT } from '../lib/database.mjs';

const BUILD = path.resolve(ROOT, process.env.BUILD || 'build');
const UNITS = { 'confab-rest': 'confab-rest.service', 'confab-ws': 'confab-ws@.service' };
const text = (unit) => fs.readFileSync(path.join(ROOT, 'etc/systemd', unit), 'utf8');
const value = (unit, key) => text(unit).match(new RegExp(`^${key}=(.*)$`, 'm'))?.[1];
const run = (command, args, options = {}) => spawnSync(command, args, { encoding: 'utf8', timeout: 30000, ...options });

/** The units as `make install` writes them, with the programs of this build. */
function installed(use) {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'confab-units-'));
    try {
        for (const unit of Object.values(UNITS)) {
            fs.writeFileSync(path.join(dir, unit), text(unit).replaceAll('/usr/bin/', `${BUILD}/`));
        }
        return use(dir);
    } finally {
        fs.rmSync(dir, { recursive: true });
    }
}

test('systemd-analyze verify has nothing to say', () => installed((dir) => {
    for (const unit of Object.values(UNITS)) {
        const { status, stdout, stderr } = run('systemd-analyze', ['verify', path.join(dir, unit)]);
        const ours = `${stdout}${stderr}`.split('\n').filter((line) => line.includes('confab'));
        assert.deepEqual(ours, []);
        assert.equal(status, 0, stderr);
    }
}));

test('little is exposed, by systemd-analyze\'s own count', () => installed((dir) => {
    for (const [unit, most] of [['confab-rest.service', 20], ['confab-ws@.service', 10]]) {
        const { status, stdout, stderr } = run('systemd-analyze', ['security', '--offline=true', `--threshold=${most}`, '--no-pager', path.join(dir, unit)]);
        assert.equal(status, 0, `${stdout.split('\n').slice(-3).join('\n')}${stderr}`);
    }
}));

test('the command lines are ones that the daemons take', () => {
    for (const [program, unit] of Object.entries(UNITS)) {
        const [command, ...args] = value(unit, 'ExecStart').replace('%i', '1').split(' ');
        assert.equal(command, `/usr/bin/${program}`);
        const config = args[args.indexOf('--config') + 1];
        assert.ok(fs.existsSync(path.join(ROOT, 'etc', path.basename(config))), config);
        const sample = args.map((arg) => (arg === config ? path.join(ROOT, 'etc', path.basename(config)) : arg));
        const { status, stdout, stderr } = run(path.join(BUILD, program), [...sample, '--print-config']);
        assert.equal(status, 0, stderr);
        assert.match(stdout, /^link_socket = /m);
    }
});

test('directories, users and times fit the settings', () => {
    const settings = (file) => Object.fromEntries([...fs.readFileSync(path.join(ROOT, 'etc', file), 'utf8').matchAll(/^(\w+) = ?(.*)$/gm)].map((m) => [m[1], m[2]]));
    const rest = settings('confab-rest.conf');
    const ws = settings('confab-ws.conf');
    assert.equal(path.dirname(rest.link_socket), `/run/${value(UNITS['confab-rest'], 'RuntimeDirectory')}`);
    assert.equal(ws.link_socket, rest.link_socket);
    assert.equal(rest.link_user, '');
    for (const unit of Object.values(UNITS)) {
        assert.equal(value(unit, 'User'), 'confab'); // the same, since link_user names no other
        assert.equal(value(unit, 'RestartPreventExitStatus'), '2');
        assert.equal(value(unit, 'StartLimitIntervalSec'), '0');
    }
    assert.match(text(UNITS['confab-rest']), new RegExp(`/var/lib/${value(UNITS['confab-rest'], 'StateDirectory')}/attachments`));
    assert.ok(Number(value(UNITS['confab-ws'], 'TimeoutStopSec')) > parseInt(ws.drain_ms, 10));
    assert.match(ws.drain_ms, /^\d+s$/);
});
