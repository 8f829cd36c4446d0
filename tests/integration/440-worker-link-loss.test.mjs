// confab-ws with a fake confab-rest: the link ends in every way, WebSockets stay, nothing is lost or done twice.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { Worker } from '../lib/worker.mjs';
import { until } from '../lib/wait.mjs';

const message = (id) => ({ type: 'message', chat_id: 5, content: id, client_msg_id: id });

describe('a lost link', () => {
    let w;
    before(async () => { w = await new Worker({ command_wait_ms: '600ms', link_timeout_ms: '600ms', link_ping_ms: '100ms' }).start(); });
    after(() => w.stop());
    afterEach(() => { w.do('next', { resumed: 0, log: String(0xabcd123400000001n) }); });

    const lose = async (next = {}) => {
        const from = w.events.length;
        w.do('next', next);
        w.do('hangup');
        await w.heard('up', () => true, from);
        return from;
    };

    it('says hello with its users and its position, and goes on', async () => {
        const [a, b] = [await w.connect({ user: 1 }), await w.connect({ user: 1 })];
        w.do('event', { id: 150, slots: [1], content: 'before' });
        await a.wait((f) => f.data?.content === 'before');
        const from = await lose({ resumed: 1 });
        const hello = await w.heard('hello', () => true, from);
        assert.deepEqual([hello.position, hello.log, hello.users], [150, 'abcd123400000001', 1]);
        const user = await w.heard('hello_user', () => true, from);
        assert.deepEqual(user, { is: 'hello_user', slot: 1, user: 1, sessions: 2, adopts: 2 });
        w.do('event', { id: 151, slots: [1], content: 'after' });
        await b.wait((f) => f.data?.content === 'after');
        assert.deepEqual(a.contents, ['before', 'after']);
        assert.equal(w.events.slice(from).filter((e) => e.is === 'attach').length, 0);
    });

    it('attaches again from the last cursor when the stream cannot be resumed', async () => {
        const [ext, strict] = [await w.connect({ user: 2, ext: 1 }), await w.connect({ user: 2 })];
        w.do('event', { id: 160, slots: [2], content: 'first' });
        await ext.wait((f) => f.data?.content === 'first');
        const from = await lose({ resumed: 0, published: 165 });
        const at = await w.heard('attach', (e) => e.session === ext.session, from);
        assert.deepEqual([at.generation, at.since, at.since_log], [1, 160, 'abcd1234']);
        w.do('event', { id: 166, slots: [2], content: 'stream' });
        await strict.wait((f) => f.data?.content === 'stream');
        w.do('chunk', { session: ext.session, generation: 1, id: 163, count: 1, content: 'missed' });
        w.do('chunk', { session: ext.session, generation: 1, id: 166, count: 1, content: 'stream' });
        w.do('live', { session: ext.session, generation: 1, position: 166 });
        await ext.wait((f) => f.data?.content === 'stream');
        assert.deepEqual(ext.contents, ['first', 'missed', 'stream']);
        assert.deepEqual(strict.contents, ['first', 'stream']);
        const again = await lose({ resumed: 0 });
        assert.equal((await w.heard('attach', (e) => e.session === ext.session, again)).generation, 2);
        await until('stale frames are dropped', async () => {
            w.do('live', { session: ext.session, generation: 1, position: 170 });
            return (await w.stats()).confab_ws_stale_total > 0;
        });
        w.do('live', { session: ext.session, generation: 2, position: 166 });
        await until('live again', () => ext.frames.filter((f) => f.type === 'live').length === 3);
    });

    it('tells a client of another log from which log its cursor is', async () => {
        const ext = await w.connect({ user: 3, ext: 1 });
        w.do('event', { id: 180, slots: [3], content: 'old log' });
        await ext.wait((f) => f.data?.content === 'old log');
        const from = await lose({ resumed: 0, log: String(0x9999888800000002n), published: 20 });
        const at = await w.heard('attach', (e) => e.session === ext.session, from);
        assert.deepEqual([at.since_log, at.since], ['abcd1234', 180]);
        w.do('gap', { session: ext.session, generation: at.generation, position: 20, reason: 3 });
        assert.deepEqual(await ext.wait('gap'), { type: 'gap', reason: 'other_log', _ext: { event_id: '99998888.20' } });
        w.do('event', { id: 21, slots: [3], content: 'new log' });
        await ext.wait((f) => f.data?.content === 'new log');
        const back = await lose({ resumed: 0, log: String(0xabcd123400000001n), published: 200 });
        await w.heard('attach', (e) => e.session === ext.session && e.since_log === '99998888' && e.since === 21, back);
    });

    it('sends unanswered commands again, in order and with the same keys', async () => {
        const c = await w.connect({ user: 4 });
        let from = w.events.length;
        c.send(message('c-1'));
        c.send({ type: 'message', chat_id: 5, content: 'c-2' });
        await until('both commands', () => w.events.slice(from).filter((e) => e.is === 'command').length === 2);
        const first = w.events.slice(from).filter((e) => e.is === 'command');
        from = await lose({ resumed: 1 });
        await until('both again', () => w.events.slice(from).filter((e) => e.is === 'command').length === 2);
        const second = w.events.slice(from).filter((e) => e.is === 'command');
        assert.deepEqual(second, first);
        w.do('reply', { request: second[1].request, session: c.session, event: 210 });
        w.do('reply', { request: second[0].request, session: c.session, event: 209 });
        w.do('reply', { request: second[0].request, session: c.session, event: 209 });
        await until('two answers', () => c.frames.length === 2);
        assert.equal(c.frames[1].client_msg_id, 'c-1');
    });

    it('answers unavailable or outcome_unknown when the link stays away, and delivers what was committed after all', async () => {
        const c = await w.connect({ user: 5 });
        let from = w.events.length;
        c.send(message('u-1'));
        const cmd = await w.heard('command', () => true, from);
        await w.killFake();
        c.send(message('u-2'));
        c.send({ type: 'auth', token: 't' });
        c.send({ type: 'ping' });
        await c.wait('pong');
        assert.equal((await c.wait((f) => f.code === 'unavailable' && !f.client_msg_id)).type, 'error');
        await c.wait((f) => f.client_msg_id === 'u-2');
        assert.deepEqual(c.frames.filter((f) => f.client_msg_id).map((f) => [f.client_msg_id, f.code]),
            [['u-1', 'outcome_unknown'], ['u-2', 'unavailable']]);
        from = w.events.length;
        await w.startFake();
        w.do('next', { resumed: 1 });
        await w.heard('up', () => true, from);
        w.do('event', { id: 300, slots: [5], content: 'u-1', origin_worker: 3, origin_session: cmd.session });
        await c.wait((f) => f.data?.content === 'u-1');
        assert.equal(w.events.slice(from).filter((e) => e.is === 'command').length, 0);
    });

    it('closes the link on nonsense, not the process', async () => {
        const c = await w.connect({ user: 6 });
        const cases = [
            'ffffffff00200000' + '00000000', // longer than anything may be
            '00000003' + '0020' + '0000' + '00000000' + '010203', // EVENT, cut short
            '00000001' + '0010' + '0000' + '00000000' + '00', // ADOPT without a descriptor
            '00000000' + '0001' + '0000' + '00000000', // HELLO from above
            '00000002' + '0004' + '0000' + '00000000' + '0000', // WELCOME twice
            '0000', // not even a header
        ];
        for (const hex of cases) {
            const from = w.events.length;
            w.do('next', { resumed: 1 });
            w.do('raw', { hex });
            await w.heard('up', () => true, from);
        }
        const from = w.events.length;
        w.do('raw', { hex: '00000002' + '0fff' + '0000' + '00000000' + '0000' }); // a type of the future is ignored
        w.do('ping');
        await w.heard('pong', () => true, from);
        assert.equal(w.events.slice(from).filter((e) => e.is === 'up').length, 0);
        c.send({ type: 'ping' });
        await c.wait('pong');
    });

    it('hangs up on a silent confab-rest and connects again', async () => {
        const from = w.events.length;
        w.do('next', { resumed: 1 });
        w.do('mute', { on: 1 });
        await w.heard('up', () => true, from);
        w.do('mute', { on: 0 });
    });
});

describe('few command places', () => {
    let w;
    before(async () => { w = await new Worker({ commands_max: 2 }).start(); });
    after(() => w.stop());

    it('leave further commands in the sockets, in order, and answer all of them', async () => {
        const clients = [await w.connect({ user: 1 }), await w.connect({ user: 2 }), await w.connect({ user: 3 })];
        const from = w.events.length;
        let answered = 0;
        for (let i = 0; i < 20; i += 1) {
            clients.forEach((c) => c.send(message(`n-${i}`)));
        }
        await until('all commands', () => {
            const commands = w.events.slice(from).filter((e) => e.is === 'command');
            assert.ok(commands.length - answered <= 2, 'more unanswered commands than places');
            for (; answered < commands.length; answered += 1) {
                w.do('reply', { request: commands[answered].request, session: commands[answered].session, event: 200 + answered });
            }
            return answered === 60;
        });
        for (const c of clients) {
            await until('20 answers', () => c.frames.length === 20);
            assert.deepEqual(c.frames.map((f) => f.client_msg_id), Array.from({ length: 20 }, (_, i) => `n-${i}`));
        }
        assert.ok((await w.stats()).confab_ws_commands_held_total > 0);
    });
});
