// Clients of Socket.IO that vanish, upgrades that stall, and servers that go away: every count goes back to where it was.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import net from 'node:net';
import { Engine, UNKNOWN, sleep } from '../lib/engine.mjs';
import { useSystem } from '../lib/system.mjs';
import { SLOW, until, within } from '../lib/wait.mjs';

const INTERVAL = 1500 * SLOW, TIMEOUT = 1000 * SLOW, UPGRADE = 700;
const timing = { eio_ping_interval_ms: `${INTERVAL}ms`, eio_ping_timeout_ms: `${TIMEOUT}ms` };
let ann, bob;
const sys = useSystem({ before, after }, {
    workers: 2,
    rest: { test_fixture: 'yes', http_idle_timeout_ms: '1s', address_connections_max: 60, ...timing },
    ws: { queue_max_bytes: '100k', eio_upgrade_timeout_ms: `${UPGRADE}ms`, eio_connect_timeout_ms: '1s', frames_per_s: 100000, frames_burst: 100000, ...timing },
}, async () => {
    [ann, bob] = [await sys.api.user('Ann'), await sys.api.user('Bob')];
});
const engines = [];
after(() => engines.forEach((e) => e.close()));
const engine = (path = '/socket.io/') => { const e = new Engine(sys, path); engines.push(e); return e; };
/** A polling session on /chat. */
async function joined(who) {
    const e = engine();
    return { e, sid: await e.join(who) };
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

describe('clients that vanish, and upgrades that stall', () => {
    test('a polling client that vanishes is gone after its heartbeat', async () => {
        engines.splice(0).forEach((e) => e.close());
        await allGone();
        const { e, sid } = await joined(ann);
        await until('it is counted', async () => (await sys.total('confab_ws_connections')) === 1);
        await sleep(INTERVAL + TIMEOUT + 300);
        await e.isGone(sid);
        await allGone();
    });
    test('a client that does not poll while too much comes for it is too slow, and comes again', async () => {
        const [x, y] = await sys.api.users(2);
        const { conversation } = (await sys.api.call('POST', '/chats', { token: x.token, body: { user2_id: y.n } })).json;
        const evictions = await sys.total('confab_ws_evictions_total');
        const { e, sid } = await joined(x);
        await e.post(sid, `42/chat,1["joinConversation",{"convId":${conversation.id}}]`);
        await e.pollFor(sid, 2);
        await Promise.all(Array.from({ length: 40 }, () => sys.api.expect(201, 'POST', `/chats/${conversation.id}/message`,
            { token: y.token, body: { message: 'z'.repeat(4000) } })));
        await e.isGone(sid);
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
            const packets = await e.pollFor(sid, 2);
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
        await e.isGone(sid);
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
        await sys.workers[0].stop('SIGKILL');
        const first = await Promise.race(list.map((s) => s.answer)); // ahead of the next ping of the others
        assert.equal(first[0], 400);
        assert.deepEqual(JSON.parse(first[1]), UNKNOWN);
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
            await sys.rest.stop(signal);
            const answers = await Promise.all(list.map((s) => s.answer));
            assert.ok(answers.every(([status]) => status === (signal === 'SIGTERM' ? 400 : 0)), JSON.stringify(answers));
            sys.rest.start();
            await sys.ready();
            for (const { e, sid } of list) {
                await e.isGone(sid);
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
