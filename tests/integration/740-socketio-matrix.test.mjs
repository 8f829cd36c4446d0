// The clients that are out there, each unmodified: socket.io-client 4 and 3 (and the refusal of 2), Debian's Python client, the
// document's own lines, a browser on another origin; and what they do when servers come and go.
import { spawn } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import dns from 'node:dns';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { io } from 'socket.io-client';
import io2 from 'socket.io-client-2';
import io3 from 'socket.io-client-3';
import { Browser, CHROMIUM } from '../lib/browser.mjs';
import { ROOT } from '../lib/database.mjs';
import { Engine } from '../lib/engine.mjs';
import { useSystem } from '../lib/system.mjs';
import { until, within } from '../lib/wait.mjs';

const PAGE_ORIGIN = 'http://app.example:5173';
let ann, bob;
const sys = useSystem({ before, after }, {
    workers: 2, rest: { origins: PAGE_ORIGIN },
}, async () => {
    [ann, bob] = [await sys.api.user('Ann'), await sys.api.user('Bob')];
});
const open = [];
after(() => open.forEach((s) => s.disconnect()));
const base = () => `http://${sys.host}:3000`;
const post = (who, url, body) => sys.api.expect(201, 'POST', url, { token: who.token, body });
/** Two people who talk to each other. */
async function pair() {
    const [x, y] = await sys.api.users(2);
    const { conversation } = (await post(x, '/chats', { user2_id: y.n })).json;
    return { x, y, convId: conversation.id };
}
async function client(who, options = {}, make = io) {
    const socket = make(`${base()}/chat`, { auth: { token: who.token }, forceNew: true, reconnectionDelay: 20, reconnectionDelayMax: 200, ...options });
    socket.heard = [];
    for (const name of ['newMessage', 'conversationCreated', 'joinedConversation', 'leftConversation', 'error']) {
        socket.on(name, (...args) => socket.heard.push([name, ...args]));
    }
    open.push(socket);
    if (options.wait !== false) {
        await within('connect', new Promise((resolve, reject) => { socket.once('connect', resolve); socket.once('connect_error', reject); }));
    }
    return socket;
}
const heard = (socket, name, match = () => true) => until(name, () => socket.heard.find(([n, d]) => n === name && match(d))?.[1]);
const emit = (socket, name, data) => within(name, new Promise((resolve) => { socket.emit(name, data, resolve); }));
const TRANSPORTS = { 'the default': {}, 'polling only': { transports: ['polling'] }, 'WebSocket only': { transports: ['websocket'] } };

