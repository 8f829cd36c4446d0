// The typed examples are compiled, and the one for node is run.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { pathToFileURL } from 'node:url';
import WebSocket from 'ws';
import { clientOf, library } from '../lib/client.mjs';
import { ROOT } from '../lib/database.mjs';
import { useSystem } from '../lib/system.mjs';
import { until } from '../lib/wait.mjs';

const sys = useSystem({ before, after });
const WEB = path.join(ROOT, 'web');
const run = promisify(execFile);
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'confab-examples-'));
after(() => fs.rmSync(dir, { recursive: true, force: true }));

/** The ts blocks of a text, each as a module of its own; what it takes for granted is a client. */
function examples(name) {
    const text = fs.readFileSync(path.join(ROOT, name), 'utf8');
    return [...text.matchAll(/^```ts\n([^]*?)^```/gm)].map(([, code], i) => ({
        file: `${path.basename(path.dirname(path.join(ROOT, name)))}-${i + 1}.ts`,
        line: text.slice(0, text.indexOf(code)).split('\n').length,
        code: `${/\bconst client\b/.test(code) ? '' : "declare const client: import('@confab/client').Client;\n"}${code}export {};\n`,
    }));
}

test('every typed example compiles', async () => {
    const all = ['web/client/README.md', 'README.md'].flatMap(examples);
    assert.ok(all.length >= 10, `${all.length} examples`);
    all.forEach(({ file, code }) => fs.writeFileSync(path.join(dir, file), code));
    fs.writeFileSync(path.join(dir, 'tsconfig.json'), JSON.stringify({
        extends: path.join(WEB, 'client/tsconfig.json'),
        compilerOptions: {
            noEmit: true, declaration: false, noUnusedLocals: false, rootDir: '/', outDir: path.join(dir, 'out'),
            paths: { '@confab/client': [path.join(WEB, 'client/src/index.ts')] },
        },
        include: ['*.ts'],
    }));
    await run(process.execPath, [path.join(WEB, 'node_modules/typescript/bin/tsc'), '-p', dir]).catch((error) => {
        throw new Error(`${error.stdout}\n${all.map(({ file, line }) => `${file}: line ${line}`).join('\n')}`);
    });
});

test('a wrong example does not compile', async () => {
    const file = path.join(dir, 'wrong.ts');
    fs.writeFileSync(file, "declare const client: import('@confab/client').Client;\nclient.on('message', ({ nothing }) => nothing);\nexport {};\n");
    await assert.rejects(run(process.execPath, [path.join(WEB, 'node_modules/typescript/bin/tsc'), '-p', dir]), ({ stdout }) => /wrong\.ts.*nothing/.test(stdout));
    fs.rmSync(file);
});

test('the example for node answers', async () => {
    const [ann, robot] = await sys.api.users(2);
    const { code } = examples('web/client/README.md').find((example) => example.code.includes('function bot'));
    const { transform } = await import(pathToFileURL(path.join(WEB, 'node_modules/esbuild/lib/main.js')).href);
    const js = (await transform(code, { loader: 'ts' })).code.replace(/^import .*\n/m, 'const { createClient, fixedToken } = globalThis.confabClient;\n');
    globalThis.confabClient = library;
    fs.writeFileSync(path.join(dir, 'bot.mjs'), js);
    const { bot } = await import(pathToFileURL(path.join(dir, 'bot.mjs')).href);
    const running = bot(sys.origin, robot.token, WebSocket);
    const client = clientOf(sys, ann);
    try {
        client.start();
        await client.isLive();
        await until('the bot', () => running.status === 'live');
        const room = await client.rest.createPersonal(robot.id);
        await client.send({ chatId: room.chat_id, content: '!echo hello' }).done;
        assert.equal((await client.wait('message')).message.content, 'hello');
    } finally {
        running.stop();
        client.stop();
    }
});
