// MariaDB goes away under load, politely and by SIGKILL, also inside COMMIT: writes 503, cached reads go on, sockets stay,
// everything recovers by itself, nothing acknowledged is lost and nothing is stored twice.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { useSystem } from '../lib/system.mjs';
import { until } from '../lib/wait.mjs';

const sys = useSystem({ before, after }, { workers: 1, syncDelay: true, rest: { writer_deadline_ms: '3s', db_read_wait_ms: '1s', db_check_ms: '200ms', db_check_wait_ms: '500ms' } });

class Load {
    constructor(by, room, name, lanes = 4) {
        this.acknowledged = [];
        this.stop = false;
        this.unknown = 0;
        this.running = Promise.all(Array.from({ length: lanes }, async (_, lane) => {
            for (let i = 0; !this.stop; i += 1) {
                const body = { content: `${name} ${lane}.${i}`, client_msg_id: `${name} ${lane}.${i}` };
                this.acknowledged.push(await until('acknowledgement', async () => {
                    const answer = await sys.api.call('POST', `/api/chats/${room.chat_id}/messages`, { token: by.token, body });
                    if (answer.status === 503) {
                        this.unknown += 1;
                        assert.ok(['unavailable', 'outcome_unknown', 'queue_full'].includes(answer.json.code), answer.text);
                        assert.ok(answer.headers.get('retry-after'));
                    } else if (answer.status >= 300) {
                        throw Object.assign(new Error(answer.text), { final: true });
                    }
                    return answer.status < 300 && answer.json.seq;
                }, 60000));
            }
        }));
    }

    async finish() {
        this.stop = true;
        await this.running;
    }
}

async function outage(kind, name) {
    const [ann, bob] = await sys.api.users(2);
    const room = await sys.api.group(ann, name, [bob]);
    const client = await sys.rooms(bob, { ext: true });
    const strict = await sys.rooms(bob);
    const load = new Load(ann, room, name);
    await until('some load', () => load.acknowledged.length > 50);
    await kind(load);
    // Cached reads, readiness, sockets.
    const me = await sys.api.call('GET', '/api/me', { token: bob.token });
    assert.equal(me.status, 200);
    const list = await sys.api.call('GET', '/api/chats', { token: bob.token });
    assert.equal(list.status, 200, list.text);
    assert.equal(list.json.chats[0].chat_id, room.chat_id);
    await until('readiness says no', async () => (await sys.api.call('GET', '/readyz')).status === 503);
    assert.equal((await sys.api.call('GET', '/healthz')).status, 200);
    const history = await sys.api.call('GET', `/api/chats/${room.chat_id}/messages`, { token: bob.token });
    assert.equal(history.status, 503, history.text);
    await until('a write is refused', () => load.unknown > 0, 20000);
    client.send({ type: 'ping' });
    await client.wait('pong');

    await sys.db.start();
    await sys.ready();
    const more = load.acknowledged.length + 30;
    await until('the load goes on', () => load.acknowledged.length > more, 30000);
    await load.finish();
    const final = (await sys.api.send(ann, room.chat_id, 'final', { client_msg_id: `${name} final` })).seq;
    await client.wait((f) => f._ext?.seq === final);
    await strict.wait((f) => f.data?.content === 'final');
    assert.ok(client.isOpen && strict.isOpen, 'a socket was closed');
    assert.deepEqual(client.frames.filter((f) => f.data).map((f) => f._ext.seq), Array.from({ length: final }, (_, i) => i + 1));
    assert.equal(strict.of('group_message').length, final);
    assert.equal(new Set(load.acknowledged).size, load.acknowledged.length);
    assert.equal(load.acknowledged.length + 1, final, 'something was stored that nobody was told of, or the other way round');
}

test('stopped and started politely', { timeout: 120000 }, () => outage(() => sys.db.stop(), 'polite'));
test('killed', { timeout: 120000 }, () => outage(() => sys.db.kill(), 'killed'));
test('killed while a COMMIT waits for the disk', { timeout: 120000 }, () => outage(async () => {
    sys.db.setSyncDelay(500);
    await until('a COMMIT that waits', async () => (await sys.db.sql(
        "SELECT 1 FROM information_schema.processlist WHERE user = 'confab' AND (info LIKE 'commit%' OR state LIKE 'commit%')")).length > 0, 10000, 1);
    await sys.db.kill();
    sys.db.setSyncDelay(0);
}, 'in commit'));

