// The HTTP API as methods: what goes wrong is a RestError with the server's own code.
import type {
    Attachment, Attendee, Chat, ChatRoom, Checkin, EventSession, Id, KeyValue, Me, Member, Message, Preferences, Presence, Profile, Role,
    SessionPerson, StoredNotification, User, Visibility,
} from './types.js';
import type { Keeper } from './tokens.js';
import { Store, localStore } from './util.js';

export interface Problem {
    status: number;
    code: string;
    detail: string;
    field?: string;
    request_id?: string;
    /** Seconds, from Retry-After. */
    retryAfter?: number;
}

/** status 0: no answer has come (code "network" or "timeout"), or it was not waited for ("aborted"). */
export class RestError extends Error implements Problem {
    declare readonly status: number;
    declare readonly code: string;
    declare readonly detail: string;
    declare readonly field?: string;
    declare readonly requestId?: string;
    declare readonly retryAfter?: number;
    constructor(problem: Problem) {
        super(`${problem.code}: ${problem.detail}`);
        Object.assign(this, problem, { name: 'RestError', requestId: problem.request_id });
    }
    /** Whether the same request may go well later. */
    get isTemporary(): boolean {
        return !this.status || this.status === 429 || this.status >= 500;
    }
}

export type Fetch = typeof fetch;
export interface Surroundings {
    url?: string;
    storage?: KeyValue | null;
    fetch?: Fetch;
}
/** What was given, or what the page has: base of the API, storage, fetch. */
export const surroundings = ({ url = globalThis.location?.origin, storage = localStore(), fetch: fetcher }: Surroundings) =>
    [String(url).replace(/\/$/, ''), new Store(storage), fetcher ?? ((...args) => fetch(...args))] as [string, Store, Fetch];

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

const TIMEOUT = 60000; // of a request without a signal of its caller's

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
    try {
        const search = query.toString();
        const signal = options.signal ?? AbortSignal.timeout(TIMEOUT);
        const response = await fetcher(base + path + (search && '?' + search), { method, headers, body, signal });
        if (!response.ok) {
            throw await failure(response);
        }
        return (response.status === 204 ? undefined : await response.json()) as T;
    } catch (error) {
        if (error instanceof RestError) {
            throw error;
        }
        const code = options.signal?.aborted ? 'aborted' : (error as Error).name === 'TimeoutError' ? 'timeout' : 'network';
        throw new RestError({ status: 0, code, detail: String(error) });
    }
}

