// The client: both sockets (held by one tab for all), the outbox, what is in focus, and events for the application.
import { Connection, type SocketClass, cursorOf } from './connection.js';
import { ChatIds, Emitter, inboxFrame, roomsFrame } from './events.js';
import { type Entry, Outbox } from './outbox.js';
import { RestClient, RestError, type Surroundings, surroundings } from './rest.js';
import { type Post, Share } from './share.js';
import { Keeper, claims } from './tokens.js';
import type {
    Asked, Draft, EventName, Frame, Handler, Id, Limits, Message, Pending, Sending, SocketName, Status, TokenProvider,
} from './types.js';
import { LIMITS, backoff, isAfter, isHidden, listen, now, uniqueId } from './util.js';

/** url: http(s) base, the page's own origin by default. storage: of the outbox, localStorage by default, null for none. */
export interface ClientOptions extends Surroundings {
    token: TokenProvider;
    events?: Asked[];
    /** One connection for all tabs (true). */
    share?: boolean;
    WebSocket?: SocketClass;
    limits?: Partial<Limits>;
}

const SOCKETS: SocketName[] = ['rooms', 'inbox'];
const FRAME_MAX = 16000; // characters, which is less than 64 KB in any case
const STALE = 45000; // a tab that has not said for so long what it shows does not count
const TEMPORARY = /^(rate_lim|unav|queue_f|outcome_|no_worker|restarting|internal|store_full|unauth|token_)/; // refused now, not for good

interface Tab {
    chat: Id | null;
    visible: boolean;
    rank: number;
    at: number;
}
interface Told {
    socket: SocketName;
    frame: Frame;
    /** The cursor before it. */
    prev: string | null;
}
type Failure = { code: string; detail: string };

export class Client {
    status: Status = 'offline';
    retryAt: number | null = null;
    readonly sockets: Record<SocketName, Status> = { rooms: 'offline', inbox: 'offline' };
    readonly rest: RestClient;
    /** Change, delete, and have read (up to a seq, or all): by HTTP, other tabs and clients hear of it as events. */
    readonly edit: RestClient['edit'];
    readonly remove: RestClient['remove'];
    readonly read: RestClient['read'];
    readonly id = uniqueId();
    private readonly limits: Limits;
    private readonly keeper: Keeper;
    private readonly box: Outbox;
    private readonly emitter = new Emitter();
    private readonly ids = new ChatIds();
    private readonly emit = this.emitter.emit.bind(this.emitter);
    private share: Share | null = null;
    private connections: Partial<Record<SocketName, Connection>> = {};
    private cursors: Record<SocketName, string | null> = { rooms: null, inbox: null };
    private started = false;
    private forgetPage: (() => void) | undefined;
    private boxKey = '';
    private timer: ReturnType<typeof setInterval> | undefined;
    private readonly promises = new Map<string, { resolve: (m: Message) => void; reject: (e: unknown) => void }>();
    private readonly sentAt = new Map<string, number>(); // on this connection, unanswered
    private readonly typed = new Map<Id, number>(); // when it was last said that one types
    private focused: Id | null = null;
    private toldAt = 0;
    // of the leader
    private readonly tabs = new Map<string, Tab>();
    private ranks = 0;
    private spoken: { chat: Id | null; at: number } | null = null;
    private ring: Told[] = [];
    // of the others
    private leaderId = '';
    private isUpToDate = false;

    constructor(private readonly options: ClientOptions) {
        this.limits = { ...LIMITS, ...options.limits };
        this.keeper = new Keeper(options.token);
        const [base, store, fetcher] = surroundings(options);
        this.box = new Outbox(store, this.limits.outboxMax);
        this.rest = new RestClient(base, fetcher, this.keeper, (answer) => this.ids.learnFrom(answer));
        ({ edit: this.edit, remove: this.remove, read: this.read } = this.rest);
    }

    get isLeader(): boolean {
        return this.share?.isLeader ?? false;
    }

    on<K extends EventName>(type: K, handler: Handler<K>): () => void {
        return this.emitter.on(type, handler);
    }

    /** since: event_id of what was loaded by HTTP; without it `gap` says when to load. */
    start(since?: string): void {
        if (this.started) {
            return;
        }
        this.started = true;
        this.cursors = { rooms: since ?? null, inbox: since ?? null };
        this.ring = [];
        this.tabs.clear();
        this.setStatus('connecting');
        void this.begin(0);
    }

    /** The outbox stays. */
    stop(status: Status = 'offline'): void {
        this.started = false;
        clearInterval(this.timer);
        this.forgetPage?.();
        this.share?.post('gone');
        this.share?.close();
        this.share = null;
        this.isUpToDate = false;
        this.setSockets({ rooms: status, inbox: status }, null);
    }

