// Frames to typed events.
import { cursorOf } from './connection.js';
import type { EventName, Events, Frame, Handler, Id } from './types.js';
import { chatHex, idNumber } from './util.js';

export class Emitter {
    private readonly handlers = new Map<EventName, Set<Handler<never>>>();

    on<K extends EventName>(type: K, handler: Handler<K>): () => void {
        const set = this.handlers.get(type) ?? new Set();
        this.handlers.set(type, set.add(handler as Handler<never>));
        return () => set.delete(handler as Handler<never>);
    }

    /** A handler that throws does not keep the others from hearing. */
    emit<K extends EventName>(type: K, event: Events[K]): void {
        for (const handler of [...(this.handlers.get(type) ?? [])] as Handler<K>[]) {
            try {
                handler(event);
            } catch (error) {
                console.error(error);
            }
        }
    }
}

// What the server sends is believed; a frame without a member shows undefined for it, nothing worse.
type Any = Record<string, any>;

/** Chat ids of the inbox are numbers; their form in the HTTP API is learned on the way. */
export class ChatIds {
    private readonly known = new Map<number, Id>();

    learn(id: unknown): void {
        if (typeof id === 'string' && id.length === 24) {
            this.known.set(idNumber(id), id);
        }
    }

    /** Every chat_id in an answer of the HTTP API. */
    learnFrom(answer: unknown): void {
        const some = answer as Any | undefined;
        // In the preferences "chats" is no list.
        [some, some?.chats, some?.notifications].flat().forEach((item) => this.learn(item?.chat_id));
    }

    hex(id: unknown): Id | null {
        const n = idNumber(id as string);
        return n ? (this.known.get(n) ?? chatHex(n)) : null;
    }
}

/** Frames whose event has another name. Empty: the inbox tells of it, or nobody has to hear. */
const NAMES: Record<string, string> = {
    personal_message: 'message', group_message: 'message', new_chat_room: 'chat', upload_progress: 'upload',
    ok: '', notification: '', notification_read: '', notification_read_all: '', notification_deleted: '',
};
const SAME = /^(message_(edited|deleted|read)|chat_(renamed|deleted)|member_(added|removed|role)|typing|user_status)$/;

/** One frame of the dialect rooms as event: its members with names as here. False: of no known type. */
export function roomsFrame(frame: Frame, emit: Emitter['emit'], ids: ChatIds): boolean {
    const { type = '', _ext: ext = {}, data, chat_room: chat, ...rest } = frame as Any;
    const name = NAMES[type] ?? (SAME.test(type) ? type : undefined);
    if (name) {
        const event: Any = { eventId: cursorOf(frame) ?? '' };
        for (const [key, value] of Object.entries(rest)) {
            event[key.replace(/_(.)/g, (_, letter) => letter.toUpperCase())] = value;
        }
        if (data) {
            event.message = { seq: ext.seq, is_edited: data.version ? true : undefined, ...data };
            event.chatId = data.chat_id;
        }
        if (chat) {
            event.chat = chat;
        }
        if (name === 'message_deleted') {
            event.seq = ext.seq;
        }
        if (name === 'member_added') {
            const { user_id, username, role } = rest;
            event.member = { user_id, username, name: rest.name, role };
        }
        if (name === 'user_status') {
            event.online = rest.status === 'online';
        }
        ids.learn(event.chatId ?? chat?.chat_id);
        emit(name as EventName, event as never);
    }
    return name !== undefined;
}

/** The same for the inbox, where every other type is the kind of a notification. */
export function inboxFrame(frame: Frame, emit: Emitter['emit'], ids: ChatIds, isMine: boolean): boolean {
    const f = frame as Any;
    switch (frame.type) {
    case 'unread_update':
        emit('unread', { chatId: ids.hex(f.chat_id)!, count: f.unread_count });
        break;
    case 'notifications_update':
        emit('notifications', { unread: f.unread_count });
        break;
    case 'ok':
        break;
    default:
        if (typeof f.message !== 'string' || !f.timestamp) {
            return false;
        }
        emit('notification', { ...(f as unknown as Events['notification']), chatId: ids.hex(f.chat_id), eventId: cursorOf(frame) ?? '', isMine });
    }
    return true;
}
