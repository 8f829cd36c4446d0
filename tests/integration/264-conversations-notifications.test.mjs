// The four notification events of the conversations document, driven by REST: created, read, read_all, deleted.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { conversations, flush, uuidOf } from '../lib/conversations.mjs';
import { useSystem } from '../lib/system.mjs';
import { until } from '../lib/wait.mjs';

let ann;
let bob;
let cyd;
let tabs; // Ann's two connections, Bob's one, Cyd's one with ext
const sys = useSystem({ before, after }, {}, async () => {
    [ann, bob, cyd] = await Promise.all(['Ann', 'Bob', 'Cyd'].map((n) => sys.api.user(n)));
    tabs = { ann: [await conversations(sys, ann), await conversations(sys, ann)], bob: [await conversations(sys, bob)], cyd: [await conversations(sys, cyd, { ext: true })] };
});
const KEYS = ['id', 'user_id', 'type', 'title', 'message', 'link', 'is_read', 'created_at'];
const NIL = '00000000-0000-0000-0000-000000000000';
const NULL_LINK = { String: '', Valid: false };

/** The ids of what was created, in the order of the users' ids. */
async function notify(users, more = {}) {
    const body = { type: 'new_comment', title: 'A comment', message: 'Bob said "no"', ...(users ? { user_ids: users.map((u) => u.id) } : { everyone: true }), ...more };
    const { json } = await sys.api.admin('POST', '/api/admin/notifications', { body });
    assert.ok(json.created >= 1, JSON.stringify(json));
    return json.notification_ids;
}
const created = (client, id) => client.wait((f) => f.id === uuidOf(id));
const list = async (user) => (await sys.api.expect(200, 'GET', '/api/notifications?limit=100', { token: user.token })).json;
/** Behind a marker for these users nothing is on its way. */
async function settle(...users) {
    const ids = await notify(users, { type: 'marker' });
    const byId = [...users].sort((a, b) => a.n - b.n);
    for (const [i, user] of byId.entries()) {
        await Promise.all(tabs[user.name.toLowerCase()].map((c) => created(c, ids[i])));
    }
}
const since = (client, from) => client.frames.slice(from).filter((f) => f.type !== 'marker');

