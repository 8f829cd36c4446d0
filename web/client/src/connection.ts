// One WebSocket that comes back: back-off with full jitter, watchdog, tokens exchanged in-band, resuming by cursor.
// Knows nothing of dialects but `_ext.event_id`, `live`, `gap` and the frames that authenticate and ping.
import { Keeper } from './tokens.js';
import type { Frame, Limits, Status, TokenProvider } from './types.js';
import { LIMITS, backoff, isAfter, isHidden, listen, now } from './util.js';

/** The part of a WebSocket that is used; npm's `ws` has it, too. */
export interface Socket {
    readyState: number;
    onopen: ((event: never) => void) | null;
    onmessage: ((event: never) => void) | null;
    onclose: ((event: never) => void) | null;
    onerror: ((event: never) => void) | null;
    send(text: string): void;
    close(code?: number): void;
}
export type SocketClass = new (url: string, protocols?: string[]) => Socket;

export interface ConnectionOptions {
    /** ws(s):// or http(s)://, with what query it needs; `since` is added. */
    url: string;
    protocols?: string[];
    token?: TokenProvider | Keeper;
    /** Where to go on. */
    cursor?: string | null;
    /** Whether the connection has cursors (ext=1 in the url): then it is live when the server says so. True by default. */
    resumes?: boolean;
    /** What is sent to hear whether the server is there; null for dialects without such a frame. */
    ping?: Frame | null;
    limits?: Partial<Limits>;
    WebSocket?: SocketClass;
    /** Frames in order. What is not new (a cursor that was seen) does not come; `live` and `gap` do. */
    onFrame?: (frame: Frame) => void;
    onStatus?: (status: Status, close?: { code: number; reason: string }) => void;
    /** Every frame as text, also those of the connection itself. */
    onText?: (direction: 'in' | 'out', text: string) => void;
}

const SIGN_IN_AGAIN = 3; // new tokens refused one after the other
const TICK = 1000;
const SLEPT = 10000; // a tick that comes so late was slept through

/** The object in a frame's text, or null: nothing that is received can throw. */
export function parseFrame(text: unknown): Frame | null {
    try {
        const frame: unknown = typeof text === 'string' ? JSON.parse(text) : null;
        return frame && typeof frame === 'object' && !Array.isArray(frame) ? (frame as Frame) : null;
    } catch {
        return null;
    }
}

export function cursorOf(frame: Frame): string | null {
    const id = (frame._ext as { event_id?: unknown } | undefined)?.event_id;
    return typeof id === 'string' ? id : null;
}

export class Connection {
    status: Status = 'offline';
    /** Date.now() of the next attempt, while waiting. */
    retryAt: number | null = null;
    cursor: string | null;
    private readonly limits: Limits;
    private socket: Socket | null = null;
    private timer: ReturnType<typeof setTimeout> | undefined;
    private forgetToken: (() => void) | undefined;
    private forgetPage: (() => void) | undefined;
    private readonly token: Keeper | undefined;
    private attempt = 0;
    private refused = 0; // new tokens, one after the other
    private bad: string | undefined; // the token that was refused
    private due = 0; // of the next attempt, by now()
    private lastTick = 0;
    private lastFrame = 0;
    private pingAt = 0; // 0: no ping is out
    private liveAt = 0;
    private renewAt = 0; // not before, after an attempt that failed

    constructor(private readonly options: ConnectionOptions) {
        this.limits = { ...LIMITS, ...options.limits };
        this.cursor = options.cursor ?? null;
        const { token } = options;
        this.token = token && 'dueIn' in token ? token : token && new Keeper(token);
    }

    start(): void {
        if (this.timer === undefined) {
            this.attempt = this.refused = this.renewAt = 0;
            this.bad = undefined;
            this.lastTick = now();
            this.forgetPage = listen({ online: this.hurry, visibilitychange: this.hurry });
            this.forgetToken = this.token?.onChange((token) => this.send({ type: 'auth', token }));
            this.connect();
        }
    }

    stop(status: Status = 'offline'): void {
        clearTimeout(this.timer);
        this.timer = undefined;
        this.forgetPage?.();
        this.forgetToken?.();
        this.drop();
        this.become(status);
    }

    /** False when there is no connection to send it on. */
    send(frame: Frame): boolean {
        if (this.socket?.readyState !== 1) {
            return false;
        }
        const text = JSON.stringify(frame);
        this.socket.send(text);
        this.options.onText?.('out', frame.token ? JSON.stringify({ ...frame, token: '...' }) : text);
        return true;
    }

    /** Something suggests that a connection is possible now (or that ours is dead): find out at once. */
    readonly hurry = (): void => {
        if (this.timer === undefined || isHidden()) {
            return;
        }
        if (this.status === 'waiting') {
            this.due = 0;
        } else if (this.socket && !this.pingAt) {
            this.ping();
        }
        this.plan(0);
    };

    /** The connection is no good: another one, soon. */
    again(): void {
        if (this.socket) {
            this.lost({ code: 1006, reason: '' });
        }
    }

    private become(status: Status, close?: { code: number; reason: string }): void {
        if (status !== this.status) {
            this.status = status;
            this.retryAt = status === 'waiting' ? Date.now() + this.due - now() : null;
            this.options.onStatus?.(status, close);
        }
    }

