// confab-ws alone: the daemon, a fake confab-rest on the other end of its link, and WebSocket clients.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import WebSocket from 'ws';
import { Daemon } from './process.mjs';
import { until, within } from './wait.mjs';

const ROOT = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '../..');
const BUILD = path.resolve(ROOT, process.env.BUILD || 'build');
const LOGS = path.join(BUILD, 'tests/logs/integration');
let count = 0;

/** One client. frames: parsed; close_: {code, reason} once closed. */
export class Client {
    constructor(url, protocols = [], options = {}) {
        this.frames = [];
        this.texts = [];
        this.pings = 0;
        this.ws = new WebSocket(url, protocols, { perMessageDeflate: false, ...options });
        this.open = new Promise((resolve, reject) => {
            this.ws.once('open', resolve);
            this.ws.once('error', reject);
        });
        this.open.catch(() => {});
        this.ws.on('error', () => {});
        this.ws.on('ping', () => { this.pings += 1; });
        this.closed = new Promise((resolve) => {
            this.ws.once('close', (code, reason) => {
                this.close_ = { code, reason: reason.toString() };
                resolve(this.close_);
            });
        });
        this.ws.on('message', (data) => {
            this.texts.push(data.toString());
            this.frames.push(JSON.parse(data.toString()));
        });
    }

    send(frame) {
        this.ws.send(typeof frame === 'string' || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame));
    }

    /** The first frame that fits, now or later. */
    wait(fit, ms) {
        const test = typeof fit === 'function' ? fit : (f) => f.type === fit;
        return until(`a frame ${typeof fit === 'function' ? fit.toString().slice(0, 100) : fit}`,
            () => this.frames.find(test), ms);
    }

    gone(ms) {
        return within('the WebSocket closes', this.closed, ms);
    }

    get contents() {
        return this.frames.filter((f) => f.data).map((f) => f.data.content);
    }
}

export class Worker {
    constructor(settings = {}, { fake = true } = {}) {
        count += 1;
        this.dir = fs.mkdtempSync(path.join(os.tmpdir(), 'confab-worker-'));
        this.socket = path.join(this.dir, 'link.sock');
        this.log = path.join(LOGS, `worker-${process.pid}-${count}.log`);
        fs.mkdirSync(LOGS, { recursive: true });
        this.settings = { link_socket: this.socket, ...settings };
        this.events = []; // what fake_rest said
        this.clients = [];
        this.withFake = fake;
    }

    static available() {
        return ['confab-ws', 'tests/unit/fake_rest'].every((f) => fs.existsSync(path.join(BUILD, f)));
    }

    async start() {
        fs.writeFileSync(path.join(this.dir, 'ws.conf'),
            Object.entries(this.settings).map(([k, v]) => `${k} = ${v}\n`).join(''));
        await this.startFake();
        this.daemon = new Daemon('confab-ws', path.join(BUILD, 'confab-ws'),
            ['--config', path.join(this.dir, 'ws.conf'), '--worker', '3'], { log: this.log });
        this.daemon.start();
        await this.heard('up');
        return this;
    }

    async startFake() {
        this.fake = spawn(path.join(BUILD, 'tests/unit/fake_rest'), [this.socket], { stdio: ['pipe', 'pipe', 'inherit'] });
        this.fake.stdin.on('error', () => {});
        const from = this.events.length;
        readline.createInterface({ input: this.fake.stdout }).on('line', (line) => this.events.push(JSON.parse(line)));
        this.port = (await this.heard('ready', () => true, from)).port;
    }

    async killFake(signal = 'SIGKILL') {
        const ended = new Promise((resolve) => { this.fake.once('exit', resolve); });
        this.fake.kill(signal);
        await ended;
    }

    do(what, args = {}) {
        this.fake.stdin.write(`${JSON.stringify({ do: what, ...args })}\n`);
    }

    /** What fake_rest heard: the first of that kind that fits, from index `from`. */
    heard(is, fit = () => true, from = 0, ms = 15000) {
        return until(`fake_rest hears ${is}`, () => this.events.slice(from).find((e) => e.is === is && fit(e)), ms);
    }

    /** Counters of the worker, newer than now. */
    async stats() {
        const from = this.events.length;
        return this.heard('stats', () => true, from);
    }

    client(query = {}, protocols = [], options = {}) {
        const url = new URL(`ws://127.0.0.1:${this.port}/ws`);
        for (const [k, v] of Object.entries({ user: 1, ...query })) {
            url.searchParams.set(k, v);
        }
        const c = new Client(url, protocols, options);
        this.clients.push(c);
        return c;
    }

    /** A client that is open, with the session the worker gave it. */
    async connect(query, protocols, options) {
        const from = this.events.length;
        const c = this.client(query, protocols, options);
        await within('open', c.open);
        c.session = (await this.heard('adopted', () => true, from)).session;
        return c;
    }

    async stop() {
        for (const c of this.clients) {
            c.ws.terminate();
        }
        if (this.daemon?.running) {
            const end = await this.daemon.stop();
            if (end.code !== 0) {
                throw new Error(`confab-ws ended with ${JSON.stringify(end)}:\n${this.daemon.output().slice(-4000)}`);
            }
        }
        await this.killFake();
        fs.rmSync(this.dir, { recursive: true, force: true });
    }
}
