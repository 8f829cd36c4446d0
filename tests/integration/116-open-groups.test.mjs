// Groups that everybody may join: by REST, and by subscribing to them in the dialects that subscribe.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { io } from 'socket.io-client';
import { Subscribe, chatTag, flushSubscribed } from '../lib/subscribe.mjs';
import { useSystem } from '../lib/system.mjs';
import { idNumber } from '../lib/token.mjs';

describe('open groups', () => {
    let ann;
    let bob;
    const sys = useSystem({ before, after }, { workers: 2, rest: { members_max: 5 } }, async () => {
        [ann, bob] = await sys.api.users(2);
    });
    const openGroup = async (name, participants = []) => {
        const { json } = await sys.api.expect(201, 'POST', '/api/chat/create/group',
            { token: ann, body: { chat_name: name, participants: participants.map((u) => u.username), open: true } });
        return json;
    };
    const membersOf = async (chat) => (await sys.api.expect(200, 'GET', `/api/chats/${chat.chat_id}/members`, { token: ann }))
        .json.members.map((m) => m.username);
    const join = (user, chat, more = {}) =>
        sys.api.call('POST', `/api/chats/${chat.chat_id}/members`, { token: user, body: { user_id: user.id, ...more } });

    test('what the creator is answered stays as it was, and the list shows the group to all', async () => {
        const chats = [await openGroup('One'), await openGroup('Two', [bob]), await openGroup('Three')];
        assert.deepEqual(Object.keys(chats[0]), ['chat_id', 'chat_name', 'last_updated']);
        await sys.api.group(ann, 'Closed', []);
        const first = await sys.api.expect(200, 'GET', '/api/open-chats?limit=2', { token: bob });
        assert.deepEqual(first.json.chats.map((c) => [c.chat_name, c.members_count, c.joined]), [['One', 1, false], ['Two', 2, true]]);
        const { json } = await sys.api.expect(200, 'GET', `/api/open-chats?cursor=${first.json.next_cursor}`, { token: bob });
        assert.deepEqual([json.chats.map((c) => c.chat_name), json.next_cursor], [['Three'], null]);
        await sys.api.refused(422, 'invalid_field', 'GET', '/api/open-chats?cursor=x', { token: bob });
        await sys.api.refused(401, 'unauthenticated', 'GET', '/api/open-chats');
        const mine = await sys.api.expect(200, 'GET', `/api/chats/${chats[1].chat_id}`, { token: bob });
        assert.equal(mine.json.open, true);
    });
    test('oneself by REST, as a member only; the others are told; closing leaves everybody in', async () => {
        const chat = await openGroup('Join me');
        const [eve] = await sys.api.users(1);
        const socket = await sys.rooms(ann, { ext: true });
        assert.equal((await join(eve, chat, { role: 'admin' })).json.code, 'chat_not_found');
        assert.equal((await sys.api.call('POST', `/api/chats/${chat.chat_id}/members`, { token: eve, body: { user_id: bob.id } })).json.code, 'chat_not_found');
        assert.equal((await join(eve, chat)).status, 201);
        assert.equal((await join(eve, chat)).json.code, 'already_member');
        assert.equal((await socket.wait('member_added')).username, eve.username);
        await sys.api.refused(403, 'forbidden', 'PATCH', `/api/chats/${chat.chat_id}`, { token: eve, body: { open: false } });
        await sys.api.expect(200, 'PATCH', `/api/chats/${chat.chat_id}`, { token: ann, body: { open: false } });
        assert.equal((await join(bob, chat)).json.code, 'chat_not_found');
        await sys.api.send(eve, chat.chat_id, 'still here');
        for (const body of [{}, { open: 'yes' }, { open: null }, { chat_name: '', open: true }]) {
            await sys.api.refused(422, 'invalid_field', 'PATCH', `/api/chats/${chat.chat_id}`, { token: ann, body });
        }
        const other = await sys.api.personal(ann, bob);
        await sys.api.refused(409, 'not_a_group', 'PATCH', `/api/chats/${other.chat_id}`, { token: ann, body: { open: true } });
    });
    test('the same key with another openness is something else', async () => {
        const headers = { 'idempotency-key': `open-${process.pid}` };
        const create = (open) => sys.api.call('POST', '/api/chat/create/group', { token: ann, headers, body: { chat_name: 'Key', participants: [], open } });
        assert.equal((await create(true)).status, 201);
        assert.equal((await create(true)).status, 200);
        assert.equal((await create(false)).json.code, 'key_reused');
    });
    test('a subscribe client comes in by subscribing, from two tabs at once, and hears what follows', async () => {
        const chat = await openGroup('Subscribe');
        const closed = await sys.api.group(ann, 'Closed', []);
        const [eve] = await sys.api.users(1);
        const tabs = [await Subscribe.open(sys, eve.username, { token: eve }), await Subscribe.open(sys, eve.username, { token: eve })];
        const answers = await Promise.all(tabs.map((tab) => tab.subscribe(chatTag(chat))));
        assert.deepEqual(answers.map((f) => f.type), ['subscription_confirmed', 'subscription_confirmed']);
        await flushSubscribed(sys, ann, chat.chat_id, tabs);
        assert.deepEqual(await membersOf(chat), [ann.username, eve.username]);
        assert.equal((await tabs[0].subscribe(chatTag(closed))).error, 'Forbidden');
    });
    test('looking away from an open group is no reason to come in', async () => {
        const chat = await openGroup('Unsubscribe');
        const tab = await Subscribe.open(sys, bob.username, { token: bob });
        const other = await openGroup('Other');
        tab.send({ action: 'subscribe', chatId: chatTag(other) }); // an unsubscription behind an open question is asked, too
        await tab.unsubscribe(chatTag(chat));
        assert.deepEqual(await membersOf(chat), [ann.username]);
    });
    test('a full one says so', async () => {
        const people = await sys.api.users(5);
        const chat = await openGroup('Full', people.slice(0, 4));
        assert.equal((await join(people[4], chat)).json.code, 'too_many_members');
        const tab = await Subscribe.open(sys, people[4].username, { token: people[4] });
        assert.equal((await tab.subscribe(chatTag(chat))).type, 'error');
    });
    test('a Socket.IO client comes in by joinConversation', async () => {
        const chat = await openGroup('Socket.IO');
        const [eve] = await sys.api.users(1);
        const socket = io(`http://${sys.host}:3000/chat`, { auth: { token: eve.token }, reconnection: false, forceNew: true });
        try {
            const heard = new Promise((resolve) => { socket.once('newMessage', (event) => resolve(event.message)); });
            const answer = await socket.timeout(10000).emitWithAck('joinConversation', { convId: idNumber(chat.chat_id) });
            assert.equal(answer.ok, true, JSON.stringify(answer));
            await sys.api.send(ann, chat.chat_id, 'welcome');
            assert.match(JSON.stringify(await heard), /welcome/);
        } finally {
            socket.close();
        }
        assert.deepEqual(await membersOf(chat), [ann.username, eve.username]);
    });
    test('who was open stays open over a restart', async () => {
        const chat = await openGroup('Restart');
        await sys.bounce(sys.rest);
        await sys.ready();
        assert.ok((await sys.api.expect(200, 'GET', '/api/open-chats?limit=200', { token: bob })).json.chats.some((c) => c.chat_id === chat.chat_id));
        assert.equal((await join(bob, chat)).status, 201);
    });
});
