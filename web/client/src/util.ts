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
    return a === b ? a != null : idNumber(a) === idNumber(b);
}

/** A chat's id in the form of the HTTP API, when only its number is known. */
export const chatHex = (n: number): string => '0000000002' + n.toString(16).padStart(14, '0');

/** Whether cursor a lies behind b. Cursors of another log (a restored database) count as new. */
export function isAfter(a: string, b: string | null | undefined): boolean {
    if (!b) {
        return true;
    }
    const [logA, atA] = a.split('.');
    const [logB, atB] = b.split('.');
    return logA !== logB || Number(atA) > Number(atB);
}

/** Full jitter: anything up to the doubled base, so that nobody comes back together with others. */
export function backoff(attempt: number, limits: Limits): number {
    return Math.random() * Math.min(limits.backoffMax, limits.backoffBase * 2 ** Math.min(attempt, 20));
}

const start = [Date.now(), performance.now()] as const;
/**
 * Milliseconds since the page was loaded. The wall clock goes on while the machine sleeps but can be set back, the
 * other one cannot but may stand still in sleep: whichever says more, and never less than before.
 */
let last = 0;
export function now(): number {
    last = Math.max(last, Date.now() - start[0], performance.now() - start[1]);
    return last;
}

/** A UUIDv7: rises with time, which keeps the server's index small. */
export function uuid(): string {
    const bytes = crypto.getRandomValues(new Uint8Array(10));
    const hex = (n: number, digits: number) => n.toString(16).padStart(digits, '0');
    const time = hex(Date.now(), 12);
    const tail = Array.from(bytes, (b) => hex(b, 2)).join('');
    return `${time.slice(0, 8)}-${time.slice(8)}-7${tail.slice(1, 4)}-${'89ab'[bytes[2]! & 3]}${tail.slice(5, 8)}-${tail.slice(8)}`;
}

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

const QUOTE = /^> (.{1,100}?): ([^\n]*)\n((?:> [^\n]*\n)*)\n/;

/** A text with what it answers in front, readable in every client. */
export function quote(to: { sender_name: string; content: string }, text: string): string {
    const said = unquote(to.content).text;
    const short = said.length > 200 ? `${said.slice(0, 199)}…` : said;
    return `> ${to.sender_name.replace(/[:\n]/g, ' ')}: ${short.split('\n').join('\n> ')}\n\n${text}`;
}

/** The reverse of quote(). */
export function unquote(content: string): { quote: { name: string; text: string } | null; text: string } {
    const found = QUOTE.exec(content);
    if (!found) {
        return { quote: null, text: content };
    }
    const more = found[3]!.replace(/^> /gm, '').replace(/\n$/, '');
    return { quote: { name: found[1]!, text: found[2]! + (more && `\n${more}`) }, text: content.slice(found[0].length) };
}
