// The README is true: its tour is carried out, block by block, and its tables, links and function names are compared
// with the tree. Blocks are marked in their info string: ```sh tour (typed into a terminal), ```sh tour=2 (into a second
// one), ```json tour=2 (typed into the program that runs there), ```js tour=console (into a browser's console); a ```text
// block with the same mark is what must have appeared. Ids, times and cursors may differ.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn, execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { Browser, CHROMIUM } from '../lib/browser.mjs';
import { ROOT } from '../lib/database.mjs';
import { useSystem } from '../lib/system.mjs';
import { until } from '../lib/wait.mjs';

const BUILD = path.resolve(ROOT, process.env.BUILD || 'build');
const read = (file) => fs.readFileSync(path.join(ROOT, file), 'utf8');
const readme = read('README.md');
const tour = [...readme.matchAll(/^```(\w+) tour(?:=(\w+))?\n([\s\S]*?)^```$/gm)].map(([, kind, place = '1', text]) => ({ kind, place, text }));

const normal = (text) => text.split('\n').map((line) => line
    .replace(/"request_id":"[^"]*"/g, '"request_id":"R"')
    .replace(/\b[0-9a-f]{24}\b/g, 'ID')
    .replace(/\b[0-9a-f]{8}\.\d+/g, 'CURSOR')
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, 'TIME')).filter((line) => line !== '');

class Terminal {
    /** Real pipes inside, because programs open /dev/stderr. */
    constructor(env) {
        this.shell = spawn('bash', ['-c', 'bash 2>&1 | cat'], { cwd: ROOT, env, stdio: ['pipe', 'pipe', 'inherit'] });
        this.output = '';
        this.passed = 0;
        this.shell.stdout.on('data', (data) => { this.output += data; });
    }

    type(text) {
        this.shell.stdin.write(text);
    }

    /** Type, and wait until the shell has carried it out. */
    async run(text) {
        const mark = `end-of-block-${Math.random().toString(36).slice(2)}`;
        const from = this.output.length;
        this.type(`${text}echo ${mark}\n`);
        await until(`the end of\n${text}`, () => this.output.includes(mark), 30000);
        this.block = this.output.slice(from, this.output.indexOf(mark));
    }

    lines() {
        return normal(this.output);
    }

    close() {
        this.shell.stdin.destroy();
        this.shell.kill('SIGKILL');
    }
}

class Console {
    static async open(host) {
        const console_ = new Console();
        console_.browser = await Browser.start({ resolve: { 'localhost:8000': `${host}:8000` } });
        console_.page = await console_.browser.tab(await console_.browser.context());
        await console_.page.go('http://localhost:8000/healthz');
        await console_.page.eval('window.lines = []; console.log = (line) => { lines.push(String(line)); }; 0');
        console_.passed = 0;
        return console_;
    }

    async run(text) {
        const { result, exceptionDetails } = await this.page.call('Runtime.evaluate',
            { expression: text, awaitPromise: true, returnByValue: true, replMode: true });
        assert.equal(exceptionDetails, undefined, exceptionDetails?.exception?.description);
        if (['number', 'string'].includes(typeof result.value)) {
            await this.page.eval(`lines.push(${JSON.stringify(String(result.value))})`);
        }
    }

    async lines() {
        return normal((await this.page.eval('lines')).join('\n'));
    }

    async close() {
        await this.browser.stop();
    }
}

/** The expected lines stand next to each other, after those that were expected before. */
async function showed(place, text) {
    const wanted = normal(text);
    let seen = [];
    await until(`this output:\n${wanted.join('\n')}\n`, async () => {
        seen = (await place.lines()).slice(place.passed);
        const at = seen.findIndex((_, i) => wanted.every((line, j) => seen[i + j] === line));
        place.passed += at < 0 ? 0 : at + wanted.length;
        return at >= 0;
    }, 15000).catch((error) => assert.fail(`${error.message}\nseen:\n${seen.join('\n')}`));
}

