// The client library as it is built for browsers, for tests in node.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import WebSocket from 'ws';
import { ROOT } from './database.mjs';
import { until } from './wait.mjs';

/** A module in web/, with the packages of web/. */
export async function fromWeb(file) {
    assert.ok(fs.existsSync(path.join(ROOT, 'web/node_modules')), 'web/node_modules is missing: make web');
    return import(pathToFileURL(path.join(ROOT, 'web', file)).href);
}

export const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'confab-client-'));
process.on('exit', () => fs.rmSync(dir, { recursive: true, force: true }));

export const { bundle, LIMIT_BYTES } = await fromWeb('client/build.mjs');
export const size = await bundle(dir);
export const built = path.join(dir, 'index.js');
fs.writeFileSync(path.join(dir, 'package.json'), '{"type":"module"}');
export const library = await import(pathToFileURL(built).href);

/** localStorage, as far as the library uses it. full: nothing more can be written; blocked: every touch throws. */
export class MemoryStorage {
    map = new Map();
    full = false;
    blocked = false;
    touch() {
        if (this.blocked) {
            throw new DOMException('The operation is insecure.', 'SecurityError');
        }
    }
    get length() {
        this.touch();
        return this.map.size;
    }
    key(i) {
        this.touch();
        return [...this.map.keys()][i] ?? null;
    }
    getItem(key) {
        this.touch();
        return this.map.get(key) ?? null;
    }
    setItem(key, value) {
        this.touch();
        if (this.full) {
            throw new DOMException('The quota has been exceeded.', 'QuotaExceededError');
        }
        this.map.set(key, String(value));
    }
    removeItem(key) {
        this.touch();
        this.map.delete(key);
    }
}

/** Waits that fit a test. */
export const QUICK = { backoffBase: 20, backoffMax: 200, connectWithin: 5000, pingAfter: 5000, pongWithin: 3000 };

const EVENTS = ['message', 'message_edited', 'message_deleted', 'message_read', 'chat', 'chat_renamed', 'chat_deleted', 'member_added',
    'member_removed', 'member_role', 'typing', 'user_status', 'upload', 'notification', 'unread', 'notifications', 'gap', 'sent',
    'send_failed', 'outbox', 'status', 'sockets', 'leader', 'unknown'];

/** A client of this user that keeps every event: events is a list of [name, event]. */
export function clientOf(system, user, options = {}) {
    const client = library.createClient({
        url: options.origin ?? system.origin, token: library.fixedToken(user?.token ?? user), WebSocket, storage: null, share: false,
        ...options, limits: { ...QUICK, ...options.limits },
    });
    client.events = [];
    for (const name of EVENTS) {
        client.on(name, (event) => client.events.push([name, event]));
    }
    client.of = (name) => client.events.filter(([type]) => type === name).map(([, event]) => event);
    client.wait = (name, fit = () => true, ms = 15000) => until(`event ${name} ${fit}`, () => client.of(name).find(fit), ms);
    client.isLive = (ms = 20000) => until('both sockets are live', () => client.sockets.rooms === 'live' && client.sockets.inbox === 'live', ms);
    return client;
}
