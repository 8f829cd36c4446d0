// Engine.IO protocol 4, case by case, on the echo of the test fixture and (as far as it goes) on Socket.IO's own path.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { Engine, SEPARATOR, sleep } from '../lib/engine.mjs';
import { useSystem } from '../lib/system.mjs';
import { SLOW, until } from '../lib/wait.mjs';

const INTERVAL = 1000 * SLOW, TIMEOUT = 1000 * SLOW;
const timing = { eio_ping_interval_ms: `${INTERVAL}ms`, eio_ping_timeout_ms: `${TIMEOUT}ms` };
const sys = useSystem({ before, after }, { workers: 2, rest: { test_fixture: 'yes', ...timing }, ws: timing });
const engines = [];
after(() => engines.forEach((e) => e.close()));
const engine = (path) => { const e = new Engine(sys, path); engines.push(e); return e; };
/** The one request that is on its way has a connection of its own, so the next may overtake it. */
const isHeld = () => until('it is held', async () => (await sys.metric('confab_polls_held')) === 1);
/** The upgrade is over: HTTP is of no use to the session any more. */
const isUpgraded = (c, sid) => until('the upgrade', async () => (await c.get(sid)).status === 400);
const HANDSHAKE = ['sid', 'upgrades', 'pingInterval', 'pingTimeout', 'maxPayload'];

function checkHandshake(text, upgrades) {
    assert.equal(text[0], '0');
    const value = JSON.parse(text.slice(1));
    assert.deepEqual(Object.keys(value), HANDSHAKE);
    assert.equal(typeof value.sid, 'string');
    assert.deepEqual(value.upgrades, upgrades);
    assert.deepEqual([value.pingInterval, value.pingTimeout, value.maxPayload], [INTERVAL, TIMEOUT, 1000000]);
}

for (const path of ['/engine.io/', '/socket.io/']) {
    const echoes = path === '/engine.io/';
    describe(path, () => {
        const e = () => engine(path);

        describe('handshake, polling', () => {
            test('opens a session', async () => {
                const answer = await e().polling('EIO=4&transport=polling');
                assert.equal(answer.status, 200);
                checkHandshake(await answer.text(), ['websocket']);
            });
            const refusals = {
                'EIO missing': ['transport=polling', 'GET', 5, 'Unsupported protocol version'],
                'EIO abc': ['EIO=abc&transport=polling', 'GET', 5, 'Unsupported protocol version'],
                'EIO 3': ['EIO=3&transport=polling', 'GET', 5, 'Unsupported protocol version'],
                'transport missing': ['EIO=4', 'GET', 0, 'Transport unknown'],
                'transport abc': ['EIO=4&transport=abc', 'GET', 0, 'Transport unknown'],
                'POST without a session': ['EIO=4&transport=polling', 'POST', 2, 'Bad handshake method'],
                'an unknown session': ['EIO=4&transport=polling&sid=abc', 'GET', 1, 'Session ID unknown'],
                'a sid of another run': [`EIO=4&transport=polling&sid=${'A'.repeat(35)}`, 'GET', 1, 'Session ID unknown'],
            };
            for (const [name, [query, method, code, message]] of Object.entries(refusals)) {
                test(name, async () => {
                    const answer = await e().polling(query, { method, headers: { origin: 'http://localhost:5173' } });
                    assert.equal(answer.status, 400);
                    assert.deepEqual(await answer.json(), { code, message });
                    assert.equal(answer.headers.get('access-control-allow-origin'), 'http://localhost:5173', 'also on errors');
                });
            }
            test('an invalid method', async () => {
                const answer = await e().polling('EIO=4&transport=polling', { method: 'PUT', body: 'x' });
                assert.equal(answer.status, 400);
                assert.deepEqual(await answer.json(), { code: 2, message: 'Bad handshake method' });
                assert.equal((await e().polling('EIO=4&transport=polling', { method: 'DELETE' })).status, 405);
            });
        });

        describe('handshake, WebSocket', () => {
            test('opens a session', async () => {
                const ws = e().socket();
                checkHandshake(await ws.next(), []);
            });
            for (const query of ['transport=websocket', 'EIO=abc&transport=websocket', 'EIO=4', 'EIO=4&transport=abc']) {
                test(`ends: ${query}`, async () => {
                    await e().socket(query).closed;
                });
            }
        });

        describe('heartbeat', () => {
            test('polling: three pings', async () => {
                const c = e(), sid = await c.open();
                for (let i = 0; i < 3; i += 1) {
                    assert.equal(await (await c.get(sid)).text(), '2');
                    const answer = await c.post(sid, '3');
                    assert.equal(answer.status, 200);
                    assert.equal(await answer.text(), 'ok');
                }
            });
            test('polling: no pong, no session', async () => {
                const c = e(), sid = await c.open();
                await sleep(INTERVAL + TIMEOUT);
                assert.equal((await c.get(sid)).status, 400);
            });
            test('WebSocket: three pings, nothing else', async () => {
                const ws = await e().connected();
                for (let i = 0; i < 3; i += 1) {
                    assert.equal(await ws.next(), '2');
                    ws.send('3');
                }
            });
            test('WebSocket: no pong, closed', async () => {
                const ws = await e().connected();
                await ws.closed;
            });
        });

        describe('close', () => {
            test('polling: a held GET ends with noop, then there is no session', async () => {
                const c = e(), sid = await c.open();
                const held = c.get(sid);
                await isHeld();
                const posted = c.post(sid, '1');
                assert.equal(await (await held).text(), '6');
                assert.equal((await posted).status, 200);
                assert.equal((await c.get(sid)).status, 400);
            });
            test('WebSocket: closed at once', async () => {
                const ws = await e().connected();
                ws.send('1');
                assert.equal(await ws.closed, 1000);
                assert.deepEqual(ws.unread, [], 'ahead of the first ping');
            });
        });

        describe('upgrade', () => {
            const upgrade = async (c) => {
                const sid = await c.open();
                const ws = c.socket(`EIO=4&transport=websocket&sid=${sid}`);
                await ws.opened;
                ws.send('2probe');
                assert.equal(await ws.next(), '3probe');
                const poll = await c.get(sid);
                assert.equal(poll.status, 200);
                assert.equal(await poll.text(), '6');
                ws.send('5');
                return { ws, sid };
            };
            test('works, and messages go on over it', async () => {
                const { ws } = await upgrade(e());
                if (echoes) {
                    ws.send('4hello');
                    assert.equal(await ws.next(), '4hello');
                } else {
                    assert.equal(await ws.next(), '2');
                }
            });
            test('a poll that is held during the probe is let go at once', async () => {
                const c = e(), sid = await c.open();
                const held = c.get(sid);
                await isHeld();
                const ws = c.socket(`EIO=4&transport=websocket&sid=${sid}`);
                await ws.opened;
                ws.send('2probe');
                assert.equal(await ws.next(), '3probe');
                assert.equal(await (await held).text(), '6');
                assert.equal(await (await c.get(sid)).text(), '6', 'every one of them');
            });
            test('HTTP with that sid is refused afterwards', async () => {
                const c = e();
                const { ws, sid } = await upgrade(c);
                await isUpgraded(c, sid);
                assert.equal((await c.post(sid, '4x')).status, 400);
                if (echoes) {
                    ws.send('4hello');
                    assert.equal(await ws.next(), '4hello');
                }
            });
            test('a second WebSocket with that sid is opened and closed, the first lives', async () => {
                const c = e();
                const { ws, sid } = await upgrade(c);
                await isUpgraded(c, sid);
                const second = c.socket(`EIO=4&transport=websocket&sid=${sid}`);
                await second.opened;
                await second.closed;
                if (echoes) {
                    ws.send('4hello');
                    assert.equal(await ws.next(), '4hello');
                }
            });
            test('a probe that says something else leaves polling alone', async () => {
                const c = e(), sid = await c.open();
                for (const word of ['2ping', '4x', '5', 'abc']) {
                    const ws = c.socket(`EIO=4&transport=websocket&sid=${sid}`);
                    await ws.opened;
                    ws.send(word);
                    await ws.closed;
                }
                assert.equal(await (await c.get(sid)).text(), '2');
            });
        });
    });
}

