// The root connection of a Vue application: one client for one signed-in user, and the notifications that came.
//
//     const confab = createConfab({ tokens, user });
//     createApp(App).use(confab).mount('#app');
//
// It connects at once, reconnects and resumes by itself, and ends with the application.
import { inject, shallowReadonly, shallowRef, type App, type InjectionKey, type Ref } from 'vue';
import { createClient, idNumber, type Client, type Events, type Status, type TokenProvider, type User } from '@confab/client';
import { createModel, type Model } from '../react/state/model';

/** As the notification socket sends it; other kinds have title, message and link. */
export interface ChatNotification {
    type: string;
    message: string;
    chat_id: number | null;
    sender_id: number;
    sender_name: string;
    content_preview: string;
    message_type: string;
    timestamp: string;
    title?: string;
    link?: string | null;
    /** For lists: different for each. */
    key: string;
    /** Of all tabs this one shall make it seen and heard. */
    isMine: boolean;
}
export type NewMessageHandler = (notification: ChatNotification) => void;

export interface ConfabOptions {
    tokens: TokenProvider;
    user: User;
    /** Where the API is, when not where the page is. */
    url?: string;
    fetch?: typeof fetch;
}

/** Notifications kept for the lists. */
const KEPT = 100;
const KEY: InjectionKey<Confab> = Symbol('confab');

export class Confab {
    readonly client: Client;
    readonly model: Model;
    private readonly handlers = new Set<NewMessageHandler>();
    private readonly list = shallowRef<readonly ChatNotification[]>([]);
    private readonly connection = shallowRef<{ status: Status; retryAt: number | null }>({ status: 'offline', retryAt: null });
    private count = 0;

    constructor({ tokens, user, url, fetch }: ConfabOptions) {
        this.client = createClient({ url, token: tokens, fetch, events: ['typing', 'status', 'read', 'upload', 'group'] });
        this.model = createModel(this.client, user);
        this.client.on('status', (connection) => { this.connection.value = connection; });
        this.client.on('notification', (event) => this.add(event));
        // A chat that was read, here or elsewhere, waits no more.
        this.client.on('unread', ({ chatId, count }) => {
            if (count === 0) {
                this.list.value = this.list.value.filter((n) => n.chat_id !== idNumber(chatId));
            }
        });
        this.client.start();
    }

    /** For app.use(). */
    install(app: App): void {
        app.provide(KEY, this);
        app.onUnmount(() => this.close());
    }

    /** Those that came since the page was loaded and wait for attention, newest first. */
    get notifications(): Readonly<Ref<readonly ChatNotification[]>> {
        return shallowReadonly(this.list);
    }

    get status(): Readonly<Ref<{ status: Status; retryAt: number | null }>> {
        return shallowReadonly(this.connection);
    }

    /** Called for each notification from now on; returns how to end it. */
    onNewMessage(handler: NewMessageHandler): () => void {
        this.handlers.add(handler);
        return () => void this.handlers.delete(handler);
    }

    clearNotifications(): void {
        this.list.value = [];
        this.model.chats.clear();
        this.model.inbox.readAll().catch(() => {}); // the lists here are empty all the same
    }

    close(): void {
        this.model.close();
        this.client.stop();
    }

    private add(event: Events['notification']): void {
        this.count += 1;
        const { type, message, timestamp, title, link, chatId, isMine } = event;
        const notification: ChatNotification = {
            type, message, timestamp, title, link, isMine,
            chat_id: chatId ? idNumber(chatId) : null,
            sender_id: event.sender_id ?? 0, sender_name: event.sender_name ?? '',
            content_preview: event.content_preview ?? '', message_type: event.message_type ?? '',
            key: event.eventId || String(this.count),
        };
        this.list.value = [notification, ...this.list.value].slice(0, KEPT);
        this.handlers.forEach((handler) => handler(notification));
    }
}

export const createConfab = (options: ConfabOptions): Confab => new Confab(options);

export function useConfab(): Confab {
    const confab = inject(KEY, null);
    if (!confab) {
        throw new Error('useConfab() needs app.use(createConfab(...))');
    }
    return confab;
}
