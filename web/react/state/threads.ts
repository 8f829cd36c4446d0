// The messages of chats that were opened: one unbroken piece of each, from some message up to the newest.
import { idNumber, RestError, type Client, type Message, type Pending } from '@confab/client';
import type { Phase } from './chats';
import { Store, withEntry } from './base';

export interface Thread {
    phase: Phase;
    error: string | null;
    /** Rising seq, no holes. */
    messages: readonly Message[];
    hasOlder: boolean;
    loadingOlder: boolean;
    /** Loaded before something was missed: shown, but to be loaded anew. */
    stale: boolean;
}
export interface ThreadsState {
    byChat: ReadonlyMap<number, Thread>;
    /** Typed here and not answered yet, all chats. */
    pending: readonly Pending[];
}

const PAGE = 50;
/** Messages kept of a chat while one reads at its end, and threads kept at all. */
const KEPT = 400;
const THREADS = 30;

const EMPTY: Thread = { phase: 'loading', error: null, messages: [], hasOlder: false, loadingOlder: false, stale: false };

export class Threads extends Store<ThreadsState> {
    private readonly busy = new Map<number, Promise<void>>();

    constructor(private readonly client: Client) {
        super({ byChat: new Map(), pending: client.outbox() });
    }

    listen(): (() => void)[] {
        const { client } = this;
        return [
            client.on('gap', ({ socket, reason }) => {
                if (socket === 'rooms' && reason !== 'start') {
                    this.set((state) => ({ ...state, byChat: new Map([...state.byChat].map(([id, t]) => [id, { ...t, stale: true }])) }));
                }
            }),
            client.on('message', ({ message }) => this.add(message)),
            client.on('sent', ({ message }) => this.add(message)),
            client.on('message_edited', ({ message }) => this.replace(message)),
            client.on('message_deleted', ({ chatId, messageId }) => this.onDeleted(chatId, messageId)),
            client.on('chat_deleted', ({ chatId }) => this.forget(chatId)),
            client.on('outbox', () => this.patch({ pending: client.outbox() })),
        ];
    }

    thread(id: string | number): Thread | undefined {
        return this.get().byChat.get(idNumber(id));
    }

    /** Loads the newest messages unless they are there. */
    open(id: string): Promise<void> {
        const n = idNumber(id);
        const known = this.thread(id);
        if (known?.phase === 'ready' && !known.stale) {
            return Promise.resolve();
        }
        return this.alone(n, async () => {
            this.change(n, (t) => ({ ...t, phase: t.messages.length ? t.phase : 'loading', error: null }));
            try {
                const page = await this.client.rest.messages(id, { limit: PAGE });
                this.change(n, (t) => {
                    const last = page.messages.at(-1)?.seq ?? 0;
                    const newer = t.messages.filter((m) => m.seq > last && !t.stale); // came by event meanwhile
                    return { ...EMPTY, phase: 'ready', messages: [...page.messages, ...newer], hasOlder: page.has_more };
                });
                this.limit(n);
            } catch (error) {
                this.change(n, (t) => ({ ...t, phase: 'failed', error: error instanceof RestError ? error.detail : String(error) }));
            }
        });
    }

    older(id: string): Promise<void> {
        const n = idNumber(id);
        const known = this.thread(id);
        const first = known?.messages[0]?.seq;
        if (!known?.hasOlder || !first) {
            return Promise.resolve();
        }
        return this.alone(n, async () => {
            this.change(n, (t) => ({ ...t, loadingOlder: true }));
            try {
                const page = await this.client.rest.messages(id, { before: first, limit: PAGE });
                this.change(n, (t) => {
                    const older = page.messages.filter((m) => m.seq < (t.messages[0]?.seq ?? Infinity));
                    return { ...t, messages: [...older, ...t.messages], hasOlder: page.has_more, loadingOlder: false };
                });
            } catch {
                this.change(n, (t) => ({ ...t, loadingOlder: false }));
            }
        });
    }

    /** Gives back what was loaded by scrolling up. */
    trim(id: string): void {
        this.change(idNumber(id), (t) =>
            t.messages.length > KEPT ? { ...t, messages: t.messages.slice(-KEPT / 2), hasOlder: true } : t);
    }

    replace(message: Message): void {
        this.change(idNumber(message.chat_id), (t) => {
            const i = t.messages.findIndex((m) => m.message_id === message.message_id);
            if (i < 0) {
                return t;
            }
            const messages = [...t.messages];
            messages[i] = { ...messages[i]!, ...message, seq: messages[i]!.seq };
            return { ...t, messages };
        });
    }

    private onDeleted(chatId: string, messageId: string): void {
        const message = this.thread(chatId)?.messages.find((m) => m.message_id === messageId);
        if (message) {
            this.replace({ ...message, content: '', is_deleted: true, attachment: undefined });
        }
    }

    private forget(id: string): void {
        this.set((state) => ({ ...state, byChat: withEntry(state.byChat, idNumber(id), undefined) }));
    }

    private add(message: Message): void {
        const n = idNumber(message.chat_id);
        const thread = this.get().byChat.get(n);
        if (!thread || thread.phase !== 'ready') {
            if (thread) { // being loaded: open() keeps what comes meanwhile
                this.change(n, (t) => ({ ...t, messages: [...t.messages, message] }));
            }
            return;
        }
        const last = thread.messages.at(-1)?.seq ?? message.seq - 1;
        if (message.seq <= last) {
            this.replace(message);
        } else if (message.seq === last + 1) {
            this.change(n, (t) => ({ ...t, messages: [...t.messages, message] }));
        } else {
            void this.fill(message.chat_id, last);
        }
    }

    /** There is a hole in front of a new message. */
    private fill(id: string, after: number): Promise<void> {
        const n = idNumber(id);
        return this.alone(n, async () => {
            try {
                const page = await this.client.rest.messages(id, { after, limit: PAGE * 2 });
                this.change(n, (t) => {
                    const known = new Set(t.messages.map((m) => m.seq));
                    const messages = [...t.messages, ...page.messages.filter((m) => !known.has(m.seq))].sort((a, b) => a.seq - b.seq);
                    return { ...t, messages, stale: page.has_more };
                });
            } catch {
                this.change(n, (t) => ({ ...t, stale: true }));
            }
        });
    }

    private change(n: number, how: (thread: Thread) => Thread): void {
        this.set((state) => {
            const before = state.byChat.get(n) ?? EMPTY;
            const after = how(before);
            return after === before && state.byChat.has(n) ? state : { ...state, byChat: withEntry(state.byChat, n, after) };
        });
    }

    /** One load of a chat at a time, in order. */
    private alone(n: number, work: () => Promise<void>): Promise<void> {
        const run = (this.busy.get(n) ?? Promise.resolve()).then(work);
        this.busy.set(n, run);
        return run.finally(() => {
            if (this.busy.get(n) === run) {
                this.busy.delete(n);
            }
        });
    }

    private limit(keep: number): void {
        this.set((state) => {
            const old = [...state.byChat.keys()].filter((n) => n !== keep).slice(0, Math.max(0, state.byChat.size - THREADS));
            return old.length ? { ...state, byChat: new Map([...state.byChat].filter(([n]) => !old.includes(n))) } : state;
        });
    }
}
