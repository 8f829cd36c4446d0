// Rooms over REST: personal and group, the list, names, rights, deleting and leaving.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { useSystem } from '../lib/system.mjs';

let ann;
let bob;
let cyd;
const sys = useSystem({ before, after }, { workers: 1, rest: { members_max: 20, chats_per_user_max: 60 } }, async () => { [ann, bob, cyd] = await Promise.all(['Ann', 'Bob', 'Cyd'].map((n) => sys.api.user(n))); });

const ROOM_KEYS = ['chat_id', 'chat_name', 'last_updated'];
const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

function assertRoom(room, name) {
    assert.deepEqual(Object.keys(room), ROOM_KEYS);
    assert.match(room.chat_id, /^[0-9a-f]{24}$/);
    assert.match(room.last_updated, RFC3339);
    assert.equal(room.chat_name, name);
}
const chats = async (who, query = '') => (await sys.api.expect(200, 'GET', `/api/chats${query}`, { token: who.token })).json;

describe('personal', () => {
    test('201 first, 200 after, from both sides, each with the name of the other one', async () => {
        const first = await sys.api.personal(ann, bob);
        assertRoom(first, 'Bob');
        const again = await sys.api.personal(ann, bob, 200);
        assert.equal(again.chat_id, first.chat_id);
        const other = await sys.api.personal(bob, ann, 200);
        assert.equal(other.chat_id, first.chat_id);
        assertRoom(other, 'Ann');
    });
    test('created by both at the same instant: one room', async () => {
        const [dan, eve] = await sys.api.users(2);
        const answers = await Promise.all([dan, eve, dan, eve].map((by) => sys.api.call('POST', '/api/chat/create/personal',
            { token: by.token, body: { user_id: by === dan ? eve.id : dan.id } })));
        assert.equal(new Set(answers.map((a) => a.json.chat_id)).size, 1);
        assert.deepEqual(answers.map((a) => a.status).sort(), [200, 200, 200, 201]);
    });
    test('by any id form, by the alias participant_id, by user name', async () => {
        const dan = await sys.api.user('Dan');
        const eve = await sys.api.user('Eve');
        const { chat_id: id } = await sys.api.personal(dan, eve);
        for (const body of [{ user_id: eve.n }, { user_id: String(eve.n) }, { user_id: `user${eve.n}` }, { participant_id: eve.id }, { username: eve.username }]) {
            assert.equal((await sys.api.create(dan, 'personal', body, 200)).chat_id, id, JSON.stringify(body));
        }
    });
    for (const [what, code, status, body] of [
        ['with oneself', 'self_chat', 422, () => ({ user_id: ann.id })],
        ['with nobody', 'user_not_found', 404, () => ({ user_id: '999999' })],
        ['with an id of another kind', 'user_not_found', 404, () => ({ user_id: 'chat_1' })],
        ['with no id at all', 'invalid_field', 422, () => ({})],
        ['with an object', 'invalid_field', 422, () => ({ user_id: {} })],
        ['with null', 'invalid_field', 422, () => ({ user_id: null })],
        ['with a negative number', 'bad_id', 422, () => ({ user_id: -1 })],
        ['with a fraction', 'bad_id', 422, () => ({ user_id: 1.5 })],
        ['with a number beyond 2^53', 'user_not_found', 404, () => ({ user_id: '9007199254740993' })],
        ['with zero', 'bad_id', 422, () => ({ user_id: 0 })],
    ]) {
        test(`${what}: ${status} ${code}`, async () => {
            const answer = await sys.api.call('POST', '/api/chat/create/personal', { token: ann.token, body: body() });
            assert.equal(answer.status, status, answer.text);
            // Texts that are no id may as well be called an invalid field.
            assert.ok([code, ...(status === 422 && code !== 'self_chat' ? ['invalid_field', 'bad_id'] : [])].includes(answer.json.code), answer.text);
        });
    }
});