test('frozen: /readyz says so and waits for nothing, reads are refused in time, then everything goes on', { timeout: 120000 }, async () => {
    const [ann, bob] = await sys.api.users(2);
    const room = await sys.api.group(ann, 'Frozen', [bob]);
    await sys.api.send(ann, room.chat_id, 'before');
    const client = await sys.rooms(bob, { ext: true });
    const history = () => sys.api.call('GET', `/api/chats/${room.chat_id}/messages`, { token: bob.token });
    await sys.db.signal('SIGSTOP');
    let sent;
    try {
        // More than there are connections: some wait in the queue, some for the database. All of this while it is frozen.
        const refused = await Promise.all(Array.from({ length: 20 }, history));
        assert.deepEqual([...new Set(refused.map((a) => `${a.status} ${a.json.code}`))], ['503 unavailable']);
        const ready = await until('readiness says no', async () => {
            const answer = await sys.api.call('GET', '/readyz');
            return answer.status === 503 && answer.json;
        });
        assert.deepEqual([ready.database, ready.reason], [false, 'database_away']);
        assert.equal((await sys.api.call('GET', '/api/chats', { token: bob.token })).status, 200);
        assert.equal((await history()).status, 503);
        sent = await sys.api.call('POST', `/api/chats/${room.chat_id}/messages`, { token: ann.token, body: { content: 'frozen', client_msg_id: 'frozen' } });
        assert.equal(sent.status, 503, sent.text);
    } finally {
        await sys.db.signal('SIGCONT');
    }
    await sys.ready();
    const page = await until('reads work again', async () => {
        const answer = await history();
        return answer.status === 200 && answer.json;
    });
    assert.equal(page.messages[0].content, 'before');
    const again = await until('writing works again', async () => {
        const answer = await sys.api.call('POST', `/api/chats/${room.chat_id}/messages`, { token: ann.token, body: { content: 'frozen', client_msg_id: 'frozen' } });
        return answer.status < 300 && answer.json;
    });
    assert.equal(again.seq, 2);
    await client.wait((f) => f._ext?.seq === 2);
    assert.ok((await sys.metric('confab_db_reads_late_total')) > 0);
});

test('a disk that takes a second for everything: slow, but right', { timeout: 120000 }, async () => {
    const [ann, bob] = await sys.api.users(2);
    const room = await sys.api.group(ann, 'Slow', [bob]);
    sys.db.setSyncDelay(1000);
    try {
        // Each until it is acknowledged, always with the same key: some take longer than a caller is made to wait.
        const sent = await Promise.all(Array.from({ length: 200 }, (_, i) => until(`message ${i}`, async () => {
            const answer = await sys.api.call('POST', `/api/chats/${room.chat_id}/messages`,
                { token: ann.token, body: { content: `slow ${i}`, client_msg_id: `slow ${i}` } });
            return answer.status < 300 && answer.json;
        }, 60000)));
        assert.equal(new Set(sent.map((m) => m.seq)).size, 200);
        assert.deepEqual(sent.map((m) => m.seq).sort((x, y) => x - y), Array.from({ length: 200 }, (_, i) => i + 1));
    } finally {
        sys.db.setSyncDelay(0);
    }
});

test('connections of confab-rest killed by an administrator: it reconnects', { timeout: 60000 }, async () => {
    const [ann, bob] = await sys.api.users(2);
    const room = await sys.api.group(ann, 'Killed connections', [bob]);
    const load = new Load(ann, room, 'connections');
    for (let round = 0; round < 5; round += 1) {
        const so = load.acknowledged.length;
        await until('some load', () => load.acknowledged.length > so + 20, 20000);
        const ids = await sys.db.sql("SELECT id FROM information_schema.processlist WHERE user = 'confab'");
        for (const [id] of ids) {
            await sys.db.sql(`KILL ${id}`).catch(() => {});
        }
    }
    await load.finish();
    const final = await until('a last write', async () => {
        const answer = await sys.api.call('POST', `/api/chats/${room.chat_id}/messages`, { token: ann.token, body: { content: 'final', client_msg_id: 'connections final' } });
        return answer.status < 300 && answer.json;
    });
    assert.equal(final.seq, load.acknowledged.length + 1);
    assert.equal((await sys.api.call('GET', `/api/chats/${room.chat_id}/messages`, { token: bob.token })).status, 200);
});

/** Not ready for this reason, though the database answers. */
async function notReady(reason) {
    await until(`not ready: ${reason}`, async () => {
        const { status, json } = await sys.api.call('GET', '/readyz');
        return status === 503 && json.database === true && json.writer === false && json.reason === reason;
    });
}

test('read-only is seen before anybody writes', { timeout: 60000 }, async () => {
    await sys.db.sql('SET GLOBAL read_only = 1');
    try {
        await notReady('database_read_only');
    } finally {
        await sys.db.sql('SET GLOBAL read_only = 0');
    }
    await sys.ready();
});

