// The client library in a real Chromium: tabs that are closed and loaded anew, where there are Web Locks and where not.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { Browser, CHROMIUM } from '../lib/browser.mjs';
import { built, fromWeb } from '../lib/client.mjs';
import { useSystem } from '../lib/system.mjs';
import { until } from '../lib/wait.mjs';

if (!CHROMIUM) {
    console.error('807-client-browser: SKIPPED, there is no Chromium (apt-get install chromium)');
}
const { transform } = await fromWeb('node_modules/esbuild/lib/main.js');
const { code } = await transform(fs.readFileSync(built, 'utf8'), { format: 'iife', globalName: 'confab' });
const html = `<!doctype html><meta charset="utf-8"><title>client</title>
<script>${code.replaceAll('</script', '<\\/script')}</script>
<script>
  const tokens = confab.sessionTokens();
  const client = confab.createClient({ token: tokens, limits: { backoffBase: 50, backoffMax: 500 } });
  const got = [];
  const mine = [];
  client.on('message', ({ message }) => got.push(message.content));
  client.on('notification', (n) => mine.push([n.content_preview, n.isMine]));
  const begin = async (name) => {
    if (!tokens.isSignedIn) await tokens.login(name, 'correct horse');
    client.start((await client.rest.chats()).event_id);
  };
  const isLive = () => client.sockets.rooms === 'live' && client.sockets.inbox === 'live';
</script>`;

// Browsers have Web Locks only on pages by https and of this machine.
for (const [origin, hasLocks] of [['http://localhost:8000', true], ['http://chat.test:8000', false]]) {
    describe(`pages of ${origin}`, { skip: CHROMIUM ? false : 'no Chromium' }, () => {
        const page = `${origin}/client.html`;
        const sys = useSystem({ before, after }, { rest: { origins: origin } });
        let browser;
        let context;
        let ann;
        let bob;
        let room;
        let tabs;
        const open = async () => {
            const tab = await browser.tab(context, { [page]: html });
            await tab.go(page);
            await tab.eval(`begin(${JSON.stringify(bob.username)})`);
            await tab.until('live', 'isLive()');
            return tab;
        };
        const leaders = async () => (await Promise.all(tabs.map((tab) => tab.eval('client.isLeader')))).filter(Boolean).length;

        before(async () => {
            [ann, bob] = await sys.api.users(2);
            room = await sys.api.group(ann, 'Room', [bob]);
            browser = await Browser.start({ resolve: { [new URL(origin).host]: `${sys.host}:8000` } });
            context = await browser.context();
            tabs = [await open(), await open(), await open()];
        });
        after(async () => { await browser?.stop(); });

        test('one of three tabs leads', async () => {
            assert.equal(await tabs[0].eval('!!navigator.locks'), hasLocks);
            assert.equal(await leaders(), 1);
        });
        test('a notification is for one of them', async () => {
            await sys.api.send(ann, room.chat_id, 'for one');
            await Promise.all(tabs.map((tab) => tab.until('it', 'mine.length > 0')));
            assert.equal((await Promise.all(tabs.map((tab) => tab.eval('mine[0][1]')))).filter(Boolean).length, 1);
        });
        test('the leading tab is closed: another one leads, nothing is lost', async () => {
            for (let i = 0; i < 10; i += 1) {
                await sys.api.send(ann, room.chat_id, `before ${i}`);
            }
            await Promise.all(tabs.map((tab) => tab.until('all', 'got.length === 11')));
            const flags = await Promise.all(tabs.map((tab) => tab.eval('client.isLeader')));
            const [leader] = tabs.splice(flags.indexOf(true), 1);
            await browser.call('Target.closeTarget', { targetId: leader.targetId });
            for (let i = 0; i < 10; i += 1) {
                await sys.api.send(ann, room.chat_id, `after ${i}`);
            }
            await Promise.all(tabs.map((tab) => tab.until('all', 'got.length === 21', 30000)));
            const all = ['for one', ...['before', 'after'].flatMap((what) => Array.from({ length: 10 }, (_, i) => `${what} ${i}`))];
            for (const tab of tabs) {
                assert.deepEqual(await tab.eval('got'), all);
                assert.deepEqual(tab.errors, []);
            }
            assert.equal(await leaders(), 1);
        });
        test('what was typed while the server was away is there after loading the page anew, and is sent once', async () => {
            const [tab] = tabs.splice(0, 1);
            const [other] = tabs.splice(0, 1);
            await browser.call('Target.closeTarget', { targetId: other.targetId });
            await Promise.all(sys.workers.map((worker) => worker.stop('SIGKILL')));
            await tab.until('noticed', "client.status !== 'live'", 30000);
            await tab.eval(`for (let i = 0; i < 3; i += 1) client.send({ chatId: ${JSON.stringify(room.chat_id)}, content: 'typed ' + i })`);
            await tab.go(page);
            sys.workers.forEach((worker) => worker.start());
            await sys.ready();
            await tab.eval(`begin(${JSON.stringify(bob.username)})`);
            await tab.until('sent', 'isLive() && client.outbox().length === 0', 30000);
            const { messages } = (await sys.api.call('GET', `/api/chats/${room.chat_id}/messages?limit=3`, { token: ann.token })).json;
            assert.deepEqual(messages.map(({ content }) => content), ['typed 0', 'typed 1', 'typed 2']);
            assert.deepEqual(await tab.eval("Object.keys(localStorage).filter((key) => key.includes('outbox'))"), []);
        });
        test('signing out ends it in storage, too', async () => {
            const tab = await open();
            await tab.eval('tokens.logout()');
            await until('signed out', () => tab.eval("client.status === 'signed_out'"));
            assert.equal(await tab.eval('localStorage.length'), 0);
            assert.deepEqual(tab.errors, []);
        });
    });
}