    /** Kept until it is answered, also over a reload; in the order of the calls within each chat. */
    send(draft: Draft): Sending {
        const entry = this.box.add(draft);
        const done = new Promise<Message>((resolve, reject) => this.promises.set(entry.clientMsgId, { resolve, reject }));
        done.catch(() => {}); // send_failed tells it as well
        if (draft.chatId) {
            this.typing(draft.chatId, false);
        }
        this.hand(entry);
        return { clientMsgId: entry.clientMsgId, done };
    }

    outbox(): Pending[] {
        return this.box.list();
    }

    /** Once more what was refused. */
    retry(clientMsgId: string): void {
        const entry = this.box.entries.get(clientMsgId);
        if (entry?.error) {
            const again: Entry = { ...entry, state: 'queued', attempts: 0, error: undefined };
            this.box.put(again);
            this.hand(again);
        }
    }

    /** Not to be sent after all; does nothing when it is on its way. */
    discard(clientMsgId: string): void {
        this.toLeader('discard', { id: clientMsgId });
    }

    /** Call it with every key; what is sent is throttled. */
    typing(chatId: Id, isTyping: boolean): void {
        const at = this.typed.get(chatId);
        if (isTyping ? at === undefined || now() > at + this.limits.typingEvery : at !== undefined) {
            if (isTyping) {
                this.typed.set(chatId, now());
            } else {
                this.typed.delete(chatId);
            }
            this.toLeader('typing', { chatId, isTyping });
        }
    }

    /** The chat that the page shows, null for none: no notifications of it while the page is visible. */
    focus(chatId: Id | null): void {
        this.focused = chatId;
        this.look();
    }

    // -- beginning and end --------------------------------------------------------------------------------------------

    private async begin(attempt: number): Promise<void> {
        try {
            const token = await this.options.token.get();
            if (!this.started || this.share) {
                return;
            }
            const { sub } = claims(token);
            this.boxKey = `confab.${sub}.outbox.`;
            this.box.open(this.boxKey);
            this.emit('outbox', { waiting: this.box.entries.size });
            this.timer = setInterval(() => this.tick(), 1000);
            this.forgetPage = listen({ visibilitychange: this.look, focus: this.look, pagehide: this.leave });
            this.share = new Share(`confab.${sub}`, this.id, this.options.share !== false,
                (isLeader) => this.lead(isLeader), (post) => this.receive(post));
            this.share.post('hi', { since: this.cursors });
            this.look();
        } catch (error) {
            if ((error as RestError)?.status === 401) {
                this.stop('signed_out');
            } else {
                setTimeout(() => this.started && void this.begin(attempt + 1), backoff(attempt, this.limits));
            }
        }
    }

    /** A page that is put aside gives the sockets to another tab; if it comes back, it goes on where it was. */
    private readonly leave = () => {
        this.stop();
        const forget = listen({ pageshow: () => {
            forget();
            this.started = true;
            void this.begin(0);
        } });
    };

    private tick(): void {
        if (now() > this.toldAt + this.limits.focusEvery) {
            this.report(false);
        }
        if (this.isLeader) {
            this.speak();
            this.flush();
        }
    }

    // -- leading ------------------------------------------------------------------------------------------------------

    private lead(isLeader: boolean): void {
        if (isLeader) {
            this.isUpToDate = true;
            this.box.open(this.boxKey);
            const limits = this.limits;
            const asked = (this.options.events ?? ['typing', 'status', 'read', 'upload']).join();
            const paths = { rooms: `/ws?ext=1&events=${asked}`, inbox: '/ws/notifications?ext=1' };
            for (const name of SOCKETS) {
                this.connections[name] = new Connection({
                    url: this.rest.base + paths[name], protocols: [name + '.v1'], token: this.keeper, cursor: this.cursors[name], limits,
                    WebSocket: this.options.WebSocket,
                    onFrame: (frame) => this.fromServer(name, frame),
                    onStatus: () => this.connectionChanged(name),
                    onText: (direction, text) => this.emit('frame', { socket: name, direction, text, at: Date.now() }),
                });
            }
            this.report(true);
            SOCKETS.forEach((name) => this.connections[name]?.start());
        } else {
            SOCKETS.forEach((name) => this.connections[name]?.stop());
            this.connections = {};
            this.forgetSent();
        }
        this.emit('leader', { isLeader });
    }

