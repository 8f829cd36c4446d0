// The notifier over crashes, restarts and overflows: each message is decided once, each member notified once.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { chat as chatSocket, look } from '../lib/inbox.mjs';
import { Notes } from '../lib/notes.mjs';
import { useSystem } from '../lib/system.mjs';
import { idNumber } from '../lib/token.mjs';
import { until } from '../lib/wait.mjs';

const sys = useSystem({ before, after }, { workers: 1 });
const notes = new Notes(sys);

/** Post until it is acknowledged, always with the same key. */
async function insist(by, chat, content) {
    return until(`acknowledgement of ${content}`, async () => {
        const answer = await sys.api.call('POST', `/api/chats/${chat.chat_id}/messages`, { token: by.token, body: { content, client_msg_id: content } });
        if (answer.status >= 400 && answer.status !== 503) {
            throw Object.assign(new Error(answer.text), { final: true });
        }
        return answer.status < 300 && answer.json;
    }, 30000);
}

const numbers = async (sql) => (await sys.db.sql(sql))[0].map(Number);

/** Every message of the chat has one record, and each of the readers one notification of it. */
async function settled(chat, messages, readers) {
    const n = idNumber(chat.chat_id);
    await until('everything is decided', async () => {
        const [decided] = await numbers(`SELECT COUNT(*) FROM notification_decisions d JOIN events e ON e.event_id = d.message_id WHERE e.chat_id = ${n}`);
        return decided === messages;
    }, 60000);
    const [rows, distinct, events] = await numbers(`SELECT COUNT(*), COUNT(DISTINCT n.user_id, n.seq), COUNT(e.event_id) FROM notifications n
        LEFT JOIN events e ON e.event_id = n.id AND e.kind = 14 AND e.subject_id = n.user_id WHERE n.chat_id = ${n}`);
    assert.deepEqual([rows, distinct, events], Array(3).fill(messages * readers));
    await until('the notifier says so', async () => (await sys.metric('confab_notifier_behind')) === 0);
}

test('SIGKILL again and again while messages come: each notification exactly once', { timeout: 180000 }, async () => {
    const [ann, ...others] = await sys.api.users(12);
    const chat = await sys.api.group(ann, 'Crash', others);
    let stop = false;
    let sent = 0;
    const pouring = Promise.all([0, 1, 2, 3].map(async (lane) => {
        for (let i = 0; !stop; i += 1) {
            await insist(ann, chat, `load ${lane}.${i}`);
            sent += 1;
        }
    }));
    for (let kill = 0; kill < 5; kill += 1) {
        const so = sent;
        await until('some load', () => sent > so + 40 + kill * 23, 30000);
        await sys.bounce(sys.rest);
        await sys.ready();
    }
    stop = true;
    await pouring;
    await settled(chat, sent, others.length);
    for (const user of [others[0], others[10]]) {
        assert.equal(await notes.unread(user), sent);
    }
    await sys.bounce(sys.rest);
    await sys.ready();
    assert.equal(await notes.unread(others[5]), sent, 'counted anew at start');
});

test('a read cursor that moved just before the end is caught up with', { timeout: 60000 }, async () => {
    const [ann, bob] = await sys.api.users(2);
    const chat = await sys.api.personal(ann, bob);
    let last;
    for (let i = 0; i < 30; i += 1) {
        last = await sys.api.send(ann, chat.chat_id, `x${i}`);
    }
    assert.equal(await notes.reason(last, bob), 'notified');
    await sys.api.expect(200, 'POST', `/api/chats/${chat.chat_id}/read`, { token: bob.token });
    await sys.bounce(sys.rest);
    await sys.ready();
    await until('all of them are read', async () => (await notes.unread(bob)) === 0);
    const [marked] = await numbers(`SELECT COUNT(*) FROM notifications WHERE user_id = ${bob.n} AND read_us IS NOT NULL`);
    assert.equal(marked, 30);
});

test('what a crash left undecided waits until the workers have said who looks at what', async () => {
    const [ann, bob, cyd] = await sys.api.users(3);
    const chat = await sys.api.group(ann, 'In front of Bob', [bob, cyd]);
    const client = await chatSocket(sys, bob, { ext: true });
    await look(client, idNumber(chat.chat_id));
    const message = await sys.api.send(ann, chat.chat_id, 'in front of him');
    assert.deepEqual([await notes.reason(message, bob), await notes.reason(message, cyd)], ['active', 'notified']);
    await sys.rest.stop('SIGKILL');
    const n = idNumber(message.message_id); // as if it had been killed before it decided
    await sys.db.sql(`UPDATE notifier SET event_id = ${n - 1}, user_id = 0;
        DELETE FROM notification_decisions WHERE message_id = ${n};
        DELETE FROM notifications WHERE chat_id = ${idNumber(chat.chat_id)}`);
    const args = [...sys.rest.args];
    sys.rest.args.push('--set', 'notify_settle_ms=2s');
    sys.rest.start();
    await sys.ready();
    sys.rest.args = args;
    assert.deepEqual([await notes.reason(message, bob), await notes.reason(message, cyd)], ['active', 'notified']);
    client.close();
});

test('a queue of one: what does not fit is read from the log', { timeout: 120000 }, async () => {
    await sys.rest.stop();
    sys.rest.args.push('--set', 'notifier_queue_max=1', '--set', 'notify_chunk_rows=5');
    sys.rest.start();
    await sys.ready();
    const [ann, bob, cyd] = await sys.api.users(3);
    const chat = await sys.api.group(ann, 'Overflow', [bob, cyd]);
    await Promise.all(Array.from({ length: 8 }, async (_, lane) => {
        for (let i = 0; i < 50; i += 1) {
            await sys.api.send(ann, chat.chat_id, `m ${lane}.${i}`);
        }
    }));
    await settled(chat, 400, 2);
    assert.ok(await sys.metric('confab_notifier_overflows_total') > 0, 'the queue has overflowed');
    await sys.api.expect(200, 'POST', `/api/chats/${chat.chat_id}/read`, { token: bob.token });
    await until('more than a chunk is marked read', async () => (await notes.unread(bob)) === 0);
    assert.equal(await notes.unread(cyd), 400);
});

test('the database is away for a while', { timeout: 120000 }, async () => {
    const [ann, bob] = await sys.api.users(2);
    const chat = await sys.api.personal(ann, bob);
    await insist(ann, chat, 'before');
    await sys.db.kill();
    const during = insist(ann, chat, 'during');
    await until('writes are refused', async () => (await fetch(`${sys.origin}/readyz`)).status === 503);
    await sys.db.start();
    await during;
    await insist(ann, chat, 'after');
    await settled(chat, 3, 1);
});
