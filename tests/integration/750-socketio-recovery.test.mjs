// Connection state recovery with the stock client: what was missed comes, once and in order, into the rooms of before.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { io } from 'socket.io-client';
import { useSystem } from '../lib/system.mjs';
import { until } from '../lib/wait.mjs';

const open = [];
after(() => open.forEach((s) => s.disconnect()));

const call = (sys, who, method, path, body) => sys.api.call(method, path, { token: who.token, body });

/** A connected client; got = what it heard of messages and conversations, in order. */
async function client(sys, who, options = {}) {
    const { auth, ...rest } = options;
    const socket = io(`http://${sys.host}:3000/chat`, {
        auth: { token: who.token, ...auth }, forceNew: true, reconnectionDelay: 10, reconnectionDelayMax: 50, ...rest,
    });
    socket.got = [];
    socket.connects = [];
    socket.args = [];
    socket.on('newMessage', (data, ...more) => { socket.got.push(data.message.message); socket.args.push(more); });
    socket.on('conversationCreated', ({ conversation }) => socket.got.push(`created ${conversation.id}`));
    socket.on('connect', () => socket.connects.push(socket.recovered));
    open.push(socket);
    await new Promise((resolve, reject) => { socket.once('connect', resolve); socket.once('connect_error', reject); });
    return socket;
}

/** A fresh client that says it was there before; same: it was believed. */
async function comeAs(sys, who, pid, offset, options = {}) {
    const socket = await client(sys, who, { auth: { pid, offset }, reconnection: false, ...options });
    socket.same = socket._pid === pid;
    return socket;
}

async function conversation(sys, a, b) {
    return (await call(sys, a, 'POST', '/chats', { user2_id: b.n })).json.conversation.id;
}

/** Until it is acknowledged, once. */
let keys = 0;
async function post(sys, who, chat, text) {
    keys += 1;
    const key = `recovery ${keys}`;
    await until(`acknowledgement of ${text}`, async () => {
        const answer = await call(sys, who, 'POST', `/api/chats/${chat}/messages`, { content: text, client_msg_id: key });
        return answer.status < 300;
    }, 20000);
}

async function ok(socket, event, data) {
    const answer = await socket.emitWithAck(event, data);
    assert.equal(answer.ok, true, JSON.stringify(answer));
}

/** Nothing can be written down of who is in which room until the returned function is called. */
async function lockRows(sys) {
    const session = spawn('mariadb', ['--socket', sys.db.socket, '--unbuffered', '--skip-column-names', 'confab']);
    session.stdin.write("LOCK TABLES socketio_recoveries WRITE; SELECT 'locked';\n");
    await once(session.stdout, 'data');
    return async () => {
        session.stdin.end('UNLOCK TABLES;\n');
        await once(session, 'exit');
    };
}

/** Cut the connection under it, without a word. */
function cut(socket) {
    const { transport } = socket.io.engine;
    if (transport.name === 'websocket') {
        transport.ws.terminate();
    } else {
        socket.io.engine.close();
    }
}

const back = (socket, n) => until('connected again', () => socket.connected && socket.connects.length > n);

const TRANSPORTS = [['polling', { transports: ['polling'] }], ['WebSocket', { transports: ['websocket'] }], ['default transports', {}]];