describe('messages', () => {
    const e = () => engine();
    test('polling: one text packet', async () => {
        const c = e(), sid = await c.open();
        const answer = await c.post(sid, '4hello');
        assert.equal(answer.status, 200);
        assert.equal(await answer.text(), 'ok');
        const poll = await c.get(sid);
        assert.equal(await poll.text(), '4hello');
        assert.match(poll.headers.get('content-type'), /^text\/plain; charset=UTF-8$/i);
        assert.equal(poll.headers.get('cache-control'), 'no-store');
    });
    test('polling: several text packets, in one poll', async () => {
        const c = e(), sid = await c.open();
        const payload = ['4test1', '4test2', '4test3'].join(SEPARATOR);
        assert.equal((await c.post(sid, payload)).status, 200);
        assert.equal(await (await c.get(sid)).text(), payload);
    });
    test('polling: text and bytes', async () => {
        const c = e(), sid = await c.open();
        const payload = ['4hello', 'bAQIDBA=='].join(SEPARATOR);
        assert.equal((await c.post(sid, payload)).status, 200);
        assert.equal(await (await c.get(sid)).text(), payload);
    });
    test('polling: what is no packet ends the session', async () => {
        for (const payload of ['abc', '', '4a\x1e', 'bA', '0{}', '7', '4a\x1eabc']) {
            const c = e(), sid = await c.open();
            assert.equal((await c.post(sid, payload)).status, 400, payload);
            assert.equal((await c.get(sid)).status, 400);
        }
    });
    test('polling: two polls at once end the session', async () => {
        const c = e(), sid = await c.open();
        const first = c.get(sid);
        await isHeld();
        assert.equal((await c.get(sid)).status, 400);
        const answer = await first;
        assert.equal(answer.status, 200);
        assert.equal(await answer.text(), '1');
        assert.equal((await c.get(sid)).status, 400);
    });
    test('polling: a poll that is cancelled ends the session', async () => {
        const c = e(), sid = await c.open();
        const cancel = new AbortController();
        const held = c.get(sid, { signal: cancel.signal });
        await isHeld();
        cancel.abort();
        await assert.rejects(held);
        assert.equal((await c.get(sid)).status, 400);
    });
    test('WebSocket: text', async () => {
        const ws = await e().connected();
        ws.send('4hello');
        assert.equal(await ws.next(), '4hello');
    });
    test('WebSocket: bytes, without a type', async () => {
        const ws = await e().connected();
        ws.send(Buffer.from([1, 2, 3, 4]));
        assert.deepEqual(await ws.next(), Buffer.from([1, 2, 3, 4]));
    });
    test('WebSocket: what is no packet closes', async () => {
        for (const text of ['abc', '', '0{}', '7']) {
            const ws = await e().connected();
            ws.send(text);
            await ws.closed;
        }
    });
    test('binary of protocol 3 ends the session', async () => {
        const c = e(), sid = await c.open();
        assert.equal((await c.post(sid, Buffer.from([1]), { 'content-type': 'application/octet-stream' })).status, 400);
        assert.equal((await c.get(sid)).status, 400);
    });
});
