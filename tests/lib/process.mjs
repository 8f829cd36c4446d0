// A daemon of ours as a child process: start, kill in every way, see it end.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { within } from './wait.mjs';

const alive = new Set();
process.on('exit', () => {
    for (const child of alive) {
        child.kill('SIGKILL');
    }
});

export class Daemon {
    /** @param log path; output is appended, so that restarts stand one below the other */
    constructor(name, command, args, { log, env = {}, cwd } = {}) {
        Object.assign(this, { name, command, args, log, env, cwd });
        this.starts = 0;
    }

    start() {
        const out = fs.openSync(this.log, 'a');
        const child = spawn(this.command, this.args, {
            stdio: ['ignore', out, out], env: { ...process.env, ...this.env }, cwd: this.cwd,
        });
        fs.closeSync(out);
        this.child = child;
        this.starts += 1;
        alive.add(child);
        this.exited = new Promise((resolve) => {
            const done = (code, signal) => {
                alive.delete(child);
                if (this.child === child) {
                    this.child = null;
                }
                resolve({ code, signal });
            };
            child.once('exit', done);
            child.once('error', (error) => done(-1, error.message));
        });
        return this;
    }

    get pid() {
        return this.child?.pid;
    }

    get running() {
        return this.child != null;
    }

    /** Send the signal and wait for the end. */
    async stop(signal = 'SIGTERM', ms = 20000) {
        if (!this.child) {
            return { code: null, signal: null };
        }
        const { exited, child } = this;
        child.kill(signal);
        try {
            return await within(`${this.name} ends after ${signal}`, exited, ms);
        } catch (error) {
            child.kill('SIGKILL');
            await exited;
            throw error;
        }
    }

    output() {
        return fs.existsSync(this.log) ? fs.readFileSync(this.log, 'utf8') : '';
    }
}
