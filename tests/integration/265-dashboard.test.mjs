// The dashboard socket: check-ins of one event session as REST answers them, for those who may watch, and nothing to send.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { uuidOf } from '../lib/conversations.mjs';
import { useSystem } from '../lib/system.mjs';
import { NOBODY } from '../lib/token.mjs';
import { until } from '../lib/wait.mjs';
import { Wscat, commandLines } from '../lib/wscat.mjs';

const VIEWERS_MAX = 20;
const REPLAY_MAX = 40;
let host;
let staff;
let guest;
let other;
const sys = useSystem({ before, after }, {
    rest: { dashboard_viewers_max: VIEWERS_MAX, dashboard_replay_max: REPLAY_MAX, session_checkins_per_s: 100000, session_checkins_burst: 100000 },
}, async () => {
    [host, staff, guest, other] = await Promise.all(['Hanna Host', 'Stan Staff', 'Greta Maria Guest', 'Otto'].map((n) => sys.api.user(n)));
});
const KEYS = ['checkin_time', 'message', 'profile_url', 'session_id', 'success', 'user_id', 'user_name'];

const session = async (more = {}) => (await sys.api.expect(201, 'POST', '/api/sessions', { token: host.token, body: { title: 'Launch', ...more } })).json.session_id;
const patch = (id, body) => sys.api.expect(200, 'PATCH', `/api/sessions/${id}`, { token: host.token, body });
/** The answer's text: what dashboards of link sessions show, byte for byte. */
const checkIn = async (id, body = { user_id: guest.id }, by = host) =>
    (await sys.api.expect(200, 'POST', `/api/sessions/${id}/checkins`, { token: by.token, body })).text;
const watch = (id, { who = null, port = 8080, ...options } = {}) =>
    sys.rooms(null, { port, path: `/ws/dashboard/${id}`, headers: who ? { authorization: `Bearer ${who.token}` } : {}, ...options });
const shut = async (id, options) => (await (await watch(id, { wait: false, ...options })).gone()).code;
const saw = (client, text) => until(`${text} on the dashboard`, () => client.texts.includes(text));

