// D3 clients: the conversations socket with its Authorization header, and dashboards.
import { idNumber, idUuid } from './token.mjs';

/** who: a user with a token, a token, or null; options as for sys.rooms. */
export const conversations = (sys, who, { headers = {}, ...options } = {}) => {
    const token = who?.token ?? who;
    const authorization = token ? { authorization: `Bearer ${token}` } : {};
    return sys.rooms(who, { port: 8080, carrier: 'none', headers: { ...authorization, ...headers }, ...options });
};

/** The UUID of what REST calls by a 24-hex id. */
export const uuidOf = (hex24) => idUuid(Number(`0x${hex24.slice(8, 10)}`), idNumber(hex24));

export const MESSAGE_KEYS = ['id', 'conversation_id', 'sender_id', 'content', 'message_type', 'created_at', 'is_edited', 'is_deleted'];

let marks = 0;

/** Send a message; the client needs ext, strict ones get no answer. Resolves with _ext of the answer, or with the error. */
export async function say(client, chatId, content, more = {}) {
    marks += 1;
    const mark = more.client_msg_id ?? `c-${process.pid}-${marks}`;
    const frame = { conversation_id: chatId, content, client_msg_id: mark, ...more };
    const answer = await client.command(frame, (f) => f._ext?.client_msg_id === mark && f._ext.event !== 'message');
    return answer.error ?? answer._ext;
}

/**
 * A marker by REST from somebody whom all of them hear: after it, nothing that these connections should see of the chat
 * is on its way.
 */
export async function flush(sys, sender, chatId, clients) {
    marks += 1;
    const content = `marker ${process.pid} ${marks}`;
    await sys.api.send(sender, chatId, content);
    await Promise.all(clients.map((c) => c.wait((f) => f.content === content)));
}
