// confab-rest dies under load and comes back: WebSockets stay open, nothing acknowledged is lost, nothing comes twice.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { useSystem } from '../lib/system.mjs';
import { until } from '../lib/wait.mjs';

const sys = useSystem({ before, after }, { workers: 2 });

/** Post until it is acknowledged, always with the same key. */
async function insist(by, room, content, key) {
    return until(`acknowledgement of ${key}`, async () => {
        const answer = await sys.api.call('POST', `/api/chats/${room.chat_id}/messages`, { token: by.token, body: { content, client_msg_id: key } });
        if (answer.status >= 400 && answer.status !== 503) {
            throw Object.assign(new Error(answer.text), { final: true });
        }
        return answer.status < 300 && answer.json;
    }, 20000);
}

test('SIGKILL five times under load: sockets stay, all events once and in order', { timeout: 180000 }, async () => {
    const [ann, bob, cyd] = await sys.api.users(3);
    const room = await sys.api.group(ann, 'Room', [bob, cyd]);
    const ext = await Promise.all(Array.from({ length: 20 }, () => sys.rooms(bob, { ext: true })));
    const strict = await Promise.all(Array.from({ length: 20 }, () => sys.rooms(cyd)));
    await Promise.all(ext.map((c) => c.wait('live')));
    let stop = false;
    const acknowledged = [];
    const pouring = Promise.all([0, 1, 2, 3, 4, 5].map(async (lane) => {
        for (let i = 0; !stop; i += 1) {
            acknowledged.push((await insist(ann, room, `load ${lane}.${i}`, `key ${lane}.${i}`)).seq);
        }
    }));
    for (let kill = 0; kill < 5; kill += 1) {
        const so = acknowledged.length;
        await until('some load', () => acknowledged.length > so + 30 + kill * 17, 30000);
        await sys.bounce(sys.rest);
        await sys.ready();
    }
    stop = true;
    await pouring;
    const final = await insist(ann, room, 'final', 'final');
    assert.equal(new Set(acknowledged).size, acknowledged.length, 'two acknowledgements for one place');
    for (const client of ext) {
        await client.wait((f) => f._ext?.seq === final.seq);
        assert.ok(!client.close_, `closed: ${JSON.stringify(client.close_)}`);
        const seqs = client.frames.filter((f) => f.data).map((f) => f._ext.seq);
        assert.deepEqual(seqs, Array.from({ length: final.seq }, (_, i) => i + 1));
    }
    for (const client of strict) {
        await client.wait((f) => f.data?.content === 'final');
        assert.ok(!client.close_);
        assert.equal(client.frames.length, final.seq);
    }
    const [[count]] = await sys.db.sql('SELECT COUNT(*) FROM messages');
    assert.equal(Number(count), final.seq, 'the store has more or fewer messages than were acknowledged');
});

test('commands on sockets during the outage wait and are then done, once', { timeout: 60000 }, async () => {
    const [ann, bob] = await sys.api.users(2);
    const room = await sys.api.group(ann, 'Commands', [bob]);
    const client = await sys.rooms(ann, { ext: true });
    const peer = await sys.rooms(bob, { ext: true });
    await sys.rest.stop('SIGKILL');
    const replies = Array.from({ length: 20 }, (_, i) => client.message(room.chat_id, `during ${i}`));
    client.send({ type: 'message', chat_id: room.chat_id, content: 'without a key' });
    sys.rest.start();
    await sys.ready();
    for (const reply of await Promise.all(replies)) {
        assert.equal(reply.type, 'message_sent', JSON.stringify(reply));
    }
    await peer.wait((f) => f.data?.content === 'without a key');
    const final = await client.message(room.chat_id, 'final');
    await peer.wait((f) => f._ext?.seq === final.seq);
    const texts = peer.frames.filter((f) => f.data).map((f) => f.data.content);
    assert.equal(new Set(texts).size, texts.length);
    assert.equal(texts.length, 22);
});

test('while it is away longer than commands wait: an error that says so, and the socket stays', { timeout: 60000 }, async () => {
    const [ann, bob] = await sys.api.users(2);
    const room = await sys.api.group(ann, 'Away', [bob]);
    const client = await sys.rooms(ann, { ext: true });
    await sys.rest.stop('SIGKILL');
    const reply = await client.message(room.chat_id, 'too long', { client_msg_id: 'patience' });
    assert.deepEqual([reply.type, reply.code], ['error', 'unavailable']);
    client.send({ type: 'ping' });
    await client.wait('pong');
    sys.rest.start();
    await sys.ready();
    const again = await client.message(room.chat_id, 'too long', { client_msg_id: 'patience' });
    assert.equal(again.type, 'message_sent');
});

test('a polite stop under load: status 0, everything acknowledged is there', async () => {
    const [ann, bob] = await sys.api.users(2);
    const room = await sys.api.group(ann, 'Polite', [bob]);
    const client = await sys.rooms(bob, { ext: true });
    let stop = false;
    let good = 0;
    const pouring = Promise.all([0, 1, 2, 3].map(async (lane) => {
        for (let i = 0; !stop; i += 1) {
            await insist(ann, room, `load ${lane}.${i}`, `polite ${lane}.${i}`);
            good += 1;
        }
    }));
    await until('some load', () => good > 50);
    const ended = await sys.rest.stop('SIGTERM');
    assert.equal(ended.code, 0, JSON.stringify(ended));
    sys.rest.start();
    await sys.ready();
    stop = true;
    await pouring;
    const final = await insist(ann, room, 'final', 'polite final');
    await client.wait((f) => f._ext?.seq === final.seq);
    assert.equal(final.seq, good + 1);
    assert.ok(client.isOpen);
});

test('a second confab-rest takes over: the first stops by itself, sockets stay', async () => {
    const { Daemon } = await import('../lib/process.mjs');
    const fs = await import('node:fs');
    const [ann, bob] = await sys.api.users(2);
    const room = await sys.api.group(ann, 'Takeover', [bob]);
    const client = await sys.rooms(bob, { ext: true });
    await client.wait('live');
    // The same store, other listeners and link: what an operator gets wrong.
    const config = sys.file('second.conf', fs.readFileSync(sys.restConfig, 'utf8')
        .replaceAll(':8000', ':9000').replaceAll(':8080', ':9080').replaceAll(':3000', ':9300').replace('link.sock', 'second.sock'));
    const second = new Daemon('second', sys.rest.command, ['--config', config], { log: sys.rest.log.replace('.log', '-second.log'), cwd: sys.dir });
    const first = sys.rest.exited;
    second.start();
    try {
        await until('the second one is up', async () => (await fetch(`http://${sys.host}:9000/healthz`)).ok, 30000);
        // The first one learns it with its next write at the latest.
        const answer = await sys.api.call('POST', `/api/chats/${room.chat_id}/messages`, { token: ann.token, body: { content: 'split brain?' } }).catch(() => ({ status: 0 }));
        assert.notEqual(answer.status, 201, 'the fenced process acknowledged a write');
        const { within } = await import('../lib/wait.mjs');
        await within('the first one ends', first, 20000);
    } finally {
        await second.stop('SIGTERM');
    }
    if (!sys.rest.running) {
        sys.rest.start();
    }
    await sys.ready();
    const final = await insist(ann, room, 'after the takeover', 'takeover');
    await client.wait((f) => f._ext?.seq === final.seq);
    assert.ok(client.isOpen);
});
