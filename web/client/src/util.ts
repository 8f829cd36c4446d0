// Small things that several files need: ids, cursors, time, storage that never throws.
import type { KeyValue, Limits } from './types.js';

export const LIMITS: Limits = {
    backoffBase: 500,
    backoffMax: 30000,
    connectWithin: 15000,
    pingAfter: 25000,
    pongWithin: 10000,
    answerWithin: 30000,
    typingEvery: 2500,
    focusEvery: 20000,
    outboxMax: 1000,
    ringMax: 500,
};

/** The number in an id of any kind: 24 hex digits, decimal, or a number. NaN when there is none. */
export function idNumber(id: string | number | null | undefined): number {
    const text = String(id);
    return /^[0-9a-f]{24}$/i.test(text) ? parseInt(text.slice(10), 16) : /^\d+$/.test(text) ? Number(text) : NaN;
}

/** Whether two ids of the same kind mean the same thing, whatever form they are in. */
export function sameId(a: string | number | null | undefined, b: string | number | null | undefined): boolean {
    return (!!a && a === b) || idNumber(a) === idNumber(b);
}

/** A chat's id in the form of the HTTP API, when only its number is known. */
export const chatHex = (n: number): string => '0000000002' + n.toString(16).padStart(14, '0');

/** Whether cursor a lies behind b. Cursors of another log (a restored database) count as new. */
export function isAfter(a: string, b: string | null | undefined): boolean {
    const [logA, atA] = a.split('.');
    const [logB, atB] = (b ?? '').split('.');
    return !!a && (logA !== logB || Number(atA) > Number(atB));
}

/** Full jitter: anything up to the doubled base, so that nobody comes back together with others. */
export function backoff(attempt: number, limits: Limits): number {
    return Math.random() * Math.min(limits.backoffMax, limits.backoffBase * 2 ** Math.min(attempt, 20));
}

let elapsed = 0;
let seen = [Date.now(), performance.now()] as const;
/**
 * Milliseconds since the page was loaded. The wall clock goes on while the machine sleeps but can be set, the other one
 * cannot but may stand still in sleep: every step counts as the longer of the two, so a clock that is set forward is
 * like sleep, and one that is set back like nothing.
 */
export function now(): number {
    const next = [Date.now(), performance.now()] as const;
    elapsed += Math.max(next[0] - seen[0], next[1] - seen[1]);
    seen = next;
    return elapsed;
}

/** Unique among one user's, and rises with time, which keeps the server's index small. */
export function uniqueId(): string {
    const random = () => Math.random().toString(36).slice(2);
    return `${Date.now().toString(16)}-${random()}${random()}`;
}

/** Listens at the window (to which what happens to the document bubbles), where there is one; returns how to end it. */
export function listen(handlers: Record<string, () => void>): () => void {
    const each = (how: 'addEventListener' | 'removeEventListener') => {
        for (const [name, handler] of Object.entries(handlers)) {
            globalThis[how]?.(name, handler);
        }
    };
    each('addEventListener');
    return () => each('removeEventListener');
}

export const isHidden = (): boolean => globalThis.document?.visibilityState === 'hidden';

/** localStorage may be forbidden (even to look at), absent, or full. */
export function localStore(): KeyValue | null {
    try {
        return (globalThis as { localStorage?: KeyValue }).localStorage ?? null;
    } catch {
        return null;
    }
}

/** Storage whose methods never throw; what cannot be written stays in memory. */
export class Store {
    private memory = new Map<string, string>();
    constructor(private readonly below: KeyValue | null) {}

    get(key: string): string | null {
        const kept = this.memory.get(key);
        if (kept !== undefined) {
            return kept;
        }
        try {
            return this.below?.getItem(key) ?? null;
        } catch {
            return null;
        }
    }

    /** Whether it will outlive the page. */
    set(key: string, value: string): boolean {
        try {
            if (this.below) {
                this.below.setItem(key, value);
                this.memory.delete(key);
                return true;
            }
        } catch {
            // full or blocked
        }
        this.memory.set(key, value);
        return false;
    }

    remove(key: string): void {
        this.memory.delete(key);
        try {
            this.below?.removeItem(key);
        } catch {
            // blocked
        }
    }

    keys(prefix: string): string[] {
        const found = new Set<string>(this.memory.keys());
        try {
            for (let i = 0; i < (this.below?.length ?? 0); i += 1) {
                found.add(this.below!.key(i) ?? '');
            }
        } catch {
            // blocked
        }
        return [...found].filter((key) => key.startsWith(prefix)).sort();
    }
}

/** A text with the beginning of what it answers in front, readable in every client. */
export function quote(to: { sender_name: string; content: string }, text: string): string {
    const line = (said: string) => said.replace(/\s+/g, ' ').slice(0, 200);
    return `> ${line(to.sender_name.replace(/:/g, ''))}: ${line(unquote(to.content).text)}\n\n${text}`;
}

/** The reverse of quote(). */
export function unquote(content: string): { quote: { name: string; text: string } | null; text: string } {
    const found = /^> ([^:\n]+): (.*)\n\n/.exec(content);
    return found
        ? { quote: { name: found[1]!, text: found[2]! }, text: content.slice(found[0].length) }
        : { quote: null, text: content };
}
