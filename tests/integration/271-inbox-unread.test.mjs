// The document's manual script, its backend part: one notification per message for who is not looking, none for who is, and
// what is unread goes on all tabs when the chat is viewed.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { chat, explained, flushNotifications, look, notifications, privateMessage } from '../lib/inbox.mjs';
import { idNumber } from '../lib/token.mjs';
import { useSystem } from '../lib/system.mjs';

let ann;
let bob;
let id; // their chat
const sys = useSystem({ before, after }, {}, async () => {
    [ann, bob] = await Promise.all(['Ann', 'Bob'].map((n) => sys.api.user(n)));
    id = idNumber((await sys.api.personal(ann, bob)).chat_id);
});

const stored = async (user) => (await sys.api.expect(200, 'GET', '/api/notifications?limit=100', { token: user.token })).json;
const about = (list, messageId) => list.notifications.filter((n) => n.message_id && idNumber(n.message_id) === messageId);
const setPreferences = (user, body) => sys.api.expect(200, 'PUT', '/api/me/notification-preferences', { token: user.token, body });

describe('Ann writes to Bob', () => {
    test('two tabs: the same frame on both, one stored notification', async () => {
        const tabs = [await notifications(sys, bob), await notifications(sys, bob)];
        const sender = await chat(sys, ann);
        const sent = await privateMessage(sender, { receiver_id: bob.n }, 'are you there?');
        for (const tab of tabs) {
            await tab.wait('new_message');
        }
        assert.equal(tabs[0].lastText, tabs[1].lastText);
        await flushNotifications(sys, bob, tabs);
        for (const tab of tabs) {
            assert.equal(tab.of('new_message').length, 1, 'no duplicates');
        }
        assert.equal(about(await stored(bob), sent.message_id).length, 1);
        assert.equal(about(await stored(ann), sent.message_id).length, 0, 'none about her own message');
        assert.equal((await explained(sys, sent.message_id, bob)).notified, true);
    });
    test('Bob is looking at the chat: no notification, neither on the root socket nor stored', async () => {
        const root = await notifications(sys, bob);
        const socket = await chat(sys, bob, { ext: true });
        await look(socket, id);
        const sent = await privateMessage(await chat(sys, ann), { receiver_id: bob.n }, 'I see you');
        await socket.wait((f) => f.message_id === sent.message_id);
        await flushNotifications(sys, bob, [root]);
        assert.deepEqual(root.of('new_message'), []);
        assert.equal(about(await stored(bob), sent.message_id).length, 0);
        assert.equal((await explained(sys, sent.message_id, bob)).notified, false);
        socket.close();
    });
    test('the root socket can say what Bob looks at as well', async () => {
        const root = await notifications(sys, bob, { ext: true });
        await look(root, id);
        const sent = await privateMessage(await chat(sys, ann), { receiver_id: bob.n }, 'on the root socket');
        assert.equal((await explained(sys, sent.message_id, bob)).notified, false);
        await look(root, null);
        const next = await privateMessage(await chat(sys, ann), { receiver_id: bob.n }, 'and not any more');
        assert.equal((await explained(sys, next.message_id, bob)).notified, true);
        root.close();
    });
    test('who never says what he looks at looks at the chat he last wrote to', async () => {
        const socket = await chat(sys, bob);
        await privateMessage(socket, { chat_id: id }, 'Bob writes');
        await privateMessage(socket, { chat_id: id }, 'and again'); // behind what the worker reports of the first
        const sent = await privateMessage(await chat(sys, ann), { receiver_id: bob.n }, 'Ann answers');
        assert.equal((await explained(sys, sent.message_id, bob)).notified, false);
        socket.close();
        await socket.gone();
    });
});

