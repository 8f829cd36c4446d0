// The dashboard's stream: it begins with the last check-ins, loses and doubles none, and ends with the right to look on.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { conversations } from '../lib/conversations.mjs';
import { useSystem } from '../lib/system.mjs';
import { NOBODY } from '../lib/token.mjs';
import { until } from '../lib/wait.mjs';

let ann;
let bob;
const sys = useSystem({ before, after }, {
    workers: 2,
    rest: { dashboard_replay_max: 30, session_checkins_per_s: 100000, session_checkins_burst: 100000, session_attendees_max: 100000 },
}, async () => { [ann, bob] = await sys.api.users(2); });

const call = (method, path, by, body, headers) => sys.api.call(method, `/api/sessions${path}`, { token: by?.token, body, headers });
const good = (answer) => { assert.ok(answer.status < 300, `${answer.status} ${answer.text}`); return answer.json; };
const create = async (more = {}) => good(await call('POST', '', ann, { title: 'Party', ...more }));
const watch = (s, who, query = {}) => conversations(sys, who, { path: `/ws/dashboard/${s.session_id}`, query });
const patch = async (s, body) => good(await call('PATCH', `/${s.session_id}`, ann, body));
/** A failed check-in is as good as any to be seen; the code's text cannot be, so attempts are told apart by their time. */
const attempt = async (s, body = { code: 'nobody' }) => good(await call('POST', `/${s.session_id}/checkins`, ann, body));
const times = (client) => client.frames.map((f) => f.checkin_time);

describe('rights', () => {
    test('deleting a session closes its viewers, and no others', async () => {
        const [s, other] = [await create(), await create()];
        const viewers = await Promise.all([watch(s), watch(s, bob), watch(s, null, { replay: '5' })]);
        const elsewhere = await watch(other);
        const last = await attempt(s);
        assert.equal((await call('DELETE', `/${s.session_id}`, ann)).status, 204);
        for (const viewer of viewers) {
            assert.equal((await viewer.gone()).code, 4404);
            assert.deepEqual(viewer.frames, [last]); /* what came before is seen before */
        }
        await attempt(other);
        await elsewhere.wait((f) => f.message === 'Unknown code');
        assert.equal((await (await watch(s)).gone()).code, 4404);
    });
    test('when hosts only may look on, everybody else goes and does not come back', async () => {
        const s = await create();
        good(await call('PUT', `/${s.session_id}/roles/${bob.id}`, ann, { role: 'staff' }));
        const viewers = await Promise.all([watch(s), watch(s, ann), watch(s, bob)]);
        await patch(s, { visibility: 'host' });
        for (const viewer of viewers) {
            assert.equal((await viewer.gone()).code, 1012);
        }
        assert.equal((await (await watch(s)).gone()).code, 4403);
        const [mine, bobs] = [await watch(s, ann), await watch(s, bob)];
        await attempt(s);
        await Promise.all([mine, bobs].map((c) => c.wait((f) => f.message === 'Unknown code')));
        assert.equal((await call('DELETE', `/${s.session_id}/roles/${bob.id}`, ann)).status, 204);
        assert.equal((await bobs.gone()).code, 4403);
        assert.equal((await (await watch(s, bob)).gone()).code, 4403);
        await attempt(s);
        await mine.wait((f) => f.message === 'Unknown code');
        assert.ok(mine.isOpen);
        await patch(s, { visibility: 'link' });
        const again = await watch(s);
        await attempt(s);
        await again.wait((f) => f.message === 'Unknown code');
        assert.ok(mine.isOpen);
    });
    test('a public session shows initials, from then on and in what is replayed', async () => {
        const s = await create();
        const guest = await sys.api.user('Ada B. Lovelace');
        const viewer = await watch(s);
        const full = await attempt(s, { user_id: guest.id });
        await viewer.wait((f) => f.success);
        assert.deepEqual(viewer.frames[0], full);
        await patch(s, { visibility: 'public' });
        await attempt(s, { user_id: guest.id });
        const masked = await viewer.wait((f) => !f.success);
        assert.deepEqual([masked.user_name, masked.user_id, masked.profile_url], ['A. B. L.', NOBODY, null]);
        const late = await watch(s, null, { replay: '2' });
        await late.wait((f) => !f.success);
        assert.deepEqual(late.frames, [{ ...full, user_id: NOBODY, user_name: 'A. B. L.' }, masked]);
        assert.doesNotMatch(late.texts.join(), /Lovelace/);
    });
});

