// The vanilla JavaScript of the rooms document, word for word, in a real Chromium: a page on http://localhost:8000 with a
// login cookie, two tabs per user. Rooms made with curl must appear on top of every participant's list.
//
// The page is put on that origin by the browser's own request interception, and localhost:8000 leads to this test's
// system by a resolver rule, so that nothing in the sample has to be replaced.
import { execFile } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { Browser, CHROMIUM } from '../lib/browser.mjs';
import { ROOT } from '../lib/database.mjs';
import { useSystem } from '../lib/system.mjs';

const run = promisify(execFile);
const document_ = fs.readFileSync(path.join(ROOT, 'tests/seeds/rooms.md'), 'utf8');
const sample = /```javascript\n([\s\S]*?)```/.exec(document_)[1];
const PAGE = 'http://localhost:8000/sample.html';
const html = `<!doctype html><meta charset="utf-8"><title>sample</title>
<div id="chat-list"></div>
<script>
  // What the document leaves to the page.
  const seen = { opened: [], personal: [], group: [], notes: [] };
  function openChat(id) { seen.opened.push(id); }
  function handlePersonalMessage(data) { seen.personal.push(data); }
  function handleGroupMessage(id, data) { seen.group.push([id, data]); }
</script>
<script>${sample}</script>`;
if (!CHROMIUM) {
    console.error('210-seed-browser: SKIPPED, there is no Chromium (apt-get install chromium)');
}

describe('the rooms sample in Chromium', { skip: CHROMIUM ? false : 'no Chromium' }, () => {
    const sys = useSystem({ before, after });
    let browser;
    const people = {};
    const tabs = {};

    before(async () => {
        browser = await Browser.start({ resolve: { 'localhost:8000': `${sys.host}:8000` } });
        for (const name of ['Ann', 'Bob', 'Cyd']) {
            people[name] = await sys.api.user(name, { password: 'a password' });
            const context = await browser.context();
            tabs[name] = [await browser.tab(context, { [PAGE]: html }), await browser.tab(context, { [PAGE]: html })];
            // Sign in as a page does; the cookie is what the sample's bare WebSocket call lives on.
            await tabs[name][0].go('http://localhost:8000/healthz');
            const status = await tabs[name][0].eval(`fetch('/api/auth/login', {method: 'POST', headers: {'content-type': 'application/json'},
                body: JSON.stringify({username: '${people[name].username}', password: 'a password'})}).then((r) => r.status)`);
            assert.equal(status, 200);
            for (const tab of tabs[name]) {
                await tab.go(PAGE);
                await tab.until('the WebSocket of the sample is open', 'ws.readyState === WebSocket.OPEN');
            }
        }
    });
    after(async () => { await browser?.stop(); });

    const curl = async (by, where, body) => {
        const { stdout } = await run('curl', ['-sS', '--fail-with-body', '-X', 'POST', `${sys.origin}${where}`,
            '-H', `Authorization: Bearer ${by.token}`, '-H', 'Content-Type: application/json', '-d', JSON.stringify(body)]);
        return { text: stdout, json: JSON.parse(stdout) };
    };
    const items = `[...document.querySelectorAll('#chat-list > .chat-item')].map((e) => e.querySelector('.chat-name').textContent)`;
    const top = (tab, name) => tab.until(`"${name}" on top of the list`, `${items}[0] === ${JSON.stringify(name)}`);

    test('a personal room: on top in both tabs of both users, under the name of the other one', async () => {
        await curl(people.Ann, '/api/chat/create/personal', { user_id: people.Bob.id });
        for (const [who, other] of [['Ann', 'Bob'], ['Bob', 'Ann']]) {
            for (const tab of tabs[who]) {
                await top(tab, other);
            }
        }
    });

    test('a group room: on top in all six tabs, newest first, and with a readable time', async () => {
        const { json } = await curl(people.Bob, '/api/chat/create/group', { chat_name: 'Planning', participants: [people.Ann.id, people.Cyd.id] });
        for (const tab of Object.values(tabs).flat()) {
            await top(tab, 'Planning');
            const time = await tab.eval(`document.querySelector('#chat-list .chat-time').textContent.trim()`);
            assert.equal(time, await tab.eval(`new Date(${JSON.stringify(json.last_updated)}).toLocaleString()`));
            assert.doesNotMatch(time, /Invalid/);
        }
        // The personal room came before; Cyd was in neither and sees exactly one.
        for (const tab of [...tabs.Ann, ...tabs.Bob]) {
            assert.equal((await tab.eval(items)).length, 2);
        }
        for (const tab of tabs.Cyd) {
            assert.deepEqual(await tab.eval(items), ['Planning']);
        }
        await tabs.Cyd[0].eval(`document.querySelector('.chat-item').click()`);
        assert.deepEqual(await tabs.Cyd[0].eval('seen.opened'), [json.chat_id]);
    });

    test('messages reach the handlers with what the sample passes on', async () => {
        const personal = await sys.api.personal(people.Ann, people.Bob, 200);
        await sys.api.send(people.Ann, personal.chat_id, 'hello Bob');
        const group = await sys.api.group(people.Ann, 'Second', [people.Cyd]);
        await sys.api.send(people.Ann, group.chat_id, 'hello Cyd');
        for (const tab of tabs.Bob) {
            await tab.until('the personal message', `seen.personal.some((m) => m.content === 'hello Bob' && m.chat_id === '${personal.chat_id}')`);
        }
        for (const tab of tabs.Cyd) {
            await tab.until('the group message', `seen.group.some(([id, m]) => id === '${group.chat_id}' && m.content === 'hello Cyd')`);
        }
    });

    test('a room with an empty name is shown as "Unnamed Chat" or refused, and no page had an error', async () => {
        const answer = await sys.api.call('POST', '/api/chat/create/group', { token: people.Ann.token, body: { chat_name: '', participants: [people.Bob.id] } });
        if (answer.status === 201) {
            for (const tab of [...tabs.Ann, ...tabs.Bob]) {
                await top(tab, 'Unnamed Chat');
            }
        } else {
            assert.equal(answer.status, 422);
        }
        for (const tab of Object.values(tabs).flat()) {
            assert.deepEqual(tab.errors, []);
        }
    });
});
