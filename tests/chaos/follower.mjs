// A client that stays: connects, keeps what it gets, reconnects when the connection ends; with cursors it resumes.
import { setTimeout as pause } from 'node:timers/promises';
import WebSocket from 'ws';
import { idNumber } from '../lib/token.mjs';

const TYPES = { personal_message: 'message', group_message: 'message', message_sent: 'sent', message_edited: 'edited', message_deleted: 'deleted', live: 'live', gap: 'gap' };

/** A frame in the form that check.mjs reads. */
export function normalize(frame) {
    const type = TYPES[frame.type] ?? 'other';
    const event = frame._ext?.event_id ? Number(frame._ext.event_id.split('.')[1]) : 0;
    const data = frame.data ?? frame;
    const chat = data.chat_id ?? frame.chat_id ?? frame._ext?.chat_id;
    return {
        type, event, seq: frame._ext?.seq, chat: chat ? idNumber(chat) : 0,
        id: data.message_id ? idNumber(data.message_id) : 0, content: data.content, isDeleted: data.is_deleted,
    };
}

export class Follower {
    /** @param churn drop the connection now and then: mean time in ms, 0 for never */
    constructor(system, user, { name, ext, chats, churn = 0 }) {
        Object.assign(this, { system, user, name, ext, chats, churn });
        this.segments = [];
        this.closes = [];
        this.waiting = new Map(); // client_msg_id -> {frame, answer}
        this.cursor = null;
        this.position = 0;
        this.lastId = 0;
        this.stopped = false;
    }

    start() {
        this.running = this.run();
        return this;
    }

    async run() {
        while (!this.stopped) {
            await this.connection();
            if (!this.stopped) {
                await pause(5 + Math.random() * 50);
            }
        }
    }

    connection() {
        const url = new URL(`ws://${this.system.host}:8000/ws`);
        url.searchParams.set('access_token', this.user.token);
        if (this.ext) {
            url.searchParams.set('ext', '1');
            if (this.cursor) {
                url.searchParams.set('since', this.cursor);
            }
        }
        const segment = [];
        this.segments.push(segment);
        const ws = new WebSocket(url, { perMessageDeflate: false });
        this.ws = ws;
        let leaving;
        ws.on('open', () => {
            this.opened = true;
            if (this.churn) {
                leaving = setTimeout(() => { ws.left = true; ws.terminate(); }, this.churn * (0.1 + 1.8 * Math.random()));
            }
        });
        ws.on('message', (data) => this.receive(segment, data));
        return new Promise((resolve) => {
            ws.on('error', () => {});
            ws.on('close', (code) => {
                clearTimeout(leaving);
                if (this.opened && !ws.left) {
                    this.closes.push({ at: Date.now(), code });
                }
                this.opened = false;
                this.live = false;
                resolve();
            });
        });
    }

    receive(segment, data) {
        const frame = JSON.parse(data);
        if (frame.type === 'live') {
            this.live = true;
        }
        const entry = normalize(frame);
        if (entry.event && entry.event > this.position) {
            this.position = entry.event;
            this.cursor = frame._ext.event_id;
        }
        if (entry.type === 'message' || entry.type === 'sent') {
            this.lastId = Math.max(this.lastId, entry.id);
        }
        this.takeReply(frame, entry);
        if (entry.type !== 'other' || entry.event) {
            segment.push(entry);
        }
    }

    /** What a reply leaves out is what we asked for. */
    takeReply(frame, entry) {
        const asked = this.waiting.get(frame.client_msg_id);
        if (!asked) {
            return;
        }
        this.waiting.delete(frame.client_msg_id);
        entry.reply = true;
        if (frame.type === 'message_sent') {
            entry.content = asked.frame.content;
        } else if (frame.type === 'ok' && asked.frame.message_id) {
            entry.type = asked.frame.type === 'edit' ? 'edited' : 'deleted';
            entry.id = idNumber(asked.frame.message_id);
            entry.chat = idNumber(asked.frame.chat_id);
            entry.content = asked.frame.content;
        }
        asked.answer(frame);
    }

    /** Send a frame and wait for its reply; null when the connection ends first or nothing comes. */
    async ask(frame, ms = 8000) {
        const { ws } = this;
        if (!ws || ws.readyState !== WebSocket.OPEN) {
            return null;
        }
        const key = frame.client_msg_id;
        return new Promise((resolve) => {
            const finish = (value) => { clearTimeout(timer); ws.off('close', lost); this.waiting.delete(key); resolve(value); };
            const lost = () => finish(null);
            const timer = setTimeout(lost, ms);
            this.waiting.set(key, { frame, answer: finish });
            ws.once('close', lost);
            ws.send(JSON.stringify(frame));
        });
    }

    async stop() {
        this.stopped = true;
        this.ws?.terminate();
        await this.running;
    }
}
