// Who is notified of a message and why: preferences, mute, hours, mentions, large chats, and the reason for each.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { look, notifications } from '../lib/inbox.mjs';
import { Notes } from '../lib/notes.mjs';
import { useSystem } from '../lib/system.mjs';
import { idHex, idNumber, idUuid } from '../lib/token.mjs';
import { until } from '../lib/wait.mjs';

let ann;
let bob;
let room;
const sys = useSystem({ before, after },
    { workers: 1, rest: { notify_all_max_members: 5, preferences_chats_max: 3, preferences_kinds_max: 2 } }, async () => {
        [ann, bob] = await sys.api.users(2);
        room = await sys.api.personal(ann, bob);
    });
const notes = new Notes(sys);
const DEFAULTS = { preview: 'full', level: 'all', kinds: {}, chats: {}, do_not_disturb: null };
const clock = (minutes) => {
    const at = new Date(Date.now() + minutes * 60000);
    return `${String(at.getUTCHours()).padStart(2, '0')}:${String(at.getUTCMinutes()).padStart(2, '0')}`;
};
const soon = (seconds) => new Date(Date.now() + seconds * 1000).toISOString();

describe('preferences', () => {
    test('begin with the defaults, and an empty object is that', async () => {
        assert.deepEqual((await sys.api.expect(200, 'GET', '/api/me/notification-preferences', { token: bob.token })).json, DEFAULTS);
        assert.deepEqual(await notes.prefer(bob, {}), DEFAULTS);
        assert.deepEqual(await notes.prefer(bob, { preview: null, level: null, kinds: null, chats: null, do_not_disturb: null, more: 1 }), DEFAULTS);
    });
    test('come back as they were set, also after a restart', async () => {
        const full = {
            preview: 'sender', level: 'mentions', kinds: { news: false, 'z-9_': true },
            chats: { [room.chat_id]: { level: 'all', muted_until: '2031-02-28T23:59:59Z' }, [idHex(2, 4711)]: {} },
            do_not_disturb: { from: '22:00', to: '07:05', utc_offset_minutes: -570 },
        };
        assert.deepEqual(await notes.prefer(bob, full), full);
        await sys.bounce(sys.rest);
        await sys.ready();
        assert.deepEqual((await sys.api.expect(200, 'GET', '/api/me/notification-preferences', { token: bob.token })).json, full);
        await notes.prefer(bob, {});
    });
    test('chats by any form of their id, times in any zone', async () => {
        const n = Number.parseInt(room.chat_id.slice(10), 16);
        for (const id of [n, `chat_${n}`, idUuid(2, n), room.chat_id]) {
            const said = await notes.prefer(bob, { chats: { [id]: { muted_until: '2031-03-01T01:29:59.75+01:30' } } });
            assert.deepEqual(said.chats, { [room.chat_id]: { muted_until: '2031-02-28T23:59:59Z' } });
        }
        await notes.prefer(bob, {});
    });
    for (const [what, body, status = 422] of [
        ['preview', { preview: 'half' }], ['preview as a number', { preview: 1 }], ['level', { level: 'some' }], ['an empty level', { level: '' }],
        ['kinds as a list', { kinds: [] }], ['a kind that is no bool', { kinds: { a: 1 } }], ['a kind in capitals', { kinds: { A: true } }],
        ['too many kinds', { kinds: { a: true, b: true, c: true } }, 413], ['chats as a list', { chats: [1] }], ['an id of another kind', { chats: { [idHex(1, 1)]: {} } }],
        ['no id', { chats: { x: {} } }], ['a chat that is no object', { chats: { 1: true } }], ['a chat twice', { chats: { 1: {}, chat_1: {} } }],
        ['too many chats', { chats: { 1: {}, 2: {}, 3: {}, 4: {} } }, 413], ['a chat level', { chats: { 1: { level: 'x' } } }],
        ...['tomorrow', 5, '2031-02-29T00:00:00Z', '2031-13-01T00:00:00Z', '2031-01-01T24:00:00Z', '2031-01-01T00:00:00', '2031-01-01 00:00:00Z', '2031-01-01T00:00:00+25:00', '1969-01-01T00:00:00Z']
            .map((at) => [`muted_until ${at}`, { chats: { 1: { muted_until: at } } }]),
        ['hours as a text', { do_not_disturb: 'night' }], ['hours without an end', { do_not_disturb: { from: '22:00' } }], ['25 hours', { do_not_disturb: { from: '25:00', to: '07:00' } }],
        ['60 minutes', { do_not_disturb: { from: '22:60', to: '07:00' } }], ['no time at all', { do_not_disturb: { from: '07:00', to: '07:00' } }],
        ['an offset', { do_not_disturb: { from: '22:00', to: '07:00', utc_offset_minutes: 841 } }], ['an offset in words', { do_not_disturb: { from: '22:00', to: '07:00', utc_offset_minutes: '1' } }],
    ]) {
        test(`refused: ${what}`, async () => {
            const answer = await notes.prefer(bob, body, status);
            assert.equal(answer.code, status === 413 ? 'too_large' : 'invalid_field');
            assert.ok(Object.keys(body).includes(answer.field), JSON.stringify(answer));
            assert.deepEqual((await sys.api.call('GET', '/api/me/notification-preferences', { token: bob.token })).json, DEFAULTS, 'nothing is half-done');
        });
    }
});