describe('group', () => {
    test('has exactly its people, the creator as owner', async () => {
        const room = await sys.api.group(ann, 'Planning', [bob, cyd]);
        assertRoom(room, 'Planning');
        const { json } = await sys.api.expect(200, 'GET', `/api/chats/${room.chat_id}/members`, { token: cyd.token });
        // Listed by age of the account, and these were made at the same time.
        const people = json.members.map((m) => `${m.username} ${m.role}`).sort();
        assert.deepEqual(people, [`${ann.username} owner`, `${bob.username} member`, `${cyd.username} member`].sort());
    });
    test('naming people twice, or oneself, counts them once', async () => {
        const room = await sys.api.group(ann, 'Twice', [bob, bob, ann, cyd, cyd]);
        const { json } = await sys.api.expect(200, 'GET', `/api/chats/${room.chat_id}/members`, { token: ann.token });
        assert.equal(json.members.length, 3);
    });
    test('two with the same name are two rooms', async () => {
        const one = await sys.api.group(ann, 'Same', [bob]);
        const two = await sys.api.group(ann, 'Same', [bob]);
        assert.notEqual(one.chat_id, two.chat_id);
    });
    test('one unknown participant: nothing is created', async () => {
        const before_ = (await chats(bob)).chats.length;
        await sys.api.refused(404, 'user_not_found', 'POST', '/api/chat/create/group', { token: ann.token, body: { chat_name: 'x', participants: [bob.id, '999999'] } });
        assert.equal((await chats(bob)).chats.length, before_);
    });
    test('the member limit is exact', async () => {
        const crowd = await sys.api.users(20);
        await sys.api.group(ann, 'Full', crowd.slice(0, 19));
        await sys.api.refused(422, 'too_many_members', 'POST', '/api/chat/create/group',
            { token: ann.token, body: { chat_name: 'Overfull', participants: crowd.map((u) => u.id) } });
    });
    for (const [what, body] of Object.entries({
        'a name that is too long': { chat_name: 'n'.repeat(101), participants: [] },
        'a name with a newline': { chat_name: 'a\nb', participants: [] },
        'a name with a NUL': { chat_name: 'a\u0000b', participants: [] },
        'a name with an escape character': { chat_name: 'a\u001b[31mb', participants: [] },
        'a name with DEL': { chat_name: 'a\u007fb', participants: [] },
        'a name with a C1 control': { chat_name: 'a\u0085b', participants: [] },
        'a name with a bidi override': { chat_name: 'a\u202eb', participants: [] },
        'a name that is a number': { chat_name: 5, participants: [] },
        'participants that are no list': { chat_name: 'x', participants: 'bob' },
        'a participant that is an object': { chat_name: 'x', participants: [{}] },
        'a participant that is null': { chat_name: 'x', participants: [null] },
        'no participants at all': { chat_name: 'x' },
    })) {
        test(`${what}: refused`, async () => {
            const answer = await sys.api.call('POST', '/api/chat/create/group', { token: ann.token, body });
            assert.ok([400, 422].includes(answer.status), `${answer.status} ${answer.text}`);
            assert.match(answer.json.code, /invalid_field|bad_id|bad_json/);
        });
    }
    test('a name of exactly 100 characters, all outside the BMP', async () => {
        const name = '🦀'.repeat(100);
        assertRoom(await sys.api.group(ann, name, [bob]), name);
    });
    test('markup in a name stays text', async () => {
        const name = '<img src=x onerror=alert(1)> & "quotes" \\ /';
        assertRoom(await sys.api.group(ann, name, [bob]), name);
    });
});

describe('the list', () => {
    test('newest first by activity, with last message and unread', async () => {
        const [dan, eve] = [await sys.api.user('Dan'), await sys.api.user('Eve')];
        const one = await sys.api.group(dan, 'one', [eve]);
        const two = await sys.api.group(dan, 'two', [eve]);
        const three = await sys.api.personal(dan, eve);
        assert.deepEqual((await chats(eve)).chats.map((c) => c.chat_id), [three, two, one].map((c) => c.chat_id));
        await sys.api.send(dan, one.chat_id, 'to the top');
        const list = (await chats(eve)).chats;
        assert.deepEqual(list.map((c) => c.chat_id), [one, three, two].map((c) => c.chat_id));
        assert.equal(list[0].unread_count, 1);
        assert.equal(list[0].last_message.content, 'to the top');
        assert.equal(list[1].unread_count, 0);
        assert.equal(list[1].last_message, null);
        assert.equal((await chats(dan)).chats[0].unread_count, 0, 'own messages are not unread');
    });
    test('pages hold everything once', async () => {
        const [dan, eve] = [await sys.api.user('Dan'), await sys.api.user('Eve')];
        const made = [];
        for (let i = 0; i < 25; i += 1) {
            made.push((await sys.api.group(dan, `room ${i}`, [eve])).chat_id);
        }
        const seen = [];
        let cursor = '';
        for (let pages = 0; pages < 10; pages += 1) {
            const page = await chats(eve, `?limit=7${cursor}`);
            seen.push(...page.chats.map((c) => c.chat_id));
            if (!page.next_cursor) {
                break;
            }
            cursor = `&cursor=${encodeURIComponent(page.next_cursor)}`;
        }
        assert.deepEqual(seen, made.reverse());
    });
    test('a limit that is no number, zero, or too large', async () => {
        for (const limit of ['0', '-1', 'x', '1e3', '100000']) {
            const answer = await sys.api.call('GET', `/api/chats?limit=${limit}`, { token: ann.token });
            assert.ok([200, 422].includes(answer.status), `${limit}: ${answer.status}`);
            if (answer.status === 200) {
                assert.ok(answer.json.chats.length <= 200);
            }
        }
    });
    test('one room as its own resource, the same object', async () => {
        const room = await sys.api.group(ann, 'Single', [bob]);
        const { json } = await sys.api.expect(200, 'GET', `/api/chats/${room.chat_id}`, { token: bob.token });
        for (const key of ROOM_KEYS) {
            assert.equal(json[key], room[key]);
        }
    });
});