    private connectionChanged(name: SocketName): void {
        const connection = this.connections[name];
        if (!connection) {
            return;
        }
        if (connection.status === 'signed_out') {
            this.share?.post('out');
            this.stop('signed_out');
            return;
        }
        if (name === 'rooms' && connection.status !== 'live') {
            this.forgetSent();
            this.spoken = null;
        }
        const { rooms, inbox } = this.connections;
        this.setSockets({ rooms: rooms?.status ?? 'offline', inbox: inbox?.status ?? 'offline' }, rooms?.retryAt ?? null);
        this.tellStatus();
        if (name === 'rooms' && connection.status === 'live') {
            this.speak();
            this.flush();
        }
    }

    private tellStatus(): void {
        this.share?.post('status', { sockets: { ...this.sockets }, retryAt: this.retryAt, knows: !!this.cursors.rooms });
    }

    private fromServer(socket: SocketName, frame: Frame): void {
        const prev = this.cursors[socket];
        this.cursors[socket] = this.connections[socket]?.cursor ?? prev;
        if (frame.client_msg_id !== undefined && socket === 'rooms') {
            this.answered(frame);
        }
        if (frame.type === 'message_sent' || frame.type === 'error') {
            if (frame.client_msg_id === undefined) {
                this.emit('unknown', { socket, frame });
                this.forgetSent(3); // it may have been one of them
                this.flush();
            }
            return;
        }
        const told: Told = { socket, frame, prev };
        const front = this.front();
        this.share?.post('frame', { ...told, next: this.cursors[socket], front });
        this.show(told, front);
    }

    /** The application's view of a frame, in whatever tab. */
    private show({ socket, frame, prev }: Told, front: string): void {
        if (frame.type === 'live' || frame.type === 'gap') {
            if (frame.type === 'gap') {
                this.gap(socket, String(frame.reason));
            } else if (!prev) {
                this.gap(socket, 'start');
            }
            return;
        }
        if (cursorOf(frame) && this.ring.push({ socket, frame, prev }) > this.limits.ringMax) {
            this.ring.shift();
        }
        let known = false;
        try {
            known = socket === 'rooms' ? roomsFrame(frame, this.emit, this.ids) : inboxFrame(frame, this.emit, this.ids, front === this.id);
        } catch {
            // a frame that is not as it should be
        }
        if (!known) {
            this.emit('unknown', { socket, frame });
        }
    }

    private gap(socket: SocketName, reason: string): void {
        this.ring = this.ring.filter((told) => told.socket !== socket);
        this.emit('gap', { reason, socket });
    }

    // -- tabs ---------------------------------------------------------------------------------------------------------

    private toLeader(t: string, more: Record<string, unknown>): void {
        if (this.isLeader || !this.share) {
            this.receive({ t, from: this.id, ...more });
        } else {
            this.share?.post(t, more);
        }
    }

    private receive(post: Post): void {
        const { t, from } = post;
        if (t === 'done') {
            if (this.isUpToDate && isAfter(String(post.cursor), this.cursors.rooms)) {
                this.cursors.rooms = String(post.cursor); // one's own message is an event as well
            }
            this.settle(post.id as string, post.message as Message | undefined, post.error as Failure | undefined);
        } else if (t === 'out') {
            this.stop('signed_out');
        } else if (this.isLeader || from === this.id) {
            this.fromTab(t, from, post);
        } else {
            this.fromLeader(t, from, post);
        }
    }

    private fromTab(t: string, from: string, post: Post): void {
        if (t === 'hi') {
            this.fill(from, post.since as Client['cursors']);
        } else if (t === 'send') {
            const entry = post.entry as Entry;
            if (this.box.entries.get(entry.clientMsgId)?.state !== 'sending') {
                this.box.put(entry);
            }
            this.flush();
        } else if (t === 'discard') {
            if (this.box.entries.get(post.id as string)?.state !== 'sending') {
                this.finish(post.id as string);
            }
        } else if (t === 'typing') {
            this.connections.rooms?.send({ type: 'typing', chat_id: post.chatId, is_typing: post.isTyping });
        } else if (t === 'tab') {
            const rank = post.active ? (this.ranks += 1) : (this.tabs.get(from)?.rank ?? 0);
            this.tabs.set(from, { chat: post.chat as Id | null, visible: !!post.visible, rank, at: now() });
            this.speak();
        } else if (t === 'gone') {
            this.tabs.delete(from);
            this.speak();
        }
    }

