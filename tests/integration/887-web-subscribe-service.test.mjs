// The service of the subscribe dialect that pages connect with: what comes is told, typing is not told with every key,
// and after a lost connection the same chats are subscribed to again.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import WebSocket from 'ws';
import { dir, fromWeb, library } from '../lib/client.mjs';
import { ROOT } from '../lib/database.mjs';
import { chatTag, userTag } from '../lib/subscribe.mjs';
import { useSystem } from '../lib/system.mjs';
import { until } from '../lib/wait.mjs';

let ann;
let bob;
let room;
let service;
const sys = useSystem({ before, after }, { workers: 1 }, async () => {
    const { build } = await fromWeb('node_modules/esbuild/lib/main.js');
    const outfile = path.join(dir, 'service.mjs');
    await build({
        entryPoints: [path.join(ROOT, 'web/app/services/websocket.ts')], outfile, bundle: true, format: 'esm', target: 'es2022',
        alias: { '@confab/client': path.join(ROOT, 'web/client/src/index.ts') }, logLevel: 'warning',
    });
    service = await import(pathToFileURL(outfile).href);
    [ann, bob] = await sys.api.users(2);
    room = await sys.api.group(ann, 'Room', [bob]);
});
after(() => service?.disconnect());

const heard = [];
const wire = { in: [], out: [] };
const closes = [];
const of = (type) => heard.filter((n) => n.type === type);
const wait = (type, fit = () => true) => until(type, () => of(type).find(fit));

test('connect when the user signs in, subscribe when a chat is opened', async () => {
    const socket = service.connect({
        userId: userTag(bob), tokens: library.fixedToken(bob.token), url: sys.origin,
        open: (url, protocols) => new WebSocket(url, protocols), onText: (direction, text) => wire[direction].push(text),
    });
    socket.onclose = (close) => closes.push(close.code);
    service.onNotification((notification) => heard.push(notification));
    service.subscribe(chatTag(room));
    assert.equal((await wait('connected')).userId, userTag(bob));
    assert.equal((await wait('subscription_confirmed')).chatId, chatTag(room));
    await until('live', () => socket.status === 'live');
});

test('incoming notifications reach the page', async () => {
    await sys.api.send(ann, room.chat_id, 'Hello world!');
    const { message, chatId } = await wait('new_message');
    assert.deepEqual([message.text, message.isOwnMessage, chatId], ['Hello world!', false, chatTag(room)]);
    assert.equal((await wait('chat_update')).unreadCount, 1);
});

test('typing with every key is one signal, stopping another', async () => {
    wire.out.length = 0;
    for (let i = 0; i < 50; i += 1) {
        service.sendTypingIndicator(chatTag(room), true);
    }
    service.sendTypingIndicator(chatTag(room), false);
    service.sendTypingIndicator(chatTag(room), true);
    assert.deepEqual(wire.out.map((text) => JSON.parse(text).isTyping), [true, false, true]);
});

test('a mistake is told to onerror, and ends nothing', async () => {
    const errors = [];
    const socket = service.connect({
        userId: userTag(bob), tokens: library.fixedToken(bob.token), url: sys.origin, open: (url, protocols) => new WebSocket(url, protocols),
    });
    socket.onerror = (error) => errors.push(error);
    socket.onclose = (close) => closes.push(close.code);
    heard.length = 0;
    service.onNotification((notification) => heard.push(notification));
    service.subscribe('chat_999999');
    service.subscribe(chatTag(room));
    await wait('subscription_confirmed', (n) => n.chatId === chatTag(room));
    await until('the mistake', () => errors.length > 0);
    assert.equal(typeof errors[0].error, 'string');
    service.unsubscribe('chat_999999');
});

test('after a lost connection the same chats are subscribed to again', async () => {
    heard.length = 0;
    await sys.bounce(sys.workers[0]);
    await until('the end was told', () => closes.length > 0);
    await wait('subscription_confirmed', (n) => n.chatId === chatTag(room));
    await sys.api.send(ann, room.chat_id, 'after the interruption');
    await wait('new_message', (n) => n.message.text === 'after the interruption');
    assert.equal(of('new_message').length, 1);
});

test('nothing comes after disconnect', async () => {
    service.disconnect();
    heard.length = 0;
    await sys.api.send(ann, room.chat_id, 'to nobody');
    await sys.api.expect(200, 'GET', '/api/me', { token: bob.token });
    assert.deepEqual(heard, []);
});
