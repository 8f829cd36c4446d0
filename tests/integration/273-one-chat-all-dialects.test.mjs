// One chat, one client per dialect: each sees its own form of the same messages, in the same order, none missing and none
// twice. And one person with a client of each dialect sees there what he sends anywhere.
import crypto from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { dialects } from '../lib/dialects.mjs';
import { idNumber } from '../lib/token.mjs';
import { useSystem } from '../lib/system.mjs';
import { until } from '../lib/wait.mjs';

const MESSAGES = 1000;
const sys = useSystem({ before, after });

const names = Object.keys(dialects);

const contents = (dialect, client) => client.frames.map((f) => dialects[dialect].shown(f)?.content).filter((c) => c !== undefined);

/** All messages of a chat, in the order of the server. */
async function history(who, chatId) {
    const all = [];
    for (let page = { has_more: true }; page.has_more;) {
        page = (await sys.api.expect(200, 'GET', `/api/chats/${chatId}/messages?limit=100&after=${all.at(-1)?.seq ?? 0}`, { token: who.token })).json;
        all.push(...page.messages);
    }
    return all;
}

describe('a person for each dialect', () => {
    test(`${MESSAGES} messages from random dialects and REST`, async () => {
        const people = Object.fromEntries(await Promise.all(names.map(async (d) => [d, await sys.api.user(d)])));
        const rest = await sys.api.user('rest');
        const room = await sys.api.group(rest, 'All', Object.values(people));
        const chatId = idNumber(room.chat_id);
        const clients = Object.fromEntries(await Promise.all(names.map(async (d) => [d, await dialects[d].open(sys, people[d], { chatId })])));
        const observers = Object.fromEntries(await Promise.all(names.map(async (d) => [d, await dialects[d].open(sys, people[d], { chatId, ...dialects[d].otherwise })])));

        const roaming = await dialects.socketio.open(sys, people.socketio, { chatId });
        const cuts = setInterval(() => { if (roaming.socket.connected) { roaming.cut(); } }, 150);

        const from = {}; // content -> who sent it
        const lanes = [...names.filter((d) => dialects[d].send), 'rest', 'subscriber by REST'];
        const laneOf = Array.from({ length: MESSAGES }, () => lanes[crypto.randomInt(lanes.length)]);
        await Promise.all(lanes.map(async (lane) => {
            for (let i = laneOf.indexOf(lane); i >= 0; i = laneOf.indexOf(lane, i + 1)) {
                const content = `${lane} ${i}`;
                from[content] = lane;
                if (dialects[lane]) {
                    clients[lane].send(dialects[lane].send(chatId, content, `m${i}`));
                    // Some are sent without waiting for the ones before, some not.
                    if (i % 7 === 0) {
                        await until('it is back at the observer', () => contents(lane, observers[lane]).includes(content), 60000);
                    }
                } else {
                    await sys.api.send(lane === 'rest' ? rest : people.subscribe, chatId, content);
                }
            }
        }));

        const order = await until('all are stored', async () => {
            const all = await history(rest, chatId);
            return all.length === MESSAGES ? all.map((m) => m.content) : null;
        }, 60000, 200);
        assert.equal(new Set(order).size, MESSAGES, 'no loss, no duplicate');
        clearInterval(cuts);
        await until('the one that lost its connection has all', () => contents('socketio', roaming).length >= MESSAGES, 60000);
        assert.deepEqual(contents('socketio', roaming), order);
        assert.ok(roaming.recovered.length > 2 && roaming.recovered.slice(1).every((r) => r), String(roaming.recovered));
        for (const dialect of names) {
            for (const [kind, client] of [['sender', clients[dialect]], ['observer', observers[dialect]]]) {
                const isMine = (content) => from[content] === dialect && kind === 'sender' && !dialects[dialect].hearsOwn;
                const isOwnUser = (content) => dialect === 'subscribe' && from[content] === 'subscriber by REST';
                const expected = order.filter((c) => !isMine(c) && !isOwnUser(c));
                await until(`${kind} of ${dialect} has all`, () => contents(dialect, client).length >= expected.length, 60000);
                assert.deepEqual(contents(dialect, client), expected, `${kind} of ${dialect}`);
                client.frames.filter((f) => dialects[dialect].shown(f)).forEach(dialects[dialect].check);
                assert.ok(!client.frames.some((f) => f.type === 'error' || f.error), `${kind} of ${dialect}: an error`);
            }
            const answers = clients[dialect].frames.filter((f) => f.type === 'ack' && f.client_msg_id);
            if (dialects[dialect].hearsOwn) {
                assert.deepEqual(answers.map((f) => `${dialect} ${f.client_msg_id.slice(1)}`), order.filter((c) => from[c] === dialect), 'answers in the same order');
                const own = clients[dialect].frames.filter((f) => f.message?.sender_id === people[dialect].n);
                assert.deepEqual(answers.map((f) => [f.ok, f.id]), own.map((f) => [true, f.message.id]), 'and with the same ids');
            }
            // The answers stand where the messages stand.
            if (dialects[dialect].sent) {
                const { frames } = clients[dialect];
                const mixed = frames.map((f) => (dialects[dialect].sent(f) ? `${dialect} ${f.client_msg_id.slice(1)}` : dialects[dialect].shown(f)?.content)).filter(Boolean);
                assert.deepEqual(mixed, order, `answers and messages of ${dialect}`);
            }
        }
    });
});