    private fromLeader(t: string, from: string, post: Post): void {
        if (t === 'bye') {
            this.leaderId = '';
            return;
        }
        if (t !== 'status' && t !== 'frame' && t !== 'fill') {
            return;
        }
        if (from !== this.leaderId) {
            this.leaderId = from;
            this.isUpToDate = false;
            this.report(true);
            this.box.list().forEach((entry) => this.promises.has(entry.clientMsgId) && this.hand(entry));
            this.share?.post('hi', { since: this.cursors });
        }
        if (t === 'status') {
            this.setSockets(post.sockets as Client['sockets'], post.retryAt as number | null);
            if (!this.isUpToDate && post.knows) {
                this.share?.post('hi', { since: this.cursors });
            }
        } else if (t === 'frame') {
            this.follow(post as unknown as Told & { next: string | null; front: string });
        } else if (post.to === this.id) {
            this.filled(post.frames as Told[], post.cursors as Client['cursors'], post.gaps as Record<SocketName, string | undefined>);
        }
    }

    private follow(told: Told & { next: string | null; front: string }): void {
        const { socket, frame, prev, next } = told;
        const mine = this.cursors[socket];
        if (!this.isUpToDate) {
            return; // comes again with the rest
        }
        if (frame.type !== 'gap' && mine && isAfter(prev ?? '', mine)) {
            this.isUpToDate = false; // this tab was asleep
            this.share?.post('hi', { since: this.cursors });
            return;
        }
        const cursor = cursorOf(frame);
        if (cursor && frame.type !== 'gap' && frame.type !== 'live' && !isAfter(cursor, mine)) {
            return;
        }
        this.cursors[socket] = next && (frame.type === 'gap' || isAfter(next, mine)) ? next : mine;
        this.emit('frame', { socket, direction: 'in', text: JSON.stringify(frame), at: Date.now() });
        this.show({ socket, frame, prev: mine }, told.front);
    }

    /** For a tab that has come, or has missed something: what it does not have, or that this cannot be told. */
    private fill(to: string, since: Client['cursors']): void {
        if (!this.cursors.rooms) {
            this.tellStatus();
            return;
        }
        const gaps: Record<string, string> = {};
        for (const name of SOCKETS) {
            const from = (this.ring.find((told) => told.socket === name) ?? { prev: this.cursors[name] }).prev;
            if (!since[name] || isAfter(from ?? '', since[name])) {
                gaps[name] = since[name] ? 'tab' : 'start';
            }
        }
        const frames = this.ring.filter(({ socket, frame }) => !gaps[socket] && isAfter(cursorOf(frame)!, since[socket]));
        this.share?.post('fill', { to, frames, gaps, cursors: { ...this.cursors } });
        this.tellStatus();
    }

    private filled(frames: Told[], cursors: Client['cursors'], gaps: Record<SocketName, string | undefined>): void {
        if (this.isUpToDate) {
            return;
        }
        this.isUpToDate = true;
        for (const name of SOCKETS) {
            const theirs = cursors[name];
            if (theirs && isAfter(theirs, this.cursors[name])) {
                this.cursors[name] = theirs;
            }
            if (gaps[name]) {
                this.gap(name, gaps[name]);
            }
        }
        frames.forEach((told) => this.show(told, ''));
    }

    private readonly look = () => this.report(true);

    /** Says what this tab shows. active: because the user did something. */
    private report(active: boolean): void {
        this.toldAt = now();
        const visible = !isHidden();
        this.toLeader('tab', { chat: this.focused, visible, active: active && visible });
    }

    /** The tab that the user looks at, or looked at last. */
    private front(): string {
        let best: [string, Tab] | undefined;
        for (const entry of this.tabs) {
            const [, tab] = entry;
            if (tab.visible && now() < tab.at + STALE && !(best && best[1].rank >= tab.rank)) {
                best = entry;
            }
        }
        return best?.[0] ?? this.id;
    }

    private speak(): void {
        const tab = this.tabs.get(this.front());
        const chat = (tab?.visible && tab.chat) || null;
        if (!this.isLeader || this.sockets.rooms !== 'live') {
            return;
        }
        if (chat !== this.spoken?.chat || (chat && now() >= this.spoken.at + this.limits.focusEvery * 0.8)) {
            this.spoken = { chat, at: now() };
            this.connections.rooms?.send({ type: 'active_chat', chat_id: chat }); // null as well: else sending counts as looking
        }
    }

    // -- the outbox ---------------------------------------------------------------------------------------------------

    private hand(entry: Entry): void {
        this.toLeader('send', { entry: { ...entry } });
        this.emit('outbox', { waiting: this.box.entries.size });
    }

    private flush(): void {
        if (!this.isLeader || this.sockets.rooms !== 'live') {
            return;
        }
        const t = now();
        for (const at of this.sentAt.values()) {
            if (t > at + this.limits.answerWithin) {
                this.connections.rooms?.again();
                return;
            }
        }
        for (const entry of this.box.ready(t)) {
            // What may be too long for a frame, or why connections end, is better asked by HTTP: that has an answer.
            if (entry.attachmentId || entry.attempts! > 2 || JSON.stringify(entry.content).length > FRAME_MAX) {
                void this.byHttp(entry);
            } else {
                this.transmit(entry);
            }
        }
    }

