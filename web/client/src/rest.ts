// The HTTP API as methods: what goes wrong is a RestError with the server's own code.
import type {
    Attachment, Attendee, Chat, ChatRoom, Checkin, EventSession, Id, Me, Member, Message, Preferences, Presence, Profile, Role,
    SessionPerson, StoredNotification, User, Visibility,
} from './types.js';
import type { Keeper } from './tokens.js';

export interface Problem {
    status: number;
    code: string;
    detail: string;
    field?: string;
    request_id?: string;
    /** Seconds, from Retry-After. */
    retryAfter?: number;
}

/** status 0: the server could not be reached (code "network"), or the request was given up (code "aborted"). */
export class RestError extends Error implements Problem {
    readonly status: number;
    readonly code: string;
    readonly detail: string;
    readonly field?: string;
    readonly requestId?: string;
    readonly retryAfter?: number;
    constructor(problem: Problem) {
        super(`${problem.code}: ${problem.detail}`);
        this.name = 'RestError';
        this.status = problem.status;
        this.code = problem.code;
        this.detail = problem.detail;
        this.field = problem.field;
        this.requestId = problem.request_id;
        this.retryAfter = problem.retryAfter;
    }
    /** Whether the same request may go well later. */
    get isTemporary(): boolean {
        return !this.status || this.status === 429 || this.status >= 500;
    }
}

export type Fetch = typeof fetch;
export interface CallOptions {
    query?: Record<string, string | number | undefined>;
    body?: unknown;
    headers?: Record<string, string>;
    signal?: AbortSignal;
    /** Idempotency-Key. */
    key?: string;
}
export interface Page {
    limit?: number;
    cursor?: string;
}

async function failure(response: Response): Promise<RestError> {
    let problem: Partial<Problem> = {};
    try {
        problem = (await response.json()) as Partial<Problem>;
    } catch {
        // an answer of something between us and the server
    }
    return new RestError({
        code: 'http_' + response.status, detail: response.statusText, ...problem, status: response.status,
        retryAfter: Number(response.headers.get('retry-after')) || undefined,
    });
}

/** One request; JSON of the answer, undefined when there is none. */
export async function request<T>(
    fetcher: Fetch, base: string, token: string | null, method: string, path: string, options: CallOptions = {},
): Promise<T> {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(options.query ?? {})) {
        if (value !== undefined) {
            query.set(name, String(value));
        }
    }
    const headers: Record<string, string> = { ...options.headers };
    if (token) {
        headers.authorization = 'Bearer ' + token;
    }
    if (options.key) {
        headers['idempotency-key'] = options.key;
    }
    let body = options.body as BodyInit | undefined;
    if (body !== undefined && !(body instanceof Blob) && !(body instanceof Uint8Array)) {
        headers['content-type'] = 'application/json';
        body = JSON.stringify(body);
    }
    let response: Response;
    try {
        const search = query.toString();
        response = await fetcher(base + path + (search && '?' + search), { method, headers, body, signal: options.signal });
    } catch (error) {
        const aborted = options.signal?.aborted;
        throw new RestError({ status: 0, code: aborted ? 'aborted' : 'network', detail: String((error as Error)?.message ?? error) });
    }
    if (!response.ok) {
        throw await failure(response);
    }
    try {
        return (response.status === 204 ? undefined : await response.json()) as T;
    } catch (error) {
        throw new RestError({ status: 0, code: 'network', detail: String(error) });
    }
}

const at = encodeURIComponent;

export class RestClient {
    constructor(
        readonly base: string,
        private readonly fetcher: Fetch,
        private readonly keeper: Keeper,
        /** Is shown every answer; the client learns ids from them. */
        private readonly seen: (answer: unknown) => void = () => {},
    ) {}