describe('created', () => {
    test('the bare notification with its link, on every connection of the user, nobody else\'s', async () => {
        const from = tabs.bob[0].frames.length;
        const [id] = await notify([ann], { link: '/path/to/content' });
        for (const tab of tabs.ann) {
            const frame = await created(tab, id);
            assert.deepEqual(Object.keys(frame), KEYS);
            assert.match(frame.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
            assert.deepEqual({ ...frame, created_at: '' }, {
                id: uuidOf(id), user_id: uuidOf(ann.id), type: 'new_comment', title: 'A comment', message: 'Bob said "no"',
                link: { String: '/path/to/content', Valid: true }, is_read: false, created_at: '',
            });
            assert.ok(tab.lastText.includes('"link":{"String":"/path/to/content","Valid":true}'));
        }
        await settle(bob);
        assert.deepEqual(since(tabs.bob[0], from), []);
    });
    test('without a link: the null form', async () => {
        const [id] = await notify([ann]);
        const frame = await created(tabs.ann[0], id);
        assert.deepEqual(frame.link, NULL_LINK);
        assert.ok(tabs.ann[0].lastText.includes('"link":{"String":"","Valid":false}'));
    });
    test('to several', async () => {
        const users = [ann, bob, cyd].sort((a, b) => a.n - b.n);
        const ids = await notify(users, { type: 'x-open_set-9' });
        for (const [i, user] of users.entries()) {
            const frame = await created(tabs[user.name.toLowerCase()][0], ids[i]);
            assert.deepEqual([frame.user_id, frame.type], [uuidOf(user.id), 'x-open_set-9']);
        }
    });
    test('to everyone: nobody\'s, with the nil UUID', async () => {
        const [id] = await notify(null, { title: 'To all', link: '/news' });
        for (const tab of Object.values(tabs).flat()) {
            const frame = await created(tab, id);
            assert.deepEqual([frame.user_id, frame.title, frame.link.Valid, frame.is_read], [NIL, 'To all', true, false]);
        }
    });
    test('about a message, when nobody looks at the chat', async () => {
        const [dan, eve] = await Promise.all(['Dan', 'Eve'].map((n) => sys.api.user(n)));
        const client = await conversations(sys, eve);
        const chat = await sys.api.personal(dan, eve);
        await sys.api.send(dan, chat.chat_id, 'are you there?');
        const frame = await client.wait((f) => f.type === 'new_message');
        assert.deepEqual(Object.keys(frame), KEYS);
        assert.deepEqual([frame.title, frame.message, frame.user_id, frame.link.Valid], ['New message from Dan', 'are you there?', uuidOf(eve.id), true]);
        assert.ok(client.frames.some((f) => f.conversation_id === uuidOf(chat.chat_id) && f.content === 'are you there?'), 'and the message itself');
        client.close();
    });
    for (const [preview, title] of [['sender', 'New message from Dan'], ['none', 'New message']]) {
        test(`about a message, for who wants as little shown as "${preview}"`, async () => {
            const [dan, eve] = await Promise.all(['Dan', 'Eve'].map((n) => sys.api.user(n)));
            await sys.api.expect(200, 'PUT', '/api/me/notification-preferences', { token: eve.token, body: { preview } });
            const client = await conversations(sys, eve);
            await sys.api.send(dan, (await sys.api.personal(dan, eve)).chat_id, 'between us');
            const frame = await client.wait((f) => f.type === 'new_message');
            assert.deepEqual([frame.title, frame.message], [title, '']);
            client.close();
        });
    }
});

describe('read, read_all, deleted', () => {
    const act = (user, method, path, status) => sys.api.expect(status, method, `/api/notifications/${path}`, { token: user.token });
    test('read, by any form of the id: on every connection of the reader only', async () => {
        const [id] = await notify([ann]);
        const from = tabs.bob[0].frames.length;
        await act(ann, 'POST', `${uuidOf(id)}/read`, 200);
        for (const tab of tabs.ann) {
            assert.deepEqual(await tab.wait((f) => f.event === 'read'), { event: 'read', notification_id: uuidOf(id) });
            assert.equal(tab.lastText, `{"event":"read","notification_id":"${uuidOf(id)}"}`);
        }
        await settle(bob);
        assert.deepEqual(since(tabs.bob[0], from), []);
        assert.equal((await list(ann)).notifications.find((n) => n.id === id).is_read, true);
    });
    test('reading it again is no event', async () => {
        const [id] = await notify([ann]);
        await act(ann, 'POST', `${id}/read`, 200);
        await tabs.ann[0].wait((f) => f.notification_id === uuidOf(id));
        const from = tabs.ann[0].frames.length;
        await act(ann, 'POST', `${id}/read`, 200);
        await settle(ann);
        assert.deepEqual(since(tabs.ann[0], from), []);
    });
    test('read_all', async () => {
        await notify([ann]);
        await act(ann, 'POST', 'read-all', 200);
        for (const tab of tabs.ann) {
            assert.deepEqual(await tab.wait((f) => f.event === 'read_all'), { event: 'read_all' });
            assert.equal(tab.lastText, '{"event":"read_all"}');
        }
        assert.equal((await list(ann)).unread_count, 0);
    });
    test('deleted', async () => {
        const [id] = await notify([ann]);
        await act(ann, 'DELETE', id, 204);
        for (const tab of tabs.ann) {
            assert.deepEqual(await tab.wait((f) => f.event === 'deleted'), { event: 'deleted', notification_id: uuidOf(id) });
            assert.equal(tab.lastText, `{"event":"deleted","notification_id":"${uuidOf(id)}"}`);
        }
        assert.ok(!(await list(ann)).notifications.some((n) => n.id === id));
    });
    test('a broadcast is read and deleted by each for himself', async () => {
        const [id] = await notify(null);
        const from = tabs.bob[0].frames.length;
        await act(ann, 'POST', `${id}/read`, 200);
        await tabs.ann[0].wait((f) => f.event === 'read' && f.notification_id === uuidOf(id));
        await act(ann, 'DELETE', id, 204);
        await tabs.ann[0].wait((f) => f.event === 'deleted' && f.notification_id === uuidOf(id));
        await settle(bob);
        assert.deepEqual(since(tabs.bob[0], from).filter((f) => f.event), []);
        const his = (await list(bob)).notifications.find((n) => n.id === id);
        assert.equal(his.is_read, false);
    });
    test('somebody else\'s notification: 404, and no event', async () => {
        const [id] = await notify([ann]);
        await sys.api.refused(404, 'notification_not_found', 'POST', `/api/notifications/${id}/read`, { token: bob.token });
        await sys.api.refused(404, 'notification_not_found', 'DELETE', `/api/notifications/${id}`, { token: bob.token });
        await created(tabs.ann[0], id);
        const from = tabs.ann[0].frames.length;
        await settle(ann);
        assert.deepEqual(since(tabs.ann[0], from), []);
    });
    test('reading the chat reads the notifications about its messages', async () => {
        const [dan, eve] = await Promise.all(['Dan', 'Eve'].map((n) => sys.api.user(n)));
        const client = await conversations(sys, eve);
        const chat = await sys.api.personal(dan, eve);
        await sys.api.send(dan, chat.chat_id, 'one');
        const one = await client.wait((f) => f.type === 'new_message');
        await sys.api.send(dan, chat.chat_id, 'two');
        const two = await client.wait((f) => f.type === 'new_message' && f.id !== one.id);
        client.send({ event: 'read', conversation_id: chat.chat_id });
        await until('both are read', () => client.frames.filter((f) => f.event === 'read').length === 2);
        assert.deepEqual(client.frames.filter((f) => f.event === 'read').map((f) => f.notification_id).sort(), [one.id, two.id].sort());
        assert.equal((await list(eve)).unread_count, 0);
        client.close();
    });
});

describe('with ext', () => {
    test('_ext names each of them and has its cursor', async () => {
        const [client] = tabs.cyd;
        const [id] = await notify([cyd]);
        const frame = await created(client, id);
        assert.deepEqual(Object.keys(frame), [...KEYS, '_ext']);
        assert.deepEqual(Object.keys(frame._ext), ['event_id', 'event']);
        await sys.api.expect(200, 'POST', `/api/notifications/${id}/read`, { token: cyd.token });
        await sys.api.expect(200, 'POST', '/api/notifications/read-all', { token: cyd.token });
        await sys.api.expect(204, 'DELETE', `/api/notifications/${id}`, { token: cyd.token });
        const names = [];
        for (const [name, keys] of [['read', ['event', 'notification_id', '_ext']], ['deleted', ['event', 'notification_id', '_ext']]]) {
            const seen = await client.wait((f) => f._ext.event === name && f.notification_id === uuidOf(id));
            assert.deepEqual(Object.keys(seen), keys);
            names.push(Number(seen._ext.event_id.split('.')[1]));
        }
        assert.ok(names[0] < names[1]);
    });
    test('what came while away comes again, once, as it is now', async () => {
        const first = await conversations(sys, cyd, { ext: true });
        await first.wait((f) => f._ext?.event === 'live');
        const room = await sys.api.group(ann, 'Room', [cyd]);
        await flush(sys, ann, room.chat_id, [first]);
        const { cursor } = first;
        first.close();
        await first.gone();
        const [id] = await notify([cyd], { title: 'while away' });
        const [gone] = await notify([cyd], { title: 'taken back' });
        await sys.api.expect(204, 'DELETE', `/api/notifications/${gone}`, { token: cyd.token });
        const [news] = await notify(null, { title: 'to all, while away' });
        const client = await conversations(sys, cyd, { ext: true, since: cursor });
        await client.wait((f) => f._ext.event === 'live');
        for (const wanted of [id, news]) {
            assert.equal(client.frames.filter((f) => f.id === uuidOf(wanted) && f.type).length, 1);
        }
        assert.ok(client.frames.some((f) => f._ext.event === 'deleted' && f.notification_id === uuidOf(gone)));
        client.close();
    });
});