describe('recovery', () => {
    let ann, bob, cy;
    const sys = useSystem({ before, after }, { workers: 2, rest: { socketio_recovery_ms: '60s' } }, async () => {
        [ann, bob, cy] = [await sys.api.user('Ann'), await sys.api.user('Bob'), await sys.api.user('Cy')];
    });

    for (const [name, options] of TRANSPORTS) {
        test(`${name}: nothing missed, something missed, rooms kept`, { timeout: 60000 }, async () => {
            const [x, y] = await sys.api.users(2);
            const [one, two] = [await conversation(sys, x, y), await conversation(sys, x, ann)];
            await post(sys, y, one, 'before');
            const s = await client(sys, x, options);
            assert.equal(s.recovered, false);
            await ok(s, 'joinConversation', { convId: one });
            // No event came before the drop: the place is in the pid; what was there before the room was joined stays away.
            cut(s);
            await back(s, 1);
            assert.equal(s.recovered, true, 'nothing had come');
            assert.deepEqual(s.got, []);
            await post(sys, y, one, 'm1');
            await until('m1', () => s.got.length === 1);
            s.io.reconnection(false);
            s.io.engine.close();
            await until('gone', () => !s.connected);
            await post(sys, y, one, 'm2');
            await post(sys, ann, two, 'not joined');
            await post(sys, y, one, 'm3');
            s.io.reconnection(true);
            s.connect();
            await back(s, 2);
            assert.equal(s.recovered, true, 'two had come');
            await until('m3', () => s.got.length >= 3);
            await ok(s, 'joinConversation', { convId: two });
            await ok(s, 'leaveConversation', { convId: one });
            await post(sys, ann, two, 'm4');
            await until('m4', () => s.got.length >= 4);
            cut(s);
            await post(sys, y, one, 'left');
            await post(sys, ann, two, 'm5');
            await back(s, 3);
            assert.equal(s.recovered, true);
            await until('m5', () => s.got.length >= 5);
            assert.deepEqual(s.got, ['m1', 'm2', 'm3', 'm4', 'm5']);
            s.disconnect();
        });
    }

    test('a conversation that was made meanwhile is joined, and what was said in it comes', { timeout: 60000 }, async () => {
        const [x, y] = await sys.api.users(2);
        const s = await client(sys, x, { transports: ['websocket'] });
        s.io.reconnection(false);
        cut(s);
        await until('gone', () => !s.connected);
        const id = await conversation(sys, y, x);
        await post(sys, y, id, 'first');
        await post(sys, y, id, 'second');
        s.connect();
        await until('second', () => s.got.length >= 3);
        assert.equal(s.recovered, true);
        await post(sys, y, id, 'third');
        await until('third', () => s.got.length >= 4);
        assert.deepEqual(s.got, [`created ${id}`, 'first', 'second', 'third']);
        s.disconnect();
    });

    for (const [what, restart] of [
        ['confab-rest is killed', async () => { await sys.bounce(sys.rest); await sys.ready(); }],
        ['confab-rest is stopped', async () => { await sys.bounce(sys.rest, 'SIGTERM'); await sys.ready(); }],
        ['the workers are killed', async () => { await Promise.all(sys.workers.map((w) => sys.bounce(w))); await sys.ready(); }],
        ['everything is killed', async () => {
            await Promise.all([sys.rest, ...sys.workers].map((d) => d.stop('SIGKILL')));
            [sys.rest, ...sys.workers].forEach((d) => d.start());
            await sys.ready();
        }],
    ]) {
        test(`${what}: everything comes once, in order`, { timeout: 120000 }, async () => {
            const users = await sys.api.users(3);
            const clients = [];
            const y = users.pop();
            for (const [i, x] of users.entries()) {
                const chat = await conversation(sys, x, y);
                const s = await client(sys, x, TRANSPORTS[i][1]);
                await ok(s, 'joinConversation', { convId: chat });
                await post(sys, y, chat, `0 ${i}`);
                await until('the first', () => s.got.length === 1);
                clients.push({ s, chat });
            }
            let stop = false;
            const sent = clients.map((_, i) => [`0 ${i}`]);
            const pouring = Promise.all(clients.map(async ({ chat }, i) => {
                for (let n = 1; !stop; n += 1) {
                    sent[i].push(`${n} ${i}`);
                    await post(sys, y, chat, `${n} ${i}`);
                }
            }));
            await until('some messages', () => clients.every(({ s }) => s.got.length > 5));
            await restart();
            const so = clients.map(({ s }) => s.got.length);
            await until('more messages', () => clients.every(({ s }, i) => s.connected && s.got.length > so[i] + 5), 30000);
            stop = true;
            await pouring;
            for (const [i, { s }] of clients.entries()) {
                await until('all of them', () => s.got.length >= sent[i].length);
                assert.deepEqual(s.got, sent[i]);
                assert.ok(s.connects.slice(1).every((r) => r === true), `recovered: ${s.connects}`);
                s.disconnect();
            }
        });
    }

    test('a random walk', { timeout: 240000 }, async () => {
        const [x, y] = await sys.api.users(2);
        const chats = [];
        for (let i = 0; i < 4; i += 1) {
            const room = await sys.api.group(y, `Walk ${i}`, [x]);
            chats.push(parseInt(room.chat_id.slice(10), 16));
        }
        let seed = Number(process.env.CONFAB_TEST_SEED || Date.now() % 1000000);
        const dice = (n) => { seed = (seed * 1103515245 + 12345) % 2147483648; return Math.floor((seed / 2147483648) * n); };
        const walk = seed;
        const clients = [];
        for (const [, options] of TRANSPORTS) {
            const c = { s: await client(sys, x, options), joined: new Set(), expected: [], known: false, anew: 0 };
            c.s.on('connect', () => { c.anew += c.known && !c.s.recovered; });
            clients.push(c);
        }
        for (let step = 0; step < 300; step += 1) {
            const kind = dice(100);
            const c = clients[dice(clients.length)];
            const chat = chats[dice(chats.length)];
            if (kind < 70) {
                await post(sys, y, chat, `step ${step}`);
                clients.forEach((each) => each.joined.has(chat) && each.expected.push(`step ${step}`));
            } else if (kind < 85) {
                const leave = c.joined.has(chat);
                await until('connected', () => c.s.connected);
                await until('an answer', async () => (await c.s.timeout(3000).emitWithAck(leave ? 'leaveConversation' : 'joinConversation', { convId: chat })).ok, 20000);
                leave ? c.joined.delete(chat) : c.joined.add(chat);
                c.known = true; // once a room is acknowledged both may die at any time
            } else if (kind < 96) {
                c.s.connected && cut(c.s);
            } else if (kind < 98) {
                await sys.bounce(sys.workers[dice(2)]);
            } else if (kind < 99) {
                await sys.bounce(sys.rest);
                await sys.ready();
            }
        }
        for (const { s, expected, anew } of clients) {
            await until(`everything, seed ${walk}`, () => s.connected && s.got.length >= expected.length, 20000)
                .catch((e) => assert.deepEqual(s.got, expected, `${e.message}, connects ${s.connects}`));
            assert.deepEqual(s.got, expected, `seed ${walk}`);
            assert.equal(anew, 0, `not recovered, seed ${walk}`);
            s.disconnect();
        }
    });

    describe('who is refused begins anew, in no room, and hears nothing of before', () => {
        let chat, pid, offset, s;
        before(async () => {
            chat = await conversation(sys, bob, cy);
            s = await client(sys, bob, { transports: ['websocket'] });
            await ok(s, 'joinConversation', { convId: chat });
            await post(sys, cy, chat, 'seen');
            await until('seen', () => s.got.length === 1);
            pid = s._pid;
            offset = s.args[0][0];
            assert.match(pid, /^[\w-]{22}\.[0-9a-f]{8}\.\d+$/);
            assert.match(offset, /^[0-9a-f]{8}\.\d+$/);
            s.io.reconnection(false);
            cut(s);
            await until('gone', () => !s.connected);
            await post(sys, cy, chat, 'missed');
        });
        const refused = async (who, p, o) => {
            const c = await comeAs(sys, who, p, o);
            assert.equal(c.same, false);
            assert.match(c._pid, /^[\w-]{22}\./);
            await post(sys, cy, chat, 'not for who is in no room');
            await ok(c, 'joinConversation', { convId: await conversation(sys, who, ann) }); // behind whatever would come
            assert.deepEqual(c.got.filter((g) => !g.startsWith('created')), []);
            c.disconnect();
        };
        test('another user', () => refused(cy, pid, offset));
        test('a pid that nobody has', () => refused(bob, `${'A'.repeat(22)}${pid.slice(22)}`, offset));
        test('no pid at all', () => refused(bob, 'nonsense', offset));
        test('a pid that is too long', () => refused(bob, `${pid}${'0'.repeat(100)}`, offset));
        for (const bad of ['', 'x', '12345678', '12345678.', 5, {}, 'ABCDEF01.1', '0.1']) {
            test(`the offset ${JSON.stringify(bad)}`, () => refused(bob, pid, bad));
        }
        test('a gap: an offset that has not been', () => refused(bob, `${pid}`, `${offset.slice(0, 8)}.99999999`));
        test('and after the gap the pid has ended', () => refused(bob, pid, offset));
    });

    test('a room is confirmed when it is in the database, not before', async () => {
        const s = await client(sys, bob, { transports: ['websocket'] });
        const chat = await conversation(sys, bob, cy);
        await ok(s, 'leaveConversation', { convId: chat });
        const unlock = await lockRows(sys);
        const heard = [];
        s.on('joinedConversation', ({ convId }) => heard.push(convId));
        await assert.rejects(s.timeout(700).emitWithAck('joinConversation', { convId: chat }), /timed out/);
        assert.deepEqual(heard, []);
        await unlock();
        await until('it is confirmed', () => heard.length === 1);
        s.disconnect();
    });

    test('a conversation that both programs forgot in their last moment is found in the log', { timeout: 120000 }, async () => {
        const [x, y] = await sys.api.users(2);
        const s = await client(sys, x, { transports: ['websocket'] });
        await ok(s, 'joinConversation', { convId: await conversation(sys, x, bob) }); // its row is there
        const unlock = await lockRows(sys);
        const chat = await conversation(sys, y, x);
        await until('it is told', () => s.got.includes(`created ${chat}`));
        const all = [sys.rest, ...sys.workers];
        await Promise.all(all.map((d) => d.stop('SIGKILL')));
        await unlock();
        all.forEach((d) => d.start());
        await sys.ready();
        await post(sys, y, chat, 'not lost');
        await until('the message', () => s.got.includes('not lost'));
        assert.equal(s.got.filter((g) => g === `created ${chat}`).length, 1);
        assert.ok(s.connects.slice(1).every((r) => r === true), `recovered: ${s.connects}`);
        s.disconnect();
    });

    test('an offset of an earlier connection says that nothing has come on this one', async () => {
        const s = await client(sys, bob, { transports: ['websocket'], reconnection: false });
        const chat = await conversation(sys, bob, cy);
        await ok(s, 'joinConversation', { convId: chat });
        cut(s);
        await post(sys, cy, chat, 'missed');
        for (const offset of [`${s._pid.split('.')[1]}.1`, '00000000.99999999']) { // stock clients keep it for ever
            const again = await comeAs(sys, bob, s._pid, offset, { transports: ['websocket'] });
            assert.equal(again.same, true);
            await until('missed', () => again.got.length === 1);
            cut(again);
        }
    });

    for (const kill of ['confab-rest', 'everything']) {
        test(`what was acknowledged in the moment before ${kill} was killed is still so`, { timeout: 120000 }, async () => {
            for (let round = 0; round < 5; round += 1) {
                const [x, y] = await sys.api.users(2);
                const [left, joined] = [await conversation(sys, x, y), await conversation(sys, x, bob)];
                const s = await client(sys, x, TRANSPORTS[round % 3][1]);
                await ok(s, 'joinConversation', { convId: left });
                await ok(s, 'leaveConversation', { convId: left });
                await ok(s, 'joinConversation', { convId: joined });
                const all = kill === 'everything' ? [sys.rest, ...sys.workers] : [sys.rest];
                await Promise.all(all.map((d) => d.stop('SIGKILL')));
                all.forEach((d) => d.start());
                await sys.ready();
                await post(sys, y, left, 'not any more');
                await post(sys, bob, joined, 'still there');
                await until('the message', () => s.got.length > 0);
                assert.deepEqual(s.got, ['still there']);
                assert.ok(s.connects.slice(1).every((r) => r === true), `recovered: ${s.connects}`);
                s.disconnect();
            }
        });
    }

    test('who connects with recovery=0 gets no pid and no offsets, whatever others in the room get', async () => {
        const chat = await conversation(sys, bob, cy);
        for (const [, options] of TRANSPORTS) {
            const s = await client(sys, bob, { ...options, query: { recovery: '0' } });
            const other = await client(sys, cy, options);
            assert.equal(s._pid, undefined);
            await ok(s, 'joinConversation', { convId: chat });
            await ok(other, 'joinConversation', { convId: chat });
            await post(sys, cy, chat, 'for both');
            await until('both have it', () => s.got.length === 1 && other.got.length === 1);
            assert.deepEqual(s.args, [[]]);
            assert.match(other.args[0][0], /^[0-9a-f]{8}\.\d+$/);
            cut(s);
            await back(s, 1);
            assert.ok(!s.recovered);
            s.disconnect();
            other.disconnect();
        }
    });

    test('who was refused as another user has disturbed nothing', async () => {
        const s = await client(sys, bob, { transports: ['websocket'] });
        const chat = await conversation(sys, bob, cy);
        await ok(s, 'joinConversation', { convId: chat });
        const foreign = await comeAs(sys, cy, s._pid, undefined);
        assert.equal(foreign.same, false);
        await post(sys, cy, chat, 'still here');
        await until('still here', () => s.got.length === 1);
        cut(s);
        await post(sys, cy, chat, 'and here');
        await back(s, 1);
        assert.equal(s.recovered, true);
        await until('and here', () => s.got.length === 2);
        s.disconnect();
        foreign.disconnect();
    });

    test('an orderly good-bye ends it, in the database too', async () => {
        const s = await client(sys, bob, { transports: ['websocket'] });
        const pid = s._pid;
        const rows = () => sys.db.sql(`SELECT pid FROM socketio_recoveries WHERE pid = '${pid}'`);
        await until('the row', async () => (await rows()).length === 1);
        s.disconnect();
        await until('no row', async () => (await rows()).length === 0);
        const again = await comeAs(sys, bob, pid, undefined);
        assert.equal(again.same, false);
        again.disconnect();
    });

    test('a client that comes back before anybody noticed takes its place', async () => {
        const s = await client(sys, bob, { transports: ['websocket'], reconnection: false });
        const chat = await conversation(sys, bob, cy);
        await ok(s, 'joinConversation', { convId: chat });
        const again = await comeAs(sys, bob, s._pid, undefined);
        assert.equal(again.same, true);
        await until('the old one is closed', () => !s.connected);
        await post(sys, cy, chat, 'to the new one');
        await until('to the new one', () => again.got.length === 1);
        assert.deepEqual(s.got, []);
        again.disconnect();
    });
});

