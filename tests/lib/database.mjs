// A private MariaDB, started by etc/dev/mariadb.sh: own directory, Unix socket only.
import { execFile, execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const SCRIPT = path.join(ROOT, 'etc/dev/mariadb.sh');
const run = promisify(execFile);
// The server is ours to kill, not the sanitizers' to watch.
const env = { ...process.env, ASAN_OPTIONS: '', UBSAN_OPTIONS: '', LSAN_OPTIONS: '' };

const started = new Set();
process.on('exit', () => started.forEach((db) => db.killSync()));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.once(signal, () => process.exit(1));
}

export class Database {
    /** @param syncDelay preload the library that makes every fsync wait as long as setSyncDelay says */
    constructor(dir, { name = 'confab', syncDelay = false } = {}) {
        Object.assign(this, { dir, name, syncDelay });
    }

    async start() {
        started.add(this);
        const options = this.syncDelay ? ['--sync-delay'] : [];
        try {
            await run(SCRIPT, ['start', this.dir, ...options, 'innodb_log_file_size=32M', 'innodb_buffer_pool_size=128M'], { env });
        } catch (error) {
            throw new Error(`${error.message}\n${this.tail('install.log')}\n${this.tail('mariadb.log')}`);
        }
        if (!this.socket) {
            await run(SCRIPT, ['database', this.dir, this.name], { env });
            this.socket = (await run(SCRIPT, ['socket', this.dir], { env })).stdout.trim();
            this.passwordFile = path.join(this.dir, `${this.name}.password`);
        }
        return this;
    }

    tail(name) {
        const file = path.join(this.dir, name);
        return fs.existsSync(file) ? fs.readFileSync(file, 'utf8').slice(-3000) : '';
    }

    /** Clean stop. */
    async stop() {
        await run(SCRIPT, ['stop', this.dir], { env });
        started.delete(this);
    }

    /** SIGKILL, as a power cut would. */
    async kill() {
        await run(SCRIPT, ['kill', this.dir], { env });
    }

    /** Whether tables can become no larger (syncDelay: true). */
    setDiskFull(full) {
        const file = path.join(this.dir, 'disk-full');
        if (full) {
            fs.writeFileSync(file, '');
        } else {
            fs.rmSync(file, { force: true });
        }
    }

    /** SIGSTOP: it neither works nor dies; SIGCONT. */
    async signal(name) {
        process.kill(Number((await run(SCRIPT, ['pid', this.dir], { env })).stdout), name);
    }

    killSync() {
        if (fs.existsSync(this.dir)) {
            execFileSync(SCRIPT, ['kill', this.dir], { env });
        }
    }

    setSyncDelay(ms) {
        fs.writeFileSync(path.join(this.dir, 'sync-delay'), `${ms}\n`);
    }

    /** Rows as arrays of strings (the client's escapes undone; NULL is null). */
    async sql(statement) {
        const args = ['sql', this.dir, '--batch', '--skip-column-names', `--database=${this.name}`, '-e', statement];
        const { stdout } = await run(SCRIPT, args, { env, maxBuffer: 1 << 30 });
        const undo = { n: '\n', t: '\t', 0: '\0', '\\': '\\' };
        return stdout.split('\n').slice(0, -1).map((line) => line.split('\t').map(
            (cell) => (cell === 'NULL' ? null : cell.replace(/\\(.)/g, (_, c) => undo[c] ?? c))));
    }
}
