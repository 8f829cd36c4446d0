// The client library over a bad network: nothing is lost, nothing comes twice, nothing changes places.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { MemoryStorage, clientOf } from '../lib/client.mjs';
import { Proxy } from '../lib/proxy.mjs';
import { useSystem } from '../lib/system.mjs';
import { until } from '../lib/wait.mjs';

const CHATS = 25;
const PER_CHAT = 400;
const RECONNECTS = 50;
let ann;
let bob;
let rooms;
let proxy;
const sys = useSystem({ before, after: () => {} }, { rest: { replay_max_events: 100000 } }, async (system) => {
    [ann, bob] = await system.api.users(2);
    rooms = await Promise.all(Array.from({ length: CHATS }, (_, i) => system.api.group(ann, `Room ${i}`, [bob])));
    proxy = new Proxy(system);
    await proxy.listening;
});
after(async () => {
    await proxy?.stop();
    await sys.stop();
});

describe('10,000 messages over 50 forced reconnects', () => {
    let sender;
    let receiver;
    const total = CHATS * PER_CHAT;

    test('all of them arrive', { timeout: 300000 }, async () => {
        receiver = clientOf(sys, bob, { origin: proxy.origin });
        sender = clientOf(sys, ann, { origin: proxy.origin, storage: new MemoryStorage() });
        receiver.start();
        sender.start();
        await receiver.isLive();
        await sender.isLive();
        let received = 0;
        receiver.on('message', () => { received += 1; });
        const next = new Map(rooms.map((room) => [room.chat_id, 0]));
        const feed = () => {
            for (const [chatId, n] of next) {
                if (n < PER_CHAT && sender.outbox().length < 500) {
                    sender.send({ chatId, content: `message ${n}` });
                    next.set(chatId, n + 1);
                }
            }
        };
        sender.on('sent', feed);
        for (let i = 0; i < 10; i += 1) {
            feed();
        }
        for (let i = 0; i < RECONNECTS; i += 1) {
            await until(`message ${(i * total) / RECONNECTS}`, () => received >= (i * total) / RECONNECTS, 60000);
            await until('connection to cut', () => receiver.status === 'live' && sender.status === 'live', 30000);
            if (i % 10 === 5) {
                await Promise.all(sys.workers.map((worker) => sys.bounce(worker)));
            } else {
                proxy.cut();
            }
        }
        await until('the last message', () => received >= total && sender.of('sent').length >= total, 60000);
        for (const client of [receiver, sender]) {
            const live = client.of('status').filter(({ status }) => status === 'live').length;
            assert.ok(live > RECONNECTS, `only ${live} connections`);
        }
    });

    test('each once, in order, without a hole', () => {
        for (const room of rooms) {
            const got = receiver.of('message').filter(({ chatId }) => chatId === room.chat_id);
            assert.deepEqual(got.map(({ message }) => message.content), Array.from({ length: PER_CHAT }, (_, i) => `message ${i}`));
            assert.deepEqual(got.map(({ message }) => message.seq), Array.from({ length: PER_CHAT }, (_, i) => i + 1));
        }
        assert.deepEqual(receiver.of('gap').map(({ reason }) => reason), ['start', 'start']);
        const ids = receiver.of('message').map(({ eventId }) => Number(eventId.split('.')[1]));
        assert.deepEqual(ids, [...new Set(ids)].sort((a, b) => a - b));
    });

    test('each was answered once to its sender, who has nothing left', () => {
        const sent = sender.of('sent').map(({ clientMsgId }) => clientMsgId);
        assert.equal(new Set(sent).size, sent.length);
        assert.equal(sent.length, total);
        assert.deepEqual(sender.outbox(), []);
        for (const room of rooms) {
            const seqs = sender.of('sent').filter(({ message }) => message.chat_id === room.chat_id).map(({ message }) => message.seq);
            assert.deepEqual(seqs, Array.from({ length: PER_CHAT }, (_, i) => i + 1));
        }
        assert.equal(sender.of('send_failed').length, 0);
        sender.stop();
        receiver.stop();
    });
});
