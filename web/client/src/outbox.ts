// Messages that are not yet known to be stored. Each lies in storage under a key of its own, so that tabs do not write
// over each other, until it is answered; the order of the keys is the order of sending.
import type { Draft, Pending } from './types.js';
import { Store, quote, uniqueId } from './util.js';

export interface Entry extends Pending {
    order: number;
    /** Not before, by now(). */
    notBefore?: number;
    attempts?: number;
}

export class Outbox {
    readonly entries = new Map<string, Entry>();
    private prefix: string | null = null;

    constructor(private readonly store: Store, private readonly max: number) {}

    /** Whose messages these are is known only after signing in. Again: takes up what other tabs have left. */
    open(prefix: string): void {
        const fresh = this.prefix === null ? [...this.entries.values()] : [];
        if (this.prefix !== prefix) {
            this.entries.clear(); // somebody else has signed in
        }
        this.prefix = prefix;
        for (const key of this.store.keys(prefix)) {
            try {
                const entry = JSON.parse(this.store.get(key) ?? '') as Entry;
                if (!this.entries.has(entry.clientMsgId)) {
                    this.entries.set(entry.clientMsgId, { ...entry, state: entry.error ? 'failed' : 'queued' });
                }
            } catch {
                this.store.remove(key); // not ours
            }
        }
        fresh.forEach((entry) => this.put(entry));
    }

    add(draft: Draft): Entry {
        if (this.entries.size >= this.max) {
            throw new RangeError('The outbox is full.');
        }
        const { replyTo, ...rest } = draft;
        const entry: Entry = {
            ...rest, content: replyTo ? quote(replyTo, draft.content) : draft.content,
            clientMsgId: uniqueId(), at: Date.now(), state: 'queued', order: this.nextOrder(),
        };
        this.put(entry);
        return entry;
    }

    /** Also for what another tab has added. */
    put(entry: Entry): void {
        this.entries.set(entry.clientMsgId, entry);
        if (this.prefix !== null) {
            const { notBefore, attempts, ...kept } = entry;
            this.store.set(this.key(entry), JSON.stringify(kept));
        }
    }

    remove(clientMsgId: string): Entry | undefined {
        const entry = this.entries.get(clientMsgId);
        this.entries.delete(clientMsgId);
        if (entry && this.prefix !== null) {
            this.store.remove(this.key(entry));
        }
        return entry;
    }

    list(): Entry[] {
        return [...this.entries.values()].sort((a, b) => a.order - b.order || (a.clientMsgId < b.clientMsgId ? -1 : 1));
    }

    /** The first of every chat that may go now; the ones behind it wait for its answer. */
    ready(t: number): Entry[] {
        const chats = new Set<string>();
        return this.list().filter((entry) => {
            const chat = entry.chatId ?? 'user ' + entry.userId;
            if (entry.state === 'failed' || chats.has(chat)) {
                return false;
            }
            chats.add(chat);
            return entry.state === 'queued' && !(entry.notBefore! > t);
        });
    }

    /** Rises with time, so that tabs agree, but never falls with a clock that is set back. */
    private nextOrder(): number {
        return Math.max(Date.now(), ...[...this.entries.values()].map((entry) => entry.order + 1));
    }

    private key(entry: Entry): string {
        return `${this.prefix}${String(entry.order).padStart(14, '0')}.${entry.clientMsgId}`;
    }
}
