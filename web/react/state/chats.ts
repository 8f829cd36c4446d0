// The list of chats: newest on top, with unread counts and the last message of each, kept up to date by events.
import { idNumber, RestError, type Chat, type ChatRoom, type Client, type Message } from '@confab/client';
import { Store, withEntry } from './base';

export type Phase = 'loading' | 'ready' | 'failed';

export interface ChatsState {
    phase: Phase;
    error: string | null;
    byId: ReadonlyMap<number, Chat>;
    /** Numbers of chats, last active first. */
    order: readonly number[];
    /** Up to which message "clear" was pressed, per chat: those wait no more for attention, but stay unread. */
    cleared: ReadonlyMap<number, number>;
}

const PAGE = 100;
/** Pages of chats that are loaded at most: what a person can have in view by scrolling, and then some. */
const PAGES = 10;
/** Until the server is asked again that had no time. */
const AGAIN_MS = 3000;

export class Chats extends Store<ChatsState> {
    /** The chat that the page shows: its messages count as read at once. */
    shown = 0;
    private loading: Promise<void> | null = null;
    private asked = new Set<number>();
    private again: ReturnType<typeof setTimeout> | undefined;

    constructor(private readonly client: Client, private readonly me: () => number) {
        super({ phase: 'loading', error: null, byId: new Map(), order: [], cleared: new Map() });
    }

    listen(): (() => void)[] {
        const { client } = this;
        return [
            client.on('gap', ({ socket }) => void (socket === 'rooms' && this.load())),
            // Without a socket there is at least what HTTP says.
            client.on('status', ({ status }) => void (status === 'waiting' && this.get().phase === 'loading' && this.load())),
            client.on('message', ({ message }) => this.onMessage(message)),
            client.on('sent', ({ message }) => this.onMessage(message)),
            client.on('message_edited', ({ message }) => this.change(message)),
            client.on('message_deleted', ({ chatId, messageId }) => this.onDeleted(chatId, messageId)),
            client.on('chat', ({ chat }) => this.onNew(chat)),
            client.on('chat_renamed', ({ chat }) => this.update(chat.chat_id, { chat_name: chat.chat_name })),
            client.on('chat_deleted', ({ chatId }) => this.forget(chatId)),
            client.on('member_added', ({ chatId }) => this.members(chatId, 1)),
            client.on('member_removed', ({ chatId, userId }) =>
                idNumber(userId) === this.me() ? this.forget(chatId) : this.members(chatId, -1)),
            client.on('member_role', ({ chatId, userId, role }) => {
                if (idNumber(userId) === this.me()) {
                    this.update(chatId, { role });
                }
            }),
            client.on('unread', ({ chatId, count }) => this.onUnread(chatId, count)),
            () => clearTimeout(this.again),
        ];
    }

    find(id: string | number | null | undefined): Chat | undefined {
        return this.get().byId.get(idNumber(id));
    }

    load(): Promise<void> {
        clearTimeout(this.again);
        this.loading ??= this.loadPages().finally(() => { this.loading = null; });
        return this.loading;
    }

    private async loadPages(): Promise<void> {
        try {
            const chats: Chat[] = [];
            let cursor: string | undefined;
            for (let page = 0; page < PAGES; page += 1) {
                const answer = await this.client.rest.chats({ limit: PAGE, cursor });
                chats.push(...answer.chats);
                if (!answer.next_cursor) {
                    break;
                }
                cursor = answer.next_cursor;
            }
            this.set((state) => {
                // What came by event while the pages were on their way is newer than they are.
                const fresh = chats.map((chat) => {
                    const known = state.byId.get(idNumber(chat.chat_id));
                    return known && known.last_seq > chat.last_seq ? known : chat;
                });
                return arrange({ ...state, phase: 'ready', error: null, byId: new Map(fresh.reverse().map((c) => [idNumber(c.chat_id), c])) });
            });
        } catch (error) {
            const temporary = error instanceof RestError && error.isTemporary;
            if (this.get().phase !== 'ready' || !temporary) {
                this.patch({ phase: 'failed', error: error instanceof RestError ? error.detail : String(error) });
            }
            if (temporary) {
                this.again = setTimeout(() => void this.load(), AGAIN_MS * (0.5 + Math.random()));
            }
        }
    }