test('a full disk: 503 with the reason, not ready until there is room again, nothing half-done', { timeout: 120000 }, async () => {
    const [ann, bob] = await sys.api.users(2);
    const room = await sys.api.group(ann, 'Full', [bob]);
    const client = await sys.rooms(bob, { ext: true });
    const stored = [];
    let refused;
    sys.db.setDiskFull(true);
    try {
        for (let i = 0; i < 20000 && !refused; i += 1) { // until the pages that tables have in reserve are used up
            const body = { content: `${i} ${'x'.repeat(8000)}`, client_msg_id: `full ${i}` };
            const answer = await sys.api.call('POST', `/api/chats/${room.chat_id}/messages`, { token: ann.token, body });
            if (answer.status === 201) {
                stored.push(answer.json.seq);
            } else {
                refused = { answer, body };
            }
        }
        assert.equal(refused?.answer.status, 503, refused?.answer.text);
        assert.equal(refused.answer.json.code, 'store_full');
        await notReady('database_full');
        await until('some looks at the disk', async () => (await sys.db.sql('SHOW GLOBAL STATUS LIKE "Com_create_table"'))[0][1] > 3);
        await notReady('database_full');
        assert.equal((await sys.api.call('GET', `/api/chats/${room.chat_id}/messages`, { token: bob.token })).status, 200);
    } finally {
        sys.db.setDiskFull(false);
    }
    await sys.ready(); // before anybody has written
    const { json: again } = await sys.api.expect(201, 'POST', `/api/chats/${room.chat_id}/messages`, { token: ann.token, body: refused.body });
    assert.equal(again.seq, stored.length + 1);
    await client.wait((f) => f._ext?.seq === again.seq);
    assert.equal((await sys.db.sql("SHOW TABLES LIKE 'room_probe'")).length, 0);
});

test('a database that became read-only: 503, nothing half-done, and on it goes when it is writable', { timeout: 60000 }, async () => {
    const [ann, bob] = await sys.api.users(2);
    const room = await sys.api.group(ann, 'Read only', [bob]);
    const client = await sys.rooms(bob, { ext: true });
    await sys.db.sql('SET GLOBAL read_only = 1');
    try {
        for (const body of [{ content: 'refused', client_msg_id: 'read only 1' }, { content: 'refused', client_msg_id: 'read only 1' }]) {
            const answer = await sys.api.call('POST', `/api/chats/${room.chat_id}/messages`, { token: ann.token, body });
            assert.equal(answer.status, 503, answer.text);
            assert.ok(['store_full', 'unavailable', 'outcome_unknown'].includes(answer.json.code), answer.text);
        }
        assert.equal((await sys.api.call('POST', '/api/chat/create/group', { token: ann.token, body: { chat_name: 'x', participants: [] } })).status, 503);
        assert.equal((await sys.api.call('GET', `/api/chats/${room.chat_id}/messages`, { token: bob.token })).status, 200);
        await notReady('database_read_only');
    } finally {
        await sys.db.sql('SET GLOBAL read_only = 0');
    }
    await sys.ready(); // before anybody has written
    const sent = await until('writing works again', async () => {
        const answer = await sys.api.call('POST', `/api/chats/${room.chat_id}/messages`, { token: ann.token, body: { content: 'refused', client_msg_id: 'read only 1' } });
        return answer.status < 300 && answer.json;
    });
    assert.equal(sent.seq, 1);
    await client.wait((f) => f._ext?.seq === 1);
    assert.equal((await sys.api.call('GET', '/api/chats', { token: ann.token })).json.chats.length, 1);
});

test('the head row locked by somebody else for a while: slow, but right', { timeout: 60000 }, async () => {
    const [ann, bob] = await sys.api.users(2);
    const room = await sys.api.group(ann, 'Locked', [bob]);
    const client = await sys.rooms(bob, { ext: true });
    const load = new Load(ann, room, 'locked');
    await until('some load', () => load.acknowledged.length > 20);
    await sys.db.sql('START TRANSACTION; SELECT * FROM log_head FOR UPDATE; DO SLEEP(1.5); ROLLBACK');
    await sys.db.sql('LOCK TABLES messages WRITE; DO SLEEP(1.5); UNLOCK TABLES');
    const so = load.acknowledged.length;
    await until('the load goes on', () => load.acknowledged.length > so + 20, 30000);
    await load.finish();
    const final = (await sys.api.send(ann, room.chat_id, 'final', { client_msg_id: 'locked final' })).seq;
    assert.equal(final, load.acknowledged.length + 1);
    await client.wait((f) => f._ext?.seq === final);
    assert.deepEqual(client.frames.filter((f) => f.data).map((f) => f._ext.seq), Array.from({ length: final }, (_, i) => i + 1));
});
