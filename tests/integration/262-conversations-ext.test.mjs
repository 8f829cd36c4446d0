// The conversations socket with ?ext=1 and ?events=: answers, names, cursors, and the frames of what strict clients do not see.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { MESSAGE_KEYS, conversations, flush, say, uuidOf } from '../lib/conversations.mjs';
import { useSystem } from '../lib/system.mjs';

let ann;
let bob;
let cyd;
let room;
const sys = useSystem({ before, after }, { rest: { token_leeway_ms: '0ms', replay_max_events: 200, typing_expire_ms: '1s', presence_grace_ms: '100ms' } }, async () => {
    [ann, bob, cyd] = await Promise.all(['Ann', 'Bob', 'Cyd'].map((n) => sys.api.user(n)));
    room = await sys.api.group(ann, 'Room', [bob]);
});
const chatUrl = (chat, rest = '') => `/api/chats/${chat.chat_id}${rest}`;
const eventOf = (frame) => Number(frame._ext.event_id.split('.')[1]);
const isRising = (numbers) => assert.deepEqual(numbers, [...new Set(numbers)].sort((a, b) => a - b));

describe('answers', () => {
    test('sent: the place of the message, at its event in the stream', async () => {
        const [client, peer] = [await conversations(sys, ann, { ext: true }), await conversations(sys, bob, { ext: true })];
        client.send({ conversation_id: room.chat_id, content: 'one', client_msg_id: 'first mark' });
        const answer = await client.wait((f) => f._ext.event === 'sent');
        assert.deepEqual(Object.keys(answer), ['_ext']);
        assert.deepEqual(Object.keys(answer._ext), ['event_id', 'seq', 'chat_id', 'event', 'message_id', 'created_at', 'client_msg_id']);
        const frame = await peer.wait((f) => f.content === 'one');
        assert.deepEqual(Object.keys(frame), [...MESSAGE_KEYS, '_ext']);
        const { event_id: id, seq, chat_id: chat } = answer._ext;
        assert.deepEqual(frame._ext, { event_id: id, seq, chat_id: chat, event: 'message' });
        assert.deepEqual([frame.id, frame.conversation_id, frame.created_at], [answer._ext.message_id, chat, answer._ext.created_at]);
        assert.equal(answer._ext.client_msg_id, 'first mark');
        [client, peer].forEach((c) => c.close());
    });
    test('an error brings the mark back', async () => {
        const client = await conversations(sys, ann, { ext: true });
        const error = await client.command({ conversation_id: room.chat_id, content: 7, client_msg_id: 'bad' }, (f) => f.error);
        assert.deepEqual(Object.keys(error), ['error', '_ext']);
        assert.deepEqual(error._ext, { event: 'error', client_msg_id: 'bad' });
        client.close();
    });
    test('200 messages without waiting: all answered, in order', async () => {
        const client = await conversations(sys, ann, { ext: true });
        for (let i = 0; i < 200; i += 1) {
            client.send({ conversation_id: room.chat_id, content: `burst ${i}`, client_msg_id: `burst-${i}` });
        }
        await client.wait((f) => f._ext.client_msg_id === 'burst-199', 30000);
        const answers = client.frames.filter((f) => f._ext.event === 'sent');
        assert.deepEqual(answers.map((f) => f._ext.client_msg_id), Array.from({ length: 200 }, (_, i) => `burst-${i}`));
        isRising(answers.map((f) => f._ext.seq));
        client.close();
    });
    test('read', async () => {
        const client = await conversations(sys, bob, { ext: true });
        await sys.api.send(ann, room.chat_id, 'to be read');
        const ok = await client.command({ event: 'read', conversation_id: room.chat_id, client_msg_id: 'r' }, (f) => f._ext.client_msg_id === 'r');
        assert.deepEqual(Object.keys(ok), ['_ext']);
        assert.deepEqual([ok._ext.event, ok._ext.op], ['ok', 'read']);
        const { json } = await sys.api.expect(200, 'GET', '/api/chats?limit=1', { token: bob.token });
        assert.equal(json.chats[0].unread_count, 0);
        client.close();
    });
});

