// WebSockets without a network, for what a server of ours never does.
export class FakeSocket {
    static all = [];
    /** What happens to a new one: 'open', 'close' or nothing. */
    static then = 'open';
    readyState = 0;
    sent = [];

    constructor(url, protocols) {
        Object.assign(this, { url, protocols });
        FakeSocket.all.push(this);
        queueMicrotask(() => {
            if (FakeSocket.then === 'open') {
                this.readyState = 1;
                this.onopen?.({});
            } else if (FakeSocket.then === 'close') {
                this.end(1006, '');
            }
        });
    }

    static named(part) {
        return FakeSocket.all.filter((socket) => socket.url.includes(part)).at(-1);
    }

    get frames() {
        return this.sent.map((text) => JSON.parse(text));
    }

    send(text) {
        this.sent.push(text);
    }

    close() {
        this.readyState = 3;
    }

    /** A frame (or anything) from the server. */
    give(data) {
        this.onmessage?.({ data: typeof data === 'object' && data?.constructor === Object ? JSON.stringify(data) : data });
    }

    end(code, reason = '') {
        this.readyState = 3;
        this.onclose?.({ code, reason });
    }
}