describe('the reason', () => {
    const says = async (preferences, expected, content = 'hello') => {
        await notes.prefer(bob, preferences);
        assert.deepEqual(await notes.decided(ann, room, content, [bob, ann]), [expected, 'sender']);
        await notes.prefer(bob, {});
    };
    test('notified, with nothing set', () => says({}, 'notified'));
    test('kind_off', () => says({ kinds: { new_message: false } }, 'kind_off'));
    test('another kind is off', () => says({ kinds: { news: false } }, 'notified'));
    test('level_none', () => says({ level: 'none' }, 'level_none'));
    test('level_none of the chat', () => says({ chats: { [room.chat_id]: { level: 'none' } } }, 'level_none'));
    test('the level of another chat', () => says({ chats: { 4711: { level: 'none' } } }, 'notified'));
    test('the chat\'s level goes before one\'s own', () => says({ level: 'none', chats: { [room.chat_id]: { level: 'all' } } }, 'notified'));
    test('level_mentions', () => says({ level: 'mentions' }, 'level_mentions'));
    test('level mentions, mentioned', () => says({ level: 'mentions' }, 'notified', `hi @${bob.username}!`));
    test('muted', () => says({ chats: { [room.chat_id]: { muted_until: soon(60) } } }, 'muted', `@${bob.username}`));
    test('muted no longer', () => says({ chats: { [room.chat_id]: { muted_until: soon(-60) } } }, 'notified'));
    test('do_not_disturb', () => says({ do_not_disturb: { from: clock(-5), to: clock(5) } }, 'do_not_disturb'));
    test('do_not_disturb, elsewhere', () => says({ do_not_disturb: { from: clock(175), to: clock(185), utc_offset_minutes: 180 } }, 'do_not_disturb'));
    test('do_not_disturb, over', () => says({ do_not_disturb: { from: clock(-15), to: clock(-5) } }, 'notified'));
    test('do_not_disturb, all day but now', () => says({ do_not_disturb: { from: clock(5), to: clock(-5) } }, 'notified'));
    test('active, while some connection looks at the chat, and notified afterwards', async () => {
        const client = await notifications(sys, bob, { ext: true });
        await look(client, room.chat_id);
        assert.deepEqual(await notes.decided(ann, room, 'looked at', [bob]), ['active']);
        await look(client, null);
        assert.deepEqual(await notes.decided(ann, room, 'looked away', [bob]), ['notified']);
        client.close();
    });
    test('message_deleted and already_read, when that was quicker than the notifier', async () => {
        const sent = [];
        for (const text of ['deleted', 'read', 'news']) {
            sent.push(await sys.api.send(ann, room.chat_id, text));
        }
        assert.equal(await notes.reason(sent[2], bob), 'notified');
        const first = idNumber(sent[0].message_id);
        await sys.rest.stop();
        // As if it had stopped before anything about these messages was decided.
        const chat = `chat_id = ${idNumber(room.chat_id)}`;
        await sys.db.sql(`UPDATE notifier SET event_id = ${first - 1}, user_id = 0;
            DELETE FROM notification_decisions WHERE message_id >= ${first};
            DELETE FROM notifications WHERE ${chat} AND seq >= ${sent[0].seq};
            UPDATE messages SET flags = 2 WHERE ${chat} AND seq = ${sent[0].seq};
            INSERT INTO message_deletions (chat_id, seq, sender_id) VALUES (${idNumber(room.chat_id)}, ${sent[0].seq}, ${ann.n});
            UPDATE members SET read_seq = ${sent[1].seq} WHERE ${chat} AND user_id = ${bob.n}`);
        sys.rest.start();
        await sys.ready();
        assert.deepEqual(await Promise.all(sent.map((m) => notes.reason(m, bob))), ['message_deleted', 'already_read', 'notified']);
    });
    test('user_disabled', async () => {
        const cyd = await sys.api.user('Cyd');
        const group = await sys.api.group(ann, 'Disabled', [cyd]);
        assert.equal((await sys.api.admin('POST', `/api/admin/users/${cyd.n}/disable`)).status, 200);
        assert.deepEqual(await notes.decided(ann, group, 'x', [cyd]), ['user_disabled']);
    });
    test('not_a_member, for somebody who joined later or never', async () => {
        const [dan, eve] = await sys.api.users(2);
        const group = await sys.api.group(ann, 'Joining', [bob]);
        const message = await sys.api.send(ann, group.chat_id, 'before');
        assert.equal(await notes.reason(message, bob), 'notified');
        await sys.api.expect(201, 'POST', `/api/chats/${group.chat_id}/members`, { token: ann.token, body: { participants: [dan.id] } });
        assert.equal(await notes.reason(message, dan), 'not_a_member');
        assert.equal(await notes.reason(message, eve), 'not_a_member');
        assert.deepEqual(await notes.decided(ann, group, 'after', [dan]), ['notified']);
    });
    test('explain: bad questions', async () => {
        const message = await sys.api.send(ann, room.chat_id, 'x');
        assert.equal((await notes.explain(message.message_id, 'nobody_at_all')).status, 404);
        assert.equal((await notes.explain('x', bob.id)).status, 422);
        assert.equal((await notes.explain(idHex(1, 1), bob.id)).status, 422);
        assert.equal((await notes.explain(999999999, bob.id)).json.code, 'message_not_found');
        assert.equal((await sys.api.admin('GET', `/api/admin/notifications/explain?user_id=${bob.id}`)).status, 422);
        assert.equal((await sys.api.admin('GET', `/api/admin/notifications/explain?message_id=${message.message_id}`)).status, 422);
        assert.equal((await sys.api.call('GET', '/api/admin/notifications/explain?message_id=1&user_id=1', { token: ann.token })).status, 401);
    });
});

