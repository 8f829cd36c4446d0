// Event sessions in REST: roles, codes, scanners, checking in, and who may not.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { useSystem } from '../lib/system.mjs';
import { NOBODY } from '../lib/token.mjs';

let ann;
let bob;
let cat;
let dan;
let eve;
const sys = useSystem({ before, after }, {
    workers: 1,
    rest: { sessions_per_user_max: 20, session_roles_max: 4, session_attendees_request_max: 70, session_attendees_max: 90,
        session_title_max_chars: 20, list_page_max: 25, session_checkins_per_s: 1000, session_checkins_burst: 1000 },
}, async () => {
    [ann, bob, cat, dan, eve] = await sys.api.users(5);
});

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const CODE = /^[0-9A-HJKMNP-TV-Z]{12}$/;
const FRAME = ['checkin_time', 'message', 'profile_url', 'session_id', 'success', 'user_id', 'user_name'];
const uuid8 = (user) => `636f6e66-6162-8001-${(0x8000 + Math.floor(user.n / 2 ** 48)).toString(16)}-${(user.n % 2 ** 48).toString(16).padStart(12, '0')}`;

const call = (method, path, by, body, headers) => sys.api.call(method, `/api/sessions${path}`, { token: by?.token, body, headers });
const good = (answer, status = 200) => { assert.equal(answer.status, status, answer.text); return answer.json; };
const bad = (answer, status, code) => { assert.equal(answer.status, status, answer.text); assert.equal(answer.json.code, code); return answer.json; };
const create = async (by, more = {}) => good(await call('POST', '', by, { title: 'Party', ...more }), 201);
const register = async (s, users) => good(await call('POST', `/${s.session_id}/attendees`, ann, { user_ids: users.map((u) => u.id) }), 201).attendees;
const checkIn = (s, by, body, headers) => call('POST', `/${s.session_id}/checkins`, by, body, headers);

