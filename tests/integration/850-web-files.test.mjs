// The web application's files from confab-rest: codings, caching, pages, what the API keeps, what is refused. The folder is
// a small one of the test's own; bytes on the wire are what is looked at.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import zlib from 'node:zlib';
import { assertProblem } from '../lib/api.mjs';
import { Raw, request } from '../lib/raw.mjs';
import { System, useSystem } from '../lib/system.mjs';
import { until } from '../lib/wait.mjs';

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'confab-web-'));
const script = 'export const text = "a script that compresses well, well, well";\n'.repeat(50);
const large = crypto.randomBytes(6 << 20);

function put(name, content) {
    fs.mkdirSync(path.dirname(path.join(dir, name)), { recursive: true });
    fs.writeFileSync(path.join(dir, name), content);
}

put('index.html', '<!doctype html><title>Confab</title>');
put('assets/app-0a1b2c3d.js', script);
put('assets/app-0a1b2c3d.js.gz', zlib.gzipSync(script));
put('assets/app-0a1b2c3d.js.br', zlib.brotliCompressSync(script));
put('assets/large-0a1b2c3d.bin', large);
put('icon.svg', '<svg xmlns="http://www.w3.org/2000/svg"/>');
put('empty.txt', '');
put('examples/vanilla/index.html', '<!doctype html><title>Example</title>');
put('api/chats', 'not this one');
put('chats', 'nor this one');
put('.env', 'SECRET=1');
fs.symlinkSync('/etc/passwd', path.join(dir, 'passwd.txt'));
fs.symlinkSync('/etc', path.join(dir, 'etc'));

const SECURITY = ['content-security-policy', 'x-frame-options', 'referrer-policy', 'permissions-policy', 'cross-origin-opener-policy',
    'cross-origin-resource-policy', 'x-content-type-options'];

let ann;
const sys = useSystem({ before, after }, { workers: 1, rest: { web_dir: dir, http_request_timeout_ms: '2s' } },
    async () => { ann = await sys.api.user('ann'); });
after(() => fs.rmSync(dir, { recursive: true, force: true }));

async function ask(target, headers = [], method = 'GET') {
    const raw = await Raw.open(sys.host, sys.ports.rooms);
    raw.send(request(method, target, [`Host: ${sys.host}`, 'Connection: close', ...headers]));
    const answer = await raw.answer();
    raw.close();
    return { ...answer, bytes: Buffer.from(answer.body, 'latin1') };
}

/** HEAD: Raw would wait for a body. */
async function askHead(target, headers = []) {
    const raw = await Raw.open(sys.host, sys.ports.rooms);
    raw.send(request('HEAD', target, [`Host: ${sys.host}`, 'Connection: close', ...headers]));
    await raw.gone();
    const [head, body] = raw.text.split('\r\n\r\n');
    raw.close();
    return { head: head.toLowerCase(), body };
}