describe('the tour', () => {
    const places = {};
    const sys = useSystem({ before, after }, {}, async () => {
        await promisify(execFile)(path.join(BUILD, 'confabctl'),
            ['--url', sys.origin, '--admin-token-file', path.join(sys.dir, 'admin.secret'), 'demo']);
        await until('everybody is told of the demo messages', async () => (await sys.metric('confab_notifier_behind')) === 0);
        fakeNpx();
        const env = { ...process.env, PATH: `${sys.dir}:${process.env.PATH}`, CONFAB_URL: sys.origin };
        places[1] = new Terminal(env);
        places[2] = new Terminal(env);
    });

    /** npx wscat, without asking a registry: what comes is printed, what is typed is sent, the end of input is the end. */
    function fakeNpx() {
        const wscat = sys.file('wscat.mjs', `import { createRequire } from 'node:module';
            import readline from 'node:readline';
            const WebSocket = createRequire(${JSON.stringify(path.join(ROOT, 'tests/'))})('ws');
            const ws = new WebSocket(process.argv[3]);
            ws.on('message', (data) => console.log(data.toString()));
            ws.on('error', (error) => console.log('error: ' + error.message));
            ws.on('close', (code) => { console.log('closed ' + code); process.exit(); });
            ws.on('open', () => readline.createInterface({ input: process.stdin }).on('line', (l) => ws.send(l)).on('close', () => process.exit()));`);
        sys.file('npx', `#!/bin/sh\nshift\nexec '${process.execPath}' '${wscat}' "$@"\n`, 0o700);
    }

    after(async () => {
        for (const place of Object.values(places)) {
            await place.close();
        }
    });

    const here = (text) => text.replaceAll('localhost:8000', `${sys.host}:8000`).replaceAll('build/confabctl', path.join(BUILD, 'confabctl'))
        .replaceAll('var/admin.secret', path.join(sys.dir, 'admin.secret'));

    test('every block does what stands below it', async (t) => {
        assert.ok(tour.length > 15);
        for (const { kind, place, text } of tour) {
            if (place === 'console' && !CHROMIUM) {
                t.diagnostic('there is no Chromium: the console is left out');
            } else if (place === 'console') {
                places.console ??= await Console.open(sys.host);
                await (kind === 'text' ? showed(places.console, text) : places.console.run(text));
            } else if (kind === 'text' && place === '1') {
                assert.deepEqual(normal(places[1].block), normal(text));
            } else if (kind === 'text') {
                await showed(places[place], text);
            } else if (place === '1') {
                await places[1].run(here(text));
            } else {
                places[place].type(here(text));
            }
        }
    });

    test('the client of the README goes on after the worker is gone', { skip: CHROMIUM ? false : 'no Chromium' }, async () => {
        const [jane, room] = await places.console.page.eval(`(async () => [
            (await (await fetch('/api/me')).json()).username,
            (await (await fetch('/api/chats')).json()).chats.find((c) => c.kind === 'personal').chat_id])()`);
        assert.equal(jane, 'testUser');
        await showed(places.console, 'live');
        for (let i = 0; i < 2; i += 1) {
            await places[1].run(`api /chats/${room}/messages -d '{"content":"still there?"}' -o /dev/null\n`);
            await showed(places.console, 'personal_message');
            await Promise.all(sys.workers.map((worker) => sys.bounce(worker)));
            await sys.ready();
            await showed(places.console, 'live');
        }
        assert.ok(!(await places.console.lines()).includes('reload'));
    });
});

test('the table of error codes is shared/code.def', () => {
    const shown = [...readme.matchAll(/^\| `(\w+)` \| (\d+) \| (\d*) \|/gm)].map(([, name, status, close]) => [name, Number(status), Number(close)]);
    const defined = [...read('shared/code.def').matchAll(/^CODE\(\w+, "(\w+)", (\d+), (\d+),/gm)].map(([, name, status, close]) => [name, Number(status), Number(close)]);
    assert.deepEqual(shown, defined.filter(([name]) => name !== 'ok'));
});

test('functions that are named with their file are there', () => {
    const named = [...readme.matchAll(/`((?:rest|ws|shared)\/\w+\.[ch])`\s+`(\w+)`/g)];
    assert.ok(named.length > 30);
    for (const [, file, name] of named) {
        assert.match(read(file), new RegExp(`^[a-z][^\\n;]*\\b${name}\\(`, 'm'), `${file} has no ${name}`);
    }
});

test('files that are named or linked are there', () => {
    const names = [...readme.matchAll(/\]\(([^)#]+)\)/g)].map(([, name]) => name).filter((name) => !name.startsWith('http'));
    const quoted = [...readme.matchAll(/`((?:rest|ws|shared|etc|tests|sql)\/[\w./-]*\w)`/g)].map(([, name]) => name);
    for (const name of new Set([...names, ...quoted])) {
        assert.ok(fs.existsSync(path.join(ROOT, name)), name);
    }
});

test('make targets that are named are there', () => {
    const makefile = read('Makefile');
    for (const [, name] of readme.matchAll(/(?:^ {4}|`|&& )make (?:[A-Z_]+=\S+ )*([a-z][a-z-]+)/gm)) {
        assert.match(makefile, new RegExp(`^${name}:`, 'm'), name);
    }
});