describe('socket.io-client 4', () => {
    test('rememberUpgrade: the next connection begins with WebSocket', async () => {
        const s = await client(ann, { rememberUpgrade: true });
        await until('the upgrade', () => s.io.engine.transport.name === 'websocket' && !s.io.engine.upgrading);
        const polls = await sys.metric('confab_polls_held');
        s.disconnect();
        s.connect();
        await until('the connection', () => s.connected);
        assert.equal(s.io.engine.transport.name, 'websocket');
        assert.equal(await sys.metric('confab_polls_held'), polls);
        assert.equal((await emit(s, 'joinConversation', { convId: 99999 })).ok, false);
        s.disconnect();
    });
    test('WebSocket first, polling as the way out', async () => {
        const s = await client(ann, { transports: ['websocket', 'polling'], tryAllTransports: true });
        assert.equal(s.io.engine.transport.name, 'websocket');
        s.disconnect();
        const t = await client(ann, { transports: ['polling', 'websocket'], upgrade: false });
        assert.equal(t.io.engine.transport.name, 'polling');
        t.disconnect();
    });
    for (const [name, options] of Object.entries(TRANSPORTS)) {
        test(`an acknowledgement that comes too late is nobody else's, ${name}`, async () => {
            const s = await client(ann, options);
            const convId = (await s.timeout(10000).emitWithAck('createConversation', { user2_id: bob.n })).conversation.id;
            const send = (ms, message) => s.timeout(ms).emitWithAck('sendMessage', { convId, message: { message } });
            sys.workers.forEach((w) => w.child.kill('SIGSTOP'));
            try {
                await assert.rejects(send(300, 'late'), /timed out/);
            } finally {
                sys.workers.forEach((w) => w.child.kill('SIGCONT'));
            }
            const next = await send(10000, 'next');
            assert.equal(next.ok, true);
            await heard(s, 'newMessage', (d) => d.message.id === next.id && d.message.message === 'next');
            assert.equal(s.heard.filter(([n, d]) => n === 'newMessage' && d.message.message === 'late').length, 1, 'it was sent all the same');
            s.disconnect();
        });
        test(`bytes in an event to /chat end the connection, ${name}`, async () => {
            const s = await client(ann, { ...options, reconnection: false });
            const end = new Promise((resolve) => { s.on('disconnect', resolve); });
            s.emit('sendMessage', { convId: 1, message: { message: Buffer.from([1, 2, 3]) } });
            assert.match(await within('the end', end), /transport (close|error)/);
            assert.deepEqual(s.heard, []);
        });
        test(`a burst of large messages, below what waits for a client at most, ${name}`, async () => {
            const { x, y, convId } = await pair();
            const [a, b] = [await client(x, options), await client(y, options)];
            await emit(a, 'joinConversation', { convId });
            await emit(b, 'joinConversation', { convId });
            const texts = Array.from({ length: 200 }, (_, i) => `${i} ${String.fromCharCode(97 + (i % 26)).repeat(4096)}`);
            const acks = texts.map((message) => emit(a, 'sendMessage', { convId, message: { message } }));
            assert.ok((await Promise.all(acks)).every((r) => r.ok));
            for (const s of [a, b]) {
                await until('all of them', () => s.heard.filter(([n]) => n === 'newMessage').length >= texts.length, 30000);
                assert.deepEqual(s.heard.filter(([n]) => n === 'newMessage').map(([, d]) => d.message.message), texts);
            }
            a.disconnect();
            b.disconnect();
        });
        test(`confab-rest starts anew, then the workers, ${name}`, async () => {
            const { x, y, convId } = await pair();
            const s = await client(x, options);
            let connects = 0;
            s.on('connect', () => { connects += 1; s.emit('joinConversation', { convId }); });
            s.emit('joinConversation', { convId });
            await heard(s, 'joinedConversation');
            for (const daemons of [[sys.rest], sys.workers]) {
                s.heard.length = 0;
                await Promise.all(daemons.map((d) => sys.bounce(d, 'SIGTERM')));
                await sys.ready();
                const text = `after ${daemons.length}`;
                await until('it is there again', async () => {
                    if (s.connected) { // whether it had to come back or not
                        await s.timeout(2000).emitWithAck('joinConversation', { convId });
                    }
                    return s.connected;
                }, 20000);
                await post(y, `/chats/${convId}/message`, { message: text });
                await heard(s, 'newMessage', (d) => d.message.message === text);
            }
            assert.ok(connects >= 1, 'at least for the workers');
            s.disconnect();
        });
    }
    test('/chat and a namespace that is not there, on one connection', async () => {
        const s = await client(ann, { forceNew: false });
        const other = s.io.socket('/nowhere');
        const error = new Promise((resolve) => { other.on('connect_error', resolve); });
        other.connect();
        assert.equal((await within('the refusal', error)).message, 'Invalid namespace');
        assert.equal((await emit(s, 'joinConversation', { convId: 99999 })).error.code, 'chat_not_found', '/chat lives on');
        s.disconnect();
    });
    test('leaving the namespace and coming again on the same connection', async () => {
        const s = await client(ann);
        const other = s.io.socket('/elsewhere'); // keeps the connection open
        other.on('connect_error', () => {});
        for (let i = 0; i < 3; i += 1) {
            const { id } = s;
            s.disconnect();
            s.connect();
            await until('the namespace', () => s.connected && s.id !== id);
            assert.equal((await emit(s, 'createConversation', { user2_id: bob.n })).ok, true);
        }
        s.disconnect();
    });
});

