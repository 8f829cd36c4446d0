// confab-ws with a fake confab-rest: hand-off, events, order, commands, tokens, closing.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Worker } from '../lib/worker.mjs';

describe('a worker', () => {
    let w;
    before(async () => { w = await new Worker({ messages_burst: 20, messages_per_s: 10, frame_max_bytes: 4096 }).start(); });
    after(() => w.stop());

    it('answers the handshake and reports adoption, closing and the last session', async () => {
        const from = w.events.length;
        const c = await w.connect({ user: 41 }, ['rooms.v1']);
        assert.equal(c.ws.protocol, 'rooms.v1');
        c.ws.close();
        await c.gone();
        await w.heard('closed', (e) => e.slot === 41 && e.peer === 77, from);
        const gone = await w.heard('gone', (e) => e.slot === 41, from);
        assert.equal(gone.adopts, 1);
    });

    it('delivers an event once to every session of its recipients', async () => {
        const [a, b, c] = [await w.connect({ user: 1 }), await w.connect({ user: 1 }), await w.connect({ user: 2 })];
        w.do('event', { id: 200, slots: [1], content: 'one' });
        w.do('event', { id: 201, slots: [1, 2], content: 'both' });
        w.do('event', { id: 202, to: 'all', content: 'all' });
        for (const [x, want] of [[a, ['one', 'both', 'all']], [b, ['one', 'both', 'all']], [c, ['both', 'all']]]) {
            await x.wait((f) => f.data?.content === 'all');
            assert.deepEqual(x.contents, want);
        }
        assert.deepEqual(a.frames[0], {
            type: 'group_message', chat_id: '6553f13202000000' + '00000005',
            data: {
                message_id: '6553f16403000000000000c8', chat_id: '6553f1320200000000000005', sender_id: '6553f1000100000000000001',
                sender_name: 'Ann', content: 'one', message_type: 'text', created_at: '2023-11-14T22:15:00Z',
            },
        });
        assert.equal(Object.keys(a.frames[0]).join(), 'type,chat_id,data');
    });

    it('keeps recipient sets', async () => {
        const [a, b] = [await w.connect({ user: 11 }), await w.connect({ user: 12 })];
        w.do('set_add', { set: 9, slots: [11, 12] });
        w.do('event', { id: 300, to: 'set', set: 9, content: 'two of us' });
        w.do('set_remove', { set: 9, slots: [11] });
        w.do('event', { id: 301, to: 'set', set: 9, slots: [11], content: 'extra' });
        w.do('event', { id: 302, to: 'set', set: 9, content: 'only twelve' });
        w.do('event', { id: 303, slots: [11, 12], content: 'end' });
        await a.wait((f) => f.data?.content === 'end');
        await b.wait((f) => f.data?.content === 'end');
        assert.deepEqual(a.contents, ['two of us', 'extra', 'end']);
        assert.deepEqual(b.contents, ['two of us', 'extra', 'only twelve', 'end']);
    });

    it('shows a direct room under the other name to each, and a cursor to who asked', async () => {
        const [a, b] = [await w.connect({ user: 1, ext: 1 }), await w.connect({ user: 2 })];
        assert.equal((await a.wait('live'))._ext.event_id, 'abcd1234.303');
        w.do('event', { id: 400, kind: 'chat_created', direct: true, slots: [1, 2] });
        const fa = await a.wait('new_chat_room');
        const fb = await b.wait('new_chat_room');
        assert.equal(fa.chat_room.chat_name, 'Bob');
        assert.equal(fb.chat_room.chat_name, 'Ann');
        assert.deepEqual(fa._ext, { event_id: 'abcd1234.400', chat_id: '6553f1320200000000000005' });
        assert.equal(fb._ext, undefined);
    });

    it('sends a command up and the reply down, and leaves the event out for the sender', async () => {
        const [a, b] = [await w.connect({ user: 1, ext: 1 }), await w.connect({ user: 1 })];
        const from = w.events.length;
        a.send({ type: 'message', chat_id: '6553f1320200000000000005', content: 'hi', client_msg_id: 'k-1' });
        const cmd = await w.heard('command', () => true, from);
        assert.equal(cmd.session, a.session);
        assert.deepEqual([cmd.kind, cmd.chat, cmd.actor, cmd.content, cmd.name], [8, 5, 1, 'hi', 'text']);
        w.do('event', { id: 500, seq: 9, slots: [1], content: 'hi', origin_worker: 3, origin_session: a.session });
        w.do('reply', { request: cmd.request, session: a.session, event: 500, seq: 9 });
        w.do('event', { id: 501, slots: [1], content: 'next' });
        await b.wait((f) => f.data?.content === 'next');
        await a.wait((f) => f.data?.content === 'next');
        assert.deepEqual(b.contents, ['hi', 'next']);
        assert.deepEqual(a.frames.slice(1).map((f) => f.type), ['message_sent', 'group_message']);
        assert.deepEqual(a.frames[1], {
            type: 'message_sent', message_id: '6553f16403000000000001f4', chat_id: '6553f1320200000000000005', seq: 9,
            created_at: '2023-11-14T22:15:00Z', client_msg_id: 'k-1',
            _ext: { event_id: 'abcd1234.500', seq: 9, chat_id: '6553f1320200000000000005' },
        });
    });

    it('answers bad frames with errors and stays', async () => {
        const c = await w.connect({ user: 3 });
        c.send('{');
        c.send(Buffer.from('{}'));
        c.send({ type: 'nonsense' });
        c.send({ type: 'message', content: 'x' });
        c.send({ type: 'message', chat_id: 'zzz', content: 'x', client_msg_id: 'm' });
        c.send({ type: 'ping' });
        await c.wait('pong');
        assert.deepEqual(c.frames.map((f) => f.code), ['bad_json', 'unsupported_type', 'unsupported_type', 'invalid_field', 'bad_id', undefined]);
        assert.deepEqual(c.frames[4], { type: 'error', code: 'bad_id', message: 'That is not an id of the expected kind.', client_msg_id: 'm' });
    });

    it('limits the rate of operations and the size of messages', async () => {
        const c = await w.connect({ user: 3 });
        for (let i = 0; i < 60; i += 1) {
            c.send({ type: i % 2 ? 'ping' : 'nonsense' });
        }
        c.send({ type: 'message', chat_id: 'chat_5', content: 'too many', client_msg_id: 'k' });
        assert.equal((await c.wait((f) => f.client_msg_id === 'k')).code, 'rate_limited');
        const count = (fit) => c.frames.filter(fit).length;
        assert.equal(count((f) => f.type === 'pong'), 30); // they go nowhere
        assert.ok(count((f) => f.code === 'unsupported_type') >= 20);
        assert.equal(count((f) => f.code), 31);
        const big = await w.connect({ user: 3 });
        big.send(JSON.stringify({ type: 'message', content: 'x'.repeat(5000) }));
        assert.equal((await big.gone()).code, 1009);
        const bad = await w.connect({ user: 3 });
        bad.ws.send(Buffer.from([0xff, 0xfe]), { binary: false });
        assert.equal((await bad.gone()).code, 1007);
    });

    it('refreshes a token in-band, and closes when it ends', async () => {
        const soon = Math.floor(Date.now() / 1000) + 2;
        const [a, b] = [await w.connect({ user: 4, expires: soon }), await w.connect({ user: 4, expires: soon })];
        const from = w.events.length;
        a.send({ type: 'auth', token: 'fresh' });
        const re = await w.heard('reauth', () => true, from);
        assert.equal(re.token, 'fresh');
        w.do('reauth_reply', { request: re.request, session: a.session, family: 8, expires: soon + 1000 });
        const ok = await a.wait('auth_ok');
        assert.equal(ok.expires_at, new Date((soon + 1000) * 1000).toISOString().replace('.000', ''));
        assert.deepEqual(await b.gone(), { code: 4401, reason: 'token_expired' });
        a.send({ type: 'ping' });
        await a.wait('pong');
    });

    it('closes what is revoked or kicked, in every state', async () => {
        const [a, b, c] = [await w.connect({ user: 2, family: 5 }), await w.connect({ user: 2, family: 6 }),
            await w.connect({ user: 2, ext: 1, since: 90, family: 5 })];
        w.do('event', { id: 600, kind: 'revoked', subject: 2, number: 5, slots: [2] });
        assert.deepEqual(await a.gone(), { code: 4401, reason: 'token_revoked' });
        assert.equal((await c.gone()).code, 4401);
        b.send({ type: 'ping' });
        await b.wait('pong');
        w.do('kick', { slot: 2, family: 0, code: 22 });
        assert.deepEqual(await b.gone(), { code: 4403, reason: 'user_disabled' });
    });

    it('replays chunks in order, ignores the stream and its own frames meanwhile, then goes live', async () => {
        const from = w.events.length;
        const c = await w.connect({ user: 6, ext: 1, since: 50 });
        const at = await w.heard('attach', () => true, from);
        assert.deepEqual([at.session, at.generation, at.since, at.since_log], [c.session, 1, 50, 'abcd1234']);
        c.send({ type: 'ping' });
        w.do('event', { id: 700, slots: [6], content: 'from the stream' });
        w.do('chunk', { session: c.session, generation: 1, id: 60, count: 3, content: 'old' });
        await w.heard('pull', (e) => e.session === c.session, from);
        w.do('chunk', { session: c.session, generation: 9, id: 60, count: 3, content: 'stale' });
        w.do('chunk', { session: c.session, generation: 1, id: 699, count: 2, content: 'old' });
        w.do('live', { session: c.session, generation: 1, position: 700 });
        w.do('event', { id: 701, slots: [6], content: 'new' });
        await c.wait((f) => f.data?.content === 'new');
        await c.wait('pong');
        const got = c.frames.filter((f) => f._ext).map((f) => Number(f._ext.event_id.split('.')[1]));
        assert.deepEqual(got, [60, 61, 62, 699, 700, 700, 701]);
        assert.equal(c.frames.filter((f) => f.type === 'live').length, 1);
        assert.ok(!c.contents.includes('stale') && !c.contents.includes('from the stream'));
    });

    it('passes a gap on', async () => {
        const from = w.events.length;
        const c = await w.connect({ user: 6, ext: 1, since: 5 });
        await w.heard('attach', (e) => e.session === c.session, from);
        w.do('gap', { session: c.session, generation: 1, position: 701, reason: 1 });
        assert.deepEqual(await c.wait('gap'), { type: 'gap', reason: 'trimmed', _ext: { event_id: 'abcd1234.701' } });
        w.do('event', { id: 702, slots: [6], content: 'after' });
        await c.wait((f) => f.data?.content === 'after');
    });

    it('keeps the order for a thousand clients', async () => {
        const clients = [];
        for (let i = 0; i < 1000; i += 1) {
            clients.push(w.client({ user: 1000 + i }));
            if (i % 100 === 99) {
                await Promise.all(clients.slice(-100).map((c) => c.open));
            }
        }
        w.do('event', { id: 1000, first: 1000, last: 1999, repeat: 100 });
        w.do('event', { id: 1100, first: 1000, last: 1999, content: 'end' });
        const ids = Array.from({ length: 101 }, (_, i) => (1000 + i).toString(16));
        for (const c of clients) {
            await c.wait((f) => f.data?.content === 'end');
            assert.deepEqual(c.frames.map((f) => f.data.message_id.slice(-3)), ids);
            c.ws.terminate();
        }
        const s = await w.stats();
        assert.ok(s.confab_ws_encodings_total < 400, `encodings ${s.confab_ws_encodings_total}`);
        assert.ok(s.confab_ws_deliveries_total >= 101000);
    });
});
