// The Python script of the subscribe document, word for word, with Debian's python3-websockets: testUser and chat_1.
//
// The script says localhost:8000; a sitecustomize module of this test lets that name lead to this test's system.
import { spawn } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { ROOT } from '../lib/database.mjs';
import { Subscribe } from '../lib/subscribe.mjs';
import { useSystem } from '../lib/system.mjs';
import { idNumber } from '../lib/token.mjs';
import { until } from '../lib/wait.mjs';

const document_ = fs.readFileSync(path.join(ROOT, 'tests/seeds/subscribe.md'), 'utf8');
const script = /```python\n([\s\S]*?)```/.exec(document_)[1];
const HAVE = fs.existsSync('/usr/lib/python3/dist-packages/websockets');
if (!HAVE) {
    console.error('252-subscribe-python: SKIPPED, there is no python3-websockets (apt-get install python3-websockets)');
}

describe('the Python sample', { skip: HAVE ? false : 'no python3-websockets' }, () => {
    let me;
    let john;
    const sys = useSystem({ before, after }, { workers: 1 }, async () => {
        me = await sys.api.user('Test User', { username: 'testUser' });
        john = await sys.api.user('John Doe', { username: 'john_doe' });
        const room = await sys.api.group(john, 'First', [me]);
        assert.equal(idNumber(room.chat_id), 1);
    });
    const running = new Set();
    after(() => running.forEach((p) => p.kill('SIGKILL')));

    function start() {
        const dir = fs.mkdtempSync(path.join(sys.dir, 'python-'));
        fs.writeFileSync(path.join(dir, 'sample.py'), script);
        fs.writeFileSync(path.join(dir, 'sitecustomize.py'), [
            'import socket',
            'real = socket.getaddrinfo',
            'def getaddrinfo(host, *args, **kwargs):',
            `    return real(${JSON.stringify(sys.host)} if host == "localhost" else host, *args, **kwargs)`,
            'socket.getaddrinfo = getaddrinfo', ''].join('\n'));
        const python = spawn('/usr/bin/python3', [path.join(dir, 'sample.py')],
            { env: { ...process.env, PYTHONPATH: dir, PYTHONUNBUFFERED: '1' }, stdio: ['ignore', 'pipe', 'pipe'] });
        running.add(python);
        python.text = '';
        python.stdout.on('data', (d) => { python.text += d; });
        python.stderr.on('data', (d) => { python.text += d; });
        /** Frames behind "Connected: " and "Received: ", in order. */
        python.frames = () => python.text.split('\n').map((l) => /^(?:Connected|Received): (.*)$/.exec(l)?.[1]).filter(Boolean).map((t) => JSON.parse(t));
        python.saw = (what, fit) => until(`${what} in the script's output`, () => python.frames().find(fit)).catch((error) => {
            throw new Error(`${error.message}\n${python.text}`);
        });
        return python;
    }

    test('it is greeted, subscribes, and prints what happens in chat_1', async () => {
        const python = start();
        await python.saw('the confirmation', (f) => f.type === 'subscription_confirmed');
        const [connected, confirmed] = python.frames();
        assert.match(python.text, /^Connected: \{"type":"connected","userId":"testUser","message":"Successfully connected to WebSocket","timestamp":"[^"]*"\}\n/);
        assert.deepEqual(Object.keys(connected), ['type', 'userId', 'message', 'timestamp']);
        assert.deepEqual(confirmed, { type: 'subscription_confirmed', action: 'subscribe', chatId: 'chat_1', message: 'Subscribed to chat chat_1' });

        await sys.api.send(john, 'chat_1', 'Hello world!');
        const message = await python.saw('the message', (f) => f.type === 'new_message');
        assert.deepEqual([message.chatId, message.message.text, message.message.sender], ['chat_1', 'Hello world!', 'john_doe']);
        const update = await python.saw('the state of the chat', (f) => f.type === 'chat_update');
        assert.deepEqual([update.lastMessage, update.unreadCount], ['Hello world!', 1]);
        const peer = await Subscribe.open(sys, 'john_doe');
        peer.typing('chat_1', true);
        const typing = await python.saw('typing', (f) => f.type === 'user_typing');
        assert.deepEqual([typing.userId, typing.username, typing.isTyping], [`user${john.n}`, 'john_doe', true]);
        peer.close();
    });

    test('kill -9 of the script: its connection and its subscription are gone, everybody else goes on', async () => {
        const before_ = running.size;
        const count = (n) => until(`${n} connections`, async () => (await sys.total('confab_ws_connections')) === n);
        await count(before_);
        const python = start();
        await python.saw('the confirmation', (f) => f.type === 'subscription_confirmed');
        await count(before_ + 1);
        python.kill('SIGKILL');
        await count(before_);
        const peer = await Subscribe.open(sys, 'testUser');
        await peer.subscribe('chat_1');
        await sys.api.send(john, 'chat_1', 'still here');
        await peer.wait((f) => f.message?.text === 'still here');
        peer.close();
    });
});
