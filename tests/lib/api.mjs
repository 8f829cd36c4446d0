// The HTTP API as a few calls. fetch keeps connections alive by itself.
import assert from 'node:assert/strict';
import { signToken, idNumber } from './token.mjs';

let userCounter = 0;
export const JSON_TYPE = { 'content-type': 'application/json' };

export class Api {
    /** @param base "http://address:port" */
    constructor(base, { secret, adminSecret } = {}) {
        Object.assign(this, { base, secret, adminSecret });
    }

    /** {status, headers, text, json}; body objects become JSON, strings go as they are. */
    async call(method, path, { token, body, headers = {}, signal } = {}) {
        const send = { ...headers };
        if (token) {
            send.authorization = `Bearer ${token.token ?? token}`;
        }
        if (body !== undefined && !('content-type' in send)) {
            send['content-type'] = 'application/json';
        }
        const payload = body === undefined || typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
        const response = await fetch(this.base + path, { method, headers: send, body: payload, signal, redirect: 'manual' });
        const text = await response.text();
        const type = response.headers.get('content-type') ?? '';
        return {
            status: response.status, headers: response.headers, text,
            json: text && /[/+]json/.test(type) ? JSON.parse(text) : undefined,
        };
    }

    /** As call, and the answer must have this status. */
    async expect(status, method, path, options) {
        const answer = await this.call(method, path, options);
        assert.equal(answer.status, status, `${method} ${path}: ${answer.status} ${answer.text}`);
        return answer;
    }

    /** The answer must be a problem document with this status and code. */
    async refused(status, code, method, path, options) {
        const answer = await this.expect(status, method, path, options);
        assertProblem(answer, status, code);
        return answer;
    }

    /** A new user with an hour's token: {id, n, username, name, token}. */
    async user(name, more = {}) {
        userCounter += 1;
        const username = more.username ?? `u${process.pid % 10000}_${userCounter}`;
        const { json } = await this.expect(201, 'POST', '/api/auth/register',
            { body: { username, password: more.password ?? 'correct horse', name: name ?? username } });
        const id = json.user.user_id ?? json.user.id;
        const n = idNumber(id);
        return { id, n, username, name: name ?? username, token: this.token(n), login: json };
    }

    async users(count, prefix = 'user') {
        const list = [];
        for (let at = 0; at < count; at += 64) {
            list.push(...await Promise.all(
                Array.from({ length: Math.min(64, count - at) }, (_, i) => this.user(`${prefix} ${at + i + 1}`))));
        }
        return list;
    }

    /** A token without the detour of a login. */
    token(n, options) {
        return signToken(this.secret, n, options);
    }

    personal(by, other, status) {
        return this.create(by, 'personal', { user_id: other.id ?? other }, status);
    }

    group(by, name, others, status) {
        return this.create(by, 'group', { chat_name: name, participants: others.map((o) => o.id ?? o) }, status);
    }

    /** The chat_room object; .text is its exact bytes. */
    async create(by, kind, body, status = 201) {
        const answer = await this.expect(status, 'POST', `/api/chat/create/${kind}`, { token: by.token, body });
        return Object.defineProperty(answer.json, 'text', { value: answer.text });
    }

    async send(by, chatId, content, more = {}) {
        const { status = 201, ...fields } = more;
        const answer = await this.expect(status, 'POST', `/api/chats/${chatId}/messages`,
            { token: by.token, body: { content, ...fields } });
        return answer.json;
    }

    admin(method, path, options = {}) {
        return this.call(method, path, { ...options, token: this.adminSecret });
    }
}

export function assertProblem(answer, status, code) {
    assert.match(answer.headers.get('content-type'), /^application\/problem\+json/);
    assert.equal(answer.json.code, code, answer.text);
    assert.equal(answer.json.status, status);
    for (const member of ['type', 'title', 'request_id']) {
        assert.equal(typeof answer.json[member], 'string', `problem without ${member}: ${answer.text}`);
    }
}