describe('frames', () => {
    test('without a token, on every port: the keys of the document, the bytes of REST', async () => {
        const id = await session();
        const viewers = await Promise.all([watch(id), watch(id, { port: 8000 }), watch(id, { ext: true })]);
        const text = await checkIn(id);
        for (const viewer of viewers) {
            await saw(viewer, text);
            assert.deepEqual(Object.keys(viewer.frames[0]), KEYS);
        }
        const [frame] = viewers[0].frames;
        assert.match(frame.checkin_time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
        assert.deepEqual({ ...frame, checkin_time: '' }, {
            checkin_time: '', message: 'Check-in successful', profile_url: null, session_id: id, success: true,
            user_id: uuidOf(guest.id), user_name: 'Greta Maria Guest',
        });
        viewers.forEach((v) => v.close());
    });
    test('failed ones are shown: a second time, an unknown code, somebody who is not registered', async () => {
        const id = await session({ open_registration: false });
        await sys.api.expect(201, 'POST', `/api/sessions/${id}/attendees`, { token: host.token, body: { user_ids: [guest.id] } });
        const viewer = await watch(id);
        const bodies = [{ user_id: guest.id }, { user_id: guest.id }, { code: '0000-0000-0000' }, { user_id: other.id }];
        const texts = [];
        for (const body of bodies) {
            texts.push(await checkIn(id, body));
        }
        await saw(viewer, texts.at(-1));
        assert.deepEqual(viewer.texts, texts);
        assert.deepEqual(viewer.frames.map((f) => [f.success, f.message]),
            [[true, 'Check-in successful'], [false, 'Already checked in'], [false, 'Unknown code'], [false, 'Not registered']]);
        viewer.frames.forEach((f) => assert.deepEqual(Object.keys(f), KEYS));
        assert.equal(viewer.frames[2].user_id, NOBODY);
        viewer.close();
    });
    test('a picture, when the user has one', async () => {
        const url = 'https://pictures.example/otto.png';
        await sys.api.expect(200, 'PATCH', '/api/me', { token: other.token, body: { profile_url: url } });
        const id = await session();
        const viewer = await watch(id);
        await saw(viewer, await checkIn(id, { user_id: other.id }));
        assert.equal(viewer.frames[0].profile_url, url);
        viewer.close();
    });
    test('a public session masks names, ids and pictures', async () => {
        const id = await session({ visibility: 'public' });
        const viewer = await watch(id);
        const texts = [await checkIn(id), await checkIn(id, { user_id: other.id })];
        await until('both', () => viewer.frames.length === 2);
        assert.deepEqual(viewer.frames.map((f) => [f.user_name, f.user_id, f.profile_url, f.success]), [['G. M. G.', NOBODY, null, true], ['O.', NOBODY, null, true]]);
        viewer.frames.forEach((f, i) => assert.deepEqual([Object.keys(f), f.checkin_time], [KEYS, JSON.parse(texts[i]).checkin_time]));
        assert.ok(!viewer.texts.some((t) => /Greta|Otto|pictures/.test(t)));
        viewer.close();
    });
    test('nothing of other sessions, no messages, no notifications', async () => {
        const [id, foreign] = [await session(), await session()];
        const viewer = await watch(id, { who: host, ext: true });
        const room = await sys.api.group(guest, 'Room', [host]);
        await sys.api.send(guest, room.chat_id, 'not for a dashboard');
        await checkIn(foreign);
        const text = await checkIn(id);
        await saw(viewer, text);
        assert.deepEqual(viewer.texts, [text]);
        viewer.close();
    });
    test('there is nothing to send: an error, and it stays', async () => {
        const id = await session();
        const viewer = await watch(id);
        const wrong = ['hello', '{"type":"ping"}', '{"conversation_id":1,"content":"x"}', '', Buffer.from('{}')];
        wrong.forEach((frame) => viewer.send(frame));
        await until('as many errors', () => viewer.frames.length === wrong.length);
        for (const frame of viewer.frames) {
            assert.deepEqual([Object.keys(frame), Object.keys(frame.error), frame.error.code], [['error'], ['code', 'message'], 'unsupported_type']);
        }
        await saw(viewer, await checkIn(id));
        viewer.close();
    });
});

test('a check-in is encoded once on each worker, however many watch', async () => {
    const id = await session();
    const viewers = await Promise.all(Array.from({ length: VIEWERS_MAX }, () => watch(id)));
    const before_ = await sys.settled('confab_ws_encodings_total');
    const texts = [];
    for (let i = 0; i < 10; i += 1) {
        texts.push(await checkIn(id));
    }
    await Promise.all(viewers.map((v) => saw(v, texts.at(-1))));
    const spent = await sys.settled('confab_ws_encodings_total') - before_;
    assert.ok(spent >= 10 && spent <= 2 * 10, `${spent} encodings`);
    for (const viewer of viewers) {
        assert.deepEqual(viewer.texts, texts);
        viewer.close();
    }
});

describe('who may watch', () => {
    const host_ = () => session({ visibility: 'host' });
    test('an unknown session, a malformed id, the id in another form: 4404', async () => {
        for (const id of ['7d444840-9dc0-41d1-b245-5ffdce74fad2', 'nonsense', '1', 'ses_1', '636f6e66-6162-8005-8000-000000000001']) {
            assert.equal(await shut(id), 4404, id);
        }
    });
    test('a host session: without a token and for somebody without a role 4403, with a bad token 4401', async () => {
        const id = await host_();
        assert.equal(await shut(id), 4403);
        assert.equal(await shut(id, { who: other }), 4403);
        assert.equal(await shut(id, { query: { access_token: other.token } }), 4403);
        assert.equal(await shut(id, { who: { token: 'nonsense' } }), 4401);
        assert.equal(await shut(id, { who: { token: sys.api.token(host.n, { ttl: -100 }) } }), 4401);
    });
    test('a host session: host and staff, by header or query; who loses the role is closed with 4403', async () => {
        const id = await host_();
        const role = `/api/sessions/${id}/roles/${staff.id}`;
        await sys.api.expect(201, 'PUT', role, { token: host.token, body: { role: 'staff' } });
        const viewers = await Promise.all([watch(id, { who: host }), watch(id, { who: staff }), watch(id, { query: { access_token: staff.token } })]);
        const text = await checkIn(id, { user_id: guest.id }, staff);
        await Promise.all(viewers.map((v) => saw(v, text)));
        await sys.api.call('DELETE', role, { token: host.token });
        assert.equal((await viewers[1].gone()).code, 4403);
        assert.equal((await viewers[2].gone()).code, 4403);
        assert.equal(await shut(id, { who: staff }), 4403);
        await saw(viewers[0], await checkIn(id));
        viewers[0].close();
    });
    test('a host session in a browser: the token beside the subprotocol dashboard.v1, which is confirmed', async () => {
        const id = await host_();
        const viewer = await watch(id, { protocols: ['dashboard.v1', `bearer.${host.token}`] });
        assert.equal(viewer.ws.protocol, 'dashboard.v1');
        await saw(viewer, await checkIn(id));
        assert.equal(await shut(id, { protocols: ['dashboard.v1', `bearer.${other.token}`] }), 4403);
        viewer.close();
    });
    test('a link session that becomes a host session sends its viewers away, and does not let them in again', async () => {
        const id = await session();
        const viewer = await watch(id);
        await saw(viewer, await checkIn(id));
        await patch(id, { visibility: 'host' });
        await viewer.gone();
        assert.equal(await shut(id), 4403);
        const mine = await watch(id, { who: host });
        await saw(mine, await checkIn(id));
        mine.close();
    });
    test('a deleted session closes with 4404 and is not found any more', async () => {
        const id = await session();
        const viewer = await watch(id);
        await saw(viewer, await checkIn(id));
        await sys.api.call('DELETE', `/api/sessions/${id}`, { token: host.token });
        assert.equal((await viewer.gone()).code, 4404);
        assert.equal(await shut(id), 4404);
    });
    test('a bad token is refused even where none is needed, and a good one changes nothing', async () => {
        const id = await session();
        assert.equal(await shut(id, { who: { token: 'nonsense' } }), 4401);
        const viewer = await watch(id, { who: other });
        await saw(viewer, await checkIn(id));
        viewer.close();
    });
    test('as many viewers as allowed, over all workers, 4429 for the next; a place becomes free again', async () => {
        const id = await session();
        const viewers = await Promise.all(Array.from({ length: VIEWERS_MAX }, () => watch(id)));
        const text = await checkIn(id);
        await Promise.all(viewers.map((v) => saw(v, text)));
        assert.equal(await shut(id), 4429);
        const elsewhere = await watch(await session());
        viewers[0].close();
        const next = await until('a free place', async () => {
            const viewer = await watch(id);
            const fate = await Promise.race([viewer.closed, checkIn(id).then((t) => saw(viewer, t))]);
            return fate?.code ? null : viewer;
        });
        [...viewers, next, elsewhere].forEach((v) => v.close());
    });
});

describe('?replay=N', () => {
    let id;
    let past;
    before(async () => {
        id = await session();
        past = [];
        for (let i = 0; i < 30; i += 1) {
            past.push(await checkIn(id, i % 3 === 0 ? { code: '0000-0000-0000' } : { user_id: guest.id }));
        }
    });
    for (const n of [0, 1, 7, 30, 1000]) {
        test(`${n}: as many of the last ones as there are, in their order, then live`, async () => {
            const viewer = await watch(id, { query: { replay: n } });
            const expected = n > 0 ? past.slice(-n) : [];
            await until('the replay', () => viewer.texts.length === expected.length);
            past.push(await checkIn(id));
            await saw(viewer, past.at(-1));
            assert.deepEqual(viewer.texts, [...expected, past.at(-1)]);
            viewer.close();
        });
    }
    test('no more than the server gives', async () => {
        while (past.length < REPLAY_MAX + 5) {
            past.push(await checkIn(id));
        }
        const viewer = await watch(id, { query: { replay: 100000 } });
        await until('the replay', () => viewer.texts.length === REPLAY_MAX);
        past.push(await checkIn(id));
        await saw(viewer, past.at(-1));
        assert.deepEqual(viewer.texts, past.slice(-REPLAY_MAX - 1));
        viewer.close();
    });
    test('no number: 4400', async () => {
        for (const replay of ['x', '-1', '1.5', '']) {
            assert.equal(await shut(id, { query: { replay } }), 4400, replay);
        }
    });
    test('while check-ins go on: each once, none left out, the same order as stored', async () => {
        let go = true;
        const busy = (async () => {
            while (go) {
                await Promise.all(Array.from({ length: 8 }, () => checkIn(id)));
            }
        })();
        const viewers = [];
        for (let i = 0; i < 12; i += 1) {
            viewers.push(await watch(id, { query: { replay: 5 + i } }));
        }
        await until('live frames for all', () => viewers.every((v) => v.texts.length > 100));
        go = false;
        await busy;
        const last = await checkIn(id);
        await Promise.all(viewers.map((v) => saw(v, last)));
        const stored = [];
        for (let cursor = ''; cursor !== null && stored.length < 20000;) {
            const { json, text } = await sys.api.expect(200, 'GET', `/api/sessions/${id}/checkins?limit=100${cursor}`, { token: host.token });
            stored.push(...json.checkins.map((c) => JSON.stringify(c)));
            assert.ok(text.length > 0);
            cursor = json.next_cursor === null ? null : `&cursor=${json.next_cursor}`;
        }
        stored.reverse();
        for (const viewer of viewers) {
            assert.deepEqual(viewer.texts, stored.slice(-viewer.texts.length));
        }
        viewers.forEach((v) => v.close());
    });
    test('in a public session the replay is masked, too', async () => {
        const masked = await session({ visibility: 'public' });
        await checkIn(masked);
        const viewer = await watch(masked, { query: { replay: 5 } });
        await until('one frame', () => viewer.frames.length === 1);
        assert.deepEqual([viewer.frames[0].user_name, viewer.frames[0].user_id], ['G. M. G.', NOBODY]);
        viewer.close();
    });
});

test('the wscat line of the document, word for word: no header needed', async () => {
    const id = await session();
    const line = commandLines('conversations.md').at(-1);
    const cat = new Wscat(sys, line, { session_id: id });
    const text = await until('a check-in', async () => {
        const one = await checkIn(id);
        return cat.lines.includes(one) && one;
    }, 15000, 200);
    assert.deepEqual(Object.keys(JSON.parse(text)), KEYS);
    cat.type('anything');
    await cat.wait((f) => f.error?.code === 'unsupported_type');
    cat.close();
    const refused = new Wscat(sys, line, { session_id: await session({ visibility: 'host' }) });
    await refused.ended();
    assert.equal(refused.frames.length, 0);
});