describe('a file', () => {
    test('goes out plain, with its type, tag and policy', async () => {
        const answer = await ask('/assets/app-0a1b2c3d.js');
        assert.equal(answer.status, 200);
        assert.equal(answer.body, script);
        assert.equal(answer.headers['content-type'], 'text/javascript; charset=utf-8');
        assert.equal(answer.headers['cache-control'], 'public, max-age=31536000, immutable');
        assert.equal(answer.headers.vary, 'Accept-Encoding');
        assert.match(answer.headers.etag, /^"[0-9a-f]{32}"$/);
        assert.equal(answer.headers['content-encoding'], undefined);
        for (const name of SECURITY) {
            assert.ok(answer.headers[name], name);
        }
        assert.match(answer.headers['content-security-policy'], /default-src 'self'/);
        assert.match(answer.headers['content-security-policy'], /frame-ancestors 'none'/);
        assert.doesNotMatch(answer.headers['content-security-policy'], /unsafe/);
    });

    for (const [accept, coding, decode] of [
        ['gzip', 'gzip', zlib.gunzipSync], ['br', 'br', zlib.brotliDecompressSync], ['gzip, deflate, br, zstd', 'br', zlib.brotliDecompressSync],
        ['br;q=0.2, gzip;q=0.7', 'gzip', zlib.gunzipSync], ['br;q=0, *', 'gzip', zlib.gunzipSync],
    ]) {
        test(`Accept-Encoding: ${accept} gets ${coding}`, async () => {
            const answer = await ask('/assets/app-0a1b2c3d.js', [`Accept-Encoding: ${accept}`]);
            assert.equal(answer.status, 200);
            assert.equal(answer.headers['content-encoding'], coding);
            assert.equal(answer.headers.vary, 'Accept-Encoding');
            assert.equal(decode(answer.bytes).toString(), script);
        });
    }
    for (const accept of ['identity', 'gzip;q=0, br;q=0', 'deflate', '', 'gzip;q=nonsense']) {
        test(`Accept-Encoding: "${accept}" gets the plain file`, async () => {
            const answer = await ask('/assets/app-0a1b2c3d.js', [`Accept-Encoding: ${accept}`]);
            assert.equal(answer.headers['content-encoding'], undefined);
            assert.equal(answer.body, script);
        });
    }

    test('every coding has a tag of its own, and If-None-Match is answered for the one that would be sent', async () => {
        const tags = {};
        for (const accept of ['identity', 'gzip', 'br']) {
            tags[accept] = (await ask('/assets/app-0a1b2c3d.js', [`Accept-Encoding: ${accept}`])).headers.etag;
        }
        assert.equal(new Set(Object.values(tags)).size, 3);
        for (const accept of ['identity', 'gzip', 'br']) {
            const lines = (tag) => [`Accept-Encoding: ${accept}`, `If-None-Match: ${tag}`];
            const same = await ask('/assets/app-0a1b2c3d.js', lines(`"other", W/${tags[accept]}`));
            assert.equal(same.status, 304);
            assert.equal(same.headers.etag, tags[accept]);
            assert.equal(same.headers.vary, 'Accept-Encoding');
            assert.match(same.headers['cache-control'], /immutable/);
            assert.equal((await ask('/assets/app-0a1b2c3d.js', lines('*'))).status, 304);
            const other = accept === 'br' ? 'gzip' : 'br';
            assert.equal((await ask('/assets/app-0a1b2c3d.js', lines(tags[other]))).status, 200);
            assert.equal((await ask('/assets/app-0a1b2c3d.js', lines('nonsense'))).status, 200);
        }
    });

    test('without hashes in its name it is asked for again each time', async () => {
        for (const target of ['/', '/index.html', '/icon.svg', '/empty.txt']) {
            const answer = await ask(target);
            assert.equal(answer.status, 200, target);
            assert.equal(answer.headers['cache-control'], 'no-cache');
            assert.equal(answer.headers.vary, undefined);
        }
        assert.equal((await ask('/icon.svg')).headers['content-type'], 'image/svg+xml');
        assert.equal((await ask('/empty.txt')).headers['content-length'], '0');
    });

    test('HEAD is GET without the body', async () => {
        const { head, body } = await askHead('/assets/app-0a1b2c3d.js', ['Accept-Encoding: gzip']);
        assert.match(head, /^http\/1\.1 200 /);
        assert.match(head, new RegExp(`content-length: ${zlib.gzipSync(script).length}(\\r\\n|$)`));
        assert.match(head, /content-encoding: gzip\r\n/);
        assert.equal(body, '');
    });

    test('other methods are refused on it, and OPTIONS names those there are', async () => {
        for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
            const answer = await ask('/icon.svg', ['Content-Length: 0'], method);
            assert.equal(answer.status, 405);
            assert.equal(answer.headers.allow, 'GET, HEAD, OPTIONS');
        }
        const answer = await ask('/icon.svg', [], 'OPTIONS');
        assert.equal(answer.status, 204);
        assert.equal(answer.headers.allow, 'GET, HEAD, OPTIONS');
        assert.equal((await ask('/chat/1', ['Content-Length: 0'], 'POST')).status, 404);
    });

    test('a connection can be kept for several', async () => {
        const raw = await Raw.open(sys.host, sys.ports.rooms);
        for (let i = 0; i < 3; i += 1) {
            raw.send(request('GET', '/assets/app-0a1b2c3d.js', [`Host: ${sys.host}`]));
            assert.equal((await raw.answer()).body, script);
        }
        raw.close();
    });

    test('a slow reader gets all of a large one, longer than a request may take', async () => {
        const raw = await Raw.open(sys.host, sys.ports.rooms);
        const began = Date.now();
        const pieces = [];
        raw.socket.removeAllListeners('data');
        raw.socket.pause();
        raw.send(request('GET', '/assets/large-0a1b2c3d.bin', [`Host: ${sys.host}`, 'Connection: close']));
        await until('the whole file', () => {
            for (let piece, n = 0; n < 200000 && (piece = raw.socket.read(Math.min(65536, raw.socket.readableLength))); n += piece.length) {
                pieces.push(piece);
            }
            return raw.ended;
        }, 60000, 80);
        const all = Buffer.concat(pieces);
        assert.ok(Date.now() - began > 2000, 'it was not slow');
        assert.ok(all.subarray(all.indexOf('\r\n\r\n') + 4).equals(large));
        raw.close();
    });
});

