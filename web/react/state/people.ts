// Who types, who is there, and who has read how far.
import { idNumber, type Client } from '@confab/client';
import { Store, withEntry } from './base';

export interface Typist {
    userId: number;
    name: string;
}
export interface PresenceView {
    online: boolean;
    lastSeen: string | null;
}
export interface PeopleState {
    typing: ReadonlyMap<number, readonly Typist[]>;
    presence: ReadonlyMap<number, PresenceView>;
    /** chat -> user -> seq up to which everything is read */
    reads: ReadonlyMap<number, ReadonlyMap<number, number>>;
}

/** The server ends typing by itself; this is for the case that the connection is lost before. */
const TYPING_MS = 8000;
const ASK_AT_ONCE = 100;

export class People extends Store<PeopleState> {
    private readonly timers = new Map<string, ReturnType<typeof setTimeout>>();
    private readonly watched = new Set<string>();
    private wanted = new Set<string>();
    private ask: ReturnType<typeof setTimeout> | null = null;

    constructor(private readonly client: Client, private readonly me: () => number) {
        super({ typing: new Map(), presence: new Map(), reads: new Map() });
    }

    listen(): (() => void)[] {
        const { client } = this;
        return [
            client.on('typing', (event) => this.onTyping(event)),
            client.on('message', ({ message }) => this.stopped(idNumber(message.chat_id), idNumber(message.sender_id))),
            client.on('user_status', ({ userId, online, lastSeen }) =>
                this.set((s) => ({ ...s, presence: withEntry(s.presence, idNumber(userId), { online, lastSeen }) }))),
            client.on('message_read', ({ chatId, userId, seq }) => this.onRead(idNumber(chatId), idNumber(userId), seq)),
            // Comings and goings are not replayed.
            client.on('status', ({ status }) => void (status === 'live' && this.again())),
            () => {
                this.timers.forEach((timer) => clearTimeout(timer));
                clearTimeout(this.ask ?? undefined);
            },
        ];
    }

    /** Somebody is on the screen: ask once, events tell the rest. */
    watch(ids: readonly string[]): void {
        for (const id of ids) {
            if (!this.watched.has(id)) {
                this.watched.add(id);
                this.wanted.add(id);
            }
        }
        if (this.wanted.size && !this.ask) {
            this.ask = setTimeout(() => void this.load(), 50);
        }
    }

    onRead(chat: number, user: number, seq: number): void {
        if (user === this.me()) {
            return; // one's own place is in the list of chats
        }
        this.set((s) => {
            const known = s.reads.get(chat) ?? new Map<number, number>();
            return (known.get(user) ?? 0) >= seq ? s : { ...s, reads: withEntry(s.reads, chat, withEntry(known, user, seq)) };
        });
    }

    private again(): void {
        this.wanted = new Set(this.watched);
        this.watch([]);
    }

    private async load(): Promise<void> {
        this.ask = null;
        const ids = [...this.wanted].slice(0, ASK_AT_ONCE);
        ids.forEach((id) => this.wanted.delete(id));
        try {
            const { users } = await this.client.rest.presence(ids);
            this.set((s) => {
                const presence = new Map(s.presence);
                users.forEach((u) => presence.set(idNumber(u.user_id), { online: u.online, lastSeen: u.last_seen }));
                return { ...s, presence };
            });
        } catch {
            ids.forEach((id) => this.watched.delete(id)); // whoever shows them asks again
        }
        this.watch([]);
    }

    private onTyping({ chatId, userId, userName, isTyping }: { chatId: string; userId: string; userName: string; isTyping: boolean }): void {
        const chat = idNumber(chatId);
        const user = idNumber(userId);
        this.stopped(chat, user);
        if (isTyping && user !== this.me()) {
            this.set((s) => ({ ...s, typing: withEntry(s.typing, chat, [...(s.typing.get(chat) ?? []), { userId: user, name: userName }]) }));
            this.timers.set(`${chat} ${user}`, setTimeout(() => this.stopped(chat, user), TYPING_MS));
        }
    }

    private stopped(chat: number, user: number): void {
        const key = `${chat} ${user}`;
        clearTimeout(this.timers.get(key));
        this.timers.delete(key);
        this.set((s) => {
            const left = s.typing.get(chat)?.filter((t) => t.userId !== user);
            return left && left.length !== s.typing.get(chat)!.length
                ? { ...s, typing: withEntry(s.typing, chat, left.length ? left : undefined) } : s;
        });
    }
}
