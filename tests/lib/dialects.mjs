// The dialects that clients can send and see messages in, for tests that treat them alike: each with its own form.
import assert from 'node:assert/strict';
import { CHAT } from './inbox.mjs';
import { SocketIo } from './socketio.mjs';

const keysOf = (object, keys) => assert.deepEqual(Object.keys(object), keys, JSON.stringify(object));

/**
 * open(sys, who, {chatId, ...options of sys.rooms}): a client that hears of the chat; send: the frame that sends a message (D1's
 * document has none); shown: the message in a frame, or null; check: the frame has exactly its keys; sent: the answer to send.
 * hearsOwn: one's own messages are shown, too; otherwise: options of another kind of client of the same dialect.
 */
export const dialects = {
    rooms: {
        open: (sys, who, more) => sys.rooms(who, { path: '/ws', ...more }),
        send: (chatId, content, mark) => ({ type: 'message', chat_id: chatId, content, client_msg_id: mark }),
        shown: (f) => (f.type === 'group_message' ? f.data : null),
        check: (f) => {
            keysOf(f, ['type', 'chat_id', 'data']);
            keysOf(f.data, ['message_id', 'chat_id', 'sender_id', 'sender_name', 'content', 'message_type', 'created_at']);
        },
        sent: (f) => f.type === 'message_sent',
    },
    subscribe: {
        async open(sys, who, { chatId, ...more }) {
            const client = await sys.rooms(who, { path: '/api/ws', ...more, query: { userId: who.username, ...more?.query } });
            client.send({ action: 'subscribe', chatId: `chat_${chatId}` });
            await client.wait('subscription_confirmed');
            return client;
        },
        shown: (f) => (f.type === 'new_message' ? { content: f.message.text } : null),
        check: (f) => {
            keysOf(f, ['type', 'chatId', 'message', 'timestamp']);
            keysOf(f.message, ['id', 'text', 'sender', 'timestamp', 'isOwnMessage']);
            assert.equal(f.message.isOwnMessage, false);
        },
    },
    conversations: {
        open: (sys, who, more) => sys.rooms(who, { path: '/ws', port: 8080, carrier: 'none', headers: { authorization: `Bearer ${who.token}` }, ...more }),
        send: (chatId, content, mark) => ({ conversation_id: chatId, content, client_msg_id: mark }),
        shown: (f) => (f.conversation_id && f.content !== undefined ? f : null),
        check: (f) => keysOf(f, ['id', 'conversation_id', 'sender_id', 'content', 'message_type', 'created_at', 'is_edited', 'is_deleted']),
    },
    inbox_chat: {
        open: (sys, who, more) => sys.rooms(who, { path: CHAT, ...more, query: { events: 'group', ...more?.query } }),
        send: (chatId, content, mark) => ({ type: 'private_message', chat_id: chatId, content, message_type: 'text_message', client_msg_id: mark }),
        shown: (f) => (f.type === 'group_message' ? f : null),
        check: (f) => keysOf(f, ['type', 'message_id', 'chat_id', 'sender_id', 'sender_name', 'content', 'message_type', 'timestamp']),
        sent: (f) => f.type === 'message_sent',
    },
    socketio: {
        open: (sys, who, more) => SocketIo.open(sys, who, more),
        otherwise: { transports: ['polling'] },
        hearsOwn: true,
        send: (chatId, content, mark) => ({ type: 'sendMessage', convId: chatId, message: { message: content }, client_msg_id: mark }),
        shown: (f) => (f.type === 'newMessage' ? { content: f.message.message } : null),
        check: (f) => {
            keysOf(f, ['message', 'sender', 'type']);
            keysOf(f.message, ['id', 'conversation_id', 'sender_id', 'message', 'created_at']);
            keysOf(f.sender, ['id', 'username', 'name']);
        },
    },
};