describe('rename, leave, delete', () => {
    test('owner and admin may rename, members may not, strangers see nothing', async () => {
        const room = await sys.api.group(ann, 'Old', [bob]);
        const url = `/api/chats/${room.chat_id}`;
        const rename = (by, chat_name) => sys.api.call('PATCH', url, { token: by.token, body: { chat_name } });
        assert.equal((await rename(bob, 'Bob was here')).status, 403);
        assert.equal((await rename(cyd, 'Cyd was here')).status, 404);
        const answer = await rename(ann, 'New');
        assert.equal(answer.status, 200, answer.text);
        assert.equal((await sys.api.call('GET', url, { token: bob.token })).json.chat_name, 'New');
        assert.equal((await rename(ann, 'n'.repeat(101))).status, 422);
        assert.equal((await rename(ann, 'a\rb')).status, 422);
    });
    test('a personal room is not renamed', async () => {
        const room = await sys.api.personal(ann, bob, 200);
        await sys.api.refused(409, 'not_a_group', 'PATCH', `/api/chats/${room.chat_id}`, { token: ann.token, body: { chat_name: 'x' } });
    });
    test('deleted by its owner it is gone for everybody', async () => {
        const room = await sys.api.group(ann, 'Doomed', [bob]);
        const url = `/api/chats/${room.chat_id}`;
        assert.equal((await sys.api.call('DELETE', url, { token: cyd.token })).status, 404);
        const leave = await sys.api.call('DELETE', url, { token: ann.token });
        assert.ok([200, 204].includes(leave.status), leave.text);
        for (const who of [ann, bob]) {
            await sys.api.refused(404, 'chat_not_found', 'GET', url, { token: who.token });
            assert.ok(!(await chats(who)).chats.some((c) => c.chat_id === room.chat_id));
        }
        await sys.api.refused(404, 'chat_not_found', 'POST', `${url}/messages`, { token: ann.token, body: { content: 'x' } });
    });
});

test('a stranger learns nothing: the same answer for a foreign room and for none', async () => {
    const room = await sys.api.group(ann, 'Secret', [bob]);
    const none = `${room.chat_id.slice(0, 12)}${(Number(`0x${room.chat_id.slice(12)}`) + 5000).toString(16).padStart(12, '0')}`;
    const sent = await sys.api.send(ann, room.chat_id, 'secret');
    for (const [method, path, body] of [
        ['GET', ''], ['PATCH', '', { chat_name: 'x' }], ['DELETE', ''], ['GET', '/members'], ['POST', '/members', { user_id: cyd.id }],
        ['GET', '/messages'], ['POST', '/messages', { content: 'x' }], ['POST', '/read', {}],
        ['PATCH', `/messages/${sent.message_id}`, { content: 'x' }], ['DELETE', `/messages/${sent.message_id}`],
        ['DELETE', `/members/${bob.id}`], ['PATCH', `/members/${bob.id}`, { role: 'admin' }],
    ]) {
        const of = async (id) => {
            const { status, json } = await sys.api.call(method, `/api/chats/${id}${path}`, { token: cyd.token, body });
            return { status, code: json?.code, detail: json?.detail };
        };
        const foreign = await of(room.chat_id);
        assert.equal(foreign.status, 404, `${method} ${path}: ${JSON.stringify(foreign)}`);
        assert.deepEqual(foreign, await of(none), `${method} ${path}`);
    }
});
