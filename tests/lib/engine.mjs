// Engine.IO by hand: what protocol tests send and receive, without a client library in between.
import assert from 'node:assert/strict';
import WebSocket from 'ws';
import { within } from './wait.mjs';

export const SEPARATOR = '\x1e';
export const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

export class Engine {
    constructor(sys, path = '/engine.io/') {
        this.url = `http://${sys.host}:3000${path}`;
        this.sockets = new Set();
    }

    polling(query, options) {
        return fetch(`${this.url}?${query}`, options);
    }

    /** A new polling session; its sid. */
    async open() {
        const answer = await this.polling('EIO=4&transport=polling');
        return JSON.parse((await answer.text()).slice(1)).sid;
    }

    get(sid, options) {
        return this.polling(`EIO=4&transport=polling&sid=${sid}`, options);
    }

    post(sid, body, headers) {
        return this.polling(`EIO=4&transport=polling&sid=${sid}`, { method: 'POST', body, headers });
    }

    /** A WebSocket that queues what comes: next() is the next frame (text or Buffer), closed the end. */
    socket(query = 'EIO=4&transport=websocket') {
        const ws = new WebSocket(`${this.url.replace('http', 'ws')}?${query}`);
        const frames = [], waiting = [];
        ws.on('message', (data, binary) => {
            const frame = binary ? data : data.toString();
            if (waiting.length > 0) {
                waiting.shift()(frame);
            } else {
                frames.push(frame);
            }
        });
        ws.on('error', () => {});
        ws.opened = new Promise((resolve, reject) => { ws.on('open', resolve); ws.on('close', () => reject(new Error('closed'))); });
        ws.opened.catch(() => {});
        ws.closed = new Promise((resolve) => { ws.on('close', (code) => resolve(code)); });
        ws.next = () => (frames.length > 0 ? Promise.resolve(frames.shift())
            : Promise.race([new Promise((resolve) => { waiting.push(resolve); }), ws.closed.then(() => { throw new Error('closed'); })]));
        ws.unread = frames;
        this.sockets.add(ws);
        return ws;
    }

    /** Open, with the open packet taken. */
    async connected() {
        const ws = this.socket();
        const open = await ws.next();
        ws.sid = JSON.parse(open.slice(1)).sid;
        return ws;
    }

    close() {
        this.sockets.forEach((ws) => ws.terminate());
    }

    /** Polls once and answers a ping, so that the session lives; what else came. */
    async poll(sid) {
        const packets = (await (await this.get(sid)).text()).split(SEPARATOR);
        if (packets.includes('2')) {
            await this.post(sid, '3');
        }
        return packets.filter((p) => p !== '2');
    }

    async pollFor(sid, count = 1) {
        const packets = [];
        while (packets.length < count) {
            packets.push(...await within('a packet', this.poll(sid)));
        }
        return packets;
    }

    /** A polling session on /chat; its sid. */
    async join(who) {
        const sid = await this.open();
        await this.post(sid, `40/chat,${JSON.stringify({ token: who.token })}`);
        const [connect] = await this.pollFor(sid);
        assert.match(connect, /^40\/chat,\{"sid":/);
        return sid;
    }

    /** Nothing is left of the session. */
    async isGone(sid) {
        await refused(await this.get(sid), 400, UNKNOWN);
    }
}

export const UNKNOWN = { code: 1, message: 'Session ID unknown' };
export const BAD = { code: 3, message: 'Bad request' };

export async function refused(answer, status, body) {
    assert.equal(answer.status, status);
    assert.deepEqual(JSON.parse(await answer.text()), body);
}