    /** One chat that is not in the list, or has changed in ways that events do not tell. */
    async ensure(id: string | number): Promise<Chat | null> {
        const known = this.find(id);
        if (known) {
            return known;
        }
        try {
            const chat = await this.client.rest.chat(String(id));
            this.put(chat);
            return chat;
        } catch (error) {
            if (error instanceof RestError && (error.status === 404 || error.code === 'bad_id')) {
                return null;
            }
            throw error;
        }
    }

    put(chat: Chat): void {
        this.set((state) => arrange({ ...state, byId: withEntry(state.byId, idNumber(chat.chat_id), chat) }));
    }

    /** The same after something has happened in it. */
    private lift(chat: Chat): void {
        const id = idNumber(chat.chat_id);
        this.set((state) => arrange({ ...state, byId: withEntry(withEntry(state.byId, id, undefined), id, chat) }));
    }

    forget(id: string): void {
        this.set((state) => arrange({ ...state, byId: withEntry(state.byId, idNumber(id), undefined) }));
    }

    /** "Clear": nothing waits for attention until something new comes. */
    clear(): void {
        this.set((state) => ({ ...state, cleared: new Map([...state.byId].map(([id, chat]) => [id, chat.last_seq])) }));
    }

    private update(id: string, part: Partial<Chat>): void {
        const known = this.find(id);
        if (known) {
            this.put({ ...known, ...part });
        }
    }

    private members(id: string, more: number): void {
        const known = this.find(id);
        if (known) {
            this.put({ ...known, members_count: known.members_count + more });
        }
    }

    private onMessage(message: Message): void {
        const known = this.find(message.chat_id);
        if (!known) {
            this.fetch(message.chat_id);
            return;
        }
        if (message.seq <= known.last_seq) {
            return; // the list was loaded after it was sent
        }
        const id = idNumber(message.chat_id);
        const counts = idNumber(message.sender_id) !== this.me() && id !== this.shown;
        this.lift({
            ...known, last_message: message, last_seq: message.seq, last_updated: message.created_at,
            unread_count: known.unread_count + (counts ? 1 : 0),
        });
    }

    /** Another form of a message that may be the last one of its chat. */
    change(message: Message): void {
        const known = this.find(message.chat_id);
        if (known?.last_message?.message_id === message.message_id) {
            this.put({ ...known, last_message: { ...known.last_message, ...message } });
        }
    }

    private onDeleted(chatId: string, messageId: string): void {
        const last = this.find(chatId)?.last_message;
        if (last?.message_id === messageId) {
            this.change({ ...last, content: '', is_deleted: true, attachment: undefined });
        }
    }

    private onNew(room: ChatRoom): void {
        if (!this.find(room.chat_id)) {
            this.fetch(room.chat_id);
        }
    }

    private fetch(id: string): void {
        const n = idNumber(id);
        if (!this.asked.has(n)) {
            this.asked.add(n);
            this.ensure(id).catch(() => this.load()).finally(() => this.asked.delete(n));
        }
    }

    /** What the server answered to "read". */
    read(id: string, { read_seq, unread_count }: { read_seq: number; unread_count: number }): void {
        this.update(id, { read_seq, unread_count });
    }

    private onUnread(id: string, count: number): void {
        const known = this.find(id);
        if (known && known.unread_count !== count) {
            this.put({ ...known, unread_count: count, read_seq: count ? known.read_seq : known.last_seq });
        }
    }
}

const arrange = (state: ChatsState): ChatsState => {
    const when = (chat: Chat) => Date.parse(chat.last_updated);
    // Times are whole seconds: of two that are equal, what changed last comes first.
    const chats = [...state.byId].reverse().sort(([, x], [, y]) => when(y) - when(x));
    return { ...state, order: chats.map(([id]) => id) };
};

/** Chats that wait for attention. */
export const waiting = ({ byId, cleared }: ChatsState): number =>
    [...byId].filter(([id, chat]) => chat.unread_count > 0 && chat.last_seq > (cleared.get(id) ?? 0)).length;

export const unreadMessages = ({ byId }: ChatsState): number =>
    [...byId.values()].reduce((sum, chat) => sum + chat.unread_count, 0);