describe('the fixture', () => {
    const echo = useSystem({ before, after }, { workers: 1, rest: { test_fixture: 'yes' }, ws: { frame_max_bytes: '16m', queue_max_bytes: '64m' } });
    test('/echo: text and bytes come back as they are, up to 16 MB', async () => {
        const e = new Engine(echo, '/echo'), ws = e.socket();
        await ws.opened;
        for (const said of ['', Buffer.alloc(0), 'ä\0', Buffer.from([0, 255, 10]), 'y'.repeat(16 << 20), Buffer.alloc(16 << 20, 200)]) {
            ws.send(said);
            const back = await within(`the echo of ${said.length}`, ws.next(), 10000);
            assert.equal(typeof back, typeof said);
            assert.ok(Buffer.from(back).equals(Buffer.from(said)));
        }
        e.close();
    });
    for (const [name, options] of Object.entries(TRANSPORTS)) {
        test(`several namespaces on one connection, bytes in events and acknowledgements, ${name}`, async () => {
            const who = await echo.api.user('Echo');
            const root = io(`http://${echo.host}:3000/`, { ...options, forceNew: true, auth: { a: 1 } });
            open.push(root);
            const custom = root.io.socket('/custom', { auth: { b: 2 } });
            const chat = root.io.socket('/chat', { auth: { token: who.token } });
            const auths = [root, custom].map((s) => new Promise((resolve) => { s.on('auth', resolve); }));
            const joined = new Promise((resolve) => { chat.on('connect', resolve); });
            custom.connect();
            chat.connect();
            assert.deepEqual(await within('both', Promise.all(auths)), [{ a: 1 }, { b: 2 }]);
            await within('/chat', joined);
            const bytes = Buffer.from(Array.from({ length: 1000 }, (_, i) => i & 255));
            for (const s of [root, custom]) {
                const back = new Promise((resolve) => { s.once('message-back', (...args) => resolve(args)); });
                s.emit('message', 1, { deep: [bytes] }, 'x', bytes);
                assert.deepEqual(await within('the echo', back), [1, { deep: [bytes] }, 'x', bytes]);
                assert.deepEqual(await s.timeout(5000).emitWithAck('message-with-ack', { bytes }), { bytes });
            }
            custom.disconnect();
            assert.equal((await chat.timeout(5000).emitWithAck('joinConversation', { convId: 1 })).ok, false);
            assert.equal(await root.timeout(5000).emitWithAck('message-with-ack', 'still here'), 'still here');
            root.io._close();
        });
    }
});

describe('socket.io-client 3', () => {
    for (const [name, options] of Object.entries(TRANSPORTS)) {
        test(`the events of the document, ${name}`, async () => {
            const { x, y, convId } = await pair();
            const [a, b] = [await client(x, options, io3), await client(y, options, io3)];
            assert.equal((await emit(a, 'joinConversation', { convId })).ok, true);
            b.emit('joinConversation', { convId });
            assert.deepEqual(await heard(b, 'joinedConversation'), { convId });
            assert.equal((await emit(a, 'sendMessage', { convId, message: { message: 'from 3' } })).ok, true);
            assert.equal((await heard(b, 'newMessage')).message.message, 'from 3');
            b.emit('sendMessage', { convId: 99999, message: { message: 'x' } });
            assert.equal((await heard(b, 'error')).message, 'Conversation not found');
            a.disconnect();
            b.disconnect();
        });
    }
    test('connect_error carries message and data', async () => {
        const s = await client({ token: 'nonsense' }, { wait: false, reconnection: false }, io3);
        const error = await within('connect_error', new Promise((resolve) => { s.on('connect_error', resolve); }));
        assert.ok(error instanceof Error);
        assert.equal(error.data.code, 'unauthenticated');
    });
});

