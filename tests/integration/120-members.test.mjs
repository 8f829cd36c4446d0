// Who may do what to whom: owner, admin, member, stranger.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { useSystem } from '../lib/system.mjs';

let owner;
let admin;
let member;
let other;
let stranger;
let room;
let url;
const sys = useSystem({ before, after }, { workers: 1 }, async () => { [owner, admin, member, other, stranger] = await sys.api.users(5); });

const add = (by, who, more = {}) => sys.api.call('POST', `${url}/members`, { token: by.token, body: { user_id: who.id, ...more } });
const remove = (by, who) => sys.api.call('DELETE', `${url}/members/${who.id}`, { token: by.token });
const role = (by, who, name) => sys.api.call('PATCH', `${url}/members/${who.id}`, { token: by.token, body: { role: name } });
const good = (answer) => assert.ok(answer.status >= 200 && answer.status < 300, `${answer.status} ${answer.text}`);
const bad = (answer, status, code) => { assert.equal(answer.status, status, answer.text); assert.equal(answer.json.code, code); };
const roles = async () => Object.fromEntries((await sys.api.expect(200, 'GET', `${url}/members`, { token: owner.token })).json.members.map((m) => [m.user_id, m.role]));

describe('roles', () => {
    before(async () => {
        room = await sys.api.group(owner, 'Roles', [admin, member, other]);
        url = `/api/chats/${room.chat_id}`;
        good(await role(owner, admin, 'admin'));
    });
    test('a member may not add, remove, promote or rename', async () => {
        bad(await add(member, stranger), 403, 'forbidden');
        bad(await remove(member, other), 403, 'forbidden');
        bad(await role(member, other, 'admin'), 403, 'forbidden');
        bad(await role(member, member, 'owner'), 403, 'forbidden');
    });
    test('an admin may add and remove members, not make admins, not touch the owner', async () => {
        good(await add(admin, stranger));
        bad(await role(admin, stranger, 'admin'), 403, 'forbidden');
        bad(await role(admin, admin, 'owner'), 403, 'forbidden');
        bad(await remove(admin, owner), 403, 'forbidden');
        bad(await role(admin, owner, 'member'), 403, 'forbidden');
        good(await remove(admin, stranger));
    });
    test('an admin may not remove another admin', async () => {
        good(await role(owner, other, 'admin'));
        bad(await remove(admin, other), 403, 'forbidden');
        good(await role(owner, other, 'member'));
    });
    test('adding twice: 409; removing somebody who is not there: 404', async () => {
        bad(await add(owner, member), 409, 'already_member');
        bad(await remove(owner, stranger), 404, 'member_not_found');
        bad(await role(owner, stranger, 'admin'), 404, 'member_not_found');
        bad(await add(owner, { id: '999999' }), 404, 'user_not_found');
    });
    test('roles that do not exist', async () => {
        for (const name of ['king', '', 3, null, 'OWNER ']) {
            const answer = await role(owner, member, name);
            assert.equal(answer.status, 422, `${name}: ${answer.text}`);
        }
    });
    test('the last owner can neither leave nor step down', async () => {
        bad(await remove(owner, owner), 409, 'last_owner');
        bad(await role(owner, owner, 'member'), 409, 'last_owner');
        good(await role(owner, admin, 'owner'));
        good(await role(admin, owner, 'member'));
        bad(await remove(admin, admin), 409, 'last_owner');
        good(await role(admin, owner, 'owner'));
        good(await role(owner, admin, 'admin'));
    });
    test('members moderate nothing, admins delete what members wrote, nobody edits for others', async () => {
        const sent = await sys.api.send(member, room.chat_id, 'mine');
        const message = `${url}/messages/${sent.message_id}`;
        bad(await sys.api.call('PATCH', message, { token: owner.token, body: { content: 'forged' } }), 403, 'forbidden');
        bad(await sys.api.call('DELETE', message, { token: other.token }), 403, 'forbidden');
        good(await sys.api.call('DELETE', message, { token: admin.token }));
    });
    test('who leaves is out at once; who comes back sees what is new', async () => {
        await sys.api.send(owner, room.chat_id, 'before');
        good(await remove(other, other));
        bad(await sys.api.call('GET', `${url}/messages`, { token: other.token }), 404, 'chat_not_found');
        await sys.api.send(owner, room.chat_id, 'while away');
        good(await add(owner, other));
        await sys.api.send(owner, room.chat_id, 'after');
        const { json } = await sys.api.expect(200, 'GET', `${url}/messages`, { token: other.token });
        assert.deepEqual(json.messages.map((m) => m.content), ['after']);
    });
    test('the final picture', async () => {
        assert.deepEqual(await roles(), { [owner.id]: 'owner', [admin.id]: 'admin', [member.id]: 'member', [other.id]: 'member' });
    });
});

test('a personal room has no member administration', async () => {
    const personal = await sys.api.personal(owner, member);
    url = `/api/chats/${personal.chat_id}`;
    bad(await add(owner, other), 409, 'not_a_group');
    bad(await role(owner, member, 'admin'), 409, 'not_a_group');
});
