// A D0 client on npm ws: keeps every frame, waits for frames, and (with ext) resumes by cursor.
import assert from 'node:assert/strict';
import WebSocket from 'ws';
import { until, within } from './wait.mjs';

let requests = 0;

export class Rooms {
    constructor(system, who, { ext = false, since, query = {}, headers = {}, protocols = [], port = 8000, carrier = 'query', path = '/ws' } = {}) {
        Object.assign(this, { system, who, ext, cursor: since });
        this.frames = []; // parsed
        this.texts = []; // as they came
        this.next = 0; // first frame that wait() has not passed yet
        const url = new URL(`ws://${system.host}:${port}${path}`);
        const token = who?.token ?? who;
        if (token && carrier === 'query') {
            url.searchParams.set('access_token', token);
        }
        if (token && carrier === 'cookie') {
            headers = { ...headers, cookie: `confab_token=${token}` };
        }
        if (token && carrier === 'subprotocol') {
            protocols = ['rooms.v1', `bearer.${token}`, ...protocols];
        }
        if (ext) {
            url.searchParams.set('ext', '1');
        }
        if (since) {
            url.searchParams.set('since', since);
        }
        for (const [key, value] of Object.entries(query)) {
            url.searchParams.set(key, value);
        }
        this.ws = new WebSocket(url, protocols, { headers, perMessageDeflate: false });
        this.open = new Promise((resolve, reject) => {
            this.ws.once('open', resolve);
            this.ws.once('unexpected-response', (_, response) => {
                const { statusCode: status, headers } = response;
                reject(Object.assign(new Error(`HTTP ${status}`), { status, headers }));
                response.resume();
            });
            this.ws.once('error', reject);
        });
        this.open.catch(() => {});
        this.ws.on('error', () => {});
        this.closed = new Promise((resolve) => {
            this.ws.once('close', (code, reason) => {
                this.close_ = { code, reason: reason.toString() };
                resolve(this.close_);
            });
        });
        this.ws.on('message', (data, binary) => this.receive(data, binary));
    }

    receive(data, binary) {
        assert.equal(binary, false, 'a binary frame in D0');
        const text = data.toString();
        const frame = JSON.parse(text);
        if (frame._ext?.event_id) {
            this.cursor = frame._ext.event_id;
        }
        this.texts.push(text);
        this.frames.push(frame);
    }

    opened(ms) {
        return within('the WebSocket opens', this.open, ms);
    }

    get isOpen() {
        return this.ws.readyState === WebSocket.OPEN;
    }

    /** The next frame, from where the last wait ended, that fits: a type, or a predicate. */
    async wait(fit, ms) {
        const test = typeof fit === 'function' ? fit : (f) => f.type === fit;
        const found = await until(`a frame ${typeof fit === 'function' ? fit.toString().slice(0, 120) : fit}`, () => {
            for (let i = this.next; i < this.frames.length; i += 1) {
                if (test(this.frames[i])) {
                    return { i };
                }
            }
            if (this.close_) {
                throw Object.assign(new Error(`closed ${JSON.stringify(this.close_)} instead`), { final: true });
            }
            return null;
        }, ms);
        this.next = found.i + 1;
        this.lastText = this.texts[found.i];
        return this.frames[found.i];
    }

    send(frame) {
        this.ws.send(typeof frame === 'string' || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame));
        return this;
    }

    /** Send a command with a request mark and wait for its reply, wherever it stands in the stream. */
    async command(frame, fit, ms) {
        const from = this.frames.length;
        this.send(frame);
        return until(`the reply to ${JSON.stringify(frame).slice(0, 100)}`, () => {
            if (this.close_) {
                throw Object.assign(new Error(`closed ${JSON.stringify(this.close_)} instead`), { final: true });
            }
            return this.frames.slice(from).find(fit);
        }, ms);
    }

    /** A message over the socket; resolves with message_sent or error. */
    async message(chatId, content, more = {}) {
        requests += 1;
        const key = more.client_msg_id ?? `m-${process.pid}-${requests}`;
        return this.command({ type: 'message', chat_id: chatId, content, client_msg_id: key, ...more },
            (f) => (f.type === 'message_sent' || f.type === 'error') && f.client_msg_id === key);
    }

    types() {
        return this.frames.map((f) => f.type);
    }

    of(type) {
        return this.frames.filter((f) => f.type === type);
    }

    /** Code and reason of the close. */
    gone(ms) {
        return within('the WebSocket closes', this.closed, ms);
    }

    close() {
        this.ws.terminate();
    }
}

/**
 * A marker that everybody in the room must see: after it has come, nothing that was sent before it is still on its way.
 * This is how tests prove that something did not arrive.
 */
let markers = 0;
export async function flush(system, sender, chatId, clients) {
    markers += 1;
    const content = `marker ${process.pid} ${markers}`;
    await system.api.send(sender, chatId, content);
    await Promise.all(clients.map((c) => c.wait((f) => f.data?.content === content)));
}