describe('limits', () => {
    let bob, cy;
    const sys = useSystem({ before, after }, { workers: 1, rest: { socketio_recovery_ms: '500ms', socketio_recovery_max: 2 } }, async () => {
        [bob, cy] = await sys.api.users(2);
    });

    test('after socketio_recovery_ms it is too late, and nothing is left in the database', { timeout: 60000 }, async () => {
        const s = await client(sys, bob, { transports: ['websocket'], reconnection: false });
        const pid = s._pid;
        await until('the row', async () => (await sys.db.sql('SELECT pid FROM socketio_recoveries WHERE pid <> \'\'')).length === 1);
        cut(s);
        await until('no row', async () => (await sys.db.sql('SELECT pid FROM socketio_recoveries WHERE pid <> \'\'')).length === 0);
        const late = await comeAs(sys, bob, pid, undefined);
        assert.equal(late.same, false);
        late.disconnect();
    });

    test('above socketio_recovery_max nobody new can be recovered', { timeout: 60000 }, async () => {
        const [a, b, c] = [await client(sys, bob), await client(sys, bob), await client(sys, cy)];
        for (const [s, known] of [[a, true], [b, true], [c, false]]) {
            cut(s);
            await back(s, 1);
            assert.equal(s.recovered, known);
        }
        await until('it is counted', async () => await sys.total('confab_ws_recovered_total') === 2
            && await sys.total('confab_ws_recoveries_refused_total') >= 1);
        assert.equal(await sys.metric('confab_recoveries'), 2);
        [a, b, c].forEach((s) => s.disconnect());
    });
});

describe('switched off', () => {
    const sys = useSystem({ before, after }, { workers: 1, rest: { socketio_recovery_ms: 0 } });

    test('no pid, no offsets', async () => {
        const [x, y] = await sys.api.users(2);
        const s = await client(sys, x);
        assert.equal(s._pid, undefined);
        const chat = await conversation(sys, x, y);
        await ok(s, 'joinConversation', { convId: chat });
        await post(sys, y, chat, 'm');
        await until('m', () => s.got.includes('m'));
        assert.deepEqual(s.args, [[]]);
        cut(s);
        await back(s, 1);
        assert.ok(!s.recovered);
        s.disconnect();
    });
});
