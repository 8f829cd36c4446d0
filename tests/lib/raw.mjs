// A TCP connection that says exactly what it is told, for heads that no HTTP library would send.
import net from 'node:net';
import { until, within } from './wait.mjs';

export class Raw {
    constructor(socket) {
        this.socket = socket;
        this.text = '';
        this.ended = false;
        socket.setNoDelay(true);
        socket.on('data', (data) => { this.text += data.toString('latin1'); });
        socket.on('end', () => { this.ended = true; });
        this.closed = new Promise((resolve) => {
            socket.on('error', () => {});
            socket.on('close', () => { this.ended = true; resolve(); });
        });
    }

    static async open(host, port, options = {}) {
        const socket = net.connect({ host, port, allowHalfOpen: true, ...options });
        const raw = new Raw(socket);
        await within('connect', new Promise((resolve, reject) => {
            socket.once('connect', resolve);
            socket.once('error', reject);
        }));
        return raw;
    }

    send(text) {
        this.socket.write(Buffer.isBuffer(text) ? text : Buffer.from(text, 'latin1'));
        return this;
    }

    /** The next whole HTTP answer, taken off the stream: {status, headers, body}. */
    async answer(ms) {
        await until('an HTTP answer', () => {
            const a = parseAnswer(this.text, this.ended);
            if (!a && this.ended) {
                throw Object.assign(new Error(`connection closed, no answer in ${JSON.stringify(this.text)}`), { final: true });
            }
            this.parsed = a;
            return a;
        }, ms);
        this.text = this.text.slice(this.parsed.length);
        return this.parsed;
    }

    /** Every answer until the server closes. */
    async all(ms) {
        await within('the server closes', this.closed, ms);
        const list = [];
        for (let a; (a = parseAnswer(this.text, true)); this.text = this.text.slice(a.length)) {
            list.push(a);
        }
        return list;
    }

    async gone(ms) {
        await until('end of the connection', () => this.ended, ms);
    }

    close() {
        this.socket.destroy();
    }
}

export function parseAnswer(text, ended) {
    const end = text.indexOf('\r\n\r\n');
    if (end < 0) {
        return null;
    }
    const [first, ...lines] = text.slice(0, end).split('\r\n');
    const status = Number(first.split(' ')[1]);
    const headers = {};
    for (const line of lines) {
        const colon = line.indexOf(':');
        const name = line.slice(0, colon).toLowerCase();
        headers[name] = name in headers ? `${headers[name]}, ${line.slice(colon + 1).trim()}` : line.slice(colon + 1).trim();
    }
    const start = end + 4;
    if (status < 200 || status === 204 || status === 304) {
        return { status, headers, body: '', length: start };
    }
    if (headers['transfer-encoding']) {
        throw new Error('chunked answer: not expected of this server');
    }
    const size = 'content-length' in headers ? Number(headers['content-length']) : ended ? text.length - start : NaN;
    return text.length - start >= size ? { status, headers, body: text.slice(start, start + size), length: start + size } : null;
}

/** The bytes of a request; headers is a list of whole lines. */
export function request(method, target, headers = [], body = '') {
    return `${method} ${target} HTTP/1.1\r\n${headers.map((h) => `${h}\r\n`).join('')}\r\n${body}`;
}
