// A Socket.IO client on /chat that looks like the plain WebSocket clients: what it hears is a list of frames, {type, ...data}.
import { io } from 'socket.io-client';
import { Rooms } from './rooms.mjs';
import { within } from './wait.mjs';

export class SocketIo {
    /** options: those of socket.io-client, and chatId: a conversation to join. */
    constructor(system, who, { chatId, wait = true, ...options } = {}) {
        Object.assign(this, { system, who, chatId, frames: [], texts: [], next: 0 });
        this.socket = io(`http://${system.host}:3000/chat`, { auth: { token: who?.token ?? who }, forceNew: true, reconnectionDelay: 20, reconnectionDelayMax: 200, ...options });
        this.socket.onAny((type, data, ...more) => {
            this.texts.push(JSON.stringify([type, data, ...more]));
            this.frames.push({ ...data, type });
        });
        this.open = new Promise((resolve, reject) => { this.socket.once('connect', resolve); this.socket.once('connect_error', reject); });
        this.open.catch(() => {});
        this.socket.on('disconnect', (reason) => { this.close_ = reason; });
        this.recovered = []; // one for each time it has come back
        this.socket.on('connect', () => {
            this.close_ = undefined;
            this.recovered.push(this.socket.recovered);
        });
    }

    static async open(system, who, options = {}) {
        const client = new SocketIo(system, who, options);
        system.clients.add(client);
        await within('the namespace is joined', client.open);
        if (options.chatId) {
            client.send({ type: 'joinConversation', convId: options.chatId });
            await client.wait('joinedConversation');
            await client.wait('ack');
        }
        return client;
    }

    /** The acknowledgement is a frame, too: {...what it says, type: 'ack', client_msg_id: that of the request}. */
    send({ type, ...data }) {
        this.socket.emit(type, data, (answer) => {
            this.texts.push(JSON.stringify(answer));
            this.frames.push({ ...answer, type: 'ack', client_msg_id: data.client_msg_id });
        });
        return this;
    }

    wait(fit, ms) {
        return Rooms.prototype.wait.call(this, fit, ms);
    }

    /** The connection is lost under it, without a word. */
    cut() {
        const { transport } = this.socket.io.engine;
        if (transport.name === 'websocket') {
            transport.ws.terminate?.();
        } else {
            this.socket.io.engine._onClose('transport error');
        }
    }

    close() {
        this.socket.disconnect();
    }
}
