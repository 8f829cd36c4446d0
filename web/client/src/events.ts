// Frames to typed events.
import { cursorOf } from './connection.js';
import type { ChatRoom, EventName, Events, Frame, Handler, Id, Message, Role, SocketName } from './types.js';
import { chatHex, idNumber } from './util.js';

export class Emitter {
    private readonly handlers = new Map<EventName, Set<Handler<never>>>();

    on<K extends EventName>(type: K, handler: Handler<K>): () => void {
        const set = this.handlers.get(type) ?? new Set();
        this.handlers.set(type, set.add(handler as Handler<never>));
        return () => set.delete(handler as Handler<never>);
    }

    has(type: EventName): boolean {
        return !!this.handlers.get(type)?.size;
    }

    /** A handler that throws does not keep the others from hearing. */
    emit<K extends EventName>(type: K, event: Events[K]): void {
        for (const handler of [...(this.handlers.get(type) ?? [])] as Handler<K>[]) {
            try {
                handler(event);
            } catch (error) {
                if (type !== 'error' && this.has('error')) {
                    this.emit('error', { error });
                } else {
                    console.error(error);
                }
            }
        }
    }
}

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
        const some = answer as Record<string, unknown> | undefined;
        this.learn(some?.chat_id);
        for (const list of [some?.chats, some?.notifications]) {
            if (Array.isArray(list)) {
                list.forEach((item: { chat_id?: unknown }) => this.learn(item?.chat_id));
            }
        }
    }

    hex(id: unknown): Id | null {
        const n = idNumber(id as string);
        return n ? (this.known.get(n) ?? chatHex(n)) : null;
    }
}

// What the server sends is believed; a frame without a member shows undefined for it, nothing worse.
type Any = Record<string, any>;

/** One frame of the dialect rooms as events. False: of no known type. */
export function roomsFrame(frame: Frame, emit: Emitter['emit'], ids: ChatIds): boolean {
    const f = frame as Any;
    const eventId = cursorOf(frame) ?? '';
    const chatId = f.chat_id as Id;
    const ext = (f._ext ?? {}) as { seq?: number; chat_id?: Id };
    ids.learn(ext.chat_id ?? chatId);
    const message = () => ({ seq: ext.seq, ...(f.data as object) }) as Message;
    const room = f.chat_room as ChatRoom;
    switch (frame.type) {
    case 'personal_message':
    case 'group_message':
        emit('message', { chatId: message().chat_id, message: message(), eventId });
        break;
    case 'message_edited':
        emit('message_edited', { chatId, message: { is_edited: true, ...message() }, eventId });
        break;
    case 'message_deleted':
        emit('message_deleted', { chatId, messageId: f.message_id, deletedBy: f.deleted_by, seq: ext.seq, eventId });
        break;
    case 'message_read':
        emit('message_read', { chatId, userId: f.user_id, seq: f.seq, eventId });
        break;
    case 'new_chat_room':
        ids.learn(room.chat_id);
        emit('chat', { chat: room, eventId });
        break;
    case 'chat_renamed':
        emit('chat_renamed', { chat: room, renamedBy: f.renamed_by, eventId });
        break;
    case 'chat_deleted':
        emit('chat_deleted', { chatId, eventId });
        break;
    case 'member_added': {
        const member = { user_id: f.user_id, username: f.username, name: f.name, role: f.role as Role };
        emit('member_added', { chatId, member, addedBy: f.added_by, eventId });
        break;
    }
    case 'member_removed':
        emit('member_removed', { chatId, userId: f.user_id, removedBy: f.removed_by, eventId });
        break;
    case 'member_role':
        emit('member_role', { chatId, userId: f.user_id, role: f.role, eventId });
        break;
    case 'typing':
        emit('typing', { chatId, userId: f.user_id, userName: f.user_name, isTyping: f.is_typing });
        break;
    case 'user_status':
        emit('user_status', { userId: f.user_id, username: f.username, online: f.status === 'online', lastSeen: f.last_seen });
        break;
    case 'upload_progress':
        emit('upload', { uploadId: f.upload_id, chatId, bytes: f.bytes, total: f.total, percent: f.percent, state: f.state });
        break;
    case 'notification': // these come over the other socket, in the form of the inbox
    case 'notification_read':
    case 'notification_read_all':
    case 'notification_deleted':
    case 'ok':
        break;
    default:
        return false;
    }
    return true;
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

export const gapOf = (frame: Frame, socket: SocketName): Events['gap'] => ({ reason: String(frame.reason), socket });
