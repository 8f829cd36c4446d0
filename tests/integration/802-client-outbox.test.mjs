// What is sent through the client library arrives once and in order, whatever happens in between.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { MemoryStorage, clientOf } from '../lib/client.mjs';
import { Proxy } from '../lib/proxy.mjs';
import { System, useSystem } from '../lib/system.mjs';
import { until, within } from '../lib/wait.mjs';

let ann;
let bob;
let room;
let other;
let proxy;
const sys = useSystem({ before, after: () => {} }, {}, async (system) => {
    [ann, bob] = await system.api.users(2);
    room = await system.api.group(ann, 'Room', [bob]);
    other = await system.api.group(ann, 'Other', [bob]);
    proxy = new Proxy(system);
    await proxy.listening;
});
after(async () => {
    await proxy?.stop();
    await sys.stop();
});

const ten = (what) => Array.from({ length: 10 }, (_, i) => `${what} ${i}`);
async function stored(chat, what) {
    const { json } = await sys.api.expect(200, 'GET', `/api/chats/${chat.chat_id}/messages?limit=100`, { token: bob.token });
    return json.messages.map(({ content }) => content).filter((content) => content.startsWith(what));
}
const isStored = (chat, what, count) => until(`${count} of ${what}`, async () => (await stored(chat, what)).length >= count, 30000);

describe('the server is away while ten messages are typed', () => {
    for (const [what, storage] of Object.entries({
        'storage works': () => new MemoryStorage(),
        'storage is full': () => Object.assign(new MemoryStorage(), { full: true }),
        'storage is blocked': () => Object.assign(new MemoryStorage(), { blocked: true }),
        'there is no storage': () => null,
    })) {
        test(`${what}: all arrive once, in order`, async () => {
            const client = clientOf(sys, ann, { storage: storage() });
            client.start();
            await client.isLive();
            await Promise.all([sys.rest, ...sys.workers].map((daemon) => daemon.stop('SIGKILL')));
            const sending = ten(what).map((content) => client.send({ chatId: room.chat_id, content }));
            await until('notices it', () => client.status === 'waiting');
            assert.deepEqual(client.outbox().map(({ content }) => content), ten(what));
            [sys.rest, ...sys.workers].forEach((daemon) => daemon.start());
            const done = await Promise.all(sending.map((one) => one.done));
            assert.deepEqual(done.map(({ content }) => content), ten(what));
            assert.deepEqual(await stored(room, what), ten(what));
            assert.deepEqual(client.outbox(), []);
            client.stop();
            await sys.ready();
        });
    }
});

describe('the page is loaded anew', () => {
    test('what was not sent is there again, and is sent', async () => {
        const storage = new MemoryStorage();
        const first = clientOf(sys, ann, { storage, origin: proxy.origin });
        first.start();
        await first.isLive();
        proxy.down();
        const ids = ten('kept').map((content) => first.send({ chatId: room.chat_id, content }).clientMsgId);
        first.stop();
        const second = clientOf(sys, ann, { storage, origin: proxy.origin });
        second.start();
        await until('the outbox', () => second.outbox().length === 10);
        assert.deepEqual(second.outbox().map(({ clientMsgId }) => clientMsgId), ids);
        const eleventh = second.send({ chatId: room.chat_id, content: 'kept too' });
        proxy.up();
        await eleventh.done;
        assert.deepEqual(await stored(room, 'kept'), [...ten('kept'), 'kept too']);
        assert.deepEqual(second.of('sent').map(({ clientMsgId }) => clientMsgId), [...ids, eleventh.clientMsgId]);
        assert.deepEqual([...storage.map.keys()], []);
        second.stop();
    });
    test('while answers are on their way: the same marks, so still once', async () => {
        const storage = new MemoryStorage();
        for (let round = 0; round < 10; round += 1) {
            const client = clientOf(sys, ann, { storage, origin: proxy.origin });
            client.start();
            await client.isLive();
            client.send({ chatId: room.chat_id, content: `again ${round}` });
            proxy.cut();
            client.stop();
        }
        const last = clientOf(sys, ann, { storage });
        last.start();
        await isStored(room, 'again', 10);
        await until('an empty outbox', () => last.outbox().length === 0);
        assert.deepEqual(await stored(room, 'again'), ten('again'));
        last.stop();
    });
    test("another user's messages stay where they are", async () => {
        const storage = new MemoryStorage();
        const first = clientOf(sys, ann, { storage, origin: proxy.origin });
        first.start();
        await first.isLive();
        proxy.down();
        first.send({ chatId: room.chat_id, content: 'of ann' });
        first.stop();
        proxy.up();
        const second = clientOf(sys, bob, { storage });
        second.start();
        await second.isLive();
        assert.deepEqual(second.outbox(), []);
        await second.send({ chatId: room.chat_id, content: 'of bob' }).done;
        assert.deepEqual(await stored(room, 'of ann'), []);
        second.stop();
        const third = clientOf(sys, ann, { storage });
        third.start();
        await isStored(room, 'of ann', 1);
        third.stop();
    });
});