describe('one person, a client of each dialect', () => {
    test('each sees what the others send, in its own form, in the same order', async () => {
        const [ann, bob] = await sys.api.users(2);
        const room = await sys.api.group(ann, 'Own', [bob]);
        const chatId = idNumber(room.chat_id);
        const clients = Object.fromEntries(await Promise.all(names.map(async (d) => [d, await dialects[d].open(sys, ann, { chatId })])));
        const sent = [];
        for (let i = 0; i < 40; i += 1) {
            const lane = [...names.filter((d) => dialects[d].send), 'rest', 'bob'][i % 6];
            const content = `${lane} ${i}`;
            sent.push(content);
            if (dialects[lane]) {
                const witness = lane === 'rooms' ? 'conversations' : 'rooms';
                clients[lane].send(dialects[lane].send(chatId, content, `o${i}`));
                await until(`${content} is at ${witness}`, () => contents(witness, clients[witness]).at(-1) === content);
            } else {
                await sys.api.send(lane === 'bob' ? bob : ann, chatId, content);
            }
        }
        const expected = {
            rooms: sent.filter((c) => !c.startsWith('rooms')),
            subscribe: sent.filter((c) => c.startsWith('bob')), // never one's own (C-08)
            conversations: sent.filter((c) => !c.startsWith('conversations')),
            inbox_chat: sent.filter((c) => !c.startsWith('inbox_chat')),
            socketio: sent,
        };
        for (const dialect of names) {
            await until(`${dialect} has all`, () => contents(dialect, clients[dialect]).length >= expected[dialect].length);
            assert.deepEqual(contents(dialect, clients[dialect]), expected[dialect], dialect);
        }
    });
    test('the same mark in different dialects and by REST is one message', async () => {
        const [ann, bob] = await sys.api.users(2);
        const chatId = idNumber((await sys.api.group(ann, 'Once', [bob])).chat_id);
        const clients = Object.fromEntries(await Promise.all(names.map(async (d) => [d, await dialects[d].open(sys, ann, { chatId })])));
        const bobs = Object.fromEntries(await Promise.all(names.map(async (d) => [d, await dialects[d].open(sys, bob, { chatId })])));
        for (const dialect of names.filter((d) => dialects[d].send)) {
            clients[dialect].send(dialects[dialect].send(chatId, 'once', 'the-mark'));
        }
        const answer = await sys.api.call('POST', `/api/chats/${chatId}/messages`, { token: ann.token, body: { content: 'once', client_msg_id: 'the-mark' } });
        assert.ok([200, 201].includes(answer.status), answer.text);
        for (const [dialect, answer_] of [['rooms', 'message_sent'], ['inbox_chat', 'message_sent'], ['socketio', 'ack']]) {
            await clients[dialect].wait(answer_);
        }
        await sys.api.send(ann, chatId, 'twice');
        for (const dialect of names) {
            await until(`${dialect} has the marker`, () => contents(dialect, bobs[dialect]).at(-1) === 'twice');
            assert.deepEqual(contents(dialect, bobs[dialect]), ['once', 'twice'], dialect);
        }
        assert.deepEqual((await history(ann, chatId)).map((m) => m.content), ['once', 'twice']);
    });
});