describe('viewing a chat clears what is unread, in all tabs', () => {
    const ways = {
        'active_chat on the chat socket': ({ socket, chatId }) => { socket.send({ type: 'active_chat', chat_id: chatId }); },
        'active_chat on the root socket': ({ tabs, chatId }) => { tabs[0].send({ type: 'active_chat', chat_id: chatId }); },
        'a read frame on the chat socket': ({ socket, chatId }) => { socket.send({ type: 'read', chat_id: chatId }); },
        'a read frame on the root socket': ({ tabs, chatId }) => { tabs[1].send({ type: 'read', chat_id: chatId }); },
        'POST read': ({ eve, chatId }) => sys.api.call('POST', `/api/chats/${chatId}/read`, { token: eve.token }),
    };
    for (const [name, view] of Object.entries(ways)) {
        test(name, async () => {
            const eve = await sys.api.user('Eve');
            const chatId = idNumber((await sys.api.personal(ann, eve)).chat_id);
            const tabs = [await notifications(sys, eve), await notifications(sys, eve)];
            const [socket, others] = [await chat(sys, eve), await notifications(sys, ann)];
            for (let i = 0; i < 3; i += 1) {
                await sys.api.send(ann, chatId, `unread ${i}`);
            }
            for (const tab of tabs) {
                await tab.wait((f) => f.content_preview === 'unread 2');
            }
            assert.equal((await stored(eve)).unread_count, 3);
            await view({ eve, chatId, tabs, socket });
            for (const tab of tabs) {
                const frame = await tab.wait('unread_update');
                assert.deepEqual(Object.keys(frame), ['type', 'chat_id', 'unread_count', 'timestamp']);
                assert.deepEqual([frame.chat_id, frame.unread_count], [chatId, 0]);
                assert.match(frame.timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
                // The notifications about its messages are read with it.
                await tab.wait((f) => f.type === 'notifications_update' && f.unread_count === 0);
            }
            assert.equal((await stored(eve)).unread_count, 0);
            await flushNotifications(sys, ann, [others]);
            assert.ok(!others.types().includes('unread_update'), 'a read cursor is its owner\'s affair');
        });
    }
    test('reading a part leaves the rest: the number is what is left', async () => {
        const eve = await sys.api.user('Eve');
        const chatId = idNumber((await sys.api.personal(ann, eve)).chat_id);
        const tab = await notifications(sys, eve);
        const first = await sys.api.send(ann, chatId, 'one of three');
        await sys.api.send(ann, chatId, 'two of three');
        await sys.api.send(ann, chatId, 'three of three');
        await tab.wait((f) => f.content_preview === 'three of three');
        tab.send({ type: 'read', chat_id: chatId, message_id: first.message_id });
        const frame = await tab.wait('unread_update');
        assert.deepEqual([frame.chat_id, frame.unread_count], [chatId, 2]);
        await tab.wait((f) => f.type === 'notifications_update' && f.unread_count === 2);
    });
});

test('deleting the only unread message takes the mark away', async () => {
    const eve = await sys.api.user('Eve');
    const chatId = idNumber((await sys.api.personal(ann, eve)).chat_id);
    const tab = await notifications(sys, eve);
    const sent = await sys.api.send(ann, chatId, 'a slip');
    await tab.wait('new_message');
    await sys.api.expect(200, 'DELETE', `/api/chats/${chatId}/messages/${sent.message_id}`, { token: ann.token });
    const frame = await tab.wait('unread_update');
    assert.deepEqual([frame.chat_id, frame.unread_count], [chatId, 0]);
});

describe('how much a notification shows', () => {
    const texts = {
        full: { sender_name: 'Ann', message: 'New message from Ann', content_preview: `${'é'.repeat(49)}😀...` },
        sender: { sender_name: 'Ann', message: 'New message from Ann', content_preview: '' },
        none: { sender_name: '', message: 'New message', content_preview: '' },
    };
    for (const [preview, expected] of Object.entries(texts)) {
        test(preview, async () => {
            const dan = await sys.api.user('Dan');
            await setPreferences(dan, { preview });
            const root = await notifications(sys, dan);
            const sent = await privateMessage(await chat(sys, ann), { receiver_id: dan.n }, `${'é'.repeat(49)}😀 and the secret rest`);
            const frame = await root.wait('new_message');
            assert.deepEqual(frame, { type: 'new_message', ...expected, chat_id: sent.chat_id, sender_id: preview === 'none' ? 0 : ann.n,
                message_type: 'text_message', timestamp: sent.timestamp });
            assert.ok(!root.lastText.includes('secret'));
            if (preview !== 'full') {
                const list = await sys.api.expect(200, 'GET', '/api/notifications', { token: dan.token });
                assert.ok(!list.text.includes('é'), 'nor does the list show it');
            }
        });
    }
});
