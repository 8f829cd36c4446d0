// The inbox over REST: what messages and administration put into it, paging, counts, read and delete, bad input.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { Notes } from '../lib/notes.mjs';
import { useSystem } from '../lib/system.mjs';
import { idHex, idNumber, idUuid } from '../lib/token.mjs';
import { until } from '../lib/wait.mjs';

let ann;
let bob;
let cyd;
const sys = useSystem({ before, after }, { workers: 1, rest: { notify_users_max: 5, notify_text_max_chars: 300 } }, async () => {
    [ann, bob, cyd] = await sys.api.users(3);
});
const notes = new Notes(sys);
const events = async () => Number((await sys.db.sql('SELECT next_event FROM log_head'))[0][0]);

describe('notifications about messages', () => {
    let room;
    let sent;
    before(async () => {
        room = await sys.api.personal(ann, bob);
        sent = await sys.api.send(ann, room.chat_id, `héllo ${'ü'.repeat(400)}`);
        assert.equal(await notes.reason(sent, bob), 'notified');
        assert.equal(await notes.reason(sent, ann), 'sender');
    });

    test('has the sender, the beginning of the text and a link to the chat', async () => {
        const { notifications: [note], unread_count: unread } = await notes.page(bob);
        assert.deepEqual(Object.keys(note), ['id', 'type', 'title', 'message', 'link', 'is_read', 'created_at', 'chat_id', 'message_id', 'sender_id']);
        assert.match(note.id, /^[0-9a-f]{24}$/);
        assert.equal(note.type, 'new_message');
        assert.equal(note.title, `New message from ${ann.name}`);
        assert.equal(note.message, `héllo ${'ü'.repeat(400)}`.slice(0, 280));
        assert.equal(note.link, `/chat/${room.chat_id}`);
        assert.equal(note.is_read, false);
        assert.match(note.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
        assert.equal(note.chat_id, room.chat_id);
        assert.equal(note.message_id, sent.message_id);
        assert.equal(note.sender_id, ann.id);
        assert.equal(unread, 1);
        assert.equal((await notes.page(ann)).notifications.length, 0);
    });
    test('shows the text as it is now, and none when the message is deleted', async () => {
        await sys.api.expect(200, 'PATCH', `/api/chats/${room.chat_id}/messages/${sent.message_id}`, { token: ann.token, body: { content: 'changed' } });
        assert.equal((await notes.page(bob)).notifications[0].message, 'changed');
        await sys.api.call('DELETE', `/api/chats/${room.chat_id}/messages/${sent.message_id}`, { token: ann.token });
        const [note] = (await notes.page(bob)).notifications;
        assert.equal(note.message, '');
        assert.equal(note.title, `New message from ${ann.name}`);
    });
    test('reading the chat reads its notifications', async () => {
        const other = await sys.api.group(cyd, 'Other', [bob]);
        const elsewhere = await sys.api.send(cyd, other.chat_id, 'elsewhere');
        const more = [];
        for (let i = 0; i < 5; i += 1) {
            more.push(await sys.api.send(ann, room.chat_id, `more ${i}`));
        }
        assert.equal(await notes.reason(elsewhere, bob), 'notified');
        assert.equal(await notes.reason(more[4], bob), 'notified');
        assert.equal(await notes.unread(bob), 7);
        await sys.api.expect(200, 'POST', `/api/chats/${room.chat_id}/read`, { token: bob.token, body: { message_id: more[2].message_id } });
        await until('three of them and the first are read', async () => (await notes.unread(bob)) === 3);
        await sys.api.expect(200, 'POST', `/api/chats/${room.chat_id}/read`, { token: bob.token });
        await until('only the other chat is left', async () => (await notes.unread(bob)) === 1);
        const [note] = await notes.all(bob, { unread: 1 });
        assert.equal(note.message_id, elsewhere.message_id);
    });
    test('who has left the chat does not see its texts any more', async () => {
        const group = await sys.api.group(ann, 'Left', [cyd]);
        const message = await sys.api.send(ann, group.chat_id, 'before leaving');
        assert.equal(await notes.reason(message, cyd), 'notified');
        assert.equal((await notes.page(cyd)).notifications[0].message, 'before leaving');
        await sys.api.expect(204, 'DELETE', `/api/chats/${group.chat_id}/members/me`, { token: cyd.token });
        assert.equal((await notes.page(cyd)).notifications[0].message, '');
        const later = await sys.api.send(ann, group.chat_id, 'after leaving');
        assert.equal(await notes.reason(later, cyd), 'not_a_member');
    });
});

describe('one by one', () => {
    let dan;
    let ids;
    before(async () => {
        dan = await sys.api.user('Dan');
        ids = [];
        for (let i = 0; i < 25; i += 1) {
            const { created, notification_ids: made } = await notes.create({ user_ids: [dan.id], title: `No. ${i}`, link: i % 2 ? `/thing/${i}` : null });
            assert.equal(created, 1);
            ids.push(made[0]);
        }
    });

    test('come newest first, in pages without gap or repetition', async () => {
        const all = await notes.all(dan, { limit: 10 });
        assert.deepEqual(all.map((n) => n.id), [...ids].reverse());
        assert.equal(all[0].title, 'No. 24');
        assert.equal(all[0].type, 'news');
        assert.equal(all[0].message, 'Something is new');
        assert.equal(all[0].link, null);
        assert.equal(all[1].link, '/thing/23');
        assert.ok(!('chat_id' in all[0]));
        const page = await notes.page(dan, `?limit=3&before=${ids[10]}`);
        assert.deepEqual(page.notifications.map((n) => n.id), [ids[9], ids[8], ids[7]]);
        assert.equal(page.next, ids[7]);
        assert.equal((await notes.page(dan, `?before=${ids[0]}`)).next, null);
        for (const form of [idNumber(ids[10]), idUuid(4, idNumber(ids[10]))]) {
            assert.equal((await notes.page(dan, `?limit=1&before=${form}`)).notifications[0].id, ids[9]);
        }
    });
    test('read once, deleted once, whatever the form of the id', async () => {
        assert.equal(await notes.unread(dan), 25);
        const first = await notes.read(dan, ids[3]);
        assert.equal(first.status, 200);
        assert.deepEqual(first.json, { unread_count: 24 });
        const so = await events();
        for (const form of [ids[3], idNumber(ids[3]), idUuid(4, idNumber(ids[3]))]) {
            assert.deepEqual((await notes.read(dan, form)).json, { unread_count: 24 });
        }
        assert.equal(await events(), so, 'reading again makes no event');
        assert.equal((await notes.delete(dan, ids[4])).status, 204);
        assert.equal(await notes.unread(dan), 23);
        const then = await events();
        assert.equal((await notes.delete(dan, ids[4])).status, 204);
        assert.equal((await notes.delete(dan, ids[4])).status, 204);
        assert.equal(await events(), then, 'deleting again makes no event');
        assert.equal((await notes.delete(dan, ids[3])).status, 204);
        assert.equal(await notes.unread(dan), 23, 'a read one does not count');
        assert.equal((await notes.read(dan, ids[4])).status, 404, 'a deleted one is not there to be read');
        const left = await notes.all(dan);
        assert.equal(left.length, 23);
        assert.ok(!left.some((n) => n.id === ids[3] || n.id === ids[4]));
    });
    test('read all: everything up to now, in one event, and the history stays', async () => {
        const so = await events();
        assert.deepEqual((await notes.readAll(dan)).json, { unread_count: 0 });
        assert.equal(await events(), so + 1);
        assert.deepEqual((await notes.readAll(dan)).json, { unread_count: 0 });
        assert.equal(await events(), so + 1);
        const all = await notes.all(dan);
        assert.equal(all.length, 23);
        assert.ok(all.every((n) => n.is_read));
        assert.deepEqual(await notes.all(dan, { unread: 1 }), []);
        const { notification_ids: [id] } = await notes.create({ user_ids: [dan.username] });
        assert.equal(await notes.unread(dan), 1);
        assert.deepEqual((await notes.all(dan, { unread: 1 })).map((n) => n.id), [id]);
        assert.deepEqual((await notes.delete(dan, ids[20])).status, 204);
        assert.equal(await notes.unread(dan), 1, 'one that was read by read-all does not count');
    });
    test('another one\'s notification is not there', async () => {
        const eve = await sys.api.user('Eve');
        for (const answer of [await notes.read(eve, ids[1]), await notes.delete(eve, ids[1])]) {
            assert.equal(answer.status, 404, answer.text);
            assert.equal(answer.json.code, 'notification_not_found');
        }
        assert.deepEqual(await notes.all(eve), []);
    });
    test('several users at once, each once', async () => {
        const [x, y] = await sys.api.users(2);
        const made = await notes.create({ user_ids: [x.id, y.username, x.n, idUuid(1, y.n)], title: 'Both' });
        assert.equal(made.created, 2);
        assert.equal(made.notification_ids.length, 2);
        assert.equal((await notes.all(x))[0].title, 'Both');
        assert.equal((await notes.all(y)).length, 1);
    });
    test('the same key again is the same notification', async () => {
        const x = await sys.api.user('Key');
        const headers = { 'idempotency-key': `once-${x.id}` };
        const one = await notes.create({ user_ids: [x.id] }, 201, headers);
        const again = await notes.create({ user_ids: [x.id] }, 200, headers);
        assert.deepEqual(again, one);
        assert.equal((await notes.all(x)).length, 1);
        await sys.bounce(sys.rest);
        await sys.ready();
        assert.deepEqual(await notes.create({ user_ids: [x.id] }, 200, headers), one);
        await notes.create({ user_ids: [x.id], title: 'Another' }, 409, headers);
        assert.equal((await notes.all(x)).length, 1);
    });
});

describe('for everybody', () => {
    test('one row; those who registered later do not get it; marks are one\'s own', async () => {
        const [x, y, z] = await sys.api.users(3);
        const base = await Promise.all([x, y, z].map((u) => notes.unread(u)));
        assert.deepEqual(base, [0, 0, 0]);
        const so = Number((await sys.db.sql('SELECT COUNT(*) FROM notifications'))[0][0]);
        const { notification_ids: [first] } = await notes.create({ everyone: true, title: 'To all' });
        const { notification_ids: [second] } = await notes.create({ everyone: true, title: 'To all again', link: 'https://example.org/x' });
        assert.equal(Number((await sys.db.sql('SELECT COUNT(*) FROM notifications'))[0][0]), so + 2);
        const late = await sys.api.user('Late');
        assert.deepEqual(await notes.all(late), []);
        assert.equal(await notes.unread(late), 0);
        assert.equal((await notes.read(late, first)).status, 404);
        const seen = async (u) => (await notes.all(u)).map((n) => [n.title, n.is_read]);
        for (const u of [x, y, z]) {
            assert.deepEqual(await seen(u), [['To all again', false], ['To all', false]]);
            assert.equal(await notes.unread(u), 2);
        }
        assert.deepEqual((await notes.read(x, first)).json, { unread_count: 1 });
        assert.deepEqual((await notes.read(x, first)).json, { unread_count: 1 });
        assert.deepEqual(await seen(x), [['To all again', false], ['To all', true]]);
        assert.equal((await notes.delete(y, second)).status, 204);
        assert.deepEqual(await seen(y), [['To all', false]]);
        assert.equal(await notes.unread(y), 1);
        assert.deepEqual((await notes.readAll(z)).json, { unread_count: 0 });
        assert.deepEqual(await seen(z), [['To all again', true], ['To all', true]]);
        assert.equal((await notes.delete(x, first)).status, 204);
        assert.equal(await notes.unread(x), 1);
        await sys.bounce(sys.rest);
        await sys.ready();
        assert.deepEqual(await Promise.all([x, y, z, late].map((u) => notes.unread(u))), [1, 1, 0, 0]);
        assert.deepEqual((await notes.all(x, { unread: 1 })).map((n) => n.id), [second]);
        assert.deepEqual((await notes.all(y, { unread: 1 })).map((n) => n.id), [first]);
        const { notification_ids: [third] } = await notes.create({ everyone: true });
        assert.deepEqual(await Promise.all([x, y, z, late].map((u) => notes.unread(u))), [2, 2, 1, 1]);
        assert.deepEqual((await notes.all(late)).map((n) => n.id), [third]);
    });
});

// Own system: the limit is met with few of them.
describe('more of those than are kept in mind', () => {
    const small = useSystem({ before, after }, { name: 'few-broadcasts', workers: 1, rest: { broadcasts_unread_max: 5 } });
    test('after a start the newest are unread, in the list as in the number; all are there', async () => {
        const inbox = new Notes(small);
        const [user] = await small.api.users(1);
        for (let i = 1; i <= 8; i += 1) {
            await inbox.create({ everyone: true, title: `${i}` });
        }
        const titles = async (options) => (await inbox.all(user, options)).map((n) => n.title);
        assert.equal(await inbox.unread(user), 8);
        await small.bounce(small.rest);
        await small.ready();
        assert.equal(await inbox.unread(user), 5);
        assert.deepEqual(await titles({ unread: 1 }), ['8', '7', '6', '5', '4']);
        assert.deepEqual(await titles(), ['8', '7', '6', '5', '4', '3', '2', '1']);
        assert.deepEqual((await inbox.all(user)).map((n) => n.is_read), [false, false, false, false, false, true, true, true]);
        const late = await small.api.user('Late');
        await inbox.create({ everyone: true, title: '9' });
        assert.deepEqual((await inbox.all(late)).map((n) => n.title), ['9']);
        assert.deepEqual((await inbox.all(late, { unread: 1 })).map((n) => n.title), ['9']);
    });
});

describe('bad input', () => {
    for (const [what, body] of [
        ['nobody', {}], ['an empty list', { user_ids: [] }], ['both', { user_ids: [1], everyone: true }], ['everyone: false alone', { everyone: false }],
        ['everyone as a word', { everyone: 'yes' }], ['too many', { user_ids: [1, 2, 3, 4, 5, 6] }], ['no list', { user_ids: '1' }],
        ['a type in capitals', { everyone: true, type: 'News' }], ['a long type', { everyone: true, type: 'x'.repeat(33) }], ['an empty type', { everyone: true, type: '' }],
        ...['new_message', 'error', 'unread_update', 'notifications_update', 'typing', 'message_read', 'private_message', 'group_message', 'message_sent', 'pong', 'auth_ok', 'ok', 'live', 'gap']
            .map((type) => [`the reserved type ${type}`, { everyone: true, type }]),
        ['a blank title', { everyone: true, title: '  ' }], ['a title of two lines', { everyone: true, title: 'a\nb' }], ['a long title', { everyone: true, title: 'x'.repeat(201) }],
        ['a title that is a number', { everyone: true, title: 5 }], ['no text', { everyone: true, message: '' }], ['a long text', { everyone: true, message: 'ü'.repeat(301) }],
        ['text with a bell', { everyone: true, message: 'a\u0007' }],
        ...['javascript:alert(1)', '//evil.example', '/\\evil.example', 'ftp://x/', 'https://', 'x', '/a b', '', `/${'x'.repeat(2048)}`, 7, '/a\u0000']
            .map((link) => [`the link ${JSON.stringify(link).slice(0, 40)}`, { everyone: true, link }]),
    ]) {
        test(`administration: ${what}`, async () => {
            const answer = await sys.api.admin('POST', '/api/admin/notifications', { body: { type: 'news', title: 'T', message: 'M', ...body } });
            assert.ok([400, 422].includes(answer.status), `${answer.status} ${answer.text}`);
        });
    }
    test('administration: unknown users, and users instead of administration', async () => {
        assert.equal((await sys.api.admin('POST', '/api/admin/notifications', { body: { type: 'n', title: 'T', message: 'M', user_ids: [ann.id, 987654321] } })).status, 404);
        assert.equal((await sys.api.call('POST', '/api/admin/notifications', { token: ann.token, body: { type: 'n', title: 'T', message: 'M', everyone: true } })).status, 401);
        assert.equal((await sys.api.call('GET', '/api/notifications')).status, 401);
    });
    test('limits are met exactly', async () => {
        const x = await sys.api.user('Exact');
        const { notification_ids: [id] } = await notes.create({ user_ids: [x.id], type: 'a-b_9'.padEnd(32, 'z'), title: 'ü'.repeat(200), message: '😀'.repeat(300), link: `/${'x'.repeat(2047)}` });
        const [note] = await notes.all(x);
        assert.equal(note.id, id);
        assert.equal(note.title, 'ü'.repeat(200));
        assert.equal(note.message, '😀'.repeat(300));
        assert.equal(note.link.length, 2048);
    });
    for (const query of ['?before=x', '?before=0', `?before=${idHex(3, 5)}`, '?limit=0', '?limit=-1', '?limit=x', '?unread=2', '?unread=yes']) {
        test(`list: ${query}`, async () => {
            assert.equal((await sys.api.call('GET', `/api/notifications${query}`, { token: ann.token })).status, 422);
        });
    }
    for (const id of ['x', '0', '-1', '99999999999999999999', idHex(3, 1), idUuid(3, 1), '12345678', '%00']) {
        test(`one: ${id}`, async () => {
            for (const answer of [await notes.read(ann, id), await notes.delete(ann, id)]) {
                assert.ok([400, 404, 422].includes(answer.status), `${answer.status} ${answer.text}`);
            }
        });
    }
});
