// A subscriber that stops reading in a busy room: its own queue is bounded, it is closed with a code that means "come back",
// and neither memory nor the other members suffer.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { useSystem } from '../lib/system.mjs';
import { until } from '../lib/wait.mjs';

const sys = useSystem({ before, after }, { workers: 1, ws: { queue_max_bytes: '256k', queue_low_bytes: '64k' } });
const rss = (pid) => Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024;

test('20 stopped readers, 10 healthy ones, 100 MB', { timeout: 180000 }, async () => {
    const [ann, bob, cyd] = await sys.api.users(3);
    const room = await sys.api.group(ann, 'Busy', [bob, cyd]);
    const healthy = await Promise.all(Array.from({ length: 10 }, () => sys.rooms(bob, { ext: true })));
    const stopped = await Promise.all(Array.from({ length: 20 }, () => sys.rooms(cyd, { ext: true })));
    await Promise.all([...healthy, ...stopped].map((c) => c.wait('live')));
    stopped.forEach((c) => c.ws._socket.pause());
    const before_ = rss(sys.workers[0].pid);
    const content = 'x'.repeat(16000);
    let peak = 0;
    let last;
    const latencies = [];
    for (let i = 0; i < 640; i += 1) {
        const began = performance.now();
        last = await sys.api.send(ann, room.chat_id, content);
        if (i % 20 === 0) {
            await healthy[0].wait((f) => f._ext?.seq === last.seq);
            latencies.push(performance.now() - began);
            peak = Math.max(peak, rss(sys.workers[0].pid));
        }
    }
    await Promise.all(healthy.map((c) => c.wait((f) => f._ext?.seq === last.seq)));
    for (const c of healthy) {
        assert.ok(c.isOpen);
        assert.deepEqual(c.frames.filter((f) => f.data).map((f) => f._ext.seq), Array.from({ length: 640 }, (_, i) => i + 1));
    }
    // 20 x 256 KB of queues, and what one turn needs; far below the 200 MB that were sent to them.
    assert.ok(peak - before_ < 64 * 1024 * 1024, `grew by ${(peak - before_) >> 20} MB`);
    latencies.sort((a, b) => a - b);
    assert.ok(latencies[latencies.length >> 1] < 500, `median ${latencies[latencies.length >> 1]} ms beside stopped readers`);
    await until('the worker has let them go', async () => {
        const { json } = await sys.api.admin('GET', '/api/admin/status');
        return json.workers[0].sessions === 10;
    }, 30000);
    const codes = await Promise.all(stopped.map(async (c) => { c.ws._socket.resume(); return (await c.gone()).code; }));
    assert.ok(codes.every((code) => [1013, 1006, 1012].includes(code)), String(codes));
    // Back with the cursor: everything, once.
    const again = await sys.rooms(cyd, { ext: true, since: stopped[0].cursor });
    await again.wait((f) => f._ext?.seq === 640, 60000);
    const seqs = [...stopped[0].frames, ...again.frames].filter((f) => f.data).map((f) => f._ext.seq);
    assert.deepEqual(seqs, Array.from({ length: 640 }, (_, i) => i + 1));
});

test('an HTTP client that does not read its answers is cut, others go on', { timeout: 60000 }, async () => {
    const { Raw, request } = await import('../lib/raw.mjs');
    const [ann] = await sys.api.users(1);
    const raw = await Raw.open(sys.host, 8000);
    raw.socket.pause();
    const one = request('GET', '/api/users?q=u', [`Host: ${sys.host}:8000`, `Authorization: Bearer ${ann.token}`]);
    for (let i = 0; i < 2000; i += 1) {
        raw.send(one);
    }
    for (let i = 0; i < 20; i += 1) {
        await sys.api.expect(200, 'GET', '/healthz');
    }
    raw.close();
    await sys.api.expect(200, 'GET', '/healthz');
});