    private plan(ms = TICK): void {
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.tick(), ms);
    }

    /** Everything that waits for a time is looked after here, by the clock, so that sleep and throttling do no harm. */
    private tick(): void {
        const t = now();
        const slept = t - this.lastTick > SLEPT;
        this.lastTick = t;
        this.plan();
        if (this.status === 'waiting') {
            if (t >= this.due) {
                this.connect();
            } else {
                this.plan(Math.min(TICK, this.due - t));
            }
            return;
        }
        if (!this.socket) {
            return; // a token is being fetched
        }
        const connecting = this.status === 'connecting';
        if (connecting ? t > this.due : this.pingAt && t > this.pingAt + this.limits.pongWithin) {
            this.again();
        }
        if (connecting || !this.socket) {
            return;
        }
        if (slept || t > this.lastFrame + this.limits.pingAfter) {
            this.ping();
        }
        if (this.token && this.token.dueIn() <= 0 && t >= this.renewAt) {
            this.token.get().catch((error) => this.tokenFailed(error));
        }
    }

    private ping(): void {
        if (!this.pingAt && this.options.ping !== null && this.status !== 'connecting') {
            this.pingAt = now();
            this.send(this.options.ping ?? { type: 'ping' });
        }
    }

    private connect(): void {
        this.become('connecting');
        this.due = now() + this.limits.connectWithin;
        this.plan();
        const { token } = this;
        if (token) {
            token.get(this.bad).then((text) => this.open(text), (error) => this.tokenFailed(error));
        } else {
            this.open(null);
        }
    }

    private open(token: string | null): void {
        if (this.timer === undefined || this.socket || this.status !== 'connecting') {
            return; // stopped meanwhile
        }
        const url = new URL(this.options.url);
        url.protocol = url.protocol.replace('http', 'ws');
        if (this.cursor && this.options.resumes !== false) {
            url.searchParams.set('since', this.cursor);
        }
        const protocols = [...(this.options.protocols ?? [])];
        if (token) {
            protocols.push('bearer.' + token);
        }
        const Class = this.options.WebSocket ?? globalThis.WebSocket;
        let socket: Socket;
        try {
            socket = new Class(url.href, protocols);
        } catch {
            this.wait();
            return;
        }
        this.socket = socket;
        this.due = now() + this.limits.connectWithin;
        const mine = <E>(react: (event: E) => void) => (event: E) => {
            if (this.socket === socket) {
                react(event);
            }
        };
        socket.onopen = mine(() => {
            this.lastFrame = now();
            if (this.options.resumes === false) {
                this.live();
            } else {
                this.become('catching_up');
            }
        });
        socket.onmessage = mine((event: { data: unknown }) => this.receive(event.data));
        socket.onclose = mine((event: { code: number; reason: string }) => {
            this.bad = event.code === 4401 ? (token ?? undefined) : undefined;
            this.lost({ code: event.code, reason: event.reason });
        });
        socket.onerror = () => {}; // the close that follows says more
    }

    private live(): void {
        this.liveAt = now();
        this.become('live');
    }

    private receive(data: unknown): void {
        this.lastFrame = now();
        this.pingAt = 0;
        this.options.onText?.('in', String(data));
        const frame = parseFrame(data);
        if (!frame || frame.type === 'pong' || frame.type === 'auth_ok') {
            return;
        }
        const cursor = cursorOf(frame);
        const isAnswer = frame.type === 'message_sent' || frame.type === 'ok' || frame.client_msg_id !== undefined;
        const isMark = frame.type === 'live' || frame.type === 'gap';
        if (cursor) {
            const isNew = isAfter(cursor, this.cursor);
            if (isNew || frame.type === 'gap') {
                this.cursor = cursor;
            } else if (!isAnswer && !isMark) {
                return; // seen before
            }
        }
        this.options.onFrame?.(frame);
        if (isMark && this.socket) {
            this.live();
        }
    }

    /** Forget the socket; whatever it still does is of no interest. */
    private drop(): void {
        const { socket } = this;
        this.socket = null;
        this.pingAt = this.liveAt = 0;
        if (socket) {
            socket.onopen = socket.onmessage = socket.onclose = null;
            try {
                socket.close();
            } catch {
                // was not open yet
            }
        }
    }

    private lost(close: { code: number; reason: string }): void {
        if (this.liveAt && now() > this.liveAt + 5000) {
            this.attempt = this.refused = 0; // it was not in vain
        }
        this.drop();
        if (close.code === 4401) {
            this.refused += 1;
        }
        if (close.reason.includes('user_disabled') || this.refused > SIGN_IN_AGAIN || (close.code === 4401 && !this.token)) {
            this.stop('signed_out');
            return;
        }
        this.wait(close);
    }

    private wait(close?: { code: number; reason: string }): void {
        if (close?.code === 1013 || close?.code === 4429) {
            this.attempt = Math.max(this.attempt, 3); // too much for the server
        }
        const ms = backoff(this.attempt, this.limits);
        this.attempt += 1;
        this.due = now() + ms;
        this.become('waiting', close);
        this.plan(Math.min(TICK, ms));
    }

    private tokenFailed(error: unknown): void {
        if (this.timer === undefined) {
            return;
        }
        if ((error as { status?: number })?.status === 401) {
            this.stop('signed_out');
        } else if (this.socket) {
            this.renewAt = now() + 5000 * Math.random(); // the connection lives as long as its token does
        } else {
            this.wait();
        }
    }
}