describe('socket.io-client 2', () => {
    for (const [name, options] of Object.entries(TRANSPORTS)) {
        test(`is refused, ${name}`, async () => {
            const s = io2(`${base()}/chat`, { ...options, query: { token: ann.token }, reconnection: false, forceNew: true });
            open.push(s);
            await within('connect_error', new Promise((resolve) => { s.on('connect_error', resolve); }));
            assert.equal(s.connected, false);
        });
    }
    test('the refusal says why', async () => {
        const answer = await fetch(`${base()}/socket.io/?EIO=3&transport=polling&t=abc&b64=1`);
        assert.equal(answer.status, 400);
        assert.equal(await answer.text(), '{"code":5,"message":"Unsupported protocol version"}');
    });
});

describe('the lines of the document', () => {
    const { lookup } = dns;
    before(() => { dns.lookup = (host, ...rest) => lookup(host === 'localhost' ? sys.host : host, ...rest); });
    after(() => { dns.lookup = lookup; });
    test('as they are, on http://localhost:3000/chat', async () => {
        const { x: me, y: other } = await pair();
        const third = await sys.api.user('Third');
        const said = [];
        const console_ = { log: (...args) => said.push(args), error: (...args) => said.push(args) };
        const lines = fs.readFileSync(path.join(ROOT, 'tests/seeds/socketio.md'), 'utf8');
        const blocks = [...lines.matchAll(/```javascript\n([\s\S]*?)```/g)].map((m) => m[1]);
        const connect = blocks.find((b) => b.includes("from 'socket.io-client'"));
        assert.ok(connect.includes("io('http://localhost:3000/chat'"));
        const listen = blocks.filter((b) => b.startsWith('socket.on('));
        assert.equal(listen.length, 5);
        const socket = new Function('io', 'console', `${connect.replace(/^import .*$/m, '').replace('your-jwt-token', me.token)}
            ${listen.join('\n')}
            return socket;`)(io, console_);
        open.push(socket);
        await until('it is connected', () => socket.connected);
        const run = (name, numbers) => {
            const block = blocks.find((b) => b.startsWith(`socket.emit('${name}'`));
            new Function('socket', Object.entries(numbers).reduce((t, [from, to]) => t.replace(from, to), block))(socket);
        };
        const line = (first) => until(first, () => said.find((l) => l[0] === first));
        run('createConversation', { 123: third.n });
        const [, created] = await line('New conversation:');
        assert.deepEqual([created.user1_id, created.user2_id].sort(), [me.n, third.n].sort());
        assert.equal((await line('Participants:'))[1].length, 2);
        run('sendMessage', { 'convId: 1': `convId: ${created.id}` });
        assert.equal((await line('New message:'))[1].message, 'Hello, how are you?');
        assert.equal((await line('Sender:'))[1].id, me.n);
        run('joinConversation', { 'convId: 1': `convId: ${created.id}` });
        assert.deepEqual(await line('Joined conversation:'), ['Joined conversation:', created.id]);
        run('leaveConversation', { 'convId: 1': `convId: ${created.id}` });
        assert.deepEqual(await line('Left conversation:'), ['Left conversation:', created.id]);
        run('joinConversation', { 'convId: 1': 'convId: 99999' });
        assert.deepEqual(await line('Error:'), ['Error:', 'Conversation not found']);
        assert.ok(other);
        socket.disconnect();
    });
});