    /** Any path of the API. A token that has expired is exchanged and the request made again, once. */
    async call<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
        const token = await this.keeper.get();
        try {
            return this.show(await request<T>(this.fetcher, this.base, token, method, path, options));
        } catch (error) {
            if (!(error instanceof RestError) || error.status !== 401) {
                throw error;
            }
            return this.show(await request<T>(this.fetcher, this.base, await this.keeper.get(token), method, path, options));
        }
    }

    private show<T>(answer: T): T {
        this.seen(answer);
        return answer;
    }

    me = () => this.call<Me>('GET', '/api/me');
    saveMe = (change: { name?: string; profile_url?: string | null }) => this.call<Me>('PATCH', '/api/me', { body: change });
    findUsers = (q: string, limit?: number) =>
        this.call<{ users: User[]; has_more: boolean }>('GET', '/api/users', { query: { q, limit } });
    user = (user: Id) => this.call<Profile>('GET', `/api/users/${at(user)}`);
    presence = (users: Id[]) => this.call<{ users: Presence[] }>('GET', '/api/presence', { query: { user_ids: users.join() } });

    chats = (page: Page = {}) =>
        this.call<{ chats: Chat[]; next_cursor: string | null; event_id: string; degraded?: boolean }>('GET', '/api/chats', { query: { ...page } });
    chat = (chat: Id) => this.call<Chat>('GET', `/api/chats/${at(chat)}`);
    createPersonal = (user: Id) => this.call<ChatRoom>('POST', '/api/chat/create/personal', { body: { user_id: user } });
    createGroup = (name: string, participants: Id[], key?: string) =>
        this.call<ChatRoom>('POST', '/api/chat/create/group', { body: { chat_name: name, participants }, key });
    rename = (chat: Id, name: string) => this.call<Chat>('PATCH', `/api/chats/${at(chat)}`, { body: { chat_name: name } });
    leave = (chat: Id) => this.call<void>('DELETE', `/api/chats/${at(chat)}`, { query: { leave: 1 } });
    /** Owners: for everybody. */
    endChat = (chat: Id) => this.call<void>('DELETE', `/api/chats/${at(chat)}`);

    members = (chat: Id, page: Page = {}) =>
        this.call<{ members: Member[]; next_cursor: string | null }>('GET', `/api/chats/${at(chat)}/members`, { query: { ...page } });
    addMember = (chat: Id, user: Id, role: Role = 'member') => this.addMembers(chat, [user], role);
    addMembers = (chat: Id, participants: Id[], role: Role = 'member') =>
        this.call<{ members: Member[] }>('POST', `/api/chats/${at(chat)}/members`, { body: { participants, role } });
    removeMember = (chat: Id, user: Id) => this.call<void>('DELETE', `/api/chats/${at(chat)}/members/${at(user)}`);
    setRole = (chat: Id, user: Id, role: Role) =>
        this.call<Member>('PATCH', `/api/chats/${at(chat)}/members/${at(user)}`, { body: { role } });

    messages = (chat: Id, page: { before?: number; after?: number; around?: number; limit?: number } = {}) =>
        this.call<{ messages: Message[]; has_more: boolean; first_seq: number; last_seq: number; event_id: string }>(
            'GET', `/api/chats/${at(chat)}/messages`, { query: { ...page } });
    message = (chat: Id, message: Id) => this.call<Message>('GET', `/api/chats/${at(chat)}/messages/${at(message)}`);
    sendMessage = (chat: Id, body: { content?: string; message_type?: string; attachment_id?: Id; client_msg_id: string }) =>
        this.call<Message>('POST', `/api/chats/${at(chat)}/messages`, { body });
    edit = (chat: Id, message: Id, content: string) =>
        this.call<Message>('PATCH', `/api/chats/${at(chat)}/messages/${at(message)}`, { body: { content } });
    remove = (chat: Id, message: Id) => this.call<Message>('DELETE', `/api/chats/${at(chat)}/messages/${at(message)}`);
    read = (chat: Id, seq?: number) =>
        this.call<{ chat_id: Id; read_seq: number; unread_count: number }>('POST', `/api/chats/${at(chat)}/read`, { body: { seq } });

    attachmentUrl = (attachment: Id) => `${this.base}/api/attachments/${at(attachment)}`;
    deleteAttachment = (attachment: Id) => this.call<void>('DELETE', `/api/attachments/${at(attachment)}`);
    /**
     * Uploads in pieces and goes on after an interruption; then send() a message with attachmentId. onProgress is told
     * the bytes that the server has.
     */
    async upload(
        chat: Id, file: Blob & { name?: string },
        options: { name?: string; onProgress?: (bytes: number, total: number) => void; signal?: AbortSignal; piece?: number; attempts?: number } = {},
    ): Promise<Attachment> {
        const { onProgress, signal, piece = 1 << 20, attempts = 8 } = options;
        type State = { upload_id: Id; offset: number; attachment?: Attachment };
        let state = await this.call<State>('POST', `/api/chats/${at(chat)}/uploads`, {
            body: { name: options.name ?? file.name ?? 'file', size: file.size, mime_type: file.type || undefined }, signal,
        });
        const path = `/api/uploads/${at(state.upload_id)}`;
        for (let failed = 0; ; ) {
            onProgress?.(state.offset, file.size);
            try {
                const answer = await this.call<State | Attachment>('PATCH', path, {
                    body: file.slice(state.offset, state.offset + piece), signal,
                    headers: { 'upload-offset': String(state.offset), 'content-type': 'application/octet-stream' },
                });
                failed = 0;
                if (!('upload_id' in answer)) {
                    onProgress?.(file.size, file.size);
                    return answer;
                }
                state = answer;
            } catch (error) {
                const offset = error instanceof RestError && error.code === 'upload_offset';
                failed += 1;
                if (!(error instanceof RestError) || !(error.isTemporary || offset) || signal?.aborted || failed >= attempts) {
                    throw error;
                }
                await new Promise((resolve) => setTimeout(resolve, offset ? 0 : Math.random() * 500 * 2 ** failed));
                state = await this.call<State>('GET', path, { signal }).catch((again: RestError) => {
                    if (!again.isTemporary) {
                        throw again;
                    }
                    return state;
                });
                if (state.attachment) {
                    return state.attachment;
                }
            }
        }
    }

    notifications = (page: { before?: string; limit?: number; unread?: 0 | 1 } = {}) =>
        this.call<{ notifications: StoredNotification[]; unread_count: number; next: string | null }>(
            'GET', '/api/notifications', { query: { ...page } });
    readNotification = (id: Id) => this.call<{ unread_count: number }>('POST', `/api/notifications/${at(id)}/read`);
    readAll = () => this.call<{ unread_count: number }>('POST', '/api/notifications/read-all');
    deleteNotification = (id: Id) => this.call<void>('DELETE', `/api/notifications/${at(id)}`);
    preferences = () => this.call<Required<Preferences>>('GET', '/api/me/notification-preferences');
    savePreferences = (all: Preferences) => this.call<Required<Preferences>>('PUT', '/api/me/notification-preferences', { body: all });

    sessions = (page: Page = {}) =>
        this.call<{ sessions: EventSession[]; next_cursor: string | null }>('GET', '/api/sessions', { query: { ...page } });
    session = (session: string) => this.call<EventSession>('GET', `/api/sessions/${at(session)}`);
    createSession = (body: { title: string; visibility?: Visibility; open_registration?: boolean }, key?: string) =>
        this.call<EventSession>('POST', '/api/sessions', { body, key });
    saveSession = (session: string, body: { title?: string; visibility?: Visibility; open_registration?: boolean }) =>
        this.call<EventSession>('PATCH', `/api/sessions/${at(session)}`, { body });
    endSession = (session: string) => this.call<void>('DELETE', `/api/sessions/${at(session)}`);
    setSessionRole = (session: string, user: Id, role: 'host' | 'staff') =>
        this.call<SessionPerson>('PUT', `/api/sessions/${at(session)}/roles/${at(user)}`, { body: { role } });
    attendees = (session: string, page: Page = {}) =>
        this.call<{ attendees: Attendee[]; next_cursor: string | null }>('GET', `/api/sessions/${at(session)}/attendees`, { query: { ...page } });
    addAttendees = (session: string, users: Id[]) =>
        this.call<{ attendees: Attendee[] }>('POST', `/api/sessions/${at(session)}/attendees`, { body: { user_ids: users } });
    checkins = (session: string, page: Page = {}) =>
        this.call<{ checkins: Checkin[]; next_cursor: string | null }>('GET', `/api/sessions/${at(session)}/checkins`, { query: { ...page } });
    checkIn = (session: string, who: { code: string } | { user_id: Id } | { username: string }, key?: string) =>
        this.call<Checkin>('POST', `/api/sessions/${at(session)}/checkins`, { body: who, key });
}
