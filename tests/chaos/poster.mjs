// Somebody who writes: sends, edits and deletes, and keeps every promise he was given. A change whose outcome is unknown is
// tried again with the same key until it is known; nothing enters the ledger before that.
import crypto from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { idNumber } from '../lib/token.mjs';

export class Poster {
    /** @param follower post over this one's socket instead of REST */
    constructor(system, user, chats, { random, rate, follower = null, name }) {
        Object.assign(this, { system, user, chats, random, rate, follower, name });
        this.ledger = [];
        this.live = []; // own messages that can be changed
        this.stats = { sends: 0, edits: 0, deletes: 0, retries: 0, refused: 0 };
        this.latencies = [];
    }

    start(until) {
        this.running = this.run(until);
        return this;
    }

    async run(until) {
        while (Date.now() < until) {
            const began = Date.now();
            const dice = this.random();
            if (dice < 0.7 || this.live.length === 0) {
                await this.send();
            } else if (dice < 0.9) {
                await this.edit();
            } else {
                await this.remove();
            }
            this.latencies.push(Date.now() - began);
            await pause(Math.max(0, (1000 / this.rate) * (0.5 + this.random()) - (Date.now() - began)));
        }
    }

    pick(list) {
        return list[Math.floor(this.random() * list.length)];
    }

    async send() {
        const chat = this.pick(this.chats);
        const key = crypto.randomUUID();
        const content = `${key} v1 ${'x'.repeat(Math.floor(this.random() * 80))}`;
        const answer = await this.insist(
            () => this.system.api.call('POST', `/api/chats/${chat.chat_id}/messages`, { token: this.user.token, body: { content, client_msg_id: key } }),
            { type: 'message', chat_id: chat.chat_id, content, client_msg_id: key });
        this.stats.sends += 1;
        const entry = { key: key.replaceAll('-', ''), chat: idNumber(chat.chat_id), id: idNumber(answer.message_id), text: answer.message_id, chatText: chat.chat_id, content, deleted: false, version: 1 };
        this.ledger.push(entry);
        this.live.push(entry);
        if (this.live.length > 50) {
            this.live.shift();
        }
    }

    async edit() {
        const entry = this.pick(this.live);
        const content = `${entry.key} v${entry.version + 1} ${'y'.repeat(Math.floor(this.random() * 80))}`;
        await this.change('PATCH', entry, { content }, { type: 'edit', content });
        entry.version += 1;
        entry.content = content;
        this.stats.edits += 1;
    }

    async remove() {
        const entry = this.pick(this.live);
        await this.change('DELETE', entry, undefined, { type: 'delete' });
        entry.deleted = true;
        this.live.splice(this.live.indexOf(entry), 1);
        this.stats.deletes += 1;
    }

    change(method, entry, body, frame) {
        const key = crypto.randomUUID();
        return this.insist(
            () => this.system.api.call(method, `/api/chats/${entry.chatText}/messages/${entry.text}`,
                { token: this.user.token, body, headers: { 'idempotency-key': key } }),
            { ...frame, chat_id: entry.chatText, message_id: entry.text, client_msg_id: key });
    }

    /** Again and again with the same key until the outcome is known. */
    async insist(viaRest, frame) {
        for (;;) {
            const answer = this.follower ? await this.overSocket(frame) : await this.overRest(viaRest);
            if (answer) {
                return answer;
            }
            this.stats.retries += 1;
            await pause(10 + this.random() * 40);
        }
    }

    async overRest(viaRest) {
        let answer;
        try {
            answer = await viaRest();
        } catch {
            return null; // the connection broke: unknown
        }
        if (answer.status >= 200 && answer.status < 300) {
            return answer.json ?? {};
        }
        if (answer.status === 503 || answer.status === 429) {
            return null;
        }
        throw new Error(`${this.name}: ${answer.status} ${answer.text}`);
    }

    async overSocket(frame) {
        const reply = await this.follower.ask(frame);
        if (!reply) {
            return null;
        }
        if (reply.type === 'error') {
            if (['unavailable', 'queue_full', 'outcome_unknown', 'restarting', 'store_full'].includes(reply.code)) {
                return null;
            }
            throw new Error(`${this.name}: ${JSON.stringify(reply)} to ${JSON.stringify(frame)}`);
        }
        return reply;
    }
}
