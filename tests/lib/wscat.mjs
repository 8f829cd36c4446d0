// npm's wscat, started by a command line of a document, word for word but for what stands in <angle brackets>.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { ROOT } from './database.mjs';
import { until, within } from './wait.mjs';

const BIN = path.join(ROOT, 'tests/node_modules/.bin');

/** The wscat command lines of tests/seeds/<name>, in order: `wscat ...` after a prompt-less line start or in backquotes. */
export function commandLines(name) {
    const text = fs.readFileSync(path.join(ROOT, 'tests/seeds', name), 'utf8').replaceAll(/ *\\\n\s*/g, ' ');
    return [...text.matchAll(/^[ `]*(wscat [^`\n]*)/gm)].map((m) => m[1]);
}

export class Wscat {
    /** @param blanks what stands for <your_access_token> and the like */
    constructor(sys, line, blanks = {}) {
        const command = line.replaceAll(/<(\w+)>/g, (_, name) => blanks[name]);
        this.out = '';
        this.err = '';
        this.child = spawn('sh', ['-c', `exec ${command}`], {
            env: {
                ...process.env, PATH: `${BIN}:${process.env.PATH}`, CONFAB_TEST_LOCALHOST: sys.host,
                NODE_OPTIONS: `--require "${path.join(ROOT, 'tests/lib/localhost.cjs')}"`,
            },
        });
        this.child.stdout.on('data', (data) => { this.out += data; });
        this.child.stderr.on('data', (data) => { this.err += data; });
        this.child.stdin.on('error', () => {});
        this.exited = new Promise((resolve) => { this.child.once('close', (code) => resolve(code)); });
        sys.clients.add(this);
    }

    /** What it has printed for frames; without a terminal it prints each as a line. */
    get lines() {
        return this.out.split('\n').slice(0, -1).map((l) => l.replace(/^(> )*/, ''));
    }

    get frames() {
        return this.lines.filter((l) => l.startsWith('{')).map((l) => JSON.parse(l));
    }

    /** Type a line. */
    type(line) {
        this.child.stdin.write(`${typeof line === 'string' ? line : JSON.stringify(line)}\n`);
    }

    wait(fit, ms) {
        return until(`a frame ${fit} of wscat, which said ${this.err}`, () => this.frames.find(fit), ms);
    }

    ended(ms) {
        return within('wscat ends', this.exited, ms);
    }

    close() {
        this.child.kill('SIGKILL');
    }
}