describe('a token is refreshed in-band', () => {
    test('with an answer, and it lives on; without, 4401', async () => {
        const short = () => sys.api.token(ann.n, { ttl: 3 });
        const [renewed, silent, left] = [await conversations(sys, short(), { ext: true }), await conversations(sys, short()), await conversations(sys, short())];
        renewed.send({ event: 'auth', token: sys.api.token(ann.n, { ttl: 3600 }) });
        const ok = await renewed.wait((f) => f._ext.event === 'auth_ok');
        assert.match(ok._ext.expires_at, /^\d{4}-.*Z$/);
        silent.send({ event: 'auth', token: sys.api.token(ann.n, { ttl: 3600 }) });
        assert.equal((await left.gone(20000)).code, 4401);
        const peer = await conversations(sys, bob);
        for (const client of [renewed, silent]) {
            client.send({ conversation_id: room.chat_id, content: 'alive' });
            await peer.wait((f) => f.content === 'alive');
        }
        [renewed, silent, peer].forEach((c) => c.close());
    });
    for (const [what, token] of Object.entries({ "another user's": () => bob.token, 'a forged one': () => `${ann.token.slice(0, -6)}AAAAAA`, 'nonsense': () => 'nonsense' })) {
        test(`${what} is an error and changes nothing`, async () => {
            const client = await conversations(sys, ann);
            client.send({ event: 'auth', token: token() });
            const { error } = await client.wait((f) => f.error);
            assert.ok(['unauthenticated', 'carriers_disagree', 'forbidden'].includes(error.code), error.code);
            client.send({ conversation_id: 'nonsense', content: 'x' });
            assert.equal((await client.wait((f) => f.error)).error.code, 'bad_id');
            client.close();
        });
    }
});

describe('what else happens', () => {
    test('every logged event has a frame that is named, twice: by event and by _ext', async () => {
        const client = await conversations(sys, bob, { ext: true });
        const chat = await sys.api.group(ann, 'Changes', [bob]);
        const sent = await sys.api.send(ann, chat.chat_id, 'one');
        await sys.api.expect(200, 'PATCH', chatUrl(chat, `/messages/${sent.message_id}`), { token: ann.token, body: { content: 'two' } });
        await sys.api.call('DELETE', chatUrl(chat, `/messages/${sent.message_id}`), { token: ann.token });
        await sys.api.send(ann, chat.chat_id, 'again');
        await sys.api.call('POST', chatUrl(chat, '/read'), { token: bob.token });
        await sys.api.expect(200, 'PATCH', chatUrl(chat), { token: ann.token, body: { chat_name: 'Changed' } });
        await sys.api.expect(201, 'POST', chatUrl(chat, '/members'), { token: ann.token, body: { user_id: cyd.id } });
        await sys.api.expect(200, 'PATCH', chatUrl(chat, `/members/${cyd.id}`), { token: ann.token, body: { role: 'admin' } });
        await sys.api.call('DELETE', chatUrl(chat, `/members/${cyd.id}`), { token: ann.token });
        await sys.api.call('DELETE', chatUrl(chat), { token: ann.token });
        const ext = '_ext';
        const user = 'user_id';
        const expected = {
            conversation_created: ['event', 'conversation', ext],
            message: [...MESSAGE_KEYS, ext],
            message_edited: [...MESSAGE_KEYS, ext],
            message_deleted: [...MESSAGE_KEYS, ext],
            message_read: ['event', 'conversation_id', user, 'message_id', 'read_at', ext],
            conversation_renamed: ['event', 'conversation', ext],
            member_added: ['event', 'conversation_id', user, 'username', 'name', 'role', 'added_by', ext],
            member_role: ['event', 'conversation_id', user, 'role', ext],
            member_removed: ['event', 'conversation_id', user, 'removed_by', ext],
            conversation_deleted: ['event', 'conversation_id', ext],
        };
        for (const [name, keys] of Object.entries(expected)) {
            const frame = await client.wait((f) => f._ext.event === name);
            assert.deepEqual(Object.keys(frame), keys);
            assert.equal(frame.event ?? name, name);
            assert.equal(frame._ext.chat_id, uuidOf(chat.chat_id));
        }
        isRising(client.frames.filter((f) => f._ext.event_id).map(eventOf));
        client.close();
    });
    test('a direct conversation has the name of the other one; for who is added to a group it is new', async () => {
        const [one, two] = await Promise.all(['One', 'Two'].map((n) => sys.api.user(n)));
        const clients = [await conversations(sys, one, { ext: true }), await conversations(sys, two, { ext: true })];
        const direct = await sys.api.personal(one, two);
        for (const [i, name] of ['Two', 'One'].entries()) {
            const { conversation } = await clients[i].wait((f) => f.event === 'conversation_created');
            assert.deepEqual([conversation.id, conversation.name, conversation.is_group], [uuidOf(direct.chat_id), name, false]);
        }
        const group = await sys.api.group(one, 'Group', []);
        await sys.api.expect(201, 'POST', chatUrl(group, '/members'), { token: one.token, body: { user_id: two.id } });
        const { conversation } = await clients[1].wait((f) => f.event === 'conversation_created');
        assert.deepEqual([conversation.id, conversation.name, conversation.is_group], [uuidOf(group.chat_id), 'Group', true]);
        await clients[0].wait((f) => f.event === 'member_added');
        clients.forEach((c) => c.close());
    });
    test('?events=read without ext: the receipts of others, no _ext', async () => {
        const [client, own] = [await conversations(sys, ann, { query: { events: 'read' } }), await conversations(sys, bob, { query: { events: 'read' } })];
        const sent = await sys.api.send(ann, room.chat_id, 'receipt, please');
        await sys.api.call('POST', chatUrl(room, '/read'), { token: bob.token });
        const frame = await client.wait((f) => f.event === 'message_read');
        assert.deepEqual({ ...frame, read_at: '' }, { event: 'message_read', conversation_id: uuidOf(room.chat_id), user_id: uuidOf(bob.id), message_id: frame.message_id, read_at: '' });
        assert.ok(frame.message_id === null || frame.message_id === uuidOf(sent.message_id));
        await flush(sys, ann, room.chat_id, [own]);
        assert.ok(!own.frames.some((f) => f.event === 'message_read'), 'one\'s own receipt');
        [client, own].forEach((c) => c.close());
    });
});

