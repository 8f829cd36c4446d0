// The limit of 10 000 members, in one request and by adding.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { useSystem } from '../lib/system.mjs';

const sys = useSystem({ before, after }, { workers: 2 });

test('10 000 members are possible, 10 001 are not, and a message reaches those who listen', { timeout: 300000 }, async () => {
    const crowd = await sys.api.users(10001, 'crowd');
    const [owner, ...others] = crowd;
    await sys.api.refused(422, 'too_many_members', 'POST', '/api/chat/create/group',
        { token: owner.token, body: { chat_name: 'too big', participants: others.map((u) => u.id) } });
    const room = await sys.api.group(owner, 'big', others.slice(0, 9999));
    await sys.api.refused(422, 'too_many_members', 'POST', `/api/chats/${room.chat_id}/members`, { token: owner.token, body: { user_id: others[9999].id } });
    const { json } = await sys.api.expect(200, 'GET', `/api/chats/${room.chat_id}`, { token: others[5000].token });
    assert.equal(json.members_count, 10000);

    const listeners = await Promise.all([0, 1, 2500, 5000, 9998].map((i) => sys.rooms(others[i])));
    const stranger = await sys.rooms(others[9999]);
    await sys.api.send(owner, room.chat_id, 'to ten thousand');
    await Promise.all(listeners.map((c) => c.wait((f) => f.type === 'group_message' && f.data.content === 'to ten thousand')));

    // Somebody leaves, somebody comes: the set in the workers follows.
    await sys.api.call('DELETE', `/api/chats/${room.chat_id}/members/${others[1].id}`, { token: owner.token });
    const added = await sys.api.call('POST', `/api/chats/${room.chat_id}/members`, { token: owner.token, body: { user_id: others[9999].id } });
    assert.ok([200, 201].includes(added.status), added.text);
    await sys.api.send(owner, room.chat_id, 'second');
    await stranger.wait((f) => f.data?.content === 'second');
    await listeners[0].wait((f) => f.data?.content === 'second');
    await sys.api.personal(owner, others[1]);
    await listeners[1].wait('new_chat_room');
    assert.ok(!listeners[1].frames.some((f) => f.data?.content === 'second'), 'somebody who left got a message');

    // All members, in pages, each once.
    const ids = new Set();
    for (let after = ''; ;) {
        const page = (await sys.api.expect(200, 'GET', `/api/chats/${room.chat_id}/members?limit=200${after}`, { token: owner.token })).json;
        page.members.forEach((m) => ids.add(m.user_id));
        if (!page.next_cursor) {
            break;
        }
        after = `&cursor=${encodeURIComponent(page.next_cursor)}`;
    }
    assert.equal(ids.size, 10000);
});