describe('a path', () => {
    test('of a page is answered with the application', async () => {
        const root = await ask('/');
        for (const target of ['/chat/65f0c0ffee', '/chat/65f0c0ffee?x=1.js', '/test-notifications', '/settings', '/chat/', '/login?next=%2Fchat']) {
            const answer = await ask(target);
            assert.equal(answer.status, 200, target);
            assert.equal(answer.body, root.body, target);
            assert.equal(answer.headers.etag, root.headers.etag);
        }
    });

    test('of a folder is answered with its own index', async () => {
        for (const target of ['/examples/vanilla', '/examples/vanilla/']) {
            assert.match((await ask(target)).body, /Example/);
        }
    });

    test('that the API has, or could have, is the API\'s', async () => {
        for (const target of ['/api', '/api/', '/api/nothing', '/api/chats/1/2/3', '/chats/1', '/ws/nothing', '/socket.io', '/engine.io', '/healthz/x',
            '/readyz/', '/metrics/x', '/%61pi/nothing', '/api/nothing.js']) {
            const answer = await sys.api.call('GET', target, { token: ann.token });
            assert.ok([404, 426, 405].includes(answer.status), `${target}: ${answer.status}`);
            assert.match(answer.headers.get('content-type'), /^application\/problem\+json/);
            assert.equal(answer.headers.get('content-security-policy'), null);
        }
        assert.deepEqual((await sys.api.expect(200, 'GET', '/api/chats', { token: ann.token })).json.chats, []);
        assert.notEqual((await ask('/chats')).body, 'nor this one');
        assert.equal((await sys.api.call('GET', '/api/chats')).status, 401);
        assert.equal((await ask('/healthz')).headers['content-type'], 'application/json');
        assert.equal((await ask('/readyz')).status, 200);
        assert.match((await ask('/metrics')).body, /^# /m);
        assert.equal((await ask('/ws')).status, 426);
    });

    test('that names nothing is not found, with the same policy', async () => {
        for (const target of ['/missing.js', '/assets/missing.css', '/chat/x.png', '/favicon.ico', '/.env', '/assets/.env', '/passwd.txt', '/etc/passwd.txt',
            '/assets/app-0a1b2c3d.js.gz', '/assets/app-0a1b2c3d.js.br', '/assets/app-0a1b2c3d.js/']) {
            const answer = await ask(target);
            assert.equal(answer.status, 404, target);
            assert.equal(JSON.parse(answer.body).code, 'route_not_found');
            for (const name of SECURITY) {
                assert.ok(answer.headers[name], `${target} ${name}`);
            }
        }
    });

    test('cannot leave the folder', async () => {
        for (const target of ['/../../../../etc/passwd', '/..%2f..%2fetc/passwd', '/%2e%2e/%2e%2e/etc/passwd', '/assets/..%5c..%5cindex.html', '/.%2e/etc/passwd',
            '//etc/passwd', '/assets//../index.html', '/etc/passwd/..', '/./index.html', '/index.html%00.js', '/%c0%ae%c0%ae/etc/passwd', '/etc%2fpasswd']) {
            const answer = await ask(target);
            assert.ok([400, 404].includes(answer.status), `${target}: ${answer.status}`);
            assert.doesNotMatch(answer.body, /root:/);
        }
        // A link in the folder is not followed: what looks like a page below it is the application's.
        assert.match((await ask('/etc/passwd')).body, /<title>Confab/);
    });

    test('can be long, and has an end', async () => {
        assert.equal((await ask(`/${'x'.repeat(1000)}`)).status, 200);
        assert.equal((await ask(`/${'x'.repeat(1100)}`)).status, 404);
        assert.equal((await ask('/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o')).status, 200);
    });
});

describe('starting', () => {
    const check = (settings) => {
        const config = path.join(sys.dir, 'web.conf');
        fs.writeFileSync(config, fs.readFileSync(sys.restConfig, 'utf8') + settings);
        return spawnSync(path.resolve(process.env.BUILD || 'build', 'confab-rest'), ['--config', config, '--check-config'], { encoding: 'utf8' });
    };

    test('web_dir must be there', () => {
        const { status, stderr } = check('web_dir = /nowhere/at/all\n');
        assert.equal(status, 2);
        assert.match(stderr, /web_dir: cannot read \/nowhere\/at\/all/);
    });

    test('a folder over the limits, or without an index, is refused with the reason', async () => {
        for (const [settings, said] of [[{ web_max_bytes: '1m' }, /web_max_bytes = 1048576/], [{ web_files_max: 3 }, /web_files_max = 3/],
            [{ web_dir: path.join(dir, 'assets') }, /has no index\.html/]]) {
            const other = new System({ workers: 0, rest: { web_dir: dir, ...settings } });
            try {
                await assert.rejects(other.start(), said);
            } finally {
                await other.stop();
            }
        }
    });

    test('without web_dir nothing but the API answers', async () => {
        const other = new System({ workers: 1 });
        try {
            await other.start();
            for (const target of ['/', '/index.html', '/chat/1', '/favicon.ico']) {
                assertProblem(await other.api.call('GET', target), 404, 'route_not_found');
            }
        } finally {
            await other.stop();
        }
    });
});