const PYTHON = fs.existsSync('/usr/lib/python3/dist-packages/socketio') && fs.existsSync('/usr/lib/python3/dist-packages/aiohttp');
if (!PYTHON) {
    console.error('740-socketio-matrix: SKIPPED in part, there is no python3-socketio (apt-get install python3-socketio python3-aiohttp)');
}
const SCRIPT = `
import asyncio, json, sys, socketio
url, token, conv, transports = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4].split(',')
async def main():
    sio = socketio.AsyncClient(reconnection_delay=0.1)
    def say(*what):
        print(json.dumps(what), flush=True)
    for name in ('conversationCreated', 'newMessage', 'joinedConversation', 'leftConversation', 'error'):
        sio.on(name, (lambda n: (lambda data: say(n, data)) if 'recovery=0' in url else (lambda data, *rest: say(n, data)))(name), namespace='/chat')
    sio.on('connect_error', lambda data: say('connect_error', data), namespace='/chat')
    try:
        await sio.connect(url, auth={'token': token}, namespaces=['/chat'], transports=transports)
    except socketio.exceptions.ConnectionError:
        say('refused')
        return
    say('ack', await sio.call('joinConversation', {'convId': conv}, namespace='/chat'))
    say('ack', await sio.call('sendMessage', {'convId': conv, 'message': {'message': 'from Python'}}, namespace='/chat'))
    say('transport', sio.transport())
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    await sio.emit('leaveConversation', {'convId': conv}, namespace='/chat')
    await asyncio.sleep(0.3)
    await sio.disconnect()
    say('bye')
asyncio.run(main())
`;
describe('python3-socketio', { skip: PYTHON ? false : 'no python3-socketio' }, () => {
    function python(token, convId, transports, query = '') {
        const p = spawn('/usr/bin/python3', ['-c', SCRIPT, base() + query, token, String(convId), transports], { stdio: ['pipe', 'pipe', 'pipe'] });
        open.push({ disconnect: () => p.kill('SIGKILL') });
        p.text = '';
        p.stdout.on('data', (d) => { p.text += d; });
        p.stderr.on('data', (d) => { p.text += d; });
        p.saw = (name) => until(`${name} in ${p.text}`, () => p.text.split('\n').filter((l) => l.startsWith('[')).map((l) => JSON.parse(l)).find((l) => l[0] === name))
            .catch((error) => { throw new Error(`${error.message}\n${p.text}`); });
        p.ended = new Promise((resolve) => { p.on('close', resolve); });
        return p;
    }
    for (const [transports, query] of [['polling,websocket'], ['polling'], ['websocket'], ['polling,websocket', '?recovery=0']]) {
        test(`by ${transports}${query ? ', with handlers of one argument' : ''}`, async () => {
            const { x, y, convId } = await pair();
            const peer = await client(y);
            await emit(peer, 'joinConversation', { convId });
            const p = python(x.token, convId, transports, query);
            assert.deepEqual((await p.saw('ack'))[1], { ok: true, convId });
            assert.equal((await heard(peer, 'newMessage')).message.message, 'from Python');
            assert.equal((await p.saw('transport'))[1], transports.split(',').at(-1));
            await emit(peer, 'sendMessage', { convId, message: { message: 'to Python' } });
            await until('both messages', () => p.text.includes('to Python') && p.text.includes('from Python'));
            p.stdin.write('go\n');
            assert.deepEqual((await p.saw('leftConversation'))[1], { convId });
            await p.saw('bye');
            assert.equal(await within('the end', p.ended), 0);
            peer.disconnect();
        });
    }
    test('a bad token', async () => {
        const p = python('nonsense', 1, 'websocket');
        assert.deepEqual(await p.saw('refused'), ['refused']);
        await within('the end', p.ended);
    });
});