function assertFrame(frame, s, success, message, user) {
    assert.deepEqual(Object.keys(frame), FRAME);
    assert.match(frame.checkin_time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    assert.equal(frame.session_id, s.session_id);
    assert.equal(frame.success, success);
    assert.equal(frame.message, message);
    assert.equal(frame.user_id, user ? uuid8(user) : NOBODY);
    assert.equal(frame.user_name, user ? user.name : '');
}

describe('the session', () => {
    test('create, read, change, list, delete', async () => {
        const s = await create(ann);
        assert.match(s.session_id, UUID);
        assert.deepEqual({ ...s, people: s.people.length, created_at: 0, updated_at: 0 }, {
            session_id: s.session_id, title: 'Party', visibility: 'link', open_registration: true, role: 'host', attendees_count: 0,
            checked_in_count: 0, has_scanner_key: false, dashboard_path: `/ws/dashboard/${s.session_id}`, created_at: 0, updated_at: 0, people: 1,
        });
        assert.deepEqual(s.people, [{ user_id: ann.id, username: ann.username, name: ann.name, role: 'host' }]);
        assert.deepEqual(good(await call('GET', `/${s.session_id.toUpperCase()}`, ann)), s);
        const changed = good(await call('PATCH', `/${s.session_id}`, ann, { title: 'Ball', visibility: 'public', open_registration: false }));
        assert.deepEqual([changed.title, changed.visibility, changed.open_registration], ['Ball', 'public', false]);
        assert.equal(good(await call('PATCH', `/${s.session_id}`, ann, {})).title, 'Ball');
        const { sessions } = good(await call('GET', '', ann));
        assert.equal(sessions[0].session_id, s.session_id);
        assert.ok(!('people' in sessions[0]));
        assert.deepEqual(good(await call('GET', '', bob)), { sessions: [], next_cursor: null });
        assert.equal((await call('DELETE', `/${s.session_id}`, ann)).status, 204);
        for (const [method, path, body] of [['GET', ''], ['PATCH', '', { title: 'x' }], ['DELETE', ''], ['GET', '/checkins'], ['POST', '/checkins', { user_id: cat.id }]]) {
            bad(await call(method, `/${s.session_id}${path}`, ann, body), 404, 'session_not_found');
        }
    });
    test('bad fields', async () => {
        for (const [body, field] of [
            [{}, 'title'], [{ title: '' }, 'title'], [{ title: '  ' }, 'title'], [{ title: 'a\nb' }, 'title'], [{ title: 'x'.repeat(21) }, 'title'],
            [{ title: 5 }, 'title'], [{ title: 'x', visibility: 'secret' }, 'visibility'], [{ title: 'x', visibility: 1 }, 'visibility'],
            [{ title: 'x', open_registration: 'yes' }, 'open_registration'],
        ]) {
            assert.equal(bad(await call('POST', '', ann, body), 422, 'invalid_field').field, field);
        }
        bad(await call('POST', '', ann, '[]'), 422, 'invalid_field');
        bad(await call('POST', '', ann, '{'), 400, 'bad_json');
        bad(await call('POST', '', null, { title: 'x' }), 401, 'unauthenticated');
        const s = await create(ann);
        bad(await call('PATCH', `/${s.session_id}`, ann, { title: '' }), 422, 'invalid_field');
        bad(await call('GET', '?limit=0', ann), 422, 'invalid_field');
        bad(await call('GET', '?cursor=x', ann), 422, 'invalid_field');
    });
    test('only the UUID finds it', async () => {
        await create(ann);
        for (const id of ['1', 'ses_1', randomUUID(), '636f6e66-6162-8005-8000-000000000001', 'x', '%00', '..%2f']) {
            const answer = await call('GET', `/${id}`, ann);
            assert.ok([404, 400].includes(answer.status), `${id}: ${answer.text}`);
        }
    });
    test('a key repeats, and stands for one thing', async () => {
        const headers = { 'idempotency-key': randomUUID() };
        const first = good(await call('POST', '', bob, { title: 'Once' }, headers), 201);
        assert.deepEqual(good(await call('POST', '', bob, { title: 'Once' }, headers), 200), first);
        bad(await call('POST', '', bob, { title: 'Twice' }, headers), 409, 'key_reused');
        assert.equal(good(await call('GET', '', bob)).sessions.length, 1);
    });
    test('a user makes so many, listed in pages', async () => {
        for (let i = 0; i < 20; i += 1) {
            await create(eve, { title: `Nr ${i}` });
        }
        bad(await call('POST', '', eve, { title: 'x' }), 422, 'too_many_sessions');
        const titles = [];
        for (let cursor = ''; cursor !== null;) {
            const page = good(await call('GET', `?limit=5${cursor && `&cursor=${cursor}`}`, eve));
            assert.ok(page.sessions.length <= 5);
            titles.push(...page.sessions.map((s) => s.title));
            cursor = page.next_cursor;
        }
        assert.deepEqual(titles, Array.from({ length: 20 }, (_, i) => `Nr ${19 - i}`));
    });
});

describe('roles', () => {
    let s;
    const role = (by, who, name) => call('PUT', `/${s.session_id}/roles/${who.id}`, by, { role: name });
    const remove = (by, who) => call('DELETE', `/${s.session_id}/roles/${who.id}`, by);
    before(async () => { s = await create(ann); });
    test('strangers are refused everything', async () => {
        for (const [method, path, body] of [
            ['GET', ''], ['PATCH', '', { title: 'x' }], ['DELETE', ''], ['PUT', `/roles/${cat.id}`, { role: 'host' }], ['DELETE', `/roles/${ann.id}`],
            ['POST', '/attendees', { user_ids: [cat.id] }], ['GET', '/attendees'], ['POST', '/scanner-key', {}],
            ['POST', '/checkins', { user_id: cat.id }], ['GET', '/checkins'],
        ]) {
            bad(await call(method, `/${s.session_id}${path}`, cat, body), 403, 'forbidden');
            bad(await call(method, `/${s.session_id}${path}`, null, body), 401, 'unauthenticated');
        }
    });
    test('staff check in and look, hosts do the rest', async () => {
        assert.deepEqual(good(await role(ann, bob, 'staff'), 201), { user_id: bob.id, username: bob.username, name: bob.name, role: 'staff' });
        good(await call('GET', `/${s.session_id}`, bob));
        good(await call('GET', `/${s.session_id}/attendees`, bob));
        good(await call('GET', `/${s.session_id}/checkins`, bob));
        good(await checkIn(s, bob, { user_id: dan.id }));
        for (const [method, path, body] of [
            ['PATCH', '', { title: 'x' }], ['DELETE', ''], ['PUT', `/roles/${bob.id}`, { role: 'host' }], ['DELETE', `/roles/${ann.id}`],
            ['POST', '/attendees', { user_ids: [cat.id] }], ['POST', '/scanner-key', {}],
        ]) {
            bad(await call(method, `/${s.session_id}${path}`, bob, body), 403, 'forbidden');
        }
        assert.equal(good(await call('GET', '', bob)).sessions[0].role, 'staff');
    });
    test('the last host stays; roles are given, changed and taken', async () => {
        bad(await remove(ann, ann), 409, 'last_host');
        bad(await role(ann, ann, 'staff'), 409, 'last_host');
        good(await role(ann, bob, 'host'));
        good(await role(ann, bob, 'host'));
        assert.equal((await remove(ann, ann)).status, 204);
        bad(await call('GET', `/${s.session_id}`, ann), 403, 'forbidden');
        good(await role(bob, ann, 'host'), 201);
        good(await role(bob, cat, 'staff'), 201);
        good(await role(bob, dan, 'staff'), 201);
        bad(await role(bob, eve, 'staff'), 422, 'too_many_roles');
        assert.equal((await remove(cat, cat)).status, 204); /* staff may leave */
        bad(await remove(cat, cat), 403, 'forbidden');
        bad(await remove(bob, cat), 404, 'member_not_found');
        bad(await role(bob, { id: '999999' }, 'staff'), 404, 'user_not_found');
        for (const name of ['owner', '', 3, null, undefined]) {
            assert.equal((await role(bob, eve, name)).status, 422);
        }
        assert.equal((await call('DELETE', `/${s.session_id}/roles/${dan.username}`, bob)).status, 204);
    });
});

describe('attendees', () => {
    test('get codes that stay, in pages by account', async () => {
        const s = await create(ann);
        const users = await sys.api.users(60, 'guest');
        const first = await register(s, users);
        assert.equal(first.length, 60);
        assert.equal(new Set(first.map((a) => a.code)).size, 60);
        for (const a of first) {
            assert.match(a.code, CODE);
            assert.equal(a.checked_in_at, null);
        }
        const again = good(await call('POST', `/${s.session_id}/attendees`, ann, { user_ids: [users[3].n, users[3].username, users[4].id, users[3].id] }));
        assert.deepEqual(again.attendees.sort((a, b) => (a.user_id < b.user_id ? -1 : 1)),
            first.filter((a) => [users[3].id, users[4].id].includes(a.user_id)));
        const listed = [];
        let pages = 0;
        for (let cursor = ''; cursor !== null; pages += 1) {
            const page = good(await call('GET', `/${s.session_id}/attendees?limit=999${cursor && `&cursor=${cursor}`}`, ann));
            assert.ok(page.attendees.length <= 25); /* list_page_max */
            listed.push(...page.attendees);
            cursor = page.next_cursor;
        }
        assert.equal(pages, 3);
        const byId = (list) => Object.fromEntries(list.map((a) => [a.user_id, a.code]));
        assert.deepEqual(byId(listed), byId(first));
        assert.equal(good(await call('GET', `/${s.session_id}`, ann)).attendees_count, 60);
        const more = await sys.api.users(31, 'late');
        bad(await call('POST', `/${s.session_id}/attendees`, ann, { user_ids: more.map((u) => u.id) }), 422, 'too_many_attendees');
        assert.equal((await register(s, more.slice(0, 30))).length, 30);
        bad(await checkIn(s, ann, { user_id: more[30].id }), 422, 'too_many_attendees');
    });
    test('everybody finds the own code, host and staff those of others', async () => {
        const s = await create(ann);
        const [mine] = await register(s, [cat]);
        const one = (by, who) => call('GET', `/${s.session_id}/attendees/${who}`, by);
        assert.deepEqual(good(await one(cat, 'me')), mine);
        assert.deepEqual(good(await one(ann, cat.username)), mine);
        bad(await one(dan, 'me'), 404, 'attendee_not_found');
        bad(await one(ann, dan.id), 404, 'attendee_not_found');
        bad(await one(dan, cat.id), 403, 'forbidden');
        bad(await one(ann, 'nobody'), 404, 'user_not_found');
        bad(await one(null, cat.id), 401, 'unauthenticated');
    });
    test('bad lists', async () => {
        const s = await create(ann);
        for (const body of [{}, { user_ids: [] }, { user_ids: 'x' }, { user_ids: Array.from({ length: 71 }, () => cat.id) }, { user_ids: [1.5] }, { user_ids: [null] }, { user_ids: [0] }]) {
            assert.equal(bad(await call('POST', `/${s.session_id}/attendees`, ann, body), 422, 'invalid_field').field, 'user_ids');
        }
        bad(await call('POST', `/${s.session_id}/attendees`, ann, { user_ids: [cat.id, 'nobody'] }), 404, 'user_not_found');
        assert.equal(good(await call('GET', `/${s.session_id}/attendees`, ann)).attendees.length, 0);
    });
});

describe('checking in', () => {
    test('by code once; then it is no success', async () => {
        const s = await create(ann);
        const [{ code }] = await register(s, [cat]);
        const frame = good(await checkIn(s, ann, { code: `${code.slice(0, 4)}-${code.slice(4, 8)} ${code.slice(8).toLowerCase()}` }));
        assertFrame(frame, s, true, 'Check-in successful', cat);
        assert.equal(frame.profile_url, null);
        assertFrame(good(await checkIn(s, ann, { code })), s, false, 'Already checked in', cat);
        assertFrame(good(await checkIn(s, ann, { user_id: cat.username })), s, false, 'Already checked in', cat);
        const { attendees } = good(await call('GET', `/${s.session_id}/attendees`, ann));
        assert.equal(attendees[0].checked_in_at, `${frame.checkin_time.slice(0, 19)}Z`);
        assert.equal(good(await call('GET', `/${s.session_id}`, ann)).checked_in_count, 1);
    });
    test('unknown codes and, where registration is closed, strangers', async () => {
        const s = await create(ann, { open_registration: false });
        const other = await create(ann);
        const [{ code }] = await register(other, [cat]);
        for (const text of [code, '000000000000', 'hello', '']) {
            assertFrame(good(await checkIn(s, ann, { code: text })), s, false, 'Unknown code', null);
        }
        assertFrame(good(await checkIn(s, ann, { user_id: cat.id })), s, false, 'Not registered', cat);
        bad(await checkIn(s, ann, { user_id: '999999' }), 404, 'user_not_found');
        for (const body of [{}, { code: 5 }, { code: null }, { code: 'x'.repeat(65) }, { code, user_id: cat.id }, { code, username: cat.username }, { user_id: true }]) {
            bad(await checkIn(s, ann, body), 422, 'invalid_field');
        }
        good(await call('PATCH', `/${s.session_id}`, ann, { open_registration: true }));
        assertFrame(good(await checkIn(s, ann, { username: cat.username })), s, true, 'Check-in successful', cat);
        const { checkins } = good(await call('GET', `/${s.session_id}/checkins`, ann));
        assert.deepEqual(checkins.map((c) => c.message), ['Check-in successful', 'Not registered', 'Unknown code', 'Unknown code', 'Unknown code', 'Unknown code']);
    });
    test('fifty at once let one in', async () => {
        const s = await create(ann);
        const [{ code }] = await register(s, [cat]);
        good(await call('PUT', `/${s.session_id}/roles/${bob.id}`, ann, { role: 'staff' }), 201);
        for (const body of [{ code }, { user_id: dan.id }]) { /* registered, and walking in */
            const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => checkIn(s, i % 2 ? ann : bob, body)));
            const frames = answers.map((a) => good(a));
            assert.equal(frames.filter((f) => f.success).length, 1);
            assert.equal(frames.filter((f) => f.message === 'Already checked in').length, 49);
        }
        const x = good(await call('GET', `/${s.session_id}`, ann));
        assert.deepEqual([x.attendees_count, x.checked_in_count], [2, 2]);
    });
    test('a key repeats the first answer', async () => {
        const s = await create(ann);
        const headers = { 'idempotency-key': randomUUID() };
        const answers = await Promise.all(Array.from({ length: 20 }, () => checkIn(s, ann, { user_id: cat.id }, headers)));
        const first = good(answers[0]);
        assertFrame(first, s, true, 'Check-in successful', cat);
        answers.forEach((a) => assert.deepEqual(good(a), first));
        bad(await checkIn(s, ann, { user_id: dan.id }, headers), 409, 'key_reused');
        assert.equal(good(await call('GET', `/${s.session_id}/checkins`, ann)).checkins.length, 1);
    });
    test('the list is in pages, newest first, and never masked', async () => {
        const s = await create(ann, { visibility: 'public' });
        const users = await sys.api.users(7, 'Visitor Number');
        for (const u of users) {
            assertFrame(good(await checkIn(s, ann, { user_id: u.id })), s, true, 'Check-in successful', u);
        }
        const seen = [];
        for (let cursor = ''; cursor !== null;) {
            const page = good(await call('GET', `/${s.session_id}/checkins?limit=3${cursor && `&cursor=${cursor}`}`, ann));
            seen.push(...page.checkins);
            cursor = page.next_cursor;
        }
        assert.deepEqual(seen.map((c) => c.user_name), users.map((u) => u.name).reverse());
    });
    test('the picture is shown, the name is the one of the moment', async () => {
        const s = await create(ann);
        const guest = await sys.api.user('Old Name');
        const url = 'https://example.org/me.png';
        assert.equal(good(await sys.api.call('PATCH', '/api/me', { token: guest.token, body: { profile_url: url } })).profile_url, url);
        assert.equal(good(await sys.api.call('GET', `/api/users/${guest.id}`, { token: ann.token })).profile_url, url);
        assert.equal(good(await checkIn(s, ann, { user_id: guest.id })).profile_url, url);
        const me = good(await sys.api.call('PATCH', '/api/me', { token: guest.token, body: { name: 'New Name', profile_url: null } }));
        assert.deepEqual([me.name, me.profile_url], ['New Name', undefined]);
        const [old] = good(await call('GET', `/${s.session_id}/checkins`, ann)).checkins;
        assert.deepEqual([old.user_name, old.profile_url], ['Old Name', null]);
        assert.equal(good(await sys.api.call('GET', `/api/users/${guest.id}`, { token: ann.token })).profile_url, undefined);
        for (const body of [{ profile_url: 'javascript:alert(1)' }, { profile_url: 5 }, { profile_url: `https://x.org/${'a'.repeat(500)}` }, {}, { name: '' }]) {
            bad(await sys.api.call('PATCH', '/api/me', { token: guest.token, body }), 422, 'invalid_field');
        }
    });
});

