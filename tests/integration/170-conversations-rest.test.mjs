// /chats: the REST paths of the Socket.IO document, on the same chats and messages as /api/chats.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { useSystem } from '../lib/system.mjs';

let ann, bob, cy;
const sys = useSystem({ before, after }, { workers: 1 }, async () => {
    [ann, bob, cy] = [await sys.api.user('Ann'), await sys.api.user('Bob'), await sys.api.user('Cy')];
});
const call = (who, method, path, body, headers) => sys.api.call(method, path, { token: who?.token, body, headers });
const MS = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const keys = (o) => Object.keys(o);

test('create: 201 with both people, the same one again with 200', async () => {
    const made = await call(ann, 'POST', '/chats', { user2_id: bob.n });
    assert.equal(made.status, 201, made.text);
    assert.deepEqual(keys(made.json), ['conversation', 'participants']);
    const { conversation, participants } = made.json;
    assert.deepEqual(keys(conversation), ['id', 'user1_id', 'user2_id', 'created_at', 'updated_at']);
    assert.match(conversation.created_at, MS);
    assert.deepEqual([conversation.user1_id, conversation.user2_id], [ann.n, bob.n].sort((a, b) => a - b));
    assert.deepEqual(participants, [ann, bob].sort((a, b) => a.n - b.n).map((u) => ({ id: u.n, username: u.username, name: u.name })));
    const again = await call(bob, 'POST', '/chats', { user2_id: String(ann.n) });
    assert.equal(again.status, 200);
    assert.deepEqual(again.json, made.json, 'the same for both');
});

test('the errors of the document', async () => {
    for (const [body, status, code, title] of [
        [{ user2_id: ann.n }, 422, 'self_chat', 'Cannot start a conversation with yourself'],
        [{ user2_id: 999999 }, 404, 'user_not_found', 'User not found'],
        [{ user2_id: -1 }, 422, 'invalid_field'], [{ user2_id: 1.5 }, 422, 'invalid_field'], [{ user2_id: null }, 422, 'invalid_field'], [{}, 422, 'invalid_field'],
    ]) {
        const answer = await call(ann, 'POST', '/chats', body);
        assert.equal(answer.status, status, JSON.stringify(body));
        assert.equal(answer.json.code, code);
        if (title) {
            assert.equal(answer.json.title, title);
        }
    }
    const unknown = await call(ann, 'POST', '/chats/999999/message', { message: 'x' });
    assert.equal(unknown.status, 404);
    assert.equal(unknown.json.title, 'Conversation not found');
    assert.equal((await call(null, 'POST', '/chats', { user2_id: bob.n })).status, 401);
    assert.equal((await call(ann, 'PUT', '/chats', {})).status, 405);
});

test('messages: sent by either path, read by either, in order and paged', async () => {
    const { json: { conversation: { id } } } = await call(ann, 'POST', '/chats', { user2_id: cy.n });
    const one = await call(ann, 'POST', `/chats/${id}/message`, { message: 'one' });
    assert.equal(one.status, 201, one.text);
    assert.deepEqual(keys(one.json), ['message', 'sender']);
    assert.deepEqual(keys(one.json.message), ['id', 'conversation_id', 'sender_id', 'message', 'created_at']);
    assert.deepEqual(one.json.sender, { id: ann.n, username: ann.username, name: ann.name });
    assert.equal((await call(cy, 'POST', `/chats/${id}/message`, { message: { message: 'two' } })).status, 201, 'as the socket sends it');
    assert.equal((await call(cy, 'POST', `/api/chats/${id}/messages`, { content: 'three' })).status, 201);
    const page = (await call(cy, 'GET', `/chats/${id}/messages`)).json;
    assert.deepEqual(page.messages.map((m) => m.message), ['one', 'two', 'three']);
    assert.equal(page.has_more, false);
    assert.deepEqual(page.messages[0], one.json.message);
    const last = (await call(cy, 'GET', `/chats/${id}/messages?limit=2`)).json;
    assert.deepEqual(last.messages.map((m) => m.message), ['two', 'three']);
    assert.equal(last.has_more, true);
    const first = (await call(cy, 'GET', `/chats/${id}/messages?before=${last.first_seq}`)).json;
    assert.deepEqual(first.messages.map((m) => m.message), ['one']);
    for (const path of [`/chats/${id}/messages`, `/chats/${id}/message`]) {
        const answer = await call(bob, path.endsWith('s') ? 'GET' : 'POST', path, path.endsWith('s') ? undefined : { message: 'x' });
        assert.equal(answer.status, 404, 'not his');
    }
    for (const body of [{}, { message: '' }, { message: 5 }, { message: { message: null } }, { message: ['x'] }]) {
        assert.equal((await call(ann, 'POST', `/chats/${id}/message`, body)).status, 422, JSON.stringify(body));
    }
    const headers = { 'idempotency-key': 'again-and-again' };
    const sent = await call(ann, 'POST', `/chats/${id}/message`, { message: 'once' }, headers);
    const repeated = await call(ann, 'POST', `/chats/${id}/message`, { message: 'once' }, headers);
    assert.deepEqual([sent.status, repeated.status], [201, 200]);
    assert.deepEqual(repeated.json, sent.json);
});

test('the list: newest first, groups with their name, paged', async () => {
    const group = await sys.api.group(ann, 'Team', [bob, cy]);
    const { json } = await call(ann, 'GET', '/chats');
    assert.deepEqual(keys(json), ['conversations', 'next_cursor']);
    assert.equal(json.conversations.length, 3);
    const team = json.conversations.find((c) => c.conversation.is_group);
    assert.equal(team.conversation.name, 'Team');
    assert.deepEqual([team.conversation.user1_id, team.conversation.user2_id], [null, null]);
    assert.equal(team.participants.length, 3);
    assert.ok(group.chat_id.endsWith(team.conversation.id.toString(16)));
    const ids = [];
    for (let path = '/chats?limit=1'; path;) {
        const page = (await call(ann, 'GET', path)).json;
        ids.push(...page.conversations.map((c) => c.conversation.id));
        path = page.next_cursor && `/chats?limit=1&cursor=${page.next_cursor}`;
    }
    assert.deepEqual(ids, json.conversations.map((c) => c.conversation.id));
    assert.equal((await call(ann, 'GET', '/chats?cursor=x')).status, 422);
});
