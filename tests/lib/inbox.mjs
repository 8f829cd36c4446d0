// D4 clients: the notification socket and the chat socket of one user.
import assert from 'node:assert/strict';
import { until } from './wait.mjs';

export const NOTIFICATIONS = '/ws/notifications';
export const CHAT = '/ws/chat';

/** who: a user with a token, or a token; options as for sys.rooms. */
export const notifications = (sys, who, options = {}) => sys.rooms(who, { path: NOTIFICATIONS, ...options });
export const chat = (sys, who, options = {}) => sys.rooms(who, { path: CHAT, ...options });

let marks = 0;

/** Send a message on a chat socket; resolves with message_sent or error. to: {receiver_id} or {chat_id}. */
export function privateMessage(client, to, content, more = {}) {
    marks += 1;
    const mark = more.client_msg_id ?? `p-${process.pid}-${marks}`;
    return client.command({ type: 'private_message', ...to, content, message_type: 'text_message', client_msg_id: mark, ...more },
        (f) => (f.type === 'message_sent' || f.type === 'error') && f.client_msg_id === mark);
}

/** A command that is refused, there and back: what this connection sent before it has been dealt with. */
export async function roundTrip(client) {
    marks += 1;
    const mark = `trip-${process.pid}-${marks}`;
    const answer = await client.command({ type: 'read', chat_id: Number.MAX_SAFE_INTEGER, client_msg_id: mark }, (f) => f.client_msg_id === mark);
    assert.equal(answer.code, 'chat_not_found');
}

/** Look at a chat (or, null, at none) and be sure that the server knows. The client needs ext: strict ones get no answer. */
export async function look(client, chatId) {
    marks += 1;
    const mark = `look-${process.pid}-${marks}`;
    const answer = await client.command({ type: 'active_chat', chat_id: chatId, client_msg_id: mark }, (f) => f.client_msg_id === mark);
    assert.equal(answer.type, 'ok', JSON.stringify(answer));
    await roundTrip(client); // behind what the worker reports of it
}

/** A notification of this user's behind all that came before: returns when each of these clients of his has it. */
export async function flushNotifications(sys, user, clients) {
    marks += 1;
    const message = `marker ${process.pid} ${marks}`;
    const answer = await sys.api.admin('POST', '/api/admin/notifications', { body: { user_ids: [user.id], type: 'marker', title: 'marker', message } });
    assert.equal(answer.status, 201, answer.text);
    await Promise.all(clients.map((client) => client.wait((f) => f.type === 'marker' && f.message === message)));
}

/** What the server decided about a message and a user, once it has. */
export const explained = (sys, messageId, user) => until(`a decision about message ${messageId}`, async () => {
    const { status, json } = await sys.api.admin('GET', `/api/admin/notifications/explain?message_id=${messageId}&user_id=${user.n}`);
    return status === 200 && json.decided ? json : null;
});
