// The client library and the server: every event, every method of the HTTP API, gaps, a network that says nothing.
import { after, afterEach, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { clientOf, library } from '../lib/client.mjs';
import { Proxy } from '../lib/proxy.mjs';
import { useSystem } from '../lib/system.mjs';
import { until } from '../lib/wait.mjs';

const { RestError, sameId } = library;
let ann;
let bob;
let cyd;
let proxy;
const sys = useSystem({ before, after: () => {} }, { rest: { replay_max_events: 60, ring_max_age_ms: '1h' } }, async (system) => {
    [ann, bob, cyd] = await system.api.users(3, 'Person');
    proxy = new Proxy(system);
    await proxy.listening;
});
after(async () => {
    await proxy?.stop();
    await sys.stop();
});

const clients = [];
afterEach(() => clients.splice(0).forEach((client) => client.stop()));
async function open(user, options) {
    const client = clientOf(sys, user, options);
    clients.push(client);
    client.start();
    await client.isLive();
    return client;
}

test('every event of a chat, as it is documented', async () => {
    const [a, b] = [await open(ann), await open(bob)];
    await a.rest.createPersonal(bob.id); // people of no chat in common are not told of each other
    const room = await a.rest.createGroup('Room', [bob.id]);
    const id = room.chat_id;
    assert.deepEqual((await b.wait('chat', ({ chat }) => chat.chat_id === id)).chat, { ...room });
    const sent = await a.send({ chatId: id, content: 'hello' }).done;
    const { message, chatId, eventId } = await b.wait('message');
    assert.deepEqual({ ...message, is_edited: undefined }, {
        message_id: sent.message_id, chat_id: id, seq: 1, sender_id: ann.id, sender_name: ann.name, content: 'hello', message_type: 'text',
        created_at: sent.created_at, is_edited: undefined,
    });
    assert.ok(chatId === id && /^[0-9a-f]{8}\.\d+$/.test(eventId));
    await a.edit(id, sent.message_id, 'hello!');
    const edited = (await b.wait('message_edited')).message;
    assert.deepEqual([edited.content, edited.is_edited, edited.version, edited.message_id], ['hello!', true, 2, sent.message_id]);
    await b.read(id);
    assert.deepEqual({ ...(await a.wait('message_read')), eventId: '' }, { chatId: id, userId: bob.id, seq: 1, eventId: '' });
    b.typing(id, true);
    assert.deepEqual(await a.wait('typing'), { eventId: '', chatId: id, userId: bob.id, userName: bob.name, isTyping: true });
    b.typing(id, false);
    await a.wait('typing', ({ isTyping }) => !isTyping);
    await a.rest.addMember(id, cyd.id);
    assert.deepEqual((await b.wait('member_added')).member, { user_id: cyd.id, username: cyd.username, name: cyd.name, role: 'member' });
    await a.rest.setRole(id, cyd.id, 'admin');
    assert.equal((await b.wait('member_role')).role, 'admin');
    await a.rest.removeMember(id, cyd.id);
    const removed = await b.wait('member_removed');
    assert.deepEqual([removed.userId, removed.removedBy], [cyd.id, ann.id]);
    await a.rest.rename(id, 'Renamed');
    assert.equal((await b.wait('chat_renamed')).chat.chat_name, 'Renamed');
    await a.remove(id, sent.message_id);
    const gone = await b.wait('message_deleted');
    assert.deepEqual([gone.messageId, gone.deletedBy, gone.chatId], [sent.message_id, ann.id, id]);
    await a.rest.endChat(id);
    assert.equal((await b.wait('chat_deleted')).chatId, id);
    const notified = await b.wait('notification');
    assert.ok(sameId(notified.chatId, id) && notified.isMine);
    assert.equal(notified.type, 'new_message');
    assert.deepEqual([a.of('unknown'), b.of('unknown')], [[], []]);
    a.stop();
    await b.wait('user_status', ({ userId, online }) => sameId(userId, ann.id) && !online, 30000);
    b.stop();
});

test('every method of the HTTP API', async () => {
    const { rest } = clientOf(sys, ann);
    const me = await rest.me();
    assert.equal(me.user_id, ann.id);
    assert.equal((await rest.saveMe({ name: 'Ann' })).name, 'Ann');
    assert.ok((await rest.findUsers(bob.username)).users.some(({ user_id: id }) => id === bob.id));
    assert.equal((await rest.user(bob.id)).username, bob.username);
    const personal = await rest.createPersonal(bob.id);
    assert.equal((await rest.chat(personal.chat_id)).peer.user_id, bob.id);
    assert.equal((await rest.presence([bob.id, ann.id])).users.length > 0, true);
    const room = await rest.createGroup('Ways', [bob.id], 'a key');
    assert.deepEqual(await rest.createGroup('Ways', [bob.id], 'a key'), room);
    const { chats, event_id: eventId } = await rest.chats({ limit: 50 });
    assert.ok(chats.some(({ chat_id: id }) => id === room.chat_id) && eventId);
    assert.equal((await rest.members(room.chat_id)).members.length, 2);
    await rest.addMembers(room.chat_id, [cyd.id], 'admin');
    for (let i = 0; i < 5; i += 1) {
        await rest.sendMessage(room.chat_id, { content: `message ${i}`, client_msg_id: `rest ${i}` });
    }
    const page = await rest.messages(room.chat_id, { before: 5, limit: 2 });
    assert.deepEqual(page.messages.map(({ seq }) => seq), [3, 4]);
    const [, message] = page.messages;
    assert.equal((await rest.message(room.chat_id, message.message_id)).content, 'message 3');
    assert.equal((await rest.read(room.chat_id)).unread_count, 0);
    const other = clientOf(sys, bob).rest;
    const { notifications, unread_count: unread } = await until('notifications', async () => {
        const answer = await other.notifications({ limit: 10 });
        return answer.unread_count >= 5 && answer;
    });
    assert.equal((await other.readNotification(notifications[0].id)).unread_count, unread - 1);
    await other.deleteNotification(notifications[1].id);
    assert.equal((await other.readAll()).unread_count, 0);
    const preferences = await other.savePreferences({ level: 'mentions', chats: { [room.chat_id]: { level: 'none' } } });
    assert.equal(preferences.level, 'mentions');
    assert.deepEqual(await other.preferences(), preferences);
    const session = await rest.createSession({ title: 'Event' });
    assert.equal((await rest.sessions()).sessions[0].session_id, session.session_id);
    assert.equal((await rest.saveSession(session.session_id, { visibility: 'public' })).visibility, 'public');
    await rest.setSessionRole(session.session_id, bob.id, 'staff');
    const [attendee] = (await rest.addAttendees(session.session_id, [cyd.id])).attendees;
    assert.equal((await rest.checkIn(session.session_id, { code: attendee.code })).success, true);
    assert.equal((await rest.checkIn(session.session_id, { user_id: cyd.id })).success, false);
    assert.equal((await rest.checkins(session.session_id)).checkins.length, 2);
    assert.equal((await rest.attendees(session.session_id)).attendees.length, 1);
    assert.equal((await rest.session(session.session_id)).checked_in_count, 1);
    await rest.endSession(session.session_id);
    const attachment = await rest.upload(room.chat_id, new Blob(['text']), { name: 'a.txt' });
    const answer = await fetch(rest.attachmentUrl(attachment.id), { headers: { authorization: `Bearer ${ann.token}` } });
    assert.equal(await answer.text(), 'text');
    await rest.deleteAttachment(attachment.id);
    await other.leave(room.chat_id);
    await rest.endChat(room.chat_id);
});

describe('errors are typed', () => {
    const fails = async (promise) => {
        try {
            await promise;
        } catch (error) {
            assert.ok(error instanceof RestError && error instanceof Error, String(error));
            return error;
        }
        return assert.fail('nothing failed');
    };
    test('of the server', async () => {
        const { rest } = clientOf(sys, ann);
        const missing = await fails(rest.chat('000000000200000000099999'));
        assert.deepEqual([missing.status, missing.code, missing.isTemporary, missing.name], [404, 'chat_not_found', false, 'RestError']);
        assert.match(missing.requestId, /./);
        assert.match(missing.message, /^chat_not_found: /);
        const wrong = await fails(rest.createGroup('x'.repeat(500), []));
        assert.deepEqual([wrong.status, wrong.field], [422, 'chat_name']);
        const odd = await fails(rest.chat('../../healthz?x=1'));
        assert.ok([404, 422].includes(odd.status), `${odd.status}: the path was not encoded`);
        const large = await fails(rest.upload((await rest.createGroup('Files', [bob.id])).chat_id, { size: 2 ** 40, name: 'x.bin', type: '', slice: () => new Blob([]) }));
        assert.deepEqual([large.status, large.code], [413, 'too_large']);
    });
    test('of the network, of the caller, of somebody in between', async () => {
        const { rest } = clientOf(sys, ann, { origin: proxy.origin });
        proxy.down();
        const network = await fails(rest.me());
        proxy.up();
        assert.deepEqual([network.status, network.code, network.isTemporary], [0, 'network', true]);
        const abort = new AbortController();
        abort.abort();
        assert.equal((await fails(rest.call('GET', '/api/me', { signal: abort.signal }))).code, 'aborted');
        const gateway = clientOf(sys, ann, { fetch: async () => new Response('<html>Bad gateway', { status: 502, headers: { 'retry-after': '7' } }) });
        const bad = await fails(gateway.rest.me());
        assert.deepEqual([bad.status, bad.code, bad.isTemporary, bad.retryAfter], [502, 'http_502', true, 7]);
        const cut = clientOf(sys, ann, { fetch: async () => new Response('{"half":', { status: 200 }) });
        assert.equal((await fails(cut.rest.me())).code, 'network');
    });
});

test('away for longer than the server tells: a gap, and on from there', async () => {
    const room = await sys.api.group(ann, 'Gap', [bob]);
    const client = await open(bob, { origin: proxy.origin });
    proxy.down();
    await until('waiting', () => client.status === 'waiting');
    for (let i = 0; i < 100; i += 1) {
        await sys.api.send(ann, room.chat_id, `missed ${i}`);
    }
    proxy.up();
    assert.equal((await client.wait('gap', ({ socket, reason }) => socket === 'rooms' && reason !== 'start')).reason, 'too_much');
    await client.isLive();
    assert.deepEqual(client.of('message'), []);
    const { chats } = await client.rest.chats();
    assert.equal(chats.find(({ chat_id: id }) => id === room.chat_id).last_seq, 100);
    await sys.api.send(ann, room.chat_id, 'afterwards');
    assert.equal((await client.wait('message')).message.content, 'afterwards');
    client.stop();
});

test('the network goes silent without closing anything: noticed, and back', async () => {
    const client = await open(bob, { origin: proxy.origin, limits: { pingAfter: 1000, pongWithin: 1000 } });
    proxy.silent = true;
    await until('noticed', () => client.status === 'waiting' || client.status === 'connecting');
    proxy.silent = false;
    proxy.cut();
    await client.isLive();
    client.stop();
});

test('started with a cursor: what came after it, and no gap', async () => {
    const room = await sys.api.group(ann, 'Since', [bob]);
    const first = clientOf(sys, bob);
    const { event_id: since } = await first.rest.chats();
    await sys.api.send(ann, room.chat_id, 'in between');
    first.start(since);
    await first.wait('message', ({ message }) => message.content === 'in between');
    await first.isLive();
    assert.deepEqual(first.of('gap'), []);
    first.stop();
});
