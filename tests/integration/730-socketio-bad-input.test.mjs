// What a client of Socket.IO should not do: everything ends as documented, and nobody hears what is not for him.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { BAD, Engine, SEPARATOR, UNKNOWN, refused } from '../lib/engine.mjs';
import { useSystem } from '../lib/system.mjs';
import { SLOW, until, within } from '../lib/wait.mjs';

const INTERVAL = 1500 * SLOW, TIMEOUT = 1000 * SLOW;
const timing = { eio_ping_interval_ms: `${INTERVAL}ms`, eio_ping_timeout_ms: `${TIMEOUT}ms` };
let ann, bob;
const sys = useSystem({ before, after }, {
    workers: 2, rest: { test_fixture: 'yes', ...timing }, ws: { frames_per_s: 100000, frames_burst: 100000, ...timing },
}, async () => {
    [ann, bob] = [await sys.api.user('Ann'), await sys.api.user('Bob')];
});
const engines = [];
after(() => engines.forEach((e) => e.close()));
const engine = (path = '/socket.io/') => { const e = new Engine(sys, path); engines.push(e); return e; };

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
        await e.isGone(`${sid.slice(0, -6)}AAAAAA`);
        await e.isGone(sid.slice(0, -1));
        await e.isGone(`${sid}A`);
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
        await e.isGone(sid);
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
        const back = await e.pollFor(sid, 20);
        assert.equal(back.join(SEPARATOR), body);
        await e.post(sid, '1');
    });
    test('bytes instead of text end the session', async () => {
        const e = engine(), sid = await e.open();
        await refused(await e.post(sid, '6', { 'content-type': 'application/octet-stream' }), 400, BAD);
        await e.isGone(sid);
    });
});

describe('packets', () => {
    for (const body of ['', SEPARATOR, '6\x1e', '\x1e6', '9', '0{}', 'x', 'b', 'b====', 'bA', 'b%%%%', '6\x1e7', '4\x1e\x1e4', Buffer.from('34ff', 'hex')]) {
        test(`in a payload: ${JSON.stringify(body.toString('latin1'))}`, async () => {
            const e = engine(), sid = await e.open();
            await refused(await e.post(sid, body), 400, BAD);
            await e.isGone(sid);
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
            await e.pollFor(sid, 2);
            assert.equal((await e.post(sid, [event(2), 'bAQ==', 'bAg=='].join(SEPARATOR))).status, 200);
            assert.deepEqual(await e.pollFor(sid, 3), [event(2).replace('message', 'message-back'), 'bAQ==', 'bAg==']);
            assert.equal((await e.post(sid, [event(2), 'bAQ=='].join(SEPARATOR))).status, 200);
            await refused(await e.post(sid, '42["message"]'), 400, BAD);
            await e.isGone(sid);
        });
    });
    test('1,000 packets in one payload, and one more', async () => {
        const e = engine('/engine.io/'), sid = await e.open();
        const packets = Array.from({ length: 1000 }, (_, i) => `4${i}`);
        assert.equal((await e.post(sid, packets.join(SEPARATOR))).status, 200);
        assert.deepEqual(await e.pollFor(sid, 1000), packets);
        await refused(await e.post(sid, [...packets, '41000'].join(SEPARATOR)), 400, BAD);
        await e.isGone(sid);
    });
    test('a payload whose middle is no packet: what came before counts, what comes after does not', async () => {
        const e = engine('/engine.io/'), sid = await e.open();
        await refused(await e.post(sid, ['4a', '4b', 'x', '4c'].join(SEPARATOR)), 400, BAD);
        await e.isGone(sid);
    });
    test('an end in the middle of a payload is an end', async () => {
        const e = engine(), sid = await e.open();
        assert.equal(await (await e.post(sid, ['6', '1', '42["x"]'].join(SEPARATOR))).text(), 'ok');
        await refused(await e.post(sid, '6'), 400, UNKNOWN);
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

describe('without the fixture', () => {
    const other = useSystem({ before, after }, { workers: 1, ws: { eio_connect_timeout_ms: '1s', eio_ping_interval_ms: '300ms' }, rest: { eio_ping_interval_ms: '300ms' } });
    test('who joins no namespace is not kept, however alive', async () => {
        const e = new Engine(other, '/socket.io/');
        const ws = await e.connected(), sid = await e.open();
        ws.on('message', (m) => { if (m.toString() === '2') { ws.send('3'); } });
        await within('the WebSocket ends', ws.closed);
        await until('so does the poll', async () => { await e.poll(sid); return (await e.post(sid, '6')).status === 400; });
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
