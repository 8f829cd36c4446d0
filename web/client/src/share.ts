// Which of a browser's tabs holds the sockets: the holder of a Web Lock; without those, an election over the
// BroadcastChannel; without that either (or not shared), every tab for itself.
import { now } from './util.js';

export type Post = { t: string; from: string; [key: string]: unknown };

const BEAT = 1000; // the leader shows that it is there
const GONE = 3000; // silence after which another one claims to lead
const CLAIM = 250; // time to object

export class Share {
    isLeader = false;
    private channel: BroadcastChannel | null = null;
    private release: (() => void) | null = null;
    private readonly abort = new AbortController();
    private timer: ReturnType<typeof setInterval> | undefined;
    private claim: ReturnType<typeof setTimeout> | undefined;
    private heard = -GONE;
    private term = 0;

    constructor(
        name: string,
        readonly id: string,
        shared: boolean,
        private readonly onLeader: (isLeader: boolean) => void,
        private readonly onPost: (post: Post) => void,
    ) {
        const Channel = globalThis.BroadcastChannel;
        if (!shared || !Channel) {
            queueMicrotask(() => this.lead(true));
            return;
        }
        this.channel = new Channel(name);
        this.channel.onmessage = (event: MessageEvent) => this.receive(event.data as Post);
        const locks = globalThis.navigator?.locks;
        if (!locks) {
            this.elect();
            return;
        }
        locks.request(name, { signal: this.abort.signal }, () => new Promise<void>((resolve) => {
            this.release = resolve;
            this.lead(true);
        })).catch(() => this.elect()); // locks are forbidden here (or we have ended, which elect() sees)
    }

    post(t: string, more: object = {}): void {
        try {
            this.channel?.postMessage({ ...more, t, from: this.id });
        } catch {
            // closed
        }
    }

    close(): void {
        if (this.isLeader) {
            this.post('bye');
        }
        this.abort.abort();
        clearInterval(this.timer);
        clearTimeout(this.claim);
        this.lead(false);
        this.release?.();
        this.channel?.close();
        this.channel = null;
    }

    private lead(isLeader: boolean): void {
        if (isLeader !== this.isLeader && !(isLeader && this.abort.signal.aborted)) {
            this.isLeader = isLeader;
            this.onLeader(isLeader);
        }
    }

    private receive(post: Post): void {
        if (post.t === 'beat' || post.t === 'claim') {
            this.vote(post, post.term as number);
        } else {
            if (post.t === 'bye') {
                this.heard = -GONE;
            }
            this.onPost(post);
        }
    }

    // -- the election -------------------------------------------------------------------------------------------------

    private elect(): void {
        if (!this.abort.signal.aborted) {
            this.timer = setInterval(() => this.beat(), BEAT);
            this.beat();
        }
    }

    private beat(): void {
        if (this.isLeader) {
            this.post('beat', { term: this.term });
        } else if (this.claim === undefined && now() - this.heard > GONE) {
            this.term += 1;
            this.post('claim', { term: this.term });
            this.claim = setTimeout(() => {
                this.claim = undefined;
                this.lead(true);
                this.beat();
            }, CLAIM);
        }
    }

    /** Of two that want to lead the one with the higher term does (the other was asleep), then the smaller id. */
    private vote(post: Post, term: number): void {
        const theirs = term > this.term || (term === this.term && post.from < this.id);
        if (this.isLeader && (!theirs || post.t === 'claim')) {
            this.term = Math.max(this.term, term);
            this.beat();
            return;
        }
        if (post.t === 'beat' || theirs) {
            clearTimeout(this.claim);
            this.claim = undefined;
            this.heard = now();
            this.term = Math.max(this.term, term);
            this.lead(false);
        }
    }
}
