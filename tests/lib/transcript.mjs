// Replays the golden transcripts of tests/dialect (tests/unit/test_dialects.c says how they are written) with a real worker:
// clients are WebSocket clients, events and results come over the link from fake_rest.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { ROOT } from './database.mjs';
import { until, within } from './wait.mjs';

const OPTIONS = { status: 4, read: 8, upload: 16, typing: 32, group: 64, hears_own: 512 }; // enum conn_option
const GAPS = ['', 'trimmed', 'future', 'other_log', 'too_much', 'malformed'];
const CODES = [...fs.readFileSync(path.join(ROOT, 'shared/code.def'), 'utf8').matchAll(/^CODE\(\w+, "(\w+)"/gm)].map((m) => m[1]);
const CHECKIN_TOPIC = 7;
const CMD_TYPING = 32;
const LATER_S = 2 ** 32; // a worker closes what has expired, so tokens expire that much later
const hex = (text) => Buffer.from(text).toString('hex');

/** Inputs with what must come of each: {line, input, expected: []}. */
export function readTranscript(file) {
    const steps = [{ line: 1, input: '= {}', expected: [] }];
    fs.readFileSync(path.join(ROOT, file), 'utf8').split('\n').forEach((text, at) => {
        if (/^[<?]/.test(text)) {
            steps.at(-1).expected.push(text);
        } else if (text !== '' && !text.startsWith('#')) {
            steps.push({ line: at + 1, input: text, expected: [] });
        }
    });
    return steps.filter((s, i) => i > 0 || !steps[1]?.input.startsWith('='));
}

/** The clock of the transcripts stands at 22:16:00; here any time will do. State frames are frames like others. */
const pattern = (frame) => new RegExp(`^${frame.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/2023-11-14T22:16:00(\\\.\d+)?Z/g, '[-0-9T:.]+Z')}$`);

function assertFrames(expected, actual, where) {
    const wanted = expected.map((l) => l.replace(/^<\S* /, ''));
    const same = wanted.length === actual.length && wanted.every((w, i) => pattern(w).test(actual[i]));
    assert.ok(same, `${where}\nexpected\n${wanted.join('\n')}\ngot\n${actual.join('\n')}`);
}

export class Replay {
    constructor(worker, dialect) {
        Object.assign(this, { worker, dialect, subscriptions: new Map() });
    }

    async run(file) {
        for (const step of readTranscript(file)) {
            this.where = `${file}:${step.line}: ${step.input}`;
            const [, mark, rest] = /^(! \w+|=|>x|>) ?(.*)$/.exec(step.input);
            await { '=': this.section, '>': this.text, '>x': this.binary, '! greet': this.greet, '! event': this.event, '! result': this.result,
                '! live': this.live, '! gap': this.gap }[mark].call(this, rest, step.expected);
        }
        this.client?.ws.terminate();
    }

    /** A new link whose stream has not got beyond an id, and a client as the section describes it. */
    async begin(position) {
        const { worker } = this;
        const from = worker.events.length;
        this.client?.ws.terminate();
        worker.do('next', { published: position, resumed: 0 });
        worker.do('hangup');
        await worker.heard('up', () => true, from);
        this.last = position;
        this.client = await this.connect();
        await this.settle(this.client); // greeted, and told where it is
        for (const frame of this.subscriptions.values()) {
            await this.submit(frame);
            worker.do('query_reply', { request: this.op.request, session: this.op.session });
        }
        await this.settle(this.client);
    }

    connect(more = {}) {
        const { user = 1, ext = false, options = [] } = this.view;
        return this.worker.connect({
            user, dialect: this.dialect.id, ext: ext ? 1 : 0, options: options.reduce((bits, name) => bits | OPTIONS[name], 0),
            ...(this.dialect.topic ? { topic: CHECKIN_TOPIC } : {}), ...more,
        });
    }

    /** Everything that was on its way has arrived; the frames since the last time. */
    async settle(client) {
        const from = this.worker.events.length;
        this.worker.do('ping');
        await this.worker.heard('pong', () => true, from);
        const pong = new Promise((resolve) => { client.ws.once('pong', resolve); });
        client.ws.ping();
        await within('the pong', pong);
        return client.texts.splice(0);
    }

    async expect(expected, client = this.client) {
        assertFrames(expected, await this.settle(client), this.where);
    }

    async section(rest) {
        this.view = JSON.parse(rest);
        this.subscriptions.clear();
        await this.begin(0);
    }

    async text(rest, expected) {
        const [op] = expected.filter((l) => l.startsWith('?'));
        this.frame = rest;
        this.op = null;
        if (!op) {
            this.client.send(rest);
            await this.expect(expected);
        } else if (op.startsWith('? unsubscribe')) {
            this.client.send(rest); // ends in the worker: its answer is there before the result is
            this.subscriptions.delete(op.slice('? un'.length));
            this.op = { is: 'unsubscribe' };
        } else {
            await this.submit(rest);
            assert.equal(this.describe(op), op.slice(2), this.where);
            await this.expect([]);
        }
    }

    /** The operation that comes of a frame. Typing that says nothing new is not passed on at once. */
    async submit(frame) {
        const from = this.worker.events.length;
        let next = 0;
        this.op = await until('the operation', () => {
            if (next < Date.now()) {
                assert.ok(next === 0 || /typing/.test(frame), this.where);
                this.client.send(frame);
                next = Date.now() + (/typing/.test(frame) ? 60 : 10000);
            }
            return this.worker.events.slice(from).find((e) => ['command', 'reauth', 'query'].includes(e.is));
        });
        this.op.frame = frame;
    }

    describe(written) {
        const o = this.op;
        if (o.is === 'reauth') {
            return `auth ${o.token}`;
        }
        if (o.is === 'query') {
            return `subscribe chat=${o.body.chat_id}`;
        }
        const key = / no key( number=\d)?$/.test(written) ? ' no key' : ` key=${o.key}`; // whoever has none gets one from the worker
        return `command ${o.kind} chat=${o.chat} user=${o.user} message=${o.message} seq=${o.seq} name=${JSON.stringify(o.name)} content=${JSON.stringify(o.content)}${key}${
            o.kind === CMD_TYPING ? ` number=${o.number}` : ''}`;
    }

    async result(rest, expected) {
        const r = JSON.parse(rest);
        const code = CODES.indexOf(r.code ?? 'ok');
        if (this.op.is === 'unsubscribe') {
            if (code === 0) { // in a worker it never fails
                await this.expect(expected);
            }
            return;
        }
        if (this.op.done) { // a link answers once: ask again
            await this.submit(this.frame);
        }
        const { request, session } = this.op;
        const chat = r.chat ?? this.op.chat;
        this.worker.do({ command: 'reply', reauth: 'reauth_reply', query: 'query_reply' }[this.op.is],
            { request, session, code, chat, event: r.event ?? 0, message: r.message ?? r.event ?? 0, seq: r.seq ?? 0, number: r.number ?? 0,
                expires: r.expires ? r.expires + LATER_S : 0 });
        this.op.done = true;
        this.last = Math.max(this.last, r.event ?? 0);
        if (this.op.is === 'query' && code === 0) {
            this.subscriptions.set(`subscribe chat=${this.op.body.chat_id}`, this.frame);
        }
        const time = (s) => new Date(s * 1000).toISOString().slice(0, 19);
        await this.expect(r.expires ? expected.map((l) => l.replace(time(r.expires), time(r.expires + LATER_S))) : expected);
    }

    async binary(rest, expected) {
        this.client.send(Buffer.from(rest, 'hex'));
        await this.expect(expected);
    }

    async event(rest, expected) {
        const e = JSON.parse(rest);
        const { user = 1 } = this.view;
        if (e.kind === 'revoked') {
            return; // ends the connection, whatever the dialect
        }
        if (e.id && e.id <= this.last) { // streams go one way only
            await this.begin(e.id - 1);
        }
        this.last = Math.max(this.last, e.id ?? 0);
        const numbered = e.kind === 'chat_update' ? { number_each: e.unread ?? 0 } : {};
        const to = e.kind === 'checkin' && this.dialect.topic ? { to: 'topic', set: e.number } : { slots: [user], ...numbered };
        this.worker.do('event', { ...e, ...to });
        await this.expect(expected);
    }

    async greet(rest, expected) {
        const { user, username = 'ann', name = 'Ann', asked = '' } = JSON.parse(rest);
        const client = await this.worker.connect({ user: user ?? 1, slot: 99, dialect: this.dialect.id, username: hex(username), called: hex(name), asked: hex(asked) });
        await this.expect(expected, client);
        client.ws.terminate();
    }

    async live(rest, expected) {
        await this.notice('live', { position: Number(rest) }, expected);
    }

    async gap(rest, expected) {
        const [position, reason] = rest.split(' ');
        await this.notice('gap', { position: Number(position), reason: GAPS.indexOf(reason) }, expected);
    }

    /** Another client, which resumes; nobody reads what it sends before it is live. */
    async notice(what, args, expected) {
        const from = this.worker.events.length;
        const client = await this.connect({ since: 1 });
        const { session, generation } = await this.worker.heard('attach', (e) => e.session === client.session, from);
        this.worker.do(what, { session, generation, ...args });
        const frames = await this.settle(client);
        assertFrames(expected, this.dialect.greets ? frames.slice(1) : frames, this.where);
        client.ws.terminate();
    }
}
