// The settings that change what a subscribe client is and sees: d1_auth, d1_own_devices; and tokens that end on the way.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { Subscribe, chatTag, flushSubscribed } from '../lib/subscribe.mjs';
import { useSystem } from '../lib/system.mjs';

const refused = async (sys, userId, options) => {
    const client = new Subscribe(sys, userId, options);
    const gone = await client.gone();
    assert.deepEqual(client.frames, []);
    return gone.code;
};

describe('d1_auth = required', () => {
    let ann;
    let bob;
    const sys = useSystem({ before, after }, { workers: 1, rest: { d1_auth: 'required' } }, async () => {
        [ann, bob] = await sys.api.users(2);
    });
    test('nobody comes in without a token, nor with another user\'s', async () => {
        assert.equal(await refused(sys, ann.username), 4401);
        assert.equal(await refused(sys, 'nobody-at-all'), 4401, 'who exists is not told to strangers');
        assert.equal(await refused(sys, ann.username, { token: 'nonsense' }), 4401);
        assert.equal(await refused(sys, ann.username, { token: bob }), 4401);
        assert.equal(await refused(sys, ann.username, { token: sys.api.token(ann.n, { ttl: -60 }) }), 4401);
    });
    test('a token in any carrier', async () => {
        for (const carrier of ['query', 'cookie', 'header']) {
            const headers = { ...(carrier === 'header' ? { authorization: `Bearer ${ann.token}` } : {}), origin: 'http://localhost:8000' };
            const client = await Subscribe.open(sys, ann.username, { token: ann, carrier, headers });
            assert.equal(client.frames[0].userId, ann.username);
            client.close();
        }
    });
    test('the token ends on the way: 4401, unless the client has sent a new one', async () => {
        const short = { token: sys.api.token(ann.n, { ttl: 3 }) };
        const stays = await Subscribe.open(sys, ann.username, short);
        const goes = await Subscribe.open(sys, ann.username, short);
        stays.send({ type: 'auth', token: ann.token });
        await stays.wait('auth_ok');
        assert.equal((await goes.gone(30000)).code, 4401);
        assert.ok(stays.isOpen);
        stays.close();
    });
});

describe('d1_auth = off and d1_own_devices = yes', () => {
    let ann;
    let bob;
    const sys = useSystem({ before, after }, { workers: 1, rest: { d1_auth: 'off', d1_own_devices: 'yes' } }, async () => {
        [ann, bob] = await sys.api.users(2);
    });
    test('userId is enough, whatever token there is', async () => {
        for (const token of [null, 'nonsense', bob]) {
            const client = await Subscribe.open(sys, ann.username, { token });
            client.close();
        }
    });
    test('own messages are shown, and say so; others see them as not theirs', async () => {
        const room = await sys.api.group(ann, 'Room', [bob]);
        const own = await Subscribe.open(sys, ann.username);
        const other = await Subscribe.open(sys, bob.username);
        for (const client of [own, other]) {
            await client.subscribe(chatTag(room));
        }
        await sys.api.send(ann, room.chat_id, 'mine');
        assert.equal((await own.wait('new_message')).message.isOwnMessage, true);
        assert.equal((await own.wait('chat_update')).unreadCount, 0);
        assert.equal((await other.wait('new_message')).message.isOwnMessage, false);
        assert.equal((await other.wait('chat_update')).unreadCount, 1);
        own.typing(chatTag(room), true);
        await other.wait('user_typing');
        await flushSubscribed(sys, bob, room.chat_id, [own]);
        assert.equal(own.of('user_typing').length, 0, 'typing never comes back');
    });
});