describe('limits', () => {
    const slow = useSystem({ before, after }, { workers: 1, rest: { session_checkins_per_s: 1, session_checkins_burst: 5 } });
    test('attempts at a session are counted, those of strangers are not', async () => {
        const [host, stranger] = await slow.api.users(2);
        const post = (by, path, body) => slow.api.call('POST', `/api/sessions${path}`, { token: by.token, body });
        const s = good(await post(host, '', { title: 'Slow' }), 201);
        const other = good(await post(host, '', { title: 'Other' }), 201);
        for (let i = 0; i < 10; i += 1) {
            bad(await post(stranger, `/${s.session_id}/checkins`, { code: 'x' }), 403, 'forbidden');
        }
        const answers = await Promise.all(Array.from({ length: 12 }, () => post(host, `/${s.session_id}/checkins`, { code: 'x' })));
        const refused = answers.filter((a) => a.status === 429);
        assert.ok(refused.length >= 6, `${refused.length} refused`);
        assert.equal(answers.length - refused.length, answers.filter((a) => a.status === 200).length);
        refused.forEach((a) => { bad(a, 429, 'rate_limited'); assert.ok(a.headers.get('retry-after')); });
        good(await post(host, `/${other.session_id}/checkins`, { code: 'x' }));
    });
});

describe('scanners', () => {
    const key = async (s, headers) => call('POST', `/${s.session_id}/scanner-key`, ann, undefined, headers);
    test('need the present key of the session and nothing else', async () => {
        const s = await create(ann);
        const other = await create(ann);
        const [{ code }] = await register(s, [cat]);
        bad(await checkIn(s, null, { code }, { 'x-scanner-key': 'anything' }), 403, 'forbidden');
        const answer = await key(s);
        const first = good(answer, 201).scanner_key;
        assert.match(first, /^[\w-]{43}$/);
        assert.equal(answer.headers.get('cache-control'), 'no-store');
        assert.ok(good(await call('GET', `/${s.session_id}`, ann)).has_scanner_key);
        assertFrame(good(await checkIn(s, null, { code }, { 'x-scanner-key': first })), s, true, 'Check-in successful', cat);
        assertFrame(good(await checkIn(s, cat, { user_id: dan.id }, { 'x-scanner-key': first })), s, true, 'Check-in successful', dan);
        bad(await checkIn(other, null, { code }, { 'x-scanner-key': first }), 403, 'forbidden');
        bad(await checkIn(s, ann, { code }, { 'x-scanner-key': `${first}x` }), 403, 'forbidden'); /* the key counts, not the token */
        bad(await checkIn(s, null, { code }), 401, 'unauthenticated');
        bad(await checkIn({ session_id: randomUUID() }, null, { code }, { 'x-scanner-key': first }), 404, 'session_not_found');
        for (const path of ['', '/attendees', '/checkins']) {
            bad(await call('GET', `/${s.session_id}${path}`, null, undefined, { 'x-scanner-key': first }), 401, 'unauthenticated');
        }
        const second = good(await key(s), 201).scanner_key;
        bad(await checkIn(s, null, { code }, { 'x-scanner-key': first }), 403, 'forbidden');
        assertFrame(good(await checkIn(s, null, { code }, { 'x-scanner-key': second })), s, false, 'Already checked in', cat);
    });
    test('keys are shown once; their idempotency keys are their own', async () => {
        const [s, other] = [await create(ann), await create(ann)];
        const headers = { 'idempotency-key': 'rotate' };
        const first = good(await key(s, headers), 201).scanner_key;
        assert.deepEqual(good(await key(s, headers), 200), { session_id: s.session_id, scanner_key: null });
        const second = good(await key(other), 201).scanner_key;
        const scan = (x, k) => checkIn(x, null, { user_id: cat.id }, { 'x-scanner-key': k, 'idempotency-key': '1' });
        const frame = good(await scan(s, first));
        assertFrame(frame, s, true, 'Check-in successful', cat);
        assert.deepEqual(good(await scan(s, first)), frame);
        assertFrame(good(await scan(other, second)), other, true, 'Check-in successful', cat);
        const third = good(await key(s), 201).scanner_key;
        bad(await scan(s, first), 403, 'forbidden'); /* a repeat, but the key is void */
        assertFrame(good(await scan(s, third)), s, false, 'Already checked in', cat);
    });
});
