// The objects of the HTTP API and of the frames as they are on the wire (snake_case, see etc/openapi.yaml), and the
// events of the library around them (camelCase).

/** An id as a text of 24 hex digits; compare with sameId(), the same thing may come in another form. */
export type Id = string;
/** RFC 3339 in UTC. */
export type Time = string;
export type Role = 'member' | 'admin' | 'owner';

export interface User {
    user_id: Id;
    username: string;
    name: string;
}
export interface Profile extends User {
    profile_url?: string;
}
export interface Me extends Profile {
    created_at: Time;
}
export interface Member extends User {
    role: Role;
    /** Everything up to it has been read; frames do not say it. */
    read_seq?: number;
}
export interface Presence {
    user_id: Id;
    online: boolean;
    last_seen: Time | null;
}
export interface Attachment {
    id: Id;
    name: string;
    mime_type: string;
    size: number;
    sha256: string;
    url: string;
    chat_id?: Id;
}
export interface Message {
    message_id: Id;
    chat_id: Id;
    /** Place in the chat, without holes. */
    seq: number;
    sender_id: Id;
    sender_name: string;
    content: string;
    message_type: string;
    created_at: Time;
    is_edited?: boolean;
    is_deleted?: boolean;
    attachment?: Attachment;
    version?: number;
    edited_at?: Time;
}
export interface ChatRoom {
    chat_id: Id;
    chat_name: string;
    last_updated: Time;
}
export interface Chat extends ChatRoom {
    kind: 'personal' | 'group';
    role: Role;
    members_count: number;
    unread_count: number;
    last_seq: number;
    read_seq: number;
    /** The other one of a personal chat. */
    peer?: User;
    last_message: Message | null;
    degraded?: boolean;
}
export interface StoredNotification {
    id: Id;
    type: string;
    title: string;
    message: string;
    link: string | null;
    is_read: boolean;
    created_at: Time;
    chat_id?: Id;
    message_id?: Id;
    sender_id?: Id;
}
export type Level = 'all' | 'mentions' | 'none';
export interface Preferences {
    preview?: 'full' | 'sender' | 'none';
    level?: Level;
    /** Kinds that are absent are on. */
    kinds?: Record<string, boolean>;
    chats?: Record<string, { level?: Level; muted_until?: Time | null }>;
    do_not_disturb?: { from: string; to: string; utc_offset_minutes?: number } | null;
}
export type Visibility = 'link' | 'public' | 'host';
export interface SessionPerson extends User {
    role: 'host' | 'staff';
}
export interface EventSession {
    session_id: string;
    title: string;
    visibility: Visibility;
    open_registration: boolean;
    role: 'host' | 'staff' | 'none';
    attendees_count: number;
    checked_in_count: number;
    has_scanner_key: boolean;
    dashboard_path: string;
    created_at: Time;
    updated_at: Time;
    people?: SessionPerson[];
}
export interface Attendee extends User {
    code: string | null;
    checked_in_at: Time | null;
}
export interface Checkin {
    checkin_time: Time;
    message: string;
    profile_url: string | null;
    session_id: string;
    success: boolean;
    /** The nil UUID is nobody, or somebody who is not shown. */
    user_id: string;
    user_name: string;
}
export interface Tokens {
    access_token: string;
    token_type: 'Bearer';
    expires_in: number;
    refresh_token: string;
    refresh_expires_in: number;
    user: Me;
}

/** What the library needs of localStorage; a Map-like stand-in will do. Methods may throw (blocked, full). */
export type KeyValue = Pick<Storage, 'getItem' | 'setItem' | 'removeItem' | 'key' | 'length'>;

export interface TokenProvider {
    /** The present access token; may be one that has expired. */
    get(): Promise<string>;
    /** A new one. Rejects with a RestError of status 401 when the user has to sign in again. */
    refresh(): Promise<string>;
    /** When the present one expires, in ms of Date.now(); without it the token itself is asked. */
    expiresAt?(): number;
    /** Who has signed in, to put a name to one's own messages. */
    user?(): User | null;
}

export type Status = 'offline' | 'connecting' | 'catching_up' | 'live' | 'waiting' | 'signed_out';
export type SocketName = 'rooms' | 'inbox';
export type Asked = 'typing' | 'status' | 'read' | 'upload' | 'group';

