// The inbox of notifications that the server keeps, page by page, and how many of them are unread.
import { RestError, type Client, type StoredNotification } from '@confab/client';
import type { Phase } from './chats';
import { Store } from './base';

export interface InboxState {
    phase: Phase;
    error: string | null;
    items: readonly StoredNotification[];
    unread: number;
    next: string | null;
    onlyUnread: boolean;
}

const PAGE = 30;

export class Inbox extends Store<InboxState> {
    private turn = 0;

    constructor(private readonly client: Client) {
        super({ phase: 'loading', error: null, items: [], unread: 0, next: null, onlyUnread: false });
    }

    listen(): (() => void)[] {
        const { client } = this;
        return [
            client.on('gap', ({ socket }) => void (socket === 'inbox' && this.load())),
            client.on('status', ({ status }) => void (status === 'waiting' && this.get().phase === 'loading' && this.load())),
            client.on('notification', () => {
                this.set((s) => ({ ...s, unread: s.unread + 1 }));
                void this.load();
            }),
            client.on('notifications', ({ unread }) => {
                this.patch({ unread });
                void this.load();
            }),
        ];
    }

    async load(onlyUnread = this.get().onlyUnread): Promise<void> {
        this.turn += 1;
        const { turn } = this;
        try {
            const page = await this.client.rest.notifications({ limit: PAGE, unread: onlyUnread ? 1 : 0 });
            if (turn === this.turn) { // else a later one is on its way
                this.set({ phase: 'ready', error: null, items: page.notifications, unread: page.unread_count, next: page.next, onlyUnread });
            }
        } catch (error) {
            if (turn === this.turn && this.get().phase !== 'ready') {
                this.patch({ phase: 'failed', error: error instanceof RestError ? error.detail : String(error), onlyUnread });
            }
        }
    }

    async more(): Promise<void> {
        const { next, onlyUnread } = this.get();
        if (next) {
            const page = await this.client.rest.notifications({ before: next, limit: PAGE, unread: onlyUnread ? 1 : 0 });
            this.set((s) => ({ ...s, items: [...s.items, ...page.notifications], unread: page.unread_count, next: page.next }));
        }
    }

    async read(id: string): Promise<void> {
        const { unread_count: unread } = await this.client.rest.readNotification(id);
        this.set((s) => ({ ...s, unread, items: s.items.map((n) => (n.id === id ? { ...n, is_read: true } : n)) }));
    }

    async readAll(): Promise<void> {
        const { unread_count: unread } = await this.client.rest.readAll();
        this.set((s) => ({ ...s, unread, items: s.items.map((n) => ({ ...n, is_read: true })) }));
    }

    async remove(id: string): Promise<void> {
        await this.client.rest.deleteNotification(id);
        this.set((s) => ({ ...s, items: s.items.filter((n) => n.id !== id) }));
    }
}