test('the preview policy decides what a notification shows', async () => {
    const cyd = await sys.api.user('Cyd');
    const chat = await sys.api.personal(ann, cyd);
    for (const [preview, title, message, sender] of [
        ['full', `New message from ${ann.name}`, 'secret', ann.id], ['sender', `New message from ${ann.name}`, '', ann.id], ['none', 'New message', '', undefined],
    ]) {
        await notes.prefer(cyd, { preview });
        assert.deepEqual(await notes.decided(ann, chat, 'secret', [cyd]), ['notified']);
        const [note] = (await notes.page(cyd)).notifications;
        assert.deepEqual([note.title, note.message, note.sender_id, note.link], [title, message, sender, `/chat/${chat.chat_id}`]);
    }
});

test('a kind that is off is not sent by administration either, but to everybody it is', async () => {
    const [x, y] = await sys.api.users(2);
    await notes.prefer(x, { kinds: { news: false } });
    assert.deepEqual(await notes.create({ user_ids: [x.id] }, 200), { created: 0, notification_ids: [] });
    assert.equal((await notes.create({ user_ids: [x.id, y.id] })).created, 1);
    assert.equal((await notes.create({ user_ids: [x.id], type: 'other' })).created, 1);
    await notes.create({ everyone: true });
    assert.deepEqual((await notes.all(x)).map((n) => n.type), ['news', 'other']);
});

test('a large chat notifies only who is mentioned or asked for all', async () => {
    const others = await sys.api.users(7);
    const [plain, named, upper, all, dotted, muted] = others;
    const chat = await sys.api.group(ann, 'Large', others);
    await notes.prefer(all, { chats: { [chat.chat_id]: { level: 'all' } } });
    await notes.prefer(muted, { chats: { [chat.chat_id]: { muted_until: soon(600) } } });
    const text = `@${named.username}, @${upper.username.toUpperCase()}; mail x@${plain.username} (@${dotted.username}.) @${muted.username} @nobody`;
    assert.deepEqual(await notes.decided(ann, chat, text, [ann, plain, named, upper, all, dotted, muted]),
        ['sender', 'large_chat', 'notified', 'notified', 'notified', 'notified', 'muted']);
    const outsider = await sys.api.user('Outsider');
    assert.deepEqual(await notes.decided(ann, chat, 'x', [plain, outsider]), ['large_chat', 'not_a_member']);
    assert.equal((await notes.all(plain)).length, 0);
    assert.equal((await notes.all(named)).length, 1);
    const small = await sys.api.group(ann, 'Small', others.slice(0, 4));
    assert.deepEqual(await notes.decided(ann, small, 'no mention', [plain]), ['notified']);
});

test('thousands of notifications of one message, in several pieces, each once', { timeout: 120000 }, async () => {
    const many = await sys.api.users(60);
    const chat = await sys.api.group(ann, 'Many', many);
    await sys.rest.stop();
    sys.rest.args.push('--set', 'notify_chunk_rows=7', '--set', 'notify_all_max_members=100');
    sys.rest.start();
    await sys.ready();
    const message = await sys.api.send(ann, chat.chat_id, 'to all of you');
    await until('all of them are told', async () => {
        const [[count]] = await sys.db.sql(`SELECT COUNT(*) FROM notifications WHERE chat_id = ${Number.parseInt(chat.chat_id.slice(10), 16)}`);
        return Number(count) === 60;
    });
    for (const user of [many[0], many[31], many[59]]) {
        assert.equal(await notes.reason(message, user), 'notified');
        assert.equal(await notes.unread(user), 1);
    }
});
