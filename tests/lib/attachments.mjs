// Attachments over HTTP: contents of every type, uploads in one go and in pieces.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

export const PNG = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
export const GIF = Buffer.from('R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==', 'base64');
export const PDF = Buffer.from('%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n');

export const sha256 = (bytes) => crypto.createHash('sha256').update(bytes).digest('hex');

/** Bytes that look like nothing known, always the same. */
export function noise(size, seed = 1) {
    const cipher = crypto.createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16));
    return cipher.update(Buffer.alloc(size));
}

export class Attachments {
    constructor(sys) {
        this.sys = sys;
    }

    /** POST in one go; more: {name, type, status, headers, query}. The answer's JSON, or the answer when it is refused. */
    async post(by, chatId, bytes, { name = 'noise.bin', type = 'application/octet-stream', status = 201, headers = {}, query = '' } = {}) {
        const answer = await this.sys.api.call('POST', `/api/chats/${chatId}/attachments?name=${encodeURIComponent(name)}${query}`,
            { token: by.token, body: bytes, headers: { 'content-type': type, ...headers } });
        assert.equal(answer.status, status, `${answer.status} ${answer.text}`);
        return status < 300 ? answer.json : answer;
    }

    /** A download: {status, headers, bytes}. */
    async get(by, id, { status = 200, headers = {}, method = 'GET' } = {}) {
        const response = await fetch(`${this.sys.origin}/api/attachments/${id}`,
            { method, headers: { authorization: `Bearer ${by.token}`, ...headers } });
        const bytes = Buffer.from(await response.arrayBuffer());
        assert.equal(response.status, status, `${response.status} ${bytes.toString().slice(0, 300)}`);
        return { status: response.status, headers: response.headers, bytes };
    }

    async begin(by, chatId, size, more = {}) {
        const { status = 201, ...fields } = more;
        const answer = await this.sys.api.call('POST', `/api/chats/${chatId}/uploads`,
            { token: by.token, body: { name: 'noise.bin', size, ...fields } });
        assert.equal(answer.status, status, `${answer.status} ${answer.text}`);
        return status === 201 ? answer.json : answer;
    }

    patch(by, id, offset, bytes) {
        return this.sys.api.call('PATCH', `/api/uploads/${id}`,
            { token: by.token, body: bytes, headers: { 'upload-offset': String(offset), 'content-type': 'application/octet-stream' } });
    }

    status(by, id) {
        return this.sys.api.call('GET', `/api/uploads/${id}`, { token: by.token });
    }

    /** Names of all files below the directory, notes included. */
    files(part = '') {
        const top = path.join(this.sys.dir, 'attachments', part);
        return fs.existsSync(top) ? fs.readdirSync(top, { recursive: true, withFileTypes: true }).filter((e) => e.isFile()).map((e) => e.name) : [];
    }
}
