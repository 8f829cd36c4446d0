// A push service and browsers of our own: an HTTPS server that keeps what it gets and answers as it is told, and subscriptions
// whose keys decrypt it (RFC 8291, with node's crypto and nothing of ours).
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import https from 'node:https';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { until } from './wait.mjs';

const b64 = (bytes) => Buffer.from(bytes).toString('base64url');

export class PushService {
    /** Listens on 127.0.0.1: HTTPS for push, HTTP for the webhook. */
    static async open() {
        const service = new PushService();
        service.dir = fs.mkdtempSync(path.join(os.tmpdir(), 'confab-push-'));
        service.ca = path.join(service.dir, 'ca.pem');
        const key = path.join(service.dir, 'key.pem');
        execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
            '-subj', '/CN=push', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:push.localhost', '-keyout', key, '-out', service.ca],
        { stdio: 'pipe' });
        Object.assign(service, { requests: [], rules: new Map(), connections: 0, open: 0, most: 0, held: new Map() });
        const take = (request, response) => service.take(request, response);
        service.tls = https.createServer({ key: fs.readFileSync(key), cert: fs.readFileSync(service.ca) }, take);
        service.plain = http.createServer(take);
        for (const server of [service.tls, service.plain]) {
            server.on('connection', () => { service.connections += 1; });
            await new Promise((done) => { server.listen(0, '127.0.0.1', done); });
        }
        service.port = service.tls.address().port;
        service.origin = `https://127.0.0.1:${service.port}`;
        service.webhook = `http://127.0.0.1:${service.plain.address().port}/hook`;
        return service;
    }

    /** rule: (request, number of requests to this path before) => {status, headers} or null for no answer at all. */
    answer(at, rule) {
        this.rules.set(at, typeof rule === 'function' ? rule : () => rule);
    }

    async take(request, response) {
        const parts = [];
        this.open += 1;
        this.most = Math.max(this.most, this.open);
        response.once('close', () => { this.open -= 1; this.held.delete(response); });
        for await (const part of request) {
            parts.push(part);
        }
        const before = this.to(request.url).length;
        const got = { path: request.url, method: request.method, headers: request.headers, body: Buffer.concat(parts), at: Date.now() };
        this.requests.push(got);
        const said = (this.rules.get(request.url) ?? (() => ({ status: 201 })))(got, before);
        got.status = said?.status ?? 0;
        if (said) {
            response.writeHead(said.status, said.headers);
            response.end(said.body ?? 'thank you');
        } else {
            this.held.set(response, got);
        }
    }

    /** Answer what hangs. */
    release(status) {
        for (const [response, got] of this.held) {
            got.status = status;
            response.writeHead(status);
            response.end();
        }
        this.held.clear();
    }

    to(at) {
        return this.requests.filter((r) => r.path === at);
    }

    taken(at) {
        return this.to(at).filter((r) => r.status >= 200 && r.status < 300);
    }

    /** Waits for that many answered with 2xx. */
    async got(at, count, ms) {
        return until(`${count} requests to ${at}`, () => this.taken(at).length >= count && this.taken(at), ms);
    }

    close() {
        for (const server of [this.tls, this.plain]) {
            server.closeAllConnections();
            server.close();
        }
        fs.rmSync(this.dir, { recursive: true, force: true });
    }
}

/** One browser: what its PushManager would hold. */
export class Browser {
    constructor(service, name) {
        this.service = service;
        this.path = `/send/${name}`;
        this.keys = crypto.createECDH('prime256v1');
        this.keys.generateKeys();
        this.auth = crypto.randomBytes(16);
    }

    get subscription() {
        return {
            endpoint: this.service.origin + this.path, expirationTime: null,
            keys: { p256dh: b64(this.keys.getPublicKey()), auth: b64(this.auth) },
        };
    }

    /** RFC 8188 section 2.1 and RFC 8291 section 3.4 */
    decrypt(body) {
        const salt = body.subarray(0, 16);
        const keyLength = body[20];
        const sender = body.subarray(21, 21 + keyLength);
        assert.equal(keyLength, 65);
        const sealed = body.subarray(21 + keyLength);
        assert.ok(body.length <= 4096 && sealed.length <= body.readUInt32BE(16), 'one record');
        const info = Buffer.concat([Buffer.from('WebPush: info\0'), this.keys.getPublicKey(), sender]);
        const ikm = Buffer.from(crypto.hkdfSync('sha256', this.keys.computeSecret(sender), this.auth, info, 32));
        const key = Buffer.from(crypto.hkdfSync('sha256', ikm, salt, 'Content-Encoding: aes128gcm\0', 16));
        const nonce = Buffer.from(crypto.hkdfSync('sha256', ikm, salt, 'Content-Encoding: nonce\0', 12));
        const open = crypto.createDecipheriv('aes-128-gcm', key, nonce);
        open.setAuthTag(sealed.subarray(-16));
        const plain = Buffer.concat([open.update(sealed.subarray(0, -16)), open.final()]);
        const end = plain.findLastIndex((byte) => byte !== 0);
        assert.equal(plain[end], 2, 'the delimiter of the last record');
        return JSON.parse(plain.subarray(0, end).toString());
    }

    /** What has been taken, decrypted. */
    notes() {
        return this.service.taken(this.path).map((r) => this.decrypt(r.body));
    }

    async got(count, ms) {
        await this.service.got(this.path, count, ms);
        return this.notes();
    }
}

/** RFC 8292: the claims of a request that is signed with this public key (base64url). */
export function checkVapid(request, publicKey) {
    const [, token, key] = /^vapid t=([\w.-]+), k=([\w-]+)$/.exec(request.headers.authorization);
    assert.equal(key, publicKey);
    const point = Buffer.from(key, 'base64url');
    const [head, claims, signature] = token.split('.');
    const verifier = crypto.createPublicKey({
        format: 'jwk', key: { kty: 'EC', crv: 'P-256', x: b64(point.subarray(1, 33)), y: b64(point.subarray(33)) },
    });
    assert.ok(crypto.verify('sha256', Buffer.from(`${head}.${claims}`), { key: verifier, dsaEncoding: 'ieee-p1363' },
        Buffer.from(signature, 'base64url')), 'the signature is of this key');
    assert.deepEqual(JSON.parse(Buffer.from(head, 'base64url')), { typ: 'JWT', alg: 'ES256' });
    return JSON.parse(Buffer.from(claims, 'base64url'));
}

/** The body of a webhook's request; its signature must be of this secret, and fresh. */
export function checkWebhook(request, secret) {
    const [, at, mac] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(request.headers['x-confab-signature']);
    assert.equal(mac, crypto.createHmac('sha256', secret).update(`${at}.`).update(request.body).digest('hex'));
    assert.ok(Math.abs(Number(at) * 1000 - request.at) < 300000);
    return JSON.parse(request.body);
}
