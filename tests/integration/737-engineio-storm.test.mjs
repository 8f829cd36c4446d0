// Engine.IO sessions whose clients do anything at any time: polls that end early, posts beside each other, probes that stop
// half-way, good-byes in between, recoveries of other people's connections, programs that die meanwhile. Nothing is left.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { Engine, sleep } from '../lib/engine.mjs';
import { useSystem } from '../lib/system.mjs';
import { idNumber } from '../lib/token.mjs';
import { SLOW, until } from '../lib/wait.mjs';

const SESSIONS = 150, AT_ONCE = 25, STEPS = 12;
const timing = { eio_ping_interval_ms: `${SLOW}s`, eio_ping_timeout_ms: `${SLOW}s` };
let users, conv;
const sys = useSystem({ before, after }, {
    workers: 2,
    rest: { socketio_recovery_ms: '2s', socketio_recovery_max: 40, ...timing },
    ws: { eio_upgrade_timeout_ms: '700ms', eio_connect_timeout_ms: '1s', ...timing },
}, async () => {
    users = await sys.api.users(6, 'storm');
    conv = idNumber((await sys.api.group(users[0], 'Storm', users.slice(1))).chat_id);
});
let seed = 737;
const dice = (n) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * n);
};
let engine;
before(() => { engine = new Engine(sys, '/socket.io/'); });
after(() => engine.close());

const pids = [];
/** What was asked may have no answer: programs die meanwhile. */
const asked = (call, cut) => {
    const stop = new AbortController();
    const timer = cut === undefined ? undefined : setTimeout(() => stop.abort(), cut);
    return call(stop.signal).then((answer) => answer.text()).then((text) => {
        pids.push(...[...text.matchAll(/"pid":"([^"]+)"/g)].map((m) => m[1]));
        pids.splice(0, pids.length - 30);
        return text;
    }).catch(() => '').finally(() => clearTimeout(timer));
};
const event = (name, data) => `42/chat,${dice(9)}${JSON.stringify([name, { convId: conv, ...data }])}`;
const connect = (user) => `40/chat,${JSON.stringify({ token: user.token, ...(dice(2) && pids.length ? { pid: pids[dice(pids.length)] } : {}) })}`;
const good = () => [event('joinConversation'), event('leaveConversation'), event('sendMessage', { message: { message: 'm' } }), '3'][dice(4)];
const any = (user) => [connect(user), good(), '41/chat,', '1', '6', 'abc', '', '4', '42/chat,["x"', '452-/chat,["a",{"_placeholder":true,"num":0}]', 'bAQID',
    'b!!', '40/nope,', '5', '2probe', Array.from({ length: 30 }, good).join('\x1e'), [good(), 'abc', good()].join('\x1e')][dice(17)];

/** Says hello or not, takes the session over or not, at its own pace. */
function probe(e, sid) {
    const ws = e.socket(`EIO=4&transport=websocket&sid=${sid}`);
    const end = () => (dice(2) ? ws.terminate() : ws.close());
    const said = ws.opened.then(async () => {
        for (const frame of [['2probe', '5'], ['5'], ['2probe'], ['2probe', '4x'], ['2probe', '5']][dice(5)].concat(good(), good())) {
            ws.send(frame);
            await sleep(dice(2) * dice(30));
        }
        await sleep(dice(1500));
    }).catch(() => {});
    return said.then(end).then(() => ws.closed);
}

async function session() {
    const e = engine, user = users[dice(users.length)];
    const open = await asked((signal) => e.polling('EIO=4&transport=polling', { signal }));
    const sid = /"sid":"([^"]+)"/.exec(open)?.[1];
    const post = (body, cut) => asked((signal) => e.polling(`EIO=4&transport=polling&sid=${sid}`, { method: 'POST', body, signal }), cut);
    if (!sid) { // nobody is there just now
        await sleep(50);
        return;
    }
    const doing = [];
    if (dice(10) > 1) {
        await post(connect(user));
    }
    for (let step = 0; step < STEPS; step += 1) {
        const what = dice(8);
        doing.push(what < 2 ? asked((signal) => e.get(sid, { signal }), what === 0 ? dice(60) : undefined)
            : what < 4 ? post(good()) : what < 6 ? post(any(user), dice(3) ? undefined : dice(10)) : what === 6 ? probe(e, sid) : sleep(dice(200)));
        await sleep(dice(2) * dice(15));
    }
    await Promise.all(doing);
}

/** All of them, and then as if there had been none. */
async function storm(meanwhile = async () => {}) {
    let left = SESSIONS;
    const one = async () => {
        while (left > 0) {
            left -= 1;
            await session();
        }
    };
    await Promise.all([meanwhile(), ...Array.from({ length: AT_ONCE }, one)]);
    await sys.ready();
    await until('all counts are back', async () => {
        const status = await (await fetch(`${sys.origin}/api/admin/status`, { headers: { authorization: `Bearer ${sys.adminSecret}` } })).json();
        assert.deepEqual([await sys.total('confab_ws_connections'), await sys.metric('confab_polls_held'), await sys.total('confab_ws_commands_pending')], [0, 0, 0]);
        assert.deepEqual(status.workers.map((w) => w.sessions), [0, 0]);
        const [[pidsLeft]] = await sys.db.sql("SELECT COUNT(*) FROM socketio_recoveries WHERE pid <> ''");
        assert.equal(pidsLeft, '0');
        return true;
    }, 30000, 100);
    const sid = await engine.join(users[0]);
    await engine.post(sid, event('joinConversation'));
    assert.match((await engine.pollFor(sid)).join(), /joinedConversation/);
    await engine.post(sid, '1');
}

describe('nothing is left of many sessions at once', { timeout: 180000 * SLOW }, () => {
    test('that do as they please', () => storm());
    test('while a worker, confab-rest and the database die', () => storm(async () => {
        await sys.bounce(sys.workers[0]);
        await sys.ready();
        await sys.bounce(sys.rest);
        await sys.ready();
        await sys.db.kill();
        await sys.db.start();
    }));
});
