// confab-ws with a fake confab-rest: slow and dead clients, limits, draining.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import { after, before, describe, it } from 'node:test';
import { Worker } from '../lib/worker.mjs';
import { until } from '../lib/wait.mjs';

/** A client that does the handshake and then reads and answers nothing. */
function deaf(worker, user) {
    const socket = net.connect(worker.port, '127.0.0.1');
    socket.on('error', () => {});
    const open = new Promise((resolve) => {
        socket.once('data', (head) => { socket.pause(); resolve(head.toString()); });
    });
    socket.write(`GET /ws?user=${user}& HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n`
        + 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n');
    return { socket, open };
}

describe('dead clients, lost replies', () => {
    let w;
    before(async () => {
        w = await new Worker({
            close_timeout_ms: '500ms', ping_interval_ms: '400ms', ping_timeout_ms: '300ms',
        }).start();
    });
    after(() => w.stop());

    it('pings, and closes who does not answer', async () => {
        const live = await w.connect({ user: 1 });
        const dead = deaf(w, 2);
        assert.match(await dead.open, /^HTTP\/1\.1 101 .*s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=/s);
        await w.heard('closed', (e) => e.slot === 2);
        await until('two pings', () => live.pings >= 2);
        const s = await w.stats();
        assert.equal(s.confab_ws_ping_timeouts_total, 1);
        assert.equal(live.close_, undefined);
        dead.socket.destroy();
    });

    it('asks again for a replay that does not come', async () => {
        const from = w.events.length;
        const c = await w.connect({ user: 8, ext: 1, since: 50 });
        await w.heard('attach', (e) => e.session === c.session && e.generation === 1, from);
        await w.heard('attach', (e) => e.session === c.session && e.generation === 2, from);
        w.do('chunk', { session: c.session, generation: 2, id: 60, count: 1, content: 'late' });
        w.do('live', { session: c.session, generation: 2, position: 100 });
        await c.wait('live');
        assert.deepEqual(c.contents, ['late']);
        c.ws.close();
    });

    it('keeps frames whole when the socket takes them in part', async () => {
        const c = await w.connect({ user: 5 });
        for (let round = 0; round < 20; round += 1) {
            c.ws.pause();
            w.do('event', { id: 5000 + round * 10, slots: [5], bytes: 60000, repeat: 1 });
            w.do('event', { id: 5001 + round * 10, slots: [5], bytes: 100, repeat: 3 });
            c.ws.resume();
            await until('the round', () => c.frames.length === (round + 1) * 4);
        }
    });
});

describe('a slow client', () => {
    let w;
    before(async () => { w = await new Worker({ queue_max_bytes: '64k', queue_low_bytes: '1k', close_timeout_ms: '20s' }).start(); });
    after(() => w.stop());

    it('tells a slow client that comes back in time to come again', async () => {
        const c = await w.connect({ user: 4 });
        c.ws.pause();
        w.do('event', { id: 3000, slots: [4], bytes: 16000, repeat: 600 });
        await until('the eviction', async () => (await w.stats()).confab_ws_evictions_total === 1);
        c.ws.resume();
        assert.deepEqual(await c.gone(), { code: 1013, reason: 'slow_consumer' });
        const ids = c.frames.map((f) => f.data.message_id);
        assert.deepEqual(ids, [...ids].sort());
    });
});

describe('a client that has stopped reading', () => {
    let w;
    before(async () => { w = await new Worker({ queue_max_bytes: '64k', queue_low_bytes: '1k', close_timeout_ms: '300ms' }).start(); });
    after(() => w.stop());

    it('is closed when its queue is full, and nobody else notices', async () => {
        const fast = await w.connect({ user: 3 });
        const slow = deaf(w, 3);
        await slow.open;
        const got = [];
        for (let i = 0; i < 300; i += 1) { // two frames at a time, so that only who does not read falls behind
            w.do('event', { id: 1000 + 2 * i, slots: [3], bytes: 16000, repeat: 2 });
            await until('the fast one', () => fast.frames.length === 2 * i + 2, 15000, 1);
        }
        await w.heard('closed', (e) => e.slot === 3);
        w.do('event', { id: 2000, slots: [3], content: 'end' });
        await fast.wait((f) => f.data?.content === 'end');
        assert.equal(fast.frames.length, 601);
        slow.socket.on('data', (d) => got.push(d));
        slow.socket.resume();
        await new Promise((resolve) => { slow.socket.once('close', resolve); });
        const s = await w.stats();
        assert.equal(s.confab_ws_evictions_total, 1);
        assert.equal(s.confab_ws_queue_bytes, 0);
        assert.ok(Buffer.concat(got).length < 600 * 16000);
    });
});

describe('room for few', () => {
    let w;
    before(async () => { w = await new Worker({ sessions_max: 3, drain_ms: '200ms' }).start(); });
    after(() => w.stop());

    it('refuses what is beyond sessions_max and takes it again later', async () => {
        const clients = [await w.connect({ user: 1 }), await w.connect({ user: 2 }), await w.connect({ user: 3 })];
        const from = w.events.length;
        w.client({ user: 4 });
        assert.equal((await w.heard('adopt_failed', () => true, from)).code, 'too_many_connections');
        assert.equal((await w.heard('gone', () => true, from)).slot, 4);
        clients[0].ws.close();
        await w.heard('closed', (e) => e.slot === 1, from);
        await w.connect({ user: 4 });
    });

    it('refuses a dialect that it does not have', async () => {
        const from = w.events.length;
        w.client({ user: 9, dialect: 8 });
        await w.heard('adopt_failed', () => true, from);
    });
});

describe('draining', () => {
    it('closes with 1012, spread, and takes nobody new', async () => {
        const w = await new Worker({ drain_ms: '300ms' }).start();
        const clients = [];
        for (let i = 0; i < 50; i += 1) {
            clients.push(await w.connect({ user: i + 1 }));
        }
        w.do('drain', { grace: 300 });
        await clients[0].gone();
        const from = w.events.length;
        w.client({ user: 60 });
        assert.equal((await w.heard('adopt_failed', () => true, from)).code, 'restarting');
        w.do('hangup');
        await w.heard('drain', () => true, from);
        for (const c of clients) {
            assert.deepEqual(await c.gone(), { code: 1012, reason: 'restarting' });
        }
        await w.stop();
    });

    it('on SIGTERM says so, closes everybody and ends with 0', async () => {
        const w = await new Worker({ drain_ms: '200ms' }).start();
        const clients = [await w.connect({ user: 1 }), await w.connect({ user: 2, ext: 1, since: 1 })];
        const ending = w.daemon.stop('SIGTERM');
        await w.heard('drain');
        for (const c of clients) {
            assert.equal((await c.gone()).code, 1012);
        }
        assert.equal((await ending).code, 0);
        await w.stop();
    });

    it('does so without a link, too', async () => {
        const w = await new Worker({ drain_ms: '100ms' }).start();
        const c = await w.connect({ user: 1 });
        await w.killFake();
        const ending = w.daemon.stop('SIGTERM');
        assert.equal((await c.gone()).code, 1012);
        assert.equal((await ending).code, 0);
        await w.startFake();
        await w.stop();
    });
});

describe('no more descriptors', () => {
    it('fails adopts, keeps the link and recovers', async () => {
        const w = await new Worker().start();
        const prlimit = (n) => new Promise((resolve) => {
            import('node:child_process').then(({ execFile }) => execFile('prlimit', [`--nofile=${n}:20000`, '--pid', String(w.daemon.pid)], resolve));
        });
        const used = fs.readdirSync(`/proc/${w.daemon.pid}/fd`).length;
        await prlimit(used + 3);
        const from = w.events.length;
        const heard = (is) => w.events.slice(from).filter((e) => e.is === is).length;
        const all = Array.from({ length: 10 }, (_, i) => w.client({ user: 20 + i }));
        await until('an answer to each', () => heard('adopted') + heard('adopt_failed') === 10);
        assert.ok(heard('adopt_failed') >= 5, `${heard('adopted')} adopted`);
        const clients = [];
        for (const c of all) {
            await Promise.race([c.open.then(() => clients.push(c), () => {}), c.closed]);
            if (clients.length === heard('adopted')) {
                break;
            }
        }
        assert.equal(w.events.slice(from).filter((e) => e.is === 'down').length, 0);
        await prlimit(20000);
        const late = await w.connect({ user: 30 });
        w.do('event', { id: 700, to: 'all', content: 'to all' });
        for (const c of [...clients, late]) {
            await c.wait((f) => f.data?.content === 'to all');
        }
        await w.stop();
    });
});