    private transmit(entry: Entry): void {
        const { clientMsgId, chatId, userId, content, messageType } = entry;
        const sent = this.connections.rooms?.send({
            type: 'message', chat_id: chatId, user_id: chatId ? undefined : userId, content, message_type: messageType,
            client_msg_id: clientMsgId,
        });
        if (sent) {
            entry.state = 'sending';
            this.sentAt.set(clientMsgId, now());
        }
    }

    private async byHttp(entry: Entry): Promise<void> {
        const { clientMsgId, content, messageType, attachmentId } = entry;
        entry.state = 'sending';
        try {
            const chat = entry.chatId ?? (await this.rest.createPersonal(entry.userId!)).chat_id;
            this.finish(clientMsgId, await this.rest.sendMessage(chat, {
                content: content || undefined, message_type: messageType, attachment_id: attachmentId, client_msg_id: clientMsgId,
            }));
        } catch (error) {
            const { code, detail, isTemporary, status } = error as RestError;
            this.refused(clientMsgId, { code, detail }, isTemporary || status === 401);
        }
    }

    private answered(frame: Frame): void {
        const id = String(frame.client_msg_id);
        const entry = this.box.entries.get(id);
        if (!this.sentAt.delete(id) || !entry) {
            return;
        }
        if (frame.type === 'message_sent') {
            const { message_id, chat_id, seq, created_at } = frame as unknown as Message;
            const user = this.keeper.user();
            this.finish(id, {
                message_id, chat_id, seq, sender_id: user?.user_id ?? this.keeper.subject, sender_name: user?.name ?? '',
                content: entry.content, message_type: entry.messageType ?? 'text', created_at,
            });
        } else {
            const code = String(frame.code);
            this.refused(id, { code, detail: String(frame.message) }, TEMPORARY.test(code));
        }
    }

    private refused(id: string, error: Failure, isTemporary: boolean): void {
        const entry = this.box.entries.get(id);
        if (entry && isTemporary) {
            entry.state = 'queued';
            entry.attempts = (entry.attempts ?? 0) + 1;
            entry.notBefore = now() + 200 + backoff(entry.attempts, this.limits);
        } else {
            this.finish(id, undefined, error);
        }
    }

    private finish(id: string, message?: Message, error?: Failure): void {
        this.share?.post('done', { id, message, error, cursor: this.cursors.rooms });
        this.settle(id, message, error);
        this.flush();
    }

    /** In every tab: it is stored, refused, or (neither) discarded. */
    private settle(id: string, message?: Message, error?: Failure): void {
        const promise = this.promises.get(id);
        this.promises.delete(id);
        if (message) {
            this.box.remove(id);
            this.ids.learn(message.chat_id);
            this.emit('sent', { clientMsgId: id, message });
            promise?.resolve(message);
        } else if (error) {
            const entry = this.box.entries.get(id);
            if (entry) {
                this.box.put({ ...entry, state: 'failed', error });
            }
            this.emit('send_failed', { clientMsgId: id, error });
        } else {
            this.box.remove(id);
        }
        promise?.reject(new RestError({ status: 0, code: 'discarded', detail: '', ...error }));
        this.emit('outbox', { waiting: this.box.entries.size });
    }

    /** What was sent on a connection that is gone, or cannot be answered, has to be sent again. */
    private forgetSent(attempts = 1): void {
        for (const id of this.sentAt.keys()) {
            const entry = this.box.entries.get(id);
            if (entry) {
                entry.state = 'queued';
                entry.attempts = (entry.attempts ?? 0) + attempts;
            }
        }
        this.sentAt.clear();
    }

    // -- status -------------------------------------------------------------------------------------------------------

    private setSockets(sockets: Client['sockets'], retryAt: number | null): void {
        const changed = SOCKETS.some((name) => this.sockets[name] !== sockets[name]);
        Object.assign(this.sockets, sockets);
        if (changed) {
            this.emit('sockets', { ...this.sockets });
        }
        this.setStatus(this.sockets.rooms, retryAt);
    }

    private setStatus(status: Status, retryAt: number | null = null): void {
        if (status !== this.status || retryAt !== this.retryAt) {
            this.status = status;
            this.retryAt = retryAt;
            this.emit('status', { status, retryAt });
        }
    }
}

export function createClient(options: ClientOptions): Client {
    return new Client(options);
}