if (!CHROMIUM) {
    console.error('740-socketio-matrix: SKIPPED in part, there is no Chromium (apt-get install chromium)');
}
describe('Chromium, a page of another origin', { skip: CHROMIUM ? false : 'no Chromium' }, () => {
    const BUNDLE = path.join(ROOT, 'tests/node_modules/socket.io-client/dist/socket.io.min.js');
    const FOREIGN = 'http://evil.example:5173';
    let browser, tabs, context;
    before(async () => {
        const html = `<!doctype html><meta charset="utf-8"><title>page</title><script>${fs.readFileSync(BUNDLE, 'utf8').replace(/\/\/# sourceMappingURL.*/, '')}</script>`;
        browser = await Browser.start({ resolve: { 'chat.example:3000': `${sys.host}:3000` } });
        context = await browser.context();
        const pages = { [`${PAGE_ORIGIN}/`]: html, [`${FOREIGN}/`]: html };
        tabs = { good: await browser.tab(context, pages), evil: await browser.tab(context, pages) };
        await tabs.good.go(`${PAGE_ORIGIN}/`);
        await tabs.evil.go(`${FOREIGN}/`);
    });
    after(async () => { await browser?.stop(); });
    const connect = (tab, token, options) => tab.eval(`new Promise((resolve) => {
        window.s = io('http://chat.example:3000/chat', { auth: { token: ${JSON.stringify(token)} }, withCredentials: true, forceNew: true, reconnection: false, ...${JSON.stringify(options)} });
        window.said = [];
        s.onAny((...args) => said.push(args));
        s.on('connect', () => resolve('connected'));
        s.on('connect_error', (e) => resolve([e.message, e.data ?? null]));
        setTimeout(() => resolve('nothing'), 10000);
    })`);
    for (const [name, options] of Object.entries(TRANSPORTS)) {
        test(`with credentials, ${name}`, async () => {
            const { x, y, convId } = await pair();
            assert.equal(await connect(tabs.good, x.token, options), 'connected');
            assert.equal(await tabs.good.eval(`s.emitWithAck('joinConversation', { convId: ${convId} }).then((r) => r.ok)`), true);
            if (name === 'the default') {
                await tabs.good.until('the upgrade', "s.io.engine.transport.name === 'websocket'");
            }
            await post(y, `/chats/${convId}/message`, { message: 'across origins' });
            await tabs.good.until('the message', "said.some((e) => e[0] === 'newMessage' && e[1].message.message === 'across origins')");
            await tabs.good.eval('s.disconnect(), 0');
        });
        test(`a bad token is seen as such, ${name}`, async () => {
            const [message, data] = await connect(tabs.good, 'nonsense', options);
            assert.ok(message.length > 3);
            assert.deepEqual(data, { code: 'unauthenticated' });
        });
        test(`an origin that is not allowed gets nothing, ${name}`, async () => {
            const [message, data] = await connect(tabs.evil, ann.token, options);
            assert.match(message, /xhr poll error|websocket error/);
            assert.equal(data, null);
        });
    }
    test('errors can be read by the page', async () => {
        const read = await tabs.good.eval(`fetch('http://chat.example:3000/socket.io/?EIO=3&transport=polling', { credentials: 'include' })
            .then(async (r) => [r.status, await r.text()])`);
        assert.deepEqual(read, [400, '{"code":5,"message":"Unsupported protocol version"}']);
        const unknown = await tabs.good.eval(`fetch('http://chat.example:3000/socket.io/?EIO=4&transport=polling&sid=x', { method: 'POST', body: '6', credentials: 'include',
            headers: { 'content-type': 'text/plain;charset=UTF-8' } }).then(async (r) => [r.status, (await r.json()).code])`);
        assert.deepEqual(unknown, [400, 1]);
    });
});

describe('CORS, header by header', () => {
    const request = (method, url, headers, body) => new Promise((resolve, reject) => {
        const rq = http.request({ host: sys.host, port: 3000, method, path: url, headers }, (answer) => {
            answer.resume();
            answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers }));
        });
        rq.on('error', reject);
        rq.end(body);
    });
    const url = '/socket.io/?EIO=4&transport=polling';
    for (const [name, method, target, status] of [
        ['a handshake', 'GET', url, 200], ['an unknown sid', 'GET', `${url}&sid=x`, 400], ['a bad version', 'GET', '/socket.io/?EIO=3&transport=polling', 400],
        ['a post without a session', 'POST', url, 400], ['a preflight', 'OPTIONS', url, 204],
    ]) {
        test(name, async () => {
            const preflight = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' };
            const answer = await request(method, target, { origin: PAGE_ORIGIN, ...(method === 'OPTIONS' ? preflight : {}) });
            assert.equal(answer.status, status);
            assert.equal(answer.headers['access-control-allow-origin'], PAGE_ORIGIN);
            assert.equal(answer.headers['access-control-allow-credentials'], 'true');
            assert.match(answer.headers.vary, /\bOrigin\b/);
            const foreign = await request(method, target, { origin: 'http://evil.example:5173', ...(method === 'OPTIONS' ? preflight : {}) });
            assert.equal(foreign.headers['access-control-allow-origin'], undefined);
            const none = await request(method, target, method === 'OPTIONS' ? preflight : {});
            assert.equal(none.headers['access-control-allow-origin'], undefined, 'never *');
        });
    }
});