describe('refused messages', () => {
    test('stay, marked, until they are sent again or discarded; nobody waits for them', async () => {
        const storage = new MemoryStorage();
        const cyd = await sys.api.user();
        const client = clientOf(sys, cyd, { storage });
        client.start();
        await client.isLive();
        const refused = client.send({ chatId: room.chat_id, content: 'let me in' });
        await assert.rejects(refused.done, { name: 'RestError', code: 'chat_not_found' });
        assert.deepEqual(client.of('send_failed').map(({ clientMsgId, error }) => [clientMsgId, error.code]), [[refused.clientMsgId, 'chat_not_found']]);
        await client.send({ userId: bob.id, content: 'a personal one' }).done;
        client.stop();
        const second = clientOf(sys, cyd, { storage });
        second.start();
        await second.isLive();
        assert.deepEqual(second.outbox().map(({ state, error }) => [state, error.code]), [['failed', 'chat_not_found']]);
        await sys.api.expect(201, 'POST', `/api/chats/${room.chat_id}/members`, { token: ann.token, body: { user_id: cyd.id } });
        second.retry(refused.clientMsgId);
        await second.wait('sent', ({ clientMsgId }) => clientMsgId === refused.clientMsgId);
        assert.deepEqual(await stored(room, 'let me in'), ['let me in']);
        const empty = second.send({ chatId: room.chat_id, content: '' });
        await assert.rejects(empty.done, { code: 'invalid_field' });
        second.discard(empty.clientMsgId);
        assert.deepEqual(second.outbox(), []);
        assert.equal(storage.map.size, 0);
        second.stop();
    });
    for (const [what, content, code] of [
        ['longer than a message may be', 'x'.repeat(17000), 'too_large'], ['longer than a frame may be', 'x'.repeat(70000), 'too_large'],
        ['much longer', 'x'.repeat(1 << 20), 'too_large'], ['half a character', 'a\ud800b', 'bad_json'], ['a zero', 'a\0b', 'bad_json'],
    ]) {
        test(`${what}: refused like any other, and no reason to lose the connection`, async () => {
            const client = clientOf(sys, ann);
            client.start();
            await client.isLive();
            const bad = client.send({ chatId: room.chat_id, content });
            const good = client.send({ chatId: room.chat_id, content: 'after it' });
            await assert.rejects(within('an answer', bad.done), { code });
            await within('an answer', good.done);
            assert.deepEqual(client.outbox().map(({ state }) => state), ['failed']);
            assert.ok(!client.of('status').some(({ status }) => status === 'waiting'), 'the connection was lost');
            client.stop();
        });
    }
    test('what keeps breaking the connection is asked about by HTTP', async () => {
        // A frame limit lower than the library thinks.
        const small = new System({ name: '802-small-frames', ws: { frame_max_bytes: '2k' } });
        await small.start();
        try {
            const [user] = await small.api.users(2);
            const chat = await small.api.group(user, 'Small', []);
            const client = clientOf(small, user);
            client.start();
            await client.isLive();
            const sent = await within('an answer', client.send({ chatId: chat.chat_id, content: 'y'.repeat(4000) }).done, 30000);
            assert.equal(sent.content.length, 4000);
            await client.send({ chatId: chat.chat_id, content: 'short' }).done;
            client.stop();
        } finally {
            await small.stop();
        }
    });
    test('one that is discarded in time is not sent', async () => {
        const client = clientOf(sys, ann, { origin: proxy.origin });
        client.start();
        await client.isLive();
        proxy.down();
        await until('waiting', () => client.status === 'waiting');
        const regretted = client.send({ chatId: other.chat_id, content: 'regret' });
        client.discard(regretted.clientMsgId);
        await assert.rejects(regretted.done, { code: 'discarded' });
        proxy.up();
        await client.send({ chatId: other.chat_id, content: 'after it' }).done;
        assert.deepEqual(await stored(other, 'regret'), []);
        client.stop();
    });
    test('more than may wait', async () => {
        const client = clientOf(sys, ann, { limits: { outboxMax: 3 } });
        for (let i = 0; i < 3; i += 1) {
            client.send({ chatId: room.chat_id, content: 'x' });
        }
        assert.throws(() => client.send({ chatId: room.chat_id, content: 'x' }), RangeError);
    });
});

test('attachments and quotes go in order with the rest', async () => {
    const client = clientOf(sys, ann);
    client.start();
    await client.isLive();
    const progress = [];
    const file = new Blob(['a text\n'.repeat(400000)], { type: 'text/plain' });
    const attachment = await client.rest.upload(room.chat_id, file, { name: 'notes.txt', onProgress: (bytes, total) => progress.push([bytes, total]) });
    assert.equal(attachment.size, file.size);
    assert.deepEqual([progress[0], progress.at(-1)], [[0, file.size], [file.size, file.size]]);
    assert.ok(progress.length > 3);
    const first = client.send({ chatId: room.chat_id, content: 'order 0' });
    client.send({ chatId: room.chat_id, content: 'order 1', attachmentId: attachment.id });
    const last = client.send({ chatId: room.chat_id, content: 'order 2', replyTo: { sender_name: 'Bob', content: 'what?' } });
    assert.equal((await last.done).content, '> Bob: what?\n\norder 2');
    assert.equal((await first.done).message_type, 'text');
    const { messages } = await client.rest.messages(room.chat_id, { limit: 3 });
    assert.deepEqual(messages.map(({ content }) => content), ['order 0', 'order 1', '> Bob: what?\n\norder 2']);
    assert.equal(messages[1].attachment.id, attachment.id);
    client.stop();
});

test('an upload goes on after the connection was cut', async () => {
    const client = clientOf(sys, ann, { origin: proxy.origin });
    const file = new Blob([new Uint8Array(3 << 20).fill(97)], { type: 'text/plain' });
    let cuts = 0;
    const attachment = await client.rest.upload(room.chat_id, file, {
        name: 'long.txt', piece: 1 << 18, onProgress: (bytes) => {
            if (bytes > 0 && cuts < 3) {
                cuts += 1;
                proxy.cut();
            }
        },
    });
    assert.equal(attachment.size, file.size);
    assert.equal(cuts, 3);
});
