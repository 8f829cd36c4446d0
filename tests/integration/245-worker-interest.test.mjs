// confab-ws with a fake confab-rest: subscriptions, focus, typing, watches and topics over the link.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Worker } from '../lib/worker.mjs';
import { until } from '../lib/wait.mjs';

const SUBSCRIBE = 2; // enum dialect_id
const DASHBOARD = 5;
const SUBSCRIBE_QUERY = 2; // LINK_QUERY_SUBSCRIBE
const TYPING = 32; // enum conn_option
const CHAT_UPDATES = 128;
const REPLAY = 256;
const FORBIDDEN = 20; // enum code
const CMD_TYPING = 32;
const CMD_FOCUS = 33;

const subscribe = (n) => ({ action: 'subscribe', chatId: `chat_${n}` });
const unsubscribe = (n) => ({ action: 'unsubscribe', chatId: `chat_${n}` });

/** Subscribe, with the answer of confab-rest. */
async function subscribed(w, c, n) {
    const from = w.events.length;
    c.send(subscribe(n));
    const q = await w.heard('query', (e) => e.session === c.session, from);
    w.do('query_reply', { request: q.request, session: c.session });
    await c.wait((f) => f.type === 'subscription_confirmed' && f.action === 'subscribe' && f.chatId === `chat_${n}`);
    return q;
}

const presence = (w, from, slot) => w.events.slice(from).filter((e) => e.is === 'presence' && e.slot === slot)
    .map((e) => `${e.chat}:${e.active}`);

