// The smart rule as a table: where the receiver is, and whether a message notifies. What the sockets got, what is stored and what
// the explain endpoint says must be the same.
import { after, afterEach, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { dialects } from '../lib/dialects.mjs';
import { NOTIFICATIONS, chat, explained, flushNotifications, look, notifications, privateMessage, roundTrip } from '../lib/inbox.mjs';
import { idNumber } from '../lib/token.mjs';
import { useSystem } from '../lib/system.mjs';
import { SLOW, until } from '../lib/wait.mjs';

const FOCUS_MS = 2000 * SLOW;
let ann;
const sys = useSystem({ before, after }, { rest: { focus_max_age_ms: `${FOCUS_MS}ms` }, ws: { ping_interval_ms: '300ms', focus_report_ms: '50ms', focus_fresh_ms: `${FOCUS_MS}ms` } },
    async () => { ann = await sys.api.user('Ann'); });

/** Old enough, while the connection lives: at least two pings were answered and nothing else was sent. */
async function onlyPongs(client) {
    let pings = 0;
    const from = Date.now();
    client.ws.on('ping', () => { pings += 1; });
    await until('the focus is old', () => pings >= 2 && Date.now() - from > FOCUS_MS + 200);
}

const sessionsPerWorker = async () => (await sys.api.admin('GET', '/api/admin/status')).json.workers.map((w) => w.sessions);
const nobodyIsThere = () => until('all sessions are gone', async () => (await sessionsPerWorker()).every((n) => n === 0));

/** Two notification sockets of his, the first on worker 1, the second on worker 2. */
async function onTwoWorkers(bob) {
    const clients = [await notifications(sys, bob, { ext: true })];
    const first = await until('the first is counted', async () => (await sessionsPerWorker()).indexOf(1) + 1);
    clients.push(await notifications(sys, bob, { ext: true }));
    await until('one on each worker', async () => (await sessionsPerWorker()).join() === '1,1');
    return first === 1 ? clients : clients.reverse();
}

/** A chat socket that looks at a chat (null: at none). */
async function looking(bob, chatId) {
    const socket = await chat(sys, bob, { ext: true });
    await look(socket, chatId);
    return socket;
}

/** A D1 client that has subscribed. */
async function subscribed(bob, chatId) {
    const socket = await dialects.subscribe.open(sys, bob, { chatId });
    socket.send({ action: 'subscribe', chatId: `chat_${chatId}` }); // behind what the worker reports of the first
    await socket.wait('subscription_confirmed');
    return socket;
}

// name: [notified, what happens before the message: given the receiver, the chat, another chat of his]
const rows = {
    'no connection': [true, async () => {}],
    'notification socket only': [true, (bob) => notifications(sys, bob)],
    'chat socket, looking at nothing': [true, (bob) => chat(sys, bob)],
    'chat socket on another chat': [true, (bob, id, other) => looking(bob, other)],
    'chat socket focused': [false, (bob, id) => looking(bob, id)],
    'notification socket focused': [false, async (bob, id) => look(await notifications(sys, bob, { ext: true }), id)],
    'focused, then looking away': [true, async (bob, id) => look(await looking(bob, id), null)],
    'focused, then on another chat': [true, async (bob, id, other) => look(await looking(bob, id), other)],
    'focused, then closed': [true, async (bob, id) => {
        (await looking(bob, id)).close();
        await nobodyIsThere();
    }],
    'focused, but only pongs for too long': [true, async (bob, id) => onlyPongs(await looking(bob, id))],
    'focused, old, and any frame again': [false, async (bob, id) => {
        const socket = await looking(bob, id);
        await onlyPongs(socket);
        socket.send({ type: 'ping' });
        await socket.wait('pong');
        await roundTrip(socket);
    }],
    'wrote into the chat on a chat socket that says nothing else': [false, async (bob, id) => {
        const socket = await chat(sys, bob);
        await privateMessage(socket, { chat_id: id }, 'one');
        await roundTrip(socket);
    }],
    'wrote into the chat, but looks at another': [true, async (bob, id, other) => {
        const socket = await looking(bob, other);
        await privateMessage(socket, { chat_id: id }, 'one');
        await roundTrip(socket);
    }],
    'wrote into the chat, then nothing for too long': [true, async (bob, id) => {
        const socket = await chat(sys, bob);
        await privateMessage(socket, { chat_id: id }, 'one');
        await onlyPongs(socket);
    }],
    'wrote into the chat by REST': [true, (bob, id) => sys.api.send(bob, id, 'one')],
    'D0 wrote into the chat': [false, async (bob, id) => {
        const socket = await dialects.rooms.open(sys, bob);
        await socket.message(id, 'one');
        await socket.message(id, 'two'); // behind what the worker reports of the first
    }],
    'D1 subscribed': [false, (bob, id) => subscribed(bob, id)],
    'D1 subscribed to another chat': [true, (bob, id, other) => subscribed(bob, other)],
    'D1 subscribed and unsubscribed': [true, async (bob, id) => {
        const socket = await subscribed(bob, id);
        for (let i = 0; i < 2; i += 1) {
            socket.send({ action: 'unsubscribe', chatId: `chat_${id}` });
            await socket.wait((f) => f.action === 'unsubscribe');
        }
    }],
    'D1 subscribed, but only pongs for too long': [true, async (bob, id) => onlyPongs(await subscribed(bob, id))],
    'D3 looking at the chat': [false, async (bob, id) => {
        const socket = await dialects.conversations.open(sys, bob, { query: { ext: 1 } });
        socket.send({ event: 'active_chat', conversation_id: id });
        await socket.wait((f) => f._ext?.op === 'active_chat');
    }],
    'two tabs, none focused': [true, async (bob) => { await notifications(sys, bob); await notifications(sys, bob); }],
    'two tabs, one focused': [false, async (bob, id, other) => { await looking(bob, other); await looking(bob, id); }],
    'two tabs, both focused and one looks away': [false, async (bob, id) => {
        const [one] = [await looking(bob, id), await looking(bob, id)];
        await look(one, null);
    }],
    'two tabs, one silent, the other one closed': [true, async (bob, id) => {
        await onlyPongs(await looking(bob, id));
        const socket = await looking(bob, id);
        socket.close();
        await until('it is gone', async () => (await sessionsPerWorker()).reduce((sum, n) => sum + n) === 1);
    }],
    'two tabs, one silent, the other one looks away': [true, async (bob, id) => {
        await onlyPongs(await looking(bob, id));
        await look(await looking(bob, id), null);
    }],
    'two workers, none focused': [true, (bob) => onTwoWorkers(bob)],
    'two workers, one focused': [false, async (bob, id) => look((await onTwoWorkers(bob))[0], id)],
    'two workers, the other one focused': [false, async (bob, id) => look((await onTwoWorkers(bob))[1], id)],
    'two workers, both focused and one gone': [false, async (bob, id) => {
        const [one, two] = await onTwoWorkers(bob);
        await look(one, id);
        await look(two, id);
        one.close();
        await until('it is gone', async () => (await sessionsPerWorker()).join() === '0,1');
    }],
};

describe('notified or not', () => {
    for (const [name, [notified, open]] of Object.entries(rows)) {
        test(`${name}: ${notified ? 'notified' : 'not notified'}`, async () => {
            const [bob, cyd] = await sys.api.users(2);
            const id = idNumber((await sys.api.personal(ann, bob)).chat_id);
            const other = idNumber((await sys.api.personal(bob, cyd)).chat_id);
            await open(bob, id, other);
            if (![...sys.clients].some((c) => c.isOpen && c.ws.url.includes(NOTIFICATIONS)) && name !== 'no connection') {
                await notifications(sys, bob); // another tab, which looks at nothing
            }
            const sent = await sys.api.send(ann, id, `to ${name}`);
            const message = idNumber(sent.message_id);
            const decision = await explained(sys, message, bob);
            assert.deepEqual([decision.notified, decision.reason], notified ? [true, 'notified'] : [false, 'active'], JSON.stringify(decision));
            const { json } = await sys.api.expect(200, 'GET', '/api/notifications', { token: bob.token });
            assert.equal(json.notifications.filter((n) => n.message_id && idNumber(n.message_id) === message).length, notified ? 1 : 0);
            const roots = [...sys.clients].filter((c) => c.isOpen && c.ws.url.includes(NOTIFICATIONS));
            await flushNotifications(sys, bob, roots);
            for (const root of roots) {
                const shown = root.of('new_message').filter((f) => f.content_preview === `to ${name}`);
                assert.equal(shown.length, notified ? 1 : 0, 'what the notification socket got');
            }
        });
    }
    afterEach(async () => {
        sys.clients.forEach((c) => c.close());
        sys.clients.clear();
        await nobodyIsThere();
    });
});
