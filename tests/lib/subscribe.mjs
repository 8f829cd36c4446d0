// A D1 client on npm ws: one user, named in the URL; chats are subscribed to one by one.
import { Rooms } from './rooms.mjs';
import { idNumber } from './token.mjs';

/** chat_<n> of an id as REST shows it. */
export const chatTag = (chat) => `chat_${idNumber(chat.chat_id ?? chat)}`;
export const userTag = (user) => `user${user.n}`;

export class Subscribe extends Rooms {
    /** userId as the client says it; options: {token, ext, since, query, headers} */
    constructor(system, userId, { token = null, query = {}, ...options } = {}) {
        super(system, token, { path: '/api/ws', query: { ...(userId === undefined ? {} : { userId }), ...query }, ...options });
    }

    /** Connected and greeted. */
    static async open(system, userId, options) {
        const client = new Subscribe(system, userId, options);
        system.clients.add(client);
        await client.opened();
        await client.wait('connected');
        return client;
    }

    /** The confirmation, or the error. */
    subscription(action, chatId) {
        return this.command({ action, chatId }, (f) => f.type === 'error' || (f.type === 'subscription_confirmed' && f.action === action));
    }

    subscribe(chatId) {
        return this.subscription('subscribe', chatId);
    }

    unsubscribe(chatId) {
        return this.subscription('unsubscribe', chatId);
    }

    typing(chatId, isTyping) {
        return this.send({ type: 'typing', chatId, isTyping });
    }
}

/** As flush() of rooms.mjs: what was sent to the chat before it has arrived at these clients, which subscribe to it. */
let markers = 0;
export async function flushSubscribed(system, sender, chatId, clients) {
    markers += 1;
    const text = `marker ${process.pid} ${markers}`;
    await system.api.send(sender, chatId, text);
    await Promise.all(clients.map((c) => c.wait((f) => f.message?.text === text)));
}
