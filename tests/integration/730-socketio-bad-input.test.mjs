// What a client of Socket.IO should not do, and what happens to it while servers go away: everything ends as documented,
// nobody hears what is not for him, and every count goes back to where it was.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import net from 'node:net';
import { Engine, SEPARATOR, sleep } from '../lib/engine.mjs';
import { useSystem } from '../lib/system.mjs';
import { SLOW, until, within } from '../lib/wait.mjs';

const INTERVAL = 1500 * SLOW, TIMEOUT = 1000 * SLOW, UPGRADE = 700;
const timing = { eio_ping_interval_ms: `${INTERVAL}ms`, eio_ping_timeout_ms: `${TIMEOUT}ms` };
let ann, bob;
const sys = useSystem({ before, after }, {
    workers: 2,
    rest: { test_fixture: 'yes', http_idle_timeout_ms: '1s', address_connections_max: 60, ...timing },
    ws: { eio_upgrade_timeout_ms: `${UPGRADE}ms`, eio_connect_timeout_ms: '1s', frames_per_s: 100000, frames_burst: 100000, ...timing },
}, async () => {
    [ann, bob] = [await sys.api.user('Ann'), await sys.api.user('Bob')];
});
const engines = [];
after(() => engines.forEach((e) => e.close()));
const engine = (path = '/socket.io/') => { const e = new Engine(sys, path); engines.push(e); return e; };
const UNKNOWN = { code: 1, message: 'Session ID unknown' };
const BAD = { code: 3, message: 'Bad request' };