describe('what is behind ?events=', () => {
    const asked = (who, events, more = {}) => conversations(sys, who, { query: { events }, ...more });
    test('typing: to the others who asked, in both directions, until he stops', async () => {
        const [typist, device, peer, deaf] = [await asked(ann, 'typing'), await asked(ann, 'typing'), await asked(bob, 'typing'), await conversations(sys, bob)];
        typist.send({ event: 'typing', conversation_id: uuidOf(room.chat_id), is_typing: true });
        const frame = await peer.wait((f) => f.event === 'typing');
        assert.deepEqual(frame, { event: 'typing', conversation_id: uuidOf(room.chat_id), user_id: uuidOf(ann.id), username: ann.username, is_typing: true });
        typist.send({ event: 'typing', conversation_id: uuidOf(room.chat_id), is_typing: false });
        assert.equal((await peer.wait((f) => f.event === 'typing')).is_typing, false);
        peer.send({ event: 'typing', conversation_id: uuidOf(room.chat_id), is_typing: true });
        await Promise.all([typist, device].map((c) => c.wait((f) => f.event === 'typing' && f.user_id === uuidOf(bob.id))));
        await flush(sys, cyd, (await sys.api.group(cyd, 'All', [ann, bob])).chat_id, [typist, device, peer, deaf]);
        for (const client of [typist, device]) {
            assert.ok(!client.frames.some((f) => f.event === 'typing' && f.user_id === uuidOf(ann.id)), 'one\'s own typing');
        }
        assert.ok(!deaf.frames.some((f) => f.event === 'typing'));
        [typist, device, peer, deaf].forEach((c) => c.close());
    });
    test('typing that is not ended ends by itself; in a foreign conversation it is an error', async () => {
        const [typist, peer] = [await asked(ann, 'typing', { ext: true }), await asked(bob, 'typing', { ext: true })];
        typist.send({ event: 'typing', conversation_id: room.chat_id, is_typing: true });
        await peer.wait((f) => f.event === 'typing' && f.is_typing);
        const end = await peer.wait((f) => f.event === 'typing' && !f.is_typing);
        assert.equal(end._ext, undefined, 'no part of the log');
        const foreign = await sys.api.group(bob, 'Foreign', [cyd]);
        typist.send({ event: 'typing', conversation_id: foreign.chat_id, is_typing: true });
        assert.ok(['forbidden', 'chat_not_found'].includes((await typist.wait((f) => f.error)).error.code));
        [typist, peer].forEach((c) => c.close());
    });
    test('status: who comes and goes, among those who share a conversation', async () => {
        const [dan, eve] = await Promise.all(['Dan', 'Eve'].map((n) => sys.api.user(n)));
        await sys.api.personal(dan, eve);
        const watcher = await asked(dan, 'status');
        const [one, two] = [await conversations(sys, eve), await sys.rooms(eve)];
        const mine = (f) => f.event === 'presence' && f.user_id === uuidOf(eve.id);
        const online = await watcher.wait((f) => mine(f) && f.status === 'online');
        assert.deepEqual(Object.keys(online), ['event', 'user_id', 'username', 'status', 'last_seen']);
        assert.equal(online.username, eve.username);
        one.close();
        two.close();
        const offline = await watcher.wait((f) => mine(f) && f.status === 'offline');
        assert.match(offline.last_seen, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
        assert.equal(watcher.frames.filter(mine).length, 2);
        watcher.close();
    });
    test('active_chat: the chat one looks at is read, and notifies no more', async () => {
        const [dan, eve] = await Promise.all(['Dan', 'Eve'].map((n) => sys.api.user(n)));
        const client = await conversations(sys, eve, { ext: true });
        const chat = await sys.api.personal(dan, eve);
        await sys.api.send(dan, chat.chat_id, 'unread');
        const focus = (id, mark) => client.command({ event: 'active_chat', conversation_id: id, client_msg_id: mark }, (f) => f._ext?.client_msg_id === mark);
        assert.deepEqual((await focus(chat.chat_id, 'a'))._ext, { event: 'ok', op: 'active_chat', client_msg_id: 'a' });
        await client.wait((f) => f.event === 'message_read');
        const { json } = await sys.api.expect(200, 'GET', '/api/chats?limit=1', { token: eve.token });
        assert.equal(json.chats[0].unread_count, 0);
        assert.equal((await focus(null, 'b'))._ext.op, 'active_chat');
        client.close();
    });
});

describe('cursors', () => {
    const live = async (who, since) => {
        const client = await conversations(sys, who, { ext: true, since });
        const notice = await client.wait((f) => ['live', 'gap'].includes(f._ext.event));
        assert.deepEqual(Object.keys(notice), ['_ext']);
        return { client, notice };
    };
    test('what came while away: once, in order, as it is now', async () => {
        const { client: first } = await live(bob, undefined);
        await sys.api.send(ann, room.chat_id, 'seen');
        await first.wait((f) => f.content === 'seen');
        first.close();
        await first.gone();
        const sent = await sys.api.send(ann, room.chat_id, 'draft');
        await sys.api.expect(200, 'PATCH', chatUrl(room, `/messages/${sent.message_id}`), { token: ann.token, body: { content: 'final' } });
        const gone = await sys.api.send(ann, room.chat_id, 'to be deleted');
        await sys.api.call('DELETE', chatUrl(room, `/messages/${gone.message_id}`), { token: ann.token });
        const { client, notice } = await live(bob, first.cursor);
        assert.equal(notice._ext.event, 'live');
        await flush(sys, ann, room.chat_id, [client]);
        const seen = client.frames.filter((f) => f.conversation_id && f.id).map((f) => [f.content, f.is_edited, f.is_deleted, f._ext.event]);
        assert.deepEqual(seen.slice(0, 4), [['final', true, false, 'message'], ['final', true, false, 'message_edited'],
            ['', false, true, 'message'], ['', false, true, 'message_deleted']]);
        isRising(client.frames.filter((f) => f._ext.event_id && f._ext.event !== 'live').map(eventOf));
        client.close();
    });
    test('a cursor of another log, one from the future: gap with its reason, and live from there', async () => {
        const { client: now, notice } = await live(bob, undefined);
        const [log, id] = notice._ext.event_id.split('.');
        const wrong = { other_log: `${log === '00000000' ? '11111111' : '00000000'}.${id}`, future: `${log}.${Number(id) + 100000}` };
        for (const [reason, since] of Object.entries(wrong)) {
            const { client, notice: gap } = await live(bob, since);
            assert.deepEqual([gap._ext.event, gap._ext.reason], ['gap', reason]);
            await flush(sys, ann, room.chat_id, [client]);
            client.close();
        }
        now.close();
    });
});