describe('what the sessions of a worker look at', () => {
    let w;
    before(async () => {
        w = await new Worker({
            focus_report_ms: '200ms', typing_repeat_ms: '400ms', subscriptions_max: 3, commands_max: 8,
        }).start();
    });
    after(() => w.stop());

    it('asks once per subscription and delivers from the answer on', async () => {
        const c = await w.connect({ user: 11, dialect: SUBSCRIBE });
        const before_ = w.events.length;
        c.send(subscribe(5));
        const q = await w.heard('query', () => true, before_);
        assert.deepEqual([q.session, q.slot, q.kind, q.body], [c.session, 11, SUBSCRIBE_QUERY, { chat_id: 5 }]);
        w.do('event', { id: 200, chat: 5, slots: [11], content: 'too early' });
        w.do('query_reply', { request: q.request, session: c.session });
        w.do('event', { id: 201, chat: 6, slots: [11], content: 'another chat' });
        w.do('event', { id: 202, chat: 5, slots: [11], content: 'mine' });
        await c.wait('new_message');
        assert.deepEqual(c.frames.map((f) => f.type), ['connected', 'subscription_confirmed', 'new_message']);
        assert.deepEqual(c.frames[1], { type: 'subscription_confirmed', action: 'subscribe', chatId: 'chat_5', message: 'Subscribed to chat chat_5' });
        c.send(unsubscribe(5));
        await c.wait((f) => f.action === 'unsubscribe');
        w.do('event', { id: 203, chat: 5, slots: [11], content: 'not any more' });
        await subscribed(w, c, 7);
        w.do('event', { id: 204, chat: 7, slots: [11], content: 'end' });
        await c.wait((f) => f.message?.text === 'end');
        assert.deepEqual(c.frames.filter((f) => f.type === 'new_message').map((f) => f.message.text), ['mine', 'end']);
    });

    it('says no as confab-rest does, and at the limit by itself', async () => {
        const c = await w.connect({ user: 2, dialect: SUBSCRIBE });
        let from = w.events.length;
        c.send(subscribe(9));
        const q = await w.heard('query', () => true, from);
        w.do('query_reply', { request: q.request, session: c.session, code: FORBIDDEN });
        assert.equal((await c.wait('error')).error, 'Forbidden');
        for (const n of [1, 2, 3]) {
            await subscribed(w, c, n);
        }
        await subscribed(w, c, 2); // once more is no more
        from = w.events.length;
        c.send(subscribe(4));
        await c.wait((f) => f.type === 'error' && f.error !== 'Forbidden');
        c.send(unsubscribe(1));
        await c.wait((f) => f.action === 'unsubscribe');
        await subscribed(w, c, 4);
        assert.equal(w.events.slice(from).filter((e) => e.is === 'query').length, 1);
    });

    it('keeps the order of subscribe and unsubscribe', async () => {
        const c = await w.connect({ user: 3, dialect: SUBSCRIBE });
        const from = w.events.length;
        c.send(subscribe(5));
        c.send(unsubscribe(5));
        await until('two queries', () => w.events.slice(from).filter((e) => e.is === 'query').length === 2);
        for (const q of w.events.slice(from).filter((e) => e.is === 'query')) {
            w.do('query_reply', { request: q.request, session: c.session });
        }
        await c.wait((f) => f.action === 'unsubscribe');
        assert.deepEqual(c.frames.map((f) => f.action ?? f.type), ['connected', 'subscribe', 'unsubscribe']);
        w.do('event', { id: 300, chat: 5, slots: [3], content: 'nobody hears' });
        await subscribed(w, c, 6);
        assert.deepEqual(c.frames.map((f) => f.action ?? f.type), ['connected', 'subscribe', 'unsubscribe', 'subscribe']);
    });

    it('reports who looks at what, no more often than told, and once nobody does', async () => {
        const from = w.events.length;
        const [a, b] = [await w.connect({ user: 4, dialect: SUBSCRIBE }), await w.connect({ user: 4, dialect: SUBSCRIBE })];
        await subscribed(w, a, 5);
        await w.heard('presence', (e) => e.slot === 4 && e.chat === 5 && e.active, from);
        await subscribed(w, b, 5);
        a.send(unsubscribe(5));
        await a.wait((f) => f.action === 'unsubscribe'); // b still looks
        assert.ok(!presence(w, from, 4).includes('5:0'));
        const until_ = Date.now() + 500;
        let sent = 0;
        while (Date.now() < until_) {
            b.send('{');
            sent += 1;
            await new Promise((resolve) => { setTimeout(resolve, 5); });
        }
        await w.stats();
        const times = presence(w, from, 4).length;
        assert.ok(sent > 20 && times >= 4 && times <= 7, `${times} reports of ${sent} frames`);
        b.ws.terminate();
        await w.heard('presence', (e) => e.slot === 4 && e.chat === 5 && !e.active, from);
        const gone = w.events.slice(from).map((e) => e.is);
        a.ws.close();
        await w.heard('gone', (e) => e.slot === 4, from);
        assert.equal(gone.filter((k) => k === 'gone').length, 0);
    });

    it('says before the slot is free that nobody looks any more', async () => {
        const from = w.events.length;
        const c = await w.connect({ user: 5, dialect: SUBSCRIBE });
        await subscribed(w, c, 5);
        c.ws.terminate();
        await w.heard('gone', (e) => e.slot === 5, from);
        const mine = w.events.slice(from).filter((e) => e.slot === 5 && ['presence', 'gone'].includes(e.is));
        assert.deepEqual(mine.map((e) => (e.is === 'presence' ? e.active : e.is)), [1, 0, 'gone']);
    });

    it('takes the chat of the last message for the focus, until the client names one', async () => {
        const c = await w.connect({ user: 6, dialect: 6 });
        const from = w.events.length;
        const ask = async (frame, chat, kind) => {
            const at = w.events.length;
            c.send(frame);
            const cmd = await w.heard('command', () => true, at);
            assert.deepEqual([cmd.kind, cmd.chat], [kind, chat]);
            w.do('reply', { request: cmd.request, session: c.session, chat });
        };
        await ask({ type: 'active_chat', chat_id: 41 }, 41, CMD_FOCUS);
        await w.heard('presence', (e) => e.chat === 41 && e.active, from);
        await ask({ type: 'active_chat', chat_id: 42 }, 42, CMD_FOCUS);
        await w.heard('presence', (e) => e.chat === 42 && e.active, from);
        await ask({ type: 'active_chat', chat_id: null }, 0, CMD_FOCUS);
        await w.heard('presence', (e) => e.chat === 42 && !e.active, from);
        assert.deepEqual(presence(w, from, 6), ['41:1', '41:0', '42:1', '42:0']);
        const rooms = await w.connect({ user: 7 });
        const later = w.events.length;
        for (const chat of [51, 52]) {
            const at = w.events.length;
            rooms.send({ type: 'message', chat_id: `chat_${chat}`, content: 'x' });
            const cmd = await w.heard('command', () => true, at);
            w.do('reply', { request: cmd.request, session: rooms.session, chat, event: 400 + chat });
            await w.heard('presence', (e) => e.chat === chat && e.active, later);
        }
        assert.deepEqual(presence(w, later, 7), ['51:1', '51:0', '52:1']);
    });

    it('passes on little of a flood of typing, and the connection stays', async () => {
        const c = await w.connect({ user: 8, dialect: SUBSCRIBE });
        const from = w.events.length;
        for (let i = 0; i < 1000; i += 1) {
            c.send({ type: 'typing', chatId: 'chat_5', isTyping: true });
        }
        const first = await w.heard('command', () => true, from);
        assert.deepEqual([first.kind, first.chat, first.number], [CMD_TYPING, 5, 1]);
        w.do('reply', { request: first.request, session: c.session, chat: 0 });
        for (let i = 0; i < 1000; i += 1) {
            c.send({ type: 'typing', chatId: 'chat_5', isTyping: i % 2 === 1 });
        }
        await subscribed(w, c, 5);
        const commands = w.events.slice(from).filter((e) => e.is === 'command');
        assert.ok(commands.length >= 2 && commands.length <= 16, `${commands.length} commands`);
        assert.deepEqual(c.frames.map((f) => f.type), ['connected', 'subscription_confirmed']);
        for (const cmd of commands.slice(1)) {
            w.do('reply', { request: cmd.request, session: c.session, code: FORBIDDEN, chat: 0 });
        }
        await c.wait('error'); // what is refused is said
        const again = w.events.length;
        await until('it is told again', () => {
            c.send({ type: 'typing', chatId: 'chat_5', isTyping: true });
            return w.events.slice(again).find((e) => e.is === 'command');
        });
    });

    it('holds what needs a place and drops typing while none is free', async () => {
        const c = await w.connect({ user: 9, dialect: SUBSCRIBE });
        const other = await w.connect({ user: 10 });
        const taken = (e) => e.is === 'command' && e.kind === 8;
        const from = w.events.length;
        const free = (await w.stats()).confab_ws_commands_pending;
        for (let i = free; i < 8; i += 1) {
            other.send({ type: 'message', chat_id: 'chat_1', content: 'x' });
        }
        await until('all places are taken', () => w.events.slice(from).filter(taken).length === 8 - free);
        c.send({ type: 'typing', chatId: 'chat_5', isTyping: true });
        c.send({ type: 'nonsense' });
        await c.wait('error'); // errors need no place
        c.send(subscribe(5));
        c.send(subscribe(6));
        await until('held', async () => (await w.stats()).confab_ws_commands_held_total === 1);
        assert.ok(!w.events.slice(from).some((e) => e.kind === CMD_TYPING));
        for (const q of w.events.slice(from).filter(taken)) {
            w.do('reply', { request: q.request, session: other.session });
        }
        const held = await w.heard('query', (e) => e.session === c.session && e.body.chat_id === 5, from);
        const last = await w.heard('query', (e) => e.session === c.session && e.body.chat_id === 6, from);
        w.do('query_reply', { request: held.request, session: c.session });
        w.do('query_reply', { request: last.request, session: c.session });
        await c.wait((f) => f.chatId === 'chat_6');
        assert.deepEqual(c.frames.map((f) => f.chatId ?? f.type), ['connected', 'error', 'chat_5', 'chat_6']);
    });

    it('tells what the sessions of a user want to hear of', async () => {
        const from = w.events.length;
        const watches = () => w.events.slice(from).filter((e) => e.is === 'watch' && e.slot === 20).map((e) => e.options);
        const plain = await w.connect({ user: 20 });
        assert.deepEqual(watches(), []);
        const a = await w.connect({ user: 20, options: TYPING });
        await w.heard('watch', (e) => e.slot === 20 && e.options === TYPING, from);
        const b = await w.connect({ user: 20, dialect: SUBSCRIBE });
        await until('both', () => watches().length === 2);
        assert.equal(watches()[1] & CHAT_UPDATES, CHAT_UPDATES);
        assert.equal(watches()[1] & TYPING, TYPING);
        a.ws.close();
        b.ws.close();
        await w.heard('watch', (e) => e.slot === 20 && e.options === 0, from);
        plain.ws.close();
        await w.heard('gone', (e) => e.slot === 20, from);
    });
});