/** Times in ms. */
export interface Limits {
    /** The first wait before connecting again is random below this, each further one below twice as much... */
    backoffBase: number;
    /** ...but never longer. */
    backoffMax: number;
    /** Longest time until the WebSocket is open. */
    connectWithin: number;
    /** Silence after which the server is asked whether it is there. */
    pingAfter: number;
    /** Time it has to answer. */
    pongWithin: number;
    /** Time for the answer to a message before the connection is taken for dead. */
    answerWithin: number;
    /** The same typing signal is sent at most this often. */
    typingEvery: number;
    /** How often the chat in focus is repeated. */
    focusEvery: number;
    /** Messages that may wait in the outbox. */
    outboxMax: number;
    /** Events kept for other tabs that have missed some. */
    ringMax: number;
}

export interface Draft {
    /** Where to: a chat, or (the personal chat with) a user. */
    chatId?: Id;
    userId?: Id;
    content: string;
    messageType?: string;
    attachmentId?: Id;
    /** Quotes this message in front of the content; unquote() takes it apart again. */
    replyTo?: Pick<Message, 'sender_name' | 'content'>;
}
export interface Pending extends Omit<Draft, 'replyTo'> {
    clientMsgId: string;
    /** When it was typed, by this machine's clock. */
    at: number;
    state: 'queued' | 'sending' | 'failed';
    error?: { code: string; detail: string };
}
export interface Sending {
    clientMsgId: string;
    /** Settles when the message is stored for good, or is refused. */
    done: Promise<Message>;
}

/** A frame of the notification socket; `type` is "new_message" or the kind that administration gave. */
export interface InboxFrame {
    type: string;
    message: string;
    timestamp: Time;
    /** of new_message */
    sender_id?: number;
    sender_name?: string;
    content_preview?: string;
    message_type?: string;
    /** of other kinds */
    title?: string;
    link?: string | null;
}

export interface Events {
    /** A message of somebody else's, or one's own from another place; also one's own when its answer was lost. */
    message: { chatId: Id; message: Message; eventId: string };
    message_edited: { chatId: Id; message: Message; eventId: string };
    message_deleted: { chatId: Id; messageId: Id; deletedBy: Id; seq?: number; eventId: string };
    /** Somebody has read everything up to seq. */
    message_read: { chatId: Id; userId: Id; seq: number; eventId: string };
    /** A chat is new to this user. */
    chat: { chat: ChatRoom; eventId: string };
    chat_renamed: { chat: ChatRoom; renamedBy: Id; eventId: string };
    chat_deleted: { chatId: Id; eventId: string };
    member_added: { chatId: Id; member: Member; addedBy: Id; eventId: string };
    member_removed: { chatId: Id; userId: Id; removedBy: Id; eventId: string };
    member_role: { chatId: Id; userId: Id; role: Role; eventId: string };
    typing: { chatId: Id; userId: Id; userName: string; isTyping: boolean };
    user_status: { userId: Id; username: string; online: boolean; lastSeen: Time | null };
    upload: { uploadId: Id; chatId: Id; bytes: number; total: number; percent: number; state: 'running' | 'done' | 'failed' };
    /** Something to be noticed. isMine: this tab shall show it and make the sound, of all tabs. */
    notification: InboxFrame & { chatId: Id | null; eventId: string; isMine: boolean };
    /** How much of a chat is unread now: it was read here or elsewhere. */
    unread: { chatId: Id; count: number };
    /** How many notifications are unread now: some were read or deleted here or elsewhere. */
    notifications: { unread: number };
    /**
     * What was missed cannot be told event by event: load everything anew. Events go on from here. "start": the first
     * connection, before which nothing is known.
     */
    gap: { reason: 'start' | 'trimmed' | 'future' | 'other_log' | 'too_much' | 'malformed' | string; socket: SocketName };
    /** A message of this browser's is stored; in every tab, and the only event of it in most cases. */
    sent: { clientMsgId: string; message: Message };
    send_failed: { clientMsgId: string; error: { code: string; detail: string } };
    /** The outbox has changed: so many messages are not stored yet, refused ones among them. */
    outbox: { waiting: number };
    status: { status: Status; retryAt: number | null };
    /** Both sockets, for test pages. */
    sockets: Record<SocketName, Status>;
    frame: { socket: SocketName; direction: 'in' | 'out'; text: string; at: number };
    leader: { isLeader: boolean };
    /** A frame with a type that this version does not know. */
    unknown: { socket: SocketName; frame: Frame };
}
export type EventName = keyof Events;
export type Handler<K extends EventName> = (event: Events[K]) => void;

export type Frame = { type?: string; [key: string]: unknown };