/** A path of the API, with what stands for something in it encoded. */
const api = (texts: TemplateStringsArray, ...values: string[]) =>
    '/api/' + texts.reduce((path, text, i) => path + encodeURIComponent(values[i - 1]!) + text);

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
            if ((error as RestError).status !== 401) {
                throw error;
            }
            return this.show(await request<T>(this.fetcher, this.base, await this.keeper.get(token), method, path, options));
        }
    }

    private show<T>(answer: T): T {
        this.seen(answer);
        return answer;
    }

    private reads<T>(path: string, query?: object): Promise<T> {
        return this.call<T>('GET', path, { query: query as CallOptions['query'] });
    }

    private writes<T>(method: string, path: string, body?: unknown, key?: string): Promise<T> {
        return this.call<T>(method, path, { body, key });
    }

    private deletes<T = void>(path: string, query?: CallOptions['query']): Promise<T> {
        return this.call<T>('DELETE', path, { query });
    }

    me = () => this.reads<Me>(api`me`);
    saveMe = (change: { name?: string; profile_url?: string | null }) => this.writes<Me>('PATCH', api`me`, change);
    findUsers = (q: string, limit?: number) =>
        this.reads<{ users: User[]; has_more: boolean }>(api`users`, { q, limit });
    user = (user: Id) => this.reads<Profile>(api`users/${user}`);
    presence = (users: Id[]) => this.reads<{ users: Presence[] }>(api`presence`, { user_ids: users.join() });

    chats = (page: Page = {}) =>
        this.reads<{ chats: Chat[]; next_cursor: string | null; event_id: string; degraded?: boolean }>(api`chats`, page);
    chat = (chat: Id) => this.reads<Chat>(api`chats/${chat}`);
    createPersonal = (user: Id) => this.writes<ChatRoom>('POST', api`chat/create/personal`, { user_id: user });
    createGroup = (name: string, participants: Id[], key?: string) =>
        this.writes<ChatRoom>('POST', api`chat/create/group`, { chat_name: name, participants }, key);
    rename = (chat: Id, name: string) => this.writes<Chat>('PATCH', api`chats/${chat}`, { chat_name: name });
    leave = (chat: Id) => this.deletes(api`chats/${chat}`, { leave: 1 });
    /** Owners: for everybody. */
    endChat = (chat: Id) => this.deletes(api`chats/${chat}`);

    members = (chat: Id, page: Page = {}) =>
        this.reads<{ members: Member[]; next_cursor: string | null }>(api`chats/${chat}/members`, page);
    addMember = (chat: Id, user: Id, role: Role = 'member') => this.addMembers(chat, [user], role);
    addMembers = (chat: Id, participants: Id[], role: Role = 'member') =>
        this.writes<{ members: Member[] }>('POST', api`chats/${chat}/members`, { participants, role });
    removeMember = (chat: Id, user: Id) => this.deletes(api`chats/${chat}/members/${user}`);
    setRole = (chat: Id, user: Id, role: Role) =>
        this.writes<Member>('PATCH', api`chats/${chat}/members/${user}`, { role });

    messages = (chat: Id, page: { before?: number; after?: number; around?: number; limit?: number } = {}) =>
        this.reads<{ messages: Message[]; has_more: boolean; first_seq: number; last_seq: number; event_id: string }>(api`chats/${chat}/messages`, page);
    message = (chat: Id, message: Id) => this.reads<Message>(api`chats/${chat}/messages/${message}`);
    sendMessage = (chat: Id, body: { content?: string; message_type?: string; attachment_id?: Id; client_msg_id: string }) =>
        this.writes<Message>('POST', api`chats/${chat}/messages`, body);
    edit = (chat: Id, message: Id, content: string) =>
        this.writes<Message>('PATCH', api`chats/${chat}/messages/${message}`, { content });
    remove = (chat: Id, message: Id) => this.deletes<Message>(api`chats/${chat}/messages/${message}`);
    read = (chat: Id, seq?: number) =>
        this.writes<{ chat_id: Id; read_seq: number; unread_count: number }>('POST', api`chats/${chat}/read`, { seq });

    attachmentUrl = (attachment: Id) => `${this.base}/api/attachments/${attachment}`;
    deleteAttachment = (attachment: Id) => this.deletes(api`attachments/${attachment}`);
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
        let state = await this.call<State>('POST', api`chats/${chat}/uploads`, {
            body: { name: options.name ?? file.name ?? 'file', size: file.size, mime_type: file.type || undefined }, signal,
        });
        const path = api`uploads/${state.upload_id}`;
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
                const { code, isTemporary } = error as RestError;
                failed += 1;
                if (!(isTemporary || code === 'upload_offset') || signal?.aborted || failed >= attempts) {
                    throw error;
                }
                await new Promise((resolve) => setTimeout(resolve, isTemporary ? Math.random() * 500 * 2 ** failed : 0));
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
        this.reads<{ notifications: StoredNotification[]; unread_count: number; next: string | null }>(api`notifications`, page);
    readNotification = (id: Id) => this.writes<{ unread_count: number }>('POST', api`notifications/${id}/read`);
    readAll = () => this.writes<{ unread_count: number }>('POST', api`notifications/read-all`);
    deleteNotification = (id: Id) => this.deletes(api`notifications/${id}`);
    preferences = () => this.reads<Required<Preferences>>(api`me/notification-preferences`);
    savePreferences = (all: Preferences) => this.writes<Required<Preferences>>('PUT', api`me/notification-preferences`, all);

    sessions = (page: Page = {}) =>
        this.reads<{ sessions: EventSession[]; next_cursor: string | null }>(api`sessions`, page);
    session = (session: string) => this.reads<EventSession>(api`sessions/${session}`);
    createSession = (body: { title: string; visibility?: Visibility; open_registration?: boolean }, key?: string) =>
        this.writes<EventSession>('POST', api`sessions`, body, key);
    saveSession = (session: string, body: { title?: string; visibility?: Visibility; open_registration?: boolean }) =>
        this.writes<EventSession>('PATCH', api`sessions/${session}`, body);
    endSession = (session: string) => this.deletes(api`sessions/${session}`);
    setSessionRole = (session: string, user: Id, role: 'host' | 'staff') =>
        this.writes<SessionPerson>('PUT', api`sessions/${session}/roles/${user}`, { role });
    attendees = (session: string, page: Page = {}) =>
        this.reads<{ attendees: Attendee[]; next_cursor: string | null }>(api`sessions/${session}/attendees`, page);
    addAttendees = (session: string, users: Id[]) =>
        this.writes<{ attendees: Attendee[] }>('POST', api`sessions/${session}/attendees`, { user_ids: users });
    checkins = (session: string, page: Page = {}) =>
        this.reads<{ checkins: Checkin[]; next_cursor: string | null }>(api`sessions/${session}/checkins`, page);
    checkIn = (session: string, who: { code: string } | { user_id: Id } | { username: string }, key?: string) =>
        this.writes<Checkin>('POST', api`sessions/${session}/checkins`, who, key);
}
