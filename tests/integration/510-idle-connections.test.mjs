// A thousand connections that send nothing: the API goes on, they are cleared away, nothing leaks.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { Raw } from '../lib/raw.mjs';
import { useSystem } from '../lib/system.mjs';
import { until } from '../lib/wait.mjs';

const sys = useSystem({ before, after }, { workers: 2, rest: { door_head_timeout_ms: '3s', user_connections_max: 2000 }, ws: { ping_interval_ms: '1s', ping_timeout_ms: '2s' } });
const open = (pid) => fs.readdirSync(`/proc/${pid}/fd`).length;
/** n of them, a hundred at a time. */
async function many(n, fn) {
    const list = [];
    while (list.length < n) {
        list.push(...await Promise.all(Array.from({ length: Math.min(100, n - list.length) }, fn)));
    }
    return list;
}

test('1000 TCP connections without a byte', async () => {
    const before_ = open(sys.rest.pid);
    const idle = await many(1000, () => Raw.open(sys.host, 8000));
    const [ann, bob] = await sys.api.users(2);
    const client = await sys.rooms(bob);
    await sys.api.personal(ann, bob);
    await client.wait('new_chat_room');
    await Promise.all(idle.map((raw) => raw.gone(15000)));
    idle.forEach((raw) => raw.close());
    client.close();
    await until('every descriptor is back', () => open(sys.rest.pid) <= before_ + 10);
});

test('1000 WebSockets that say nothing stay, because they answer pings; those that do not answer go', async () => {
    const [ann, bob] = await sys.api.users(2);
    const clients = await many(1000, () => sys.rooms(bob, { ext: true }));
    await Promise.all(clients.map((c) => c.wait('live')));
    const silent = await sys.rooms(bob);
    silent.ws._socket.pause();
    silent.ws._receiver.removeAllListeners('ping');
    const witness = await sys.rooms(bob);
    let pings = 0;
    witness.ws.on('ping', () => { pings += 1; });
    await until('four rounds of pings', () => pings >= 4, 20000);
    assert.equal(clients.filter((c) => c.close_).length, 0);
    const room = await sys.api.personal(ann, bob);
    await Promise.all(clients.map((c) => c.wait((f) => f.chat_room?.chat_id === room.chat_id)));
    await until('the silent one is cleared away', async () => {
        const { json } = await sys.api.admin('GET', '/api/admin/status');
        return json.workers.reduce((n, w) => n + w.sessions, 0) === 1001;
    }, 20000);
    clients.forEach((c) => c.close());
    witness.close();
    await until('all sessions are gone', async () => {
        const { json } = await sys.api.admin('GET', '/api/admin/status');
        return json.workers.every((w) => w.sessions === 0);
    });
    await until('every descriptor is back', () => sys.workers.every((w) => open(w.pid) < 60));
});

test('1000 kept-alive HTTP connections that are done', async () => {
    const host = `Host: ${sys.host}:8000`;
    const idle = await many(1000, async () => {
        const raw = await Raw.open(sys.host, 8000);
        raw.send(`GET /healthz HTTP/1.1\r\n${host}\r\n\r\n`);
        assert.equal((await raw.answer(20000)).status, 200);
        return raw;
    });
    await sys.api.expect(200, 'GET', '/healthz');
    idle.forEach((raw) => raw.close());
    await until('the connections are noticed as gone', async () => (await sys.metric('confab_http_connections')) < 20);
});