describe('state', () => {
    let w;
    before(async () => { w = await new Worker().start(); });
    after(() => w.stop());

    it('is sent once to a client that reads late, the newest of each chat', async () => {
        const c = await w.connect({ user: 3, dialect: SUBSCRIBE });
        await subscribed(w, c, 5);
        await subscribed(w, c, 6);
        c.ws.pause();
        w.do('event', { id: 1000, chat: 5, slots: [3], bytes: 60000, repeat: 15 }); // fills the socket
        for (let i = 0; i < 200; i += 1) {
            w.do('event', { kind: 'chat_update', chat: 5, slots: [3], number_each: i, content: 'five' });
            w.do('event', { kind: 'chat_update', chat: 6, slots: [3], number_each: 1000 + i, content: 'six' });
        }
        await until('they were replaced', async () => (await w.stats()).confab_ws_states_replaced_total >= 200);
        c.ws.resume();
        await c.wait((f) => f.type === 'chat_update' && f.unreadCount === 199);
        await c.wait((f) => f.type === 'chat_update' && f.unreadCount === 1199);
        assert.ok(c.frames.filter((f) => f.type === 'chat_update').length < 250);
        assert.equal(c.frames.filter((f) => f.type === 'new_message').length, 15);
    });
});

describe('a lost link', () => {
    let w;
    before(async () => { w = await new Worker({ command_wait_ms: '30s', focus_fresh_ms: '60s' }).start(); });
    after(() => w.stop());

    for (const resumed of [1, 0]) {
        it(`keeps subscriptions, asks again, reports again (resumed=${resumed})`, async () => {
            const user = 3 + resumed;
            const c = await w.connect({ user, dialect: SUBSCRIBE });
            const d = await w.connect({ user, dialect: DASHBOARD, topic: 70 + resumed, slot: 0 });
            await subscribed(w, c, 5);
            let from = w.events.length;
            c.send(subscribe(6));
            const q = await w.heard('query', () => true, from);
            w.do('next', { resumed });
            from = w.events.length;
            w.do('hangup');
            await w.heard('up', () => true, from);
            const again = await w.heard('query', () => true, from);
            assert.deepEqual(again.body, q.body);
            assert.equal(again.request, q.request);
            await w.heard('presence', (e) => e.slot === user && e.chat === 5 && e.active, from);
            const watch = await w.heard('watch', (e) => e.slot === user, from);
            assert.equal(watch.options & CHAT_UPDATES, CHAT_UPDATES);
            const topic = await w.heard('topic', (e) => e.topic === 70 + resumed, from);
            assert.deepEqual([topic.sessions, topic.adopts], [1, 0]);
            w.do('query_reply', { request: again.request, session: c.session });
            await c.wait((f) => f.chatId === 'chat_6');
            w.do('event', { id: 210 - resumed * 10, chat: 5, slots: [user], content: 'five' });
            w.do('event', { id: 211 - resumed * 10, chat: 6, slots: [user], content: 'six' });
            await c.wait((f) => f.message?.text === 'six');
            assert.ok(c.frames.some((f) => f.message?.text === 'five'));
            w.do('event', { id: 212 - resumed * 10, kind: 'checkin', to: 'topic', set: 70 + resumed, payload: '{"in":1}' });
            await until('the check-in', () => d.texts.includes('{"in":1}'));
        });
    }
});

