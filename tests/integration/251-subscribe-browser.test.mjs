// The JavaScript of the subscribe document, word for word, in a real Chromium: two tabs of one user, one of another.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { Browser, CHROMIUM } from '../lib/browser.mjs';
import { ROOT } from '../lib/database.mjs';
import { Subscribe } from '../lib/subscribe.mjs';
import { useSystem } from '../lib/system.mjs';
import { idNumber } from '../lib/token.mjs';

const document_ = fs.readFileSync(path.join(ROOT, 'tests/seeds/subscribe.md'), 'utf8');
const sample = /## Usage Example \(JavaScript\)\n\n```javascript\n([\s\S]*?)```/.exec(document_)[1];
const PAGE = 'http://localhost:8000/sample.html';
const html = `<!doctype html><meta charset="utf-8"><title>sample</title>
<script>
  // The sample tells the console; the test listens there.
  const said = [];
  for (const how of ['log', 'error']) { console[how] = (...args) => said.push([how, ...args]); }
</script>
<script>${sample}</script>`;
if (!CHROMIUM) {
    console.error('251-subscribe-browser: SKIPPED, there is no Chromium (apt-get install chromium)');
}

describe('the subscribe sample in Chromium', { skip: CHROMIUM ? false : 'no Chromium' }, () => {
    const sys = useSystem({ before, after });
    let browser;
    let context;
    let john;
    let tabs;

    before(async () => {
        // What the demo data has: user123, whose number is 123, and a conversation with the number 1.
        const made = await sys.api.admin('POST', '/api/admin/users', { body: { username: 'user123', name: 'User 123', user_id: 123 } });
        assert.equal(made.status, 201, made.text);
        john = await sys.api.user('John Doe', { username: 'john_doe' });
        const room = await sys.api.create(john, 'group', { chat_name: 'First', participants: [123] });
        assert.equal(idNumber(room.chat_id), 1);
        browser = await Browser.start({ resolve: { 'localhost:8000': `${sys.host}:8000` } });
        context = await browser.context();
        tabs = [await browser.tab(context, { [PAGE]: html }), await browser.tab(context, { [PAGE]: html })];
        for (const tab of tabs) {
            await tab.go(PAGE);
        }
    });
    after(async () => { await browser?.stop(); });
    const heard = (tab, what, first) => tab.until(what, `said.some((s) => s[1] === ${JSON.stringify(first)})`);
    const find = (tab, first) => tab.eval(`said.find((s) => s[1] === ${JSON.stringify(first)})`);

    test('it connects and subscribes in onopen, ahead of any frame', async () => {
        for (const tab of tabs) {
            await heard(tab, 'the subscription', 'Subscription confirmed:');
            assert.deepEqual((await tab.eval('said')).map((s) => s[1]),
                ['WebSocket connected', 'Connection acknowledged:', 'Subscription confirmed:']);
            assert.equal((await find(tab, 'Connection acknowledged:'))[2], 'Successfully connected to WebSocket');
            assert.deepEqual((await find(tab, 'Subscription confirmed:'))[2],
                { type: 'subscription_confirmed', action: 'subscribe', chatId: 'chat_1', message: 'Subscribed to chat chat_1' });
        }
    });

    test('a message posted by REST reaches both tabs, with the state of the chat', async () => {
        await sys.api.send(john, 'chat_1', 'Hello world!');
        for (const tab of tabs) {
            await heard(tab, 'the message', 'New message in chat');
            const [, , chat, , message] = await find(tab, 'New message in chat');
            assert.equal(chat, 'chat_1');
            assert.deepEqual([message.text, message.sender, message.isOwnMessage], ['Hello world!', 'john_doe', false]);
            assert.match(message.id, /^msg_[0-9a-z]+$/);
            await heard(tab, 'the state of the chat', 'Chat updated:');
            const [, , update] = await find(tab, 'Chat updated:');
            assert.deepEqual([update.lastMessage, update.unreadCount], ['Hello world!', 1]);
        }
    });

    test('sendTypingIndicator shows at the other user, and never in the tabs of the one who types', async () => {
        const peer = await Subscribe.open(sys, 'john_doe');
        await peer.subscribe('chat_1');
        await tabs[0].eval(`sendTypingIndicator('chat_1', true)`);
        const on = await peer.wait('user_typing');
        assert.deepEqual([on.chatId, on.username, on.isTyping], ['chat_1', 'user123', true]);
        await tabs[0].eval(`sendTypingIndicator('chat_1', false)`);
        assert.equal((await peer.wait('user_typing')).isTyping, false);
        peer.typing('chat_1', true);
        for (const tab of tabs) {
            await heard(tab, 'john_doe types', 'john_doe');
            assert.deepEqual((await tab.eval('said')).filter((s) => s[2] === 'is typing in').map((s) => s[1]), ['john_doe']);
        }
    });

    test('a wrong message is reported to the sample, which goes on', async () => {
        await tabs[0].eval(`ws.send('{')`);
        await heard(tabs[0], 'the error', 'WebSocket error:');
        assert.deepEqual((await find(tabs[0], 'WebSocket error:')).slice(2), ['Invalid JSON', 'Could not parse message as JSON']);
        assert.equal(await tabs[0].eval('ws.readyState === WebSocket.OPEN'), true);
        for (const tab of tabs) {
            assert.deepEqual(tab.errors, []);
        }
    });

    test('the console lines of the testing section, when they wait for the socket to open', async () => {
        const tab = await browser.tab(context, { [PAGE]: '<!doctype html><title>console</title>' });
        await sys.api.user('Test User', { username: 'testUser' });
        await tab.go(PAGE);
        const lines = /### Using Browser Console\n```javascript\n([\s\S]*?)```/.exec(document_)[1].trim().split('\n');
        assert.equal(lines.length, 3);
        await tab.eval(`globalThis.said = []; console.log = (x) => said.push(x); ${lines[0].replace('const ws', 'globalThis.ws')} ${lines[1]}`);
        await tab.until('the socket is open', 'ws.readyState === WebSocket.OPEN');
        await tab.eval(lines[2]);
        await tab.until('an answer', 'said.length === 2');
        const said = await tab.eval('said');
        assert.deepEqual([said[0].type, said[0].userId], ['connected', 'testUser']);
        assert.deepEqual([said[1].error, said[1].details], ['Forbidden', 'Not a member of chat chat_1']);
    });
});
