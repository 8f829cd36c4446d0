// A worker dies under load: its clients go to another one and resume; everybody else notices nothing.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { useSystem } from '../lib/system.mjs';
import { until } from '../lib/wait.mjs';

const sys = useSystem({ before, after }, { workers: 2 });

/** Which of our sockets are in which worker: by what happens when it dies. */
test('SIGKILL of a worker under load', async () => {
    const [ann, bob] = await sys.api.users(2);
    const room = await sys.api.group(ann, 'Room', [bob]);
    const clients = await Promise.all(Array.from({ length: 40 }, () => sys.rooms(bob, { ext: true })));
    await Promise.all(clients.map((c) => c.wait('live')));

    let stop = false;
    const acknowledged = [];
    const pouring = Promise.all([0, 1, 2, 3].map(async (lane) => {
        for (let i = 0; !stop; i += 1) {
            acknowledged.push((await sys.api.send(ann, room.chat_id, `load ${lane}.${i}`)).seq);
        }
    }));
    await until('some load', () => acknowledged.length > 50);
    await sys.workers[0].stop('SIGKILL');
    const victims = clients.filter((c) => c.close_);
    await until('the sockets of the dead worker are closed', () => clients.some((c) => c.close_));
    // Come back at once, as clients do: the other worker takes them.
    const closed = new Set();
    const successors = new Map();
    await until('every victim has resumed', async () => {
        for (const c of clients.filter((x) => x.close_ && !closed.has(x))) {
            closed.add(c);
            successors.set(c, await sys.rooms(bob, { ext: true, since: c.cursor }));
        }
        return closed.size >= 10 && [...successors.values()].every((s) => s.frames.length > 0);
    });
    const more = acknowledged.length + 50;
    await until('more load', () => acknowledged.length > more);
    sys.workers[0].start();
    await sys.ready();
    stop = true;
    await pouring;
    const final = await sys.api.send(ann, room.chat_id, 'final');
    assert.ok(victims.length < clients.length, 'the other worker lost its sockets as well');
    for (const client of clients) {
        const successor = successors.get(client);
        await (successor ?? client).wait((f) => f._ext?.seq === final.seq);
        const seqs = [...client.frames, ...(successor?.frames ?? [])].filter((f) => f.data).map((f) => f._ext.seq);
        assert.deepEqual(seqs, Array.from({ length: final.seq }, (_, i) => i + 1));
    }
    // The new incarnation takes connections again.
    const fresh = await Promise.all(Array.from({ length: 20 }, () => sys.rooms(bob, { ext: true })));
    await Promise.all(fresh.map((c) => c.wait('live')));
    const { json } = await sys.api.admin('GET', '/api/admin/status');
    assert.equal(json.workers.length, 2);
    assert.ok(json.workers.every((w) => w.sessions > 0), JSON.stringify(json.workers));
});

test('without any worker: 503 with Retry-After for upgrades, REST goes on, readiness says no', async () => {
    const [ann, bob] = await sys.api.users(2);
    const room = await sys.api.group(ann, 'Alone', [bob]);
    const client = await sys.rooms(bob, { ext: true });
    await client.wait('live');
    for (const worker of sys.workers) {
        await worker.stop('SIGKILL');
    }
    await client.gone();
    await until('readiness says no', async () => (await sys.api.call('GET', '/readyz')).status === 503);
    await sys.api.send(ann, room.chat_id, 'nobody listens');
    const refused = await sys.rooms(bob, { wait: false });
    const error = await refused.open.then(() => null, (e) => e);
    assert.equal(error?.status, 503, 'the upgrade should be refused');
    assert.ok(Number(error.headers['retry-after']) >= 1);
    sys.workers.forEach((w) => w.start());
    await sys.ready();
    const again = await sys.rooms(bob, { ext: true, since: client.cursor });
    await again.wait((f) => f.data?.content === 'nobody listens');
});

test('SIGHUP costs nobody a connection', async () => {
    const ann = await sys.api.user();
    const clients = await Promise.all([1, 2, 3, 4].map(() => sys.rooms(ann, { ext: true })));
    await Promise.all(clients.map((c) => c.wait('live')));
    for (const daemon of [sys.rest, ...sys.workers]) {
        process.kill(daemon.child.pid, 'SIGHUP');
    }
    await until('confab-rest has read its file again', () => sys.rest.output().includes(' reloaded '));
    for (const client of clients) {
        client.send({ type: 'ping' });
        await client.wait('pong');
    }
    assert.ok(sys.workers.every((worker) => worker.running));
});

test('a worker that is stopped politely closes with 1012 and its clients resume', async () => {
    const [ann, bob] = await sys.api.users(2);
    const room = await sys.api.group(ann, 'Polite', [bob]);
    const clients = await Promise.all(Array.from({ length: 20 }, () => sys.rooms(bob, { ext: true })));
    await Promise.all(clients.map((c) => c.wait('live')));
    const { code } = await sys.workers[1].stop('SIGTERM');
    assert.equal(code, 0);
    const closed = clients.filter((c) => c.close_);
    assert.ok(closed.length > 0 && closed.length < clients.length);
    assert.ok(closed.every((c) => c.close_.code === 1012), JSON.stringify(closed.map((c) => c.close_)));
    await sys.api.send(ann, room.chat_id, 'to all');
    for (const client of clients) {
        const successor = client.close_ ? await sys.rooms(bob, { ext: true, since: client.cursor }) : client;
        await successor.wait((f) => f.data?.content === 'to all');
    }
    sys.workers[1].start();
    await sys.ready();
});