describe('order', () => {
    test('viewers who come in the middle of it miss none and see none twice', { timeout: 120000 }, async () => {
        const s = await create();
        const key = good(await call('POST', `/${s.session_id}/scanner-key`, ann)).scanner_key;
        for (let i = 0; i < 40; i += 1) {
            await attempt(s);
        }
        let stop = false;
        let posted = 40;
        const pouring = Promise.all(Array.from({ length: 8 }, async () => {
            for (; !stop; posted += 1) {
                good(await call('POST', `/${s.session_id}/checkins`, null, { code: 'x' }, { 'x-scanner-key': key }));
            }
        }));
        const viewers = [];
        for (let round = 0; round < 12; round += 1) {
            viewers.push(...await Promise.all(Array.from({ length: 5 }, (_, i) => watch(s, null, { replay: String([0, 1, 7, 30, 999][i]) }))));
            await until('some more', () => posted > 60 + round * 20);
        }
        stop = true;
        await pouring;
        const last = await attempt(s);
        const all = [];
        for (let cursor = ''; cursor !== null;) {
            const page = good(await call('GET', `/${s.session_id}/checkins?limit=200${cursor && `&cursor=${cursor}`}`, ann));
            all.unshift(...page.checkins.reverse());
            cursor = page.next_cursor;
        }
        assert.equal(all.length, posted + 1);
        const texts = all.map((c) => JSON.stringify(c));
        for (const [n, viewer] of viewers.entries()) {
            await viewer.wait((f) => f.checkin_time === last.checkin_time);
            await until('the last of its batch', () => viewer.texts.at(-1) === texts.at(-1));
            assert.deepEqual(viewer.texts, texts.slice(-viewer.texts.length), `viewer ${n}`);
            assert.ok(viewer.texts.length >= [0, 1, 7, 30, 30][n % 5]);
        }
    });
    test('SIGKILL of confab-rest: viewers stay and see everything', { timeout: 120000 }, async () => {
        const s = await create();
        const viewers = await Promise.all(Array.from({ length: 10 }, () => watch(s)));
        const done = [];
        let n = 0;
        for (let kill = 0; kill < 3; kill += 1) {
            let stop = false;
            const pouring = Promise.all(Array.from({ length: 4 }, async () => {
                while (!stop) {
                    n += 1;
                    const headers = { 'idempotency-key': `k${n}` };
                    done.push(await until('an answer', async () => {
                        const answer = await call('POST', `/${s.session_id}/checkins`, ann, { code: 'x' }, headers);
                        return answer.status === 200 && answer.json;
                    }, 30000));
                }
            }));
            await until('some load', () => done.length > 30 * (kill + 1));
            await sys.bounce(sys.rest);
            await sys.ready();
            stop = true;
            await pouring;
        }
        const last = await attempt(s);
        done.push(last);
        for (const viewer of viewers) {
            await viewer.wait((f) => f.checkin_time === last.checkin_time);
            assert.equal(viewer.frames.length, done.length);
            assert.deepEqual(times(viewer).sort(), done.map((f) => f.checkin_time).sort());
            assert.deepEqual(times(viewer), times(viewer).slice().sort());
        }
    });
    test('a session that ends after a restart ends for those who look on since before', { timeout: 60000 }, async () => {
        const s = await create();
        const viewer = await watch(s);
        await sys.bounce(sys.rest);
        await sys.ready();
        assert.equal((await call('DELETE', `/${s.session_id}`, ann)).status, 204);
        assert.equal((await viewer.gone()).code, 4404);
    });
});