describe('an answer that does not come', () => {
    it('ends a subscription with unavailable', async () => {
        const w = await new Worker({ command_timeout_ms: '300ms' }).start();
        const c = await w.connect({ user: 3, dialect: SUBSCRIBE });
        c.send(subscribe(5));
        const q = await w.heard('query');
        await c.wait('error');
        w.do('query_reply', { request: q.request, session: c.session }); // too late
        w.do('event', { id: 200, chat: 5, slots: [3], content: 'x' });
        await subscribed(w, c, 6);
        assert.deepEqual(c.frames.map((f) => f.type), ['connected', 'error', 'subscription_confirmed']);
        await w.stop();
    });
});

describe('topics', () => {
    let w;
    before(async () => { w = await new Worker({ topics_max: 3 }).start(); });
    after(() => w.stop());
    const viewer = (query) => w.connect({ user: 0, slot: 0, dialect: DASHBOARD, ...query });
    const texts = (c) => c.texts.map((t) => JSON.parse(t).n);

    it('reach their viewers only, and the numbers go up', async () => {
        const [a, b, c] = [await viewer({ topic: 1 }), await viewer({ topic: 1 }), await viewer({ topic: 2 })];
        const host = await w.connect({ user: 3, dialect: DASHBOARD, topic: 1 });
        const from = w.events.length;
        w.do('event', { id: 200, kind: 'checkin', to: 'topic', set: 1, payload: '{"n":1}' });
        w.do('event', { id: 201, kind: 'checkin', to: 'topic', set: 2, payload: '{"n":2}' });
        w.do('event', { id: 202, kind: 'checkin', to: 'topic', set: 9, payload: '{"n":3}' });
        w.do('event', { id: 203, to: 'all', content: 'for users' });
        w.do('event', { id: 204, kind: 'checkin', to: 'topic', set: 1, payload: '{"n":4}' });
        for (const x of [a, b, host]) {
            await until('both', () => x.frames.length === 2);
            assert.deepEqual(texts(x), [1, 4]);
        }
        await until('one', () => c.frames.length === 1);
        b.ws.close();
        host.ws.close();
        await w.heard('topic', (e) => e.topic === 1 && e.sessions === 1 && e.adopts === 3, from);
        c.ws.close();
        await w.heard('topic', (e) => e.topic === 2 && e.sessions === 0 && e.adopts === 1, from);
        const again = await viewer({ topic: 2 });
        again.ws.close();
        await w.heard('topic', (e) => e.topic === 2 && e.sessions === 0 && e.adopts === 2, from);
        a.ws.close();
        await w.heard('topic', (e) => e.topic === 1 && e.sessions === 0 && e.adopts === 3, from);
    });

    it('begin with their last events for who asks, without a cursor', async () => {
        const from = w.events.length;
        const c = await viewer({ topic: 1, options: REPLAY, since: 20 });
        const at = await w.heard('attach', () => true, from);
        assert.deepEqual([at.session, at.generation, at.since, at.topic], [c.session, 1, 20, 1]);
        w.do('event', { id: 300, kind: 'checkin', to: 'topic', set: 1, payload: '{"n":30}' });
        w.do('chunk', { session: c.session, generation: 1, id: 50, kind: 'checkin', payload: '{"n":5}', count: 1 });
        await w.heard('pull', (e) => e.session === c.session, from);
        w.do('chunk', { session: c.session, generation: 1, id: 300, kind: 'checkin', payload: '{"n":30}', count: 1 });
        w.do('live', { session: c.session, generation: 1, position: 300 });
        w.do('event', { id: 301, kind: 'checkin', to: 'topic', set: 1, payload: '{"n":31}' });
        await until('all', () => c.frames.length === 3);
        assert.deepEqual(texts(c), [5, 30, 31]);
        c.send('anything');
        await c.wait((f) => f.error);
    });

    it('are asked for again when the link is lost meanwhile, and not once they are live', async () => {
        const live = await viewer({ topic: 1 });
        let from = w.events.length;
        const c = await viewer({ topic: 1, options: REPLAY, since: 5 });
        await w.heard('attach', (e) => e.session === c.session, from);
        w.do('next', { resumed: 0 });
        from = w.events.length;
        w.do('hangup');
        const at = await w.heard('attach', (e) => e.session === c.session, from);
        assert.deepEqual([at.since, at.topic, at.generation], [5, 1, 2]);
        w.do('chunk', { session: c.session, generation: 2, id: 301, kind: 'checkin', payload: '{"n":31}', count: 1 });
        w.do('live', { session: c.session, generation: 2, position: 301 });
        w.do('event', { id: 302, kind: 'checkin', to: 'topic', set: 1, payload: '{"n":32}' });
        await until('both', () => c.frames.length === 2);
        await until('one', () => live.frames.length === 1);
        assert.equal(w.events.slice(from).filter((e) => e.is === 'attach').length, 1);
        assert.deepEqual(texts(live), [32]);
    });

    it('are bounded', async () => {
        const from = w.events.length;
        await viewer({ topic: 3 });
        await viewer({ topic: 4 });
        w.client({ user: 0, slot: 0, dialect: DASHBOARD, topic: 5 });
        await w.heard('adopt_failed', () => true, from);
        await viewer({ topic: 3 });
    });
});
