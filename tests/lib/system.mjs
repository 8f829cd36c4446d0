// A whole system of its own for one test file: MariaDB, confab-rest, N confab-ws, configuration and secrets in a
// temporary directory. Every system listens on an address of its own in 127.0.0.0/8, with the documents' ports, so that
// test files run side by side without choosing free ports.
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Api } from './api.mjs';
import { Database, ROOT } from './database.mjs';
import { Daemon } from './process.mjs';
import { Rooms } from './rooms.mjs';
import { until } from './wait.mjs';

const BUILD = path.resolve(ROOT, process.env.BUILD || 'build');
const LOGS = path.join(BUILD, 'tests/logs/integration');
let systems = 0;

// What tests need instead of the defaults: no limit in their way, password hashing that costs nothing, no wait before the
// first notification after a start.
const REST_DEFAULTS = {
    profile: 'dev', log_level: 'info', migrations_dir: path.join(ROOT, 'sql'),
    notify_settle_ms: 0,
    argon2_memory_bytes: 8192, argon2_passes: 1, argon2_queue: 10000, address_logins_per_minute: 1000000,
    address_connections_max: 100000, address_handshakes_per_s: 100000, address_handshakes_burst: 100000,
    user_connections_max: 1000, user_messages_per_s: 100000, user_messages_burst: 100000,
};

const WS_DEFAULTS = { log_level: 'info', messages_per_s: 1000000, messages_burst: 1000000 };

export function haveDaemons() {
    return ['confab-rest', 'confab-ws'].every((name) => fs.existsSync(path.join(BUILD, name)));
}

export class System {
    /** @param options.rest, options.ws settings besides the defaults; options.workers how many (2) */
    constructor(options = {}) {
        systems += 1;
        this.options = { workers: 2, syncDelay: false, rest: {}, ws: {}, ...options };
        this.name = options.name ?? path.basename(process.argv[1] ?? 'test').replace(/\.test\.mjs$/, '');
        this.dir = fs.mkdtempSync(path.join(os.tmpdir(), 'confab-test-'));
        this.logs = path.join(LOGS, systems > 1 ? `${this.name}-${systems}` : this.name);
        fs.mkdirSync(this.logs, { recursive: true });
        this.host = `127.${40 + systems}.${(process.pid >> 8) & 255}.${process.pid & 255}`;
        this.ports = { rooms: 8000, conversations: 8080, events: 3000 };
        this.origin = `http://${this.host}:${this.ports.rooms}`;
        this.db = new Database(path.join(this.dir, 'db'), { syncDelay: this.options.syncDelay });
        this.secret = crypto.randomBytes(32).toString('base64url');
        this.adminSecret = crypto.randomBytes(32).toString('base64url');
        this.workers = [];
        this.clients = new Set();
    }

    file(name, text, mode = 0o600) {
        const at = path.join(this.dir, name);
        fs.writeFileSync(at, text, { mode });
        return at;
    }

    writeConfig() {
        const settings = {
            ...REST_DEFAULTS,
            listen: `${this.host}:8000 rooms, ${this.host}:8080 conversations, ${this.host}:3000 rooms`,
            link_socket: path.join(this.dir, 'link.sock'), attachments_dir: path.join(this.dir, 'attachments'),
            db_socket: this.db.socket, db_user: this.db.name, db_name: this.db.name, db_password_file: this.db.passwordFile,
            jwt_secret_file: this.file('jwt.secret', `${this.secret}\n`),
            admin_token_file: this.file('admin.secret', `${this.adminSecret}\n`),
            ...this.options.rest,
        };
        const text = (map) => Object.entries(map).map(([k, v]) => `${k} = ${v}\n`).join('');
        this.restConfig = this.file('rest.conf', text(settings));
        this.wsConfig = this.file('ws.conf', text({ ...WS_DEFAULTS, link_socket: settings.link_socket, ...this.options.ws }));
    }

    async start() {
        await this.db.start();
        this.writeConfig();
        this.rest = new Daemon('confab-rest', path.join(BUILD, 'confab-rest'), ['--config', this.restConfig],
            { log: path.join(this.logs, 'confab-rest.log'), cwd: this.dir });
        for (let n = 1; n <= this.options.workers; n += 1) {
            this.workers.push(new Daemon(`confab-ws-${n}`, path.join(BUILD, 'confab-ws'),
                ['--config', this.wsConfig, '--worker', String(n)],
                { log: path.join(this.logs, `confab-ws-${n}.log`), cwd: this.dir }));
        }
        this.rest.start();
        this.workers.forEach((w) => w.start());
        this.api = new Api(this.origin, this);
        await this.ready();
        return this;
    }

    /** Waits until /readyz says yes and every running worker is connected. */
    async ready(ms = 30000) {
        await until(`readiness of ${this.name}`, async () => {
            if (!this.rest.running) {
                throw Object.assign(new Error(`confab-rest has ended:\n${this.rest.output().slice(-2000)}`), { final: true });
            }
            if (!(await fetch(`${this.origin}/readyz`)).ok) {
                return false;
            }
            const connected = await this.metric('confab_feed_workers');
            return connected >= this.workers.filter((w) => w.running).length;
        }, ms);
        return this;
    }

    /** Value of a metric (first sample of that name, labels ignored), 0 when absent. */
    async metric(name) {
        const text = await (await fetch(`${this.origin}/metrics`)).text();
        const line = text.split('\n').find((l) => l.startsWith(name) && /[ {]/.test(l[name.length]));
        return line ? Number(line.slice(line.lastIndexOf(' ') + 1)) : 0;
    }

    /** Sum of a metric over all its labels, as over all workers. */
    async total(name) {
        const text = await (await fetch(`${this.origin}/metrics`)).text();
        const lines = text.split('\n').filter((l) => l.startsWith(name) && /[ {]/.test(l[name.length]));
        return lines.reduce((sum, l) => sum + Number(l.slice(l.lastIndexOf(' ') + 1)), 0);
    }

    /** total(name) once it stands still; the workers report theirs once a second. */
    async settled(name) {
        let last = -1;
        const { now } = await until(`${name} stands still`, async () => {
            const total = await this.total(name);
            const same = total === last;
            last = total;
            return same && { now: total };
        }, 15000, 1500);
        return now;
    }

    /** A D0 client. who: a user with a token, or null; options: {ext, since, query, headers, protocols, port}. */
    async rooms(who, options = {}) {
        const client = new Rooms(this, who, options);
        this.clients.add(client);
        if (options.wait !== false) {
            await client.opened();
        }
        return client;
    }

    /** Kill at once and start again. */
    async bounce(daemon, signal = 'SIGKILL') {
        await daemon.stop(signal);
        daemon.start();
    }

    async stop() {
        for (const client of this.clients) {
            client.close();
        }
        for (const worker of this.workers) {
            await worker.stop();
        }
        await this.rest?.stop();
        await this.db.stop();
        fs.rmSync(this.dir, { recursive: true, force: true });
    }
}

/**
 * For a test file or suite: hooks around one system; what is returned stands for it once it runs. setup is the rest of the
 * preparation (one hook, because hooks outside of suites do not wait for each other).
 */
export function useSystem({ before, after }, options, setup = async () => {}) {
    let system;
    const standIn = new Proxy({}, {
        get(_, key) {
            const value = system?.[key];
            return typeof value === 'function' ? value.bind(system) : value;
        },
    });
    before(async () => {
        system = new System(options);
        await system.start();
        await setup(standIn);
    });
    after(async () => { await system?.stop(); });
    return standIn;
}