async function refused(answer, status, body) {
    assert.equal(answer.status, status);
    const text = await answer.text();
    assert.deepEqual(JSON.parse(text), body);
}
/** Nothing is left of the session. */
const isGone = async (e, sid) => refused(await e.get(sid), 400, UNKNOWN);
/** Answers the pings of a polling session, so that it lives; what else came. */
async function poll(e, sid) {
    const packets = (await (await e.get(sid)).text()).split(SEPARATOR);
    if (packets.includes('2')) {
        await e.post(sid, '3');
    }
    return packets.filter((p) => p !== '2');
}
async function pollFor(e, sid, count = 1) {
    const packets = [];
    while (packets.length < count) {
        packets.push(...await within('a packet', poll(e, sid)));
    }
    return packets;
}
/** A polling session on /chat. */
async function joined(who) {
    const e = engine(), sid = await e.open();
    await e.post(sid, `40/chat,${JSON.stringify({ token: who.token })}`);
    const [connect] = await pollFor(e, sid);
    assert.match(connect, /^40\/chat,\{"sid":/);
    return { e, sid };
}
/** So many calls, a few at once: HTTP connections of an address are limited, too. */
async function many(n, call) {
    const list = [];
    while (list.length < n) {
        list.push(...await Promise.all(Array.from({ length: Math.min(10, n - list.length) }, async () => {
            const result = await call();
            await result.text?.();
            return result;
        })));
    }
    return list;
}
const counts = async () => ({
    connections: await sys.total('confab_ws_connections'), polls: await sys.metric('confab_polls_held'),
    pending: await sys.total('confab_ws_commands_pending'),
});
/** The workers report once a second; what was reported before does not count. */
const allGone = () => until('all connections have gone', async () => (await sys.settled('confab_ws_connections')) === 0, 20000);
const quiet = () => until('all counts are back', async () => {
    await allGone();
    assert.deepEqual(await counts(), { connections: 0, polls: 0, pending: 0 });
    return true;
}, 20000);

describe('requests', () => {
    const cases = {
        'a sid of nothing': ['EIO=4&transport=polling&sid=', 1], 'a sid of garbage': ['EIO=4&transport=polling&sid=!%20x', 1],
        'a sid that is too long': [`EIO=4&transport=polling&sid=${'a'.repeat(4000)}`, 1],
        'a transport of the future': ['EIO=4&transport=webtransport', 0], 'EIO 5': ['EIO=5&transport=polling', 5],
        'EIO 44': ['EIO=44&transport=polling', 5], 'WebSocket without an upgrade': ['EIO=4&transport=websocket', 3],
    };
    for (const [name, [query, code]] of Object.entries(cases)) {
        test(name, async () => {
            const answer = await engine().polling(query);
            assert.equal(answer.status, 400);
            assert.equal((await answer.json()).code, code);
        });
    }
    test('the sid of a neighbour cannot be guessed from one\'s own', async () => {
        const e = engine(), sid = await e.open();
        await isGone(e, `${sid.slice(0, -6)}AAAAAA`);
        await isGone(e, sid.slice(0, -1));
        await isGone(e, `${sid}A`);
    });
    test('methods', async () => {
        const e = engine(), sid = await e.open();
        for (const method of ['DELETE', 'PATCH']) {
            assert.equal((await e.polling(`EIO=4&transport=polling&sid=${sid}`, { method })).status, 405);
        }
        assert.equal((await e.polling(`EIO=4&transport=polling&sid=${sid}`, { method: 'PUT', body: '41' })).status, 400);
        assert.equal((await e.post(sid, '6')).status, 200, 'the session is as it was');
    });
    test('a second poll ends the session, the first is told', async () => {
        const e = engine(), sid = await e.open();
        const first = e.get(sid);
        await until('it is held', async () => (await sys.metric('confab_polls_held')) >= 1);
        await refused(await e.get(sid), 400, BAD);
        assert.equal(await (await first).text(), '1');
        await isGone(e, sid);
    });
    test('a poll that is cancelled ends the session', async () => {
        const e = engine(), sid = await e.open(), cancel = new AbortController();
        const first = e.get(sid, { signal: cancel.signal }).catch((error) => error.name);
        await until('it is held', async () => (await sys.metric('confab_polls_held')) >= 1);
        cancel.abort();
        assert.equal(await first, 'AbortError');
        await until('the session is gone', async () => (await e.post(sid, '6')).status === 400, 2000);
    });
    test('a body above maxPayload is 413, the session goes on', async () => {
        const e = engine(), sid = await e.open();
        for (const length of [1000001, 1024 * 1024, 1024 * 1024 + 1]) {
            const answer = await e.post(sid, `4${'x'.repeat(length - 1)}`, { origin: 'http://localhost:5173' });
            assert.equal(answer.status, 413);
            assert.equal(answer.headers.get('access-control-allow-origin'), 'http://localhost:5173');
        }
        assert.equal((await e.post(sid, '6')).status, 200);
    });
    test('a body of exactly maxPayload is taken', async () => {
        const e = engine('/engine.io/'), sid = await e.open();
        const packets = Array.from({ length: 20 }, (_, i) => `4${String(i).repeat(50000 - 2).slice(0, 50000 - 2)}`);
        const body = packets.join(SEPARATOR).padEnd(1000000, 'y');
        assert.equal((await e.post(sid, body)).status, 200);
        const back = await pollFor(e, sid, 20);
        assert.equal(back.join(SEPARATOR), body);
        await e.post(sid, '1');
    });
    test('bytes instead of text end the session', async () => {
        const e = engine(), sid = await e.open();
        await refused(await e.post(sid, '6', { 'content-type': 'application/octet-stream' }), 400, BAD);
        await isGone(e, sid);
    });
});

describe('packets', () => {
    for (const body of ['', SEPARATOR, '6\x1e', '\x1e6', '9', '0{}', 'x', 'b', 'b====', 'bA', 'b%%%%', '6\x1e7', '4\x1e\x1e4', Buffer.from('34ff', 'hex')]) {
        test(`in a payload: ${JSON.stringify(body.toString('latin1'))}`, async () => {
            const e = engine(), sid = await e.open();
            await refused(await e.post(sid, body), 400, BAD);
            await isGone(e, sid);
        });
    }
    const frames = ['4', '49', '42', '42{}', '42[]', '42["a"', '42[1]', '42"a"', '42null', '42/chat', '42/chat,{"a":1}', '42-1["a"]', '4299999999999999999999["a"]',
        '429007199254740992["a"]', '42 1["a"]', '43', '43[]', '43/chat,[]', '44{"message":"x"}', '45["a"]', '450-', '451-["a"]', '40/chat,[]', '40/chat,7', '40{"a":',
        '41{"a":1}', '40/chat?x=1', `40/${'n'.repeat(200)},`, `42["a",${'['.repeat(100)}${']'.repeat(100)}]`, '42["a"]x', '4999999-["a"]', '5', '2probe', '0', 'abc'];
    for (const frame of frames) {
        test(`before any namespace: ${JSON.stringify(frame.slice(0, 40))}`, async () => {
            const ws = await engine().connected();
            ws.send(frame);
            if (frame === '40/chat?x=1' || frame.startsWith('40/nnn')) {
                const reply = await within('an answer', ws.next().catch(() => 'closed'));
                assert.match(reply, /^44\/.*"Invalid namespace"\}$|^closed$/);
            } else {
                await within('the end', ws.closed);
                assert.deepEqual(ws.unread, []);
            }
        });
    }
    for (const frame of ['42/chat,{}', '42/chat,[]', '42/chat,["sendMessage"', '42/chat,{"0":"sendMessage"}', '40/chat,{}', '42["sendMessage",{}]', '42/nsp,["a"]',
        '451-/chat,["sendMessage",{"_placeholder":true,"num":0}]', '461-/chat,1[{"_placeholder":true,"num":0}]', '44/chat,{}', '42/chat,9007199254740992["a",{}]']) {
        test(`on /chat: ${frame}`, async () => {
            const ws = await engine().connected();
            ws.send(`40/chat,${JSON.stringify({ token: ann.token })}`);
            assert.match(await ws.next(), /^40\/chat,/);
            ws.send(frame);
            await within('the end', ws.closed);
        });
    }
    test('acknowledgements that nobody waits for do nothing', async () => {
        const ws = await engine().connected();
        ws.send(`40/chat,${JSON.stringify({ token: ann.token })}`);
        await ws.next();
        ws.send('43/chat,9007199254740991[]');
        ws.send('43/chat,0["x"]');
        ws.send('42/chat,9007199254740991["joinConversation",{"convId":99999}]');
        assert.match(await ws.next(), /^42\/chat,\["error"/);
        assert.match(await ws.next(), /^43\/chat,9007199254740991\[\{"ok":false/);
    });
    describe('attachments', () => {
        const event = (n) => `45${n}-["message",${Array.from({ length: n }, (_, i) => `{"_placeholder":true,"num":${i}}`)}]`;
        const start = async () => {
            const ws = await engine().connected();
            ws.send('40');
            await ws.next();
            await ws.next();
            return ws;
        };
        test('as many as announced come back', async () => {
            const ws = await start();
            ws.send(event(3));
            [1, 2, 3].forEach((n) => ws.send(Buffer.from([n])));
            assert.equal(await ws.next(), event(3).replace('message', 'message-back'));
            for (const n of [1, 2, 3]) {
                assert.deepEqual(await ws.next(), Buffer.from([n]));
            }
        });
        test('one that nobody announced', async () => {
            const ws = await start();
            ws.send(Buffer.from([1]));
            await within('the end', ws.closed);
        });
        test('one more than announced', async () => {
            const ws = await start();
            ws.send(event(1));
            ws.send(Buffer.from([1]));
            ws.send(Buffer.from([2]));
            await within('the end', ws.closed);
        });
        test('a text in between', async () => {
            const ws = await start();
            ws.send(event(2));
            ws.send(Buffer.from([1]));
            ws.send('42["message"]');
            await within('the end', ws.closed);
            assert.deepEqual(ws.unread, []);
        });
        test('two events interleaved', async () => {
            const ws = await start();
            ws.send(event(1));
            ws.send(event(1));
            await within('the end', ws.closed);
        });
        test('missing ones: nothing comes, the heartbeat goes on', async () => {
            const ws = await start();
            ws.send(event(2));
            ws.send(Buffer.from([1]));
            assert.equal(await within('a ping', ws.next()), '2');
            ws.send('3');
            ws.send(Buffer.from([2]));
            assert.match(await ws.next(), /^452-\["message-back"/);
        });
        test('too many', async () => {
            const ws = await start();
            ws.send('451000000-["message"]');
            await within('the end', ws.closed);
        });
        test('by polling, in one payload, and cut off in the middle', async () => {
            const e = engine(), sid = await e.open();
            assert.equal((await e.post(sid, '40')).status, 200);
            await pollFor(e, sid, 2);
            assert.equal((await e.post(sid, [event(2), 'bAQ==', 'bAg=='].join(SEPARATOR))).status, 200);
            assert.deepEqual(await pollFor(e, sid, 3), [event(2).replace('message', 'message-back'), 'bAQ==', 'bAg==']);
            assert.equal((await e.post(sid, [event(2), 'bAQ=='].join(SEPARATOR))).status, 200);
            await refused(await e.post(sid, '42["message"]'), 400, BAD);
            await isGone(e, sid);
        });
    });
    test('1,000 packets in one payload, and one more', async () => {
        const e = engine('/engine.io/'), sid = await e.open();
        const packets = Array.from({ length: 1000 }, (_, i) => `4${i}`);
        assert.equal((await e.post(sid, packets.join(SEPARATOR))).status, 200);
        assert.deepEqual(await pollFor(e, sid, 1000), packets);
        await refused(await e.post(sid, [...packets, '41000'].join(SEPARATOR)), 400, BAD);
        await isGone(e, sid);
    });
    test('a payload whose middle is no packet: what came before counts, what comes after does not', async () => {
        const e = engine('/engine.io/'), sid = await e.open();
        await refused(await e.post(sid, ['4a', '4b', 'x', '4c'].join(SEPARATOR)), 400, BAD);
        await isGone(e, sid);
    });
    test('an end in the middle of a payload is an end', async () => {
        const e = engine(), sid = await e.open();
        assert.equal(await (await e.post(sid, ['6', '1', '6'].join(SEPARATOR))).text(), 'ok');
        await isGone(e, sid);
    });
});

describe('who is nobody', () => {
    const bad = () => ({
        missing: '40/chat,', empty: '40/chat,{"token":""}', 'no text': '40/chat,{"token":7}', nonsense: '40/chat,{"token":"a.b.c"}',
        expired: `40/chat,${JSON.stringify({ token: sys.api.token(ann.n, { ttl: -60 }) })}`,
        'of a user that is not there': `40/chat,${JSON.stringify({ token: sys.api.token(424242) })}`,
        'signed by somebody else': `40/chat,${JSON.stringify({ token: `${ann.token.slice(0, -4)}AAAA` })}`,
    });
    for (const name of ['missing', 'empty', 'no text', 'nonsense', 'expired', 'of a user that is not there', 'signed by somebody else']) {
        test(`a token that is ${name}: an error, and nothing is heard`, async () => {
            const ws = await engine().connected();
            ws.send(bad()[name]);
            const answer = await within('an answer', ws.next());
            assert.match(answer, /^44\/chat,\{"message":"[^"]{4,}","data":\{"code":"(unauthenticated|token_expired|token_revoked)"\}\}$/);
            const made = await sys.api.call('POST', '/chats', { token: ann.token, body: { user2_id: bob.n } });
            await sys.api.call('POST', `/chats/${made.json.conversation.id}/message`, { token: bob.token, body: { message: 'secret' } });
            ws.send('42/chat,["joinConversation",{"convId":1}]');
            await within('events without a namespace end it', ws.closed);
            assert.deepEqual(ws.unread, []);
        });
    }
    test('a flood of CONNECTs', async () => {
        const ws = await engine().connected();
        for (let i = 0; i < 500; i += 1) {
            ws.send('40/chat,{"token":"nonsense"}');
        }
        ws.send(`40/chat,${JSON.stringify({ token: ann.token })}`);
        const answers = await until('an end, or an answer to each', () => (ws.unread.length >= 501 || ws.readyState === 3 ? ws.unread : null));
        assert.ok(answers.every((a) => a.startsWith('44/chat,') || a.startsWith('40/chat,') || a === '2'), answers.find((a) => !a.startsWith('4')));
        assert.ok(answers.filter((a) => a.startsWith('40/chat,')).length <= 1);
        ws.terminate();
    });
    test('a flood of CONNECTs with a good token: one namespace, or the end', async () => {
        const ws = await engine().connected();
        for (let i = 0; i < 100; i += 1) {
            ws.send(`40/chat,${JSON.stringify({ token: ann.token })}`);
        }
        await until('an end, or an answer to each', () => ws.unread.length >= 100 || ws.readyState === 3);
        assert.equal(ws.unread.filter((a) => a.startsWith('40/chat,')).length <= 1, true);
        ws.terminate();
    });
    test('leaving and coming again as somebody else: nothing of the first is heard', async () => {
        const ws = await engine().connected();
        const [x, y, z] = await sys.api.users(3);
        const { conversation } = (await sys.api.call('POST', '/chats', { token: x.token, body: { user2_id: y.n } })).json;
        ws.send(`40/chat,${JSON.stringify({ token: x.token })}`);
        await ws.next();
        ws.send(`42/chat,1["joinConversation",{"convId":${conversation.id}}]`);
        await ws.next();
        assert.match(await ws.next(), /"ok":true/);
        ws.send('42/chat,2["createConversation",{"user2_id":1}]');
        ws.send('41/chat');
        ws.send(`40/chat,${JSON.stringify({ token: z.token })}`);
        await until('z is there', () => ws.unread.some((f) => f.startsWith('40/chat,')));
        ws.unread.length = 0;
        await sys.api.call('POST', `/chats/${conversation.id}/message`, { token: y.token, body: { message: 'for x' } });
        ws.send(`42/chat,3["joinConversation",{"convId":${conversation.id}}]`);
        await until('an answer', () => ws.unread.some((f) => f.startsWith('43/chat,3')));
        assert.ok(ws.unread.every((f) => !f.includes('for x')), ws.unread.join('\n'));
        assert.match(ws.unread.find((f) => f.startsWith('43/chat,3')), /chat_not_found/);
        ws.terminate();
    });
});

describe('clients that vanish, and upgrades that stall', () => {
    test('a polling client that vanishes is gone after its heartbeat', async () => {
        engines.splice(0).forEach((e) => e.close());
        await allGone();
        const { e, sid } = await joined(ann);
        await until('it is counted', async () => (await sys.total('confab_ws_connections')) === 1);
        await sleep(INTERVAL + TIMEOUT + 300);
        await isGone(e, sid);
        await allGone();
    });
    test('a client that does not poll while too much comes for it is too slow, and comes again', async () => {
        const [x, y] = await sys.api.users(2);
        const { conversation } = (await sys.api.call('POST', '/chats', { token: x.token, body: { user2_id: y.n } })).json;
        const evictions = await sys.total('confab_ws_evictions_total');
        const { e, sid } = await joined(x);
        await e.post(sid, `42/chat,1["joinConversation",{"convId":${conversation.id}}]`);
        await pollFor(e, sid, 2);
        for (let i = 0; i < 300; i += 1) {
            await sys.api.expect(201, 'POST', `/chats/${conversation.id}/message`, { token: y.token, body: { message: 'z'.repeat(4000) } });
        }
        await isGone(e, sid);
        await until('it is counted', async () => (await sys.total('confab_ws_evictions_total')) === evictions + 1);
        const again = await joined(x);
        await again.e.post(again.sid, '1');
    });
    test('sessions that are opened and left alone, up to the limit of an address, and again', async () => {
        await allGone();
        for (let round = 0; round < 2; round += 1) {
            const e = engine();
            const answers = await many(70, () => e.polling('EIO=4&transport=polling'));
            const opened = answers.filter((a) => a.status === 200);
            assert.equal(opened.length, 60, String(answers.map((a) => a.status)));
            assert.ok(answers.every((a) => a.status === 200 || a.status === 429));
            await allGone();
        }
    });
    test('handshakes that are cut off at once leave no count behind', async () => {
        for (let i = 0; i < 100; i += 1) {
            const socket = net.connect(3000, sys.host);
            socket.on('error', () => {});
            socket.write(`GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n`, () => (i % 2 ? socket.destroy() : socket.resetAndDestroy()));
            await new Promise((resolve) => { socket.on('close', resolve); });
        }
        await until('they count no more', async () => {
            const answers = await many(60, () => engine().polling('EIO=4&transport=polling'));
            return answers.every((a) => a.status === 200);
        }, 20000, 3000);
        await allGone();
    });
    for (const stage of ['before the probe', 'after the probe']) {
        test(`an upgrade that stalls ${stage}: polling lives on`, async () => {
            const { e, sid } = await joined(ann);
            const ws = e.socket(`EIO=4&transport=websocket&sid=${sid}`);
            await ws.opened;
            if (stage === 'after the probe') {
                const held = e.get(sid);
                ws.send('2probe');
                assert.equal(await ws.next(), '3probe');
                assert.equal(await (await held).text(), '6', 'the poll is answered');
            }
            await e.post(sid, '42/chat,1["joinConversation",{"convId":99999}]');
            await within('the probe is closed', ws.closed);
            const packets = await pollFor(e, sid, 2);
            assert.match(packets.join(), /^42\/chat,\["error".*43\/chat,1\[/, 'what was kept comes by polling');
            await e.post(sid, '1');
        });
    }
    test('nonsense on the probe ends the probe alone; a second probe is a stranger', async () => {
        const { e, sid } = await joined(ann);
        const first = e.socket(`EIO=4&transport=websocket&sid=${sid}`), second = e.socket(`EIO=4&transport=websocket&sid=${sid}`);
        await Promise.all([first.opened, second.opened]);
        await within('one of them ends', Promise.race([first.closed, second.closed]));
        const left = first.readyState === 1 ? first : second;
        left.send('42/chat,["joinConversation",{"convId":1}]');
        await within('the other ends', left.closed);
        for (const frame of ['5', '2', '2prob', '4x', '1', Buffer.from([1])]) {
            const ws = e.socket(`EIO=4&transport=websocket&sid=${sid}`);
            await ws.opened;
            ws.send(frame);
            await within(`${frame} ends it`, ws.closed);
        }
        assert.equal((await e.post(sid, '6')).status, 200);
        await e.post(sid, '1');
    });
    test('a session that ends while it is probed takes the probe with it', async () => {
        const { e, sid } = await joined(ann);
        const ws = e.socket(`EIO=4&transport=websocket&sid=${sid}`);
        await ws.opened;
        ws.send('2probe');
        assert.equal(await ws.next(), '3probe');
        await e.post(sid, '1');
        await within('the probe ends', ws.closed);
        await isGone(e, sid);
    });
    test('a poll is held longer than connections are kept', async () => {
        const { e, sid } = await joined(ann);
        for (let i = 0; i < 3; i += 1) {
            const answer = await e.get(sid);
            assert.equal(await answer.text(), '2');
            assert.equal((await e.post(sid, '3')).status, 200);
        }
        await e.post(sid, '1');
    });
});

describe('servers that go away while polls are held', () => {
    /** Several sessions with a held poll each. */
    async function held(n) {
        await quiet();
        const list = await Promise.all(Array.from({ length: n }, () => joined(ann)));
        list.forEach((s) => { s.answer = s.e.get(s.sid).then(async (a) => [a.status, await a.text()], (error) => [0, error.message]); });
        await until('all are held', async () => (await sys.metric('confab_polls_held')) === n);
        return list;
    }
    test('a killed worker: its polls are answered at once, the others live on', async () => {
        const list = await held(8);
        const at = Date.now();
        await sys.workers[0].stop('SIGKILL');
        const first = await Promise.race(list.map((s) => s.answer));
        assert.equal(first[0], 400);
        assert.deepEqual(JSON.parse(first[1]), UNKNOWN);
        assert.ok(Date.now() - at < INTERVAL, 'at once');
        sys.workers[0].start();
        await sys.ready();
        const answers = await Promise.all(list.map((s) => s.answer));
        assert.ok(answers.some(([status]) => status === 200), 'those of the other worker');
        for (const [i, [status]] of answers.entries()) {
            assert.equal((await list[i].e.post(list[i].sid, '3')).status, status);
        }
        await quiet();
    });
    test('a stopped worker says good-bye', async () => {
        const list = await held(8);
        await sys.workers[1].stop('SIGTERM');
        sys.workers[1].start();
        await sys.ready();
        const answers = await Promise.all(list.map((s) => s.answer));
        assert.ok(answers.every(([status, text]) => (status === 200 && ['1', '2'].includes(text)) || status === 400), JSON.stringify(answers));
        assert.ok(answers.some(([, text]) => text !== '2'));
        await quiet();
    });
    for (const signal of ['SIGTERM', 'SIGKILL']) {
        test(`confab-rest ends by ${signal}: the sessions end with it, clients begin anew`, async () => {
            const list = await held(8);
            const at = Date.now();
            await sys.rest.stop(signal);
            assert.ok(Date.now() - at < 3000 * SLOW, 'held polls do not hold up the stop');
            const answers = await Promise.all(list.map((s) => s.answer));
            assert.ok(answers.every(([status]) => status === (signal === 'SIGTERM' ? 400 : 0)), JSON.stringify(answers));
            sys.rest.start();
            await sys.ready();
            for (const { e, sid } of list) {
                await isGone(e, sid);
            }
            const { e, sid } = await joined(bob);
            await e.post(sid, '1');
            await quiet();
        });
    }
});

test('in the end every count is where it began', async () => {
    engines.splice(0).forEach((e) => e.close());
    await quiet();
    const again = await many(60, () => engine().open());
    assert.equal(new Set(again).size, 60, 'the address has all its places again');
    await quiet();
});

describe('without the fixture', () => {
    const other = useSystem({ before, after }, { workers: 1, ws: { eio_connect_timeout_ms: '1s', eio_ping_interval_ms: '300ms' }, rest: { eio_ping_interval_ms: '300ms' } });
    test('who joins no namespace is not kept, however alive', async () => {
        const e = new Engine(other, '/socket.io/');
        const ws = await e.connected(), sid = await e.open();
        ws.on('message', (m) => { if (m.toString() === '2') { ws.send('3'); } });
        await within('the WebSocket ends', ws.closed);
        await until('so does the poll', async () => { await poll(e, sid); return (await e.post(sid, '6')).status === 400; });
        e.close();
    });
    test('the paths of the fixture are not there', async () => {
        const e = new Engine(other, '/engine.io/');
        assert.equal((await e.polling('EIO=4&transport=polling')).status, 404);
        await within('no WebSocket either', e.socket().closed);
        const ws = new Engine(other, '/socket.io/').socket();
        await ws.next();
        ws.send('40');
        assert.equal(await ws.next(), '44{"message":"Invalid namespace"}');
        ws.terminate();
    });
});
