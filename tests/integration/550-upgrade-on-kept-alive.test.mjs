// An upgrade that arrives on a connection which has already carried ordinary requests: aiohttp, undici and nginx's upstream
// keepalive do that. It must work, with every request after the first in any mix, and leak nothing.
import { execFile, spawn } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import WebSocket from 'ws';
import { Raw, request } from '../lib/raw.mjs';
import { useSystem } from '../lib/system.mjs';
import { until } from '../lib/wait.mjs';

const run = promisify(execFile);
let ann;
let bob;
const sys = useSystem({ before, after }, { workers: 2 }, async () => { [ann, bob] = await sys.api.users(2); });
const host = () => `Host: ${sys.host}:8000`;
const upgrade = (token) => request('GET', `/ws?ext=1&access_token=${token}`, [host(), 'Connection: keep-alive, Upgrade', 'Upgrade: websocket',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version: 13']);
const descriptors = (pid) => fs.readdirSync(`/proc/${pid}/fd`).length;

test('500 times by hand: GET, POST, upgrade, frames; no descriptor stays', { timeout: 120000 }, async () => {
    const before_ = descriptors(sys.rest.pid);
    const body = JSON.stringify({ username: 'nobody', password: 'wrong wrong' });
    const ping = Buffer.from([0x81, 0x80 | 15, 0, 0, 0, 0, ...Buffer.from('{"type":"ping"}')]);
    const one = async () => {
        const raw = await Raw.open(sys.host, 8000);
        raw.send(request('GET', '/healthz', [host()]));
        assert.equal((await raw.answer()).status, 200);
        raw.send(request('POST', '/api/auth/login', [host(), 'Content-Type: application/json', `Content-Length: ${body.length}`], body));
        assert.equal((await raw.answer()).status, 401);
        raw.send(upgrade(bob.token));
        const answer = await raw.answer();
        assert.equal(answer.status, 101);
        assert.equal(answer.headers['sec-websocket-accept'], 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
        raw.send(ping);
        await until('a pong', () => raw.text.includes('"pong"'));
        raw.close();
    };
    for (let i = 0; i < 25; i += 1) {
        await Promise.all(Array.from({ length: 20 }, one));
    }
    await until('every descriptor is back', () => descriptors(sys.rest.pid) <= before_ + 10);
    await until('no HTTP connection is counted', async () => (await sys.metric('confab_http_connections')) < 10);
});

test('upgrade and first frames in one segment behind a request: served or refused, never lost', async () => {
    const raw = await Raw.open(sys.host, 8000);
    raw.send(request('GET', '/healthz', [host()]));
    await raw.answer();
    const ping = Buffer.from([0x81, 0x80 | 15, 0, 0, 0, 0, ...Buffer.from('{"type":"ping"}')]);
    raw.send(Buffer.concat([Buffer.from(upgrade(bob.token)), ping, ping]));
    const { status } = await raw.answer();
    assert.ok([101, 400].includes(status), String(status));
    if (status === 101) {
        await until('two pongs', () => raw.text.split('"pong"').length === 3);
    }
    raw.close();
});

test('pipelined: the answer first, then 101', async () => {
    const raw = await Raw.open(sys.host, 8000);
    raw.send(request('GET', '/healthz', [host()]) + upgrade(bob.token));
    assert.equal((await raw.answer()).status, 200);
    assert.equal((await raw.answer()).status, 101);
    raw.close();
});

test('a refused upgrade on a kept-alive connection', async () => {
    const raw = await Raw.open(sys.host, 8000);
    raw.send(request('GET', '/healthz', [host()]));
    await raw.answer();
    raw.send(upgrade('nonsense'));
    assert.equal((await raw.answer()).status, 101);
    await raw.gone();
    assert.ok(Buffer.from(raw.text, 'latin1').includes(Buffer.from([0x11, 0x31])), 'no 4401 in the close frame');
    raw.close();
});

test('events reach a socket that was upgraded so', async () => {
    const raw = await Raw.open(sys.host, 8000);
    raw.send(request('GET', '/healthz', [host()]));
    await raw.answer();
    raw.send(upgrade(bob.token));
    await raw.answer();
    await until('live', () => raw.text.includes('"live"'));
    const room = await sys.api.group(ann, 'kept alive', [bob]);
    await until('the frame', () => raw.text.includes(room.chat_id));
    raw.close();
});

test('aiohttp: requests and WebSocket over one session', async (t) => {
    const script = `
import asyncio, json, sys
import aiohttp

async def main(base, token):
    connector = aiohttp.TCPConnector(limit=1)
    async with aiohttp.ClientSession(connector=connector) as session:
        for i in range(20):
            async with session.get(base + "/healthz") as r:
                assert r.status == 200
                await r.read()
            async with session.ws_connect(base + "/ws?ext=1&access_token=" + token) as ws:
                await ws.send_str('{"type":"ping"}')
                while True:
                    frame = json.loads((await ws.receive(timeout=10)).data)
                    if frame["type"] == "pong":
                        break
    print("ok")

asyncio.run(main(sys.argv[1], sys.argv[2]))
`;
    try {
        await run('/usr/bin/python3', ['-c', 'import aiohttp']);
    } catch {
        console.error('SKIPPED: python3-aiohttp is not installed');
        return t.skip('no python3-aiohttp');
    }
    const { stdout } = await run('/usr/bin/python3', ['-c', script, sys.origin, bob.token], { timeout: 60000 });
    assert.equal(stdout.trim(), 'ok');
    return undefined;
});

test('undici: fetch and WebSocket through one single-connection agent', async () => {
    const { Agent, WebSocket: UndiciSocket, fetch: undiciFetch } = await import('undici');
    const dispatcher = new Agent({ connections: 1, pipelining: 1 });
    for (let i = 0; i < 20; i += 1) {
        const answer = await undiciFetch(`${sys.origin}/healthz`, { dispatcher });
        assert.equal((await answer.json()).status, 'ok');
        const ws = new UndiciSocket(`ws://${sys.host}:8000/ws?access_token=${bob.token}`, { dispatcher });
        const pong = new Promise((resolve, reject) => {
            ws.addEventListener('message', (event) => resolve(event.data));
            ws.addEventListener('error', (event) => reject(event.error ?? new Error('undici: error')));
        });
        await new Promise((resolve, reject) => {
            ws.addEventListener('open', resolve);
            ws.addEventListener('error', (event) => reject(event.error ?? new Error('undici: error')));
        });
        ws.send('{"type":"ping"}');
        assert.equal(await pong, '{"type":"pong"}');
        ws.close();
    }
    await dispatcher.destroy();
});

describe('nginx with upstream keepalive', { skip: fs.existsSync('/usr/sbin/nginx') ? false : 'no nginx (apt-get install nginx-light)' }, () => {
    let nginx;
    const address = () => `${sys.host}:7000`;
    before(async () => {
        const dir = path.join(sys.dir, 'nginx');
        fs.mkdirSync(dir);
        fs.writeFileSync(path.join(dir, 'nginx.conf'), `
daemon off;
worker_processes 1;
pid ${dir}/pid;
error_log ${dir}/error.log;
events { worker_connections 512; }
http {
    access_log off;
    client_body_temp_path ${dir}/body; proxy_temp_path ${dir}/proxy; fastcgi_temp_path ${dir}/f; uwsgi_temp_path ${dir}/u; scgi_temp_path ${dir}/s;
    map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
    upstream confab { server ${sys.host}:8000; keepalive 1; }
    server {
        listen ${address()};
        location / {
            proxy_pass http://confab;
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        }
    }
}
`);
        nginx = spawn('/usr/sbin/nginx', ['-c', path.join(dir, 'nginx.conf'), '-p', dir], { stdio: 'ignore' });
        await until('nginx answers', async () => (await fetch(`http://${address()}/healthz`)).ok);
    });
    after(() => nginx?.kill('SIGTERM'));

    test('requests and upgrades over the same upstream connections', async () => {
        for (let i = 0; i < 30; i += 1) {
            assert.equal((await fetch(`http://${address()}/healthz`)).status, 200);
            const ws = new WebSocket(`ws://${address()}/ws?access_token=${bob.token}`);
            const pong = new Promise((resolve) => { ws.once('message', (d) => resolve(d.toString())); });
            await new Promise((resolve, reject) => { ws.once('open', resolve); ws.once('error', reject); });
            ws.send('{"type":"ping"}');
            assert.equal(await pong, '{"type":"pong"}');
            ws.terminate();
        }
    });
    test('and messages flow', async () => {
        const ws = new WebSocket(`ws://${address()}/ws?access_token=${bob.token}`);
        await new Promise((resolve, reject) => { ws.once('open', resolve); ws.once('error', reject); });
        const frame = new Promise((resolve) => { ws.once('message', (d) => resolve(JSON.parse(d))); });
        const room = await sys.api.group(ann, 'through nginx', [bob]);
        assert.equal((await frame).chat_room.chat_id, room.chat_id);
        ws.terminate();
    });
});
