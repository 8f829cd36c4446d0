// The documents' own front-end code, unchanged, in the example pages that are built into web/dist: plain JavaScript, React
// and Vue, in Chromium, against real daemons.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { ROOT } from '../lib/database.mjs';
import { idNumber } from '../lib/token.mjs';
import { ORIGIN, PASSWORD, heard, inPage, skip, useWeb } from '../lib/web.mjs';

const read = (file) => fs.readFileSync(path.join(ROOT, file), 'utf8');
const blocks = (document_, kind) => [...read(`tests/seeds/${document_}.md`).matchAll(new RegExp(`\`\`\`${kind}\\n([\\s\\S]*?)\`\`\``, 'g'))].map((m) => m[1]);

test('the files of the example pages are the documents\' code', () => {
    const files = {
        'public/rooms-vanilla/sample.js': blocks('rooms', 'javascript')[0],
        'rooms-react/ChatList.jsx': blocks('rooms', 'jsx')[0],
        'rooms-vue/ChatList.vue': blocks('rooms', 'vue')[0],
        'public/subscribe-vanilla/sample.js': blocks('subscribe', 'javascript')[0],
        'inbox-react/HookSample.tsx': blocks('inbox', 'tsx')[0],
        'inbox-react/ContextSample.tsx': blocks('inbox', 'tsx')[1],
    };
    for (const [file, text] of Object.entries(files)) {
        assert.ok(text, file);
        assert.equal(read(`web/examples/${file}`), text, file);
    }
});

describe('example pages', { skip }, () => {
    const people = {};
    let context;
    const web = useWeb({ before, after }, { workers: 1 }, async () => {
        const made = await web.sys.api.admin('POST', '/api/admin/users',
            { body: { username: 'user123', name: 'User 123', user_id: 123, password: PASSWORD } });
        assert.equal(made.status, 201, made.text);
        for (const name of ['Ann', 'Bob']) {
            people[name] = await web.user(name, name.toLowerCase());
        }
        const first = await web.sys.api.create(people.Bob, 'group', { chat_name: 'First', participants: [123] });
        assert.equal(idNumber(first.chat_id), 1); // chat_1
        context = await web.context({ permissions: ['notifications'] });
        const page = await context.newPage();
        await page.goto('/examples/');
        await page.getByLabel('User name').fill('ann');
        await page.getByLabel('Password').fill(PASSWORD);
        await page.getByRole('button', { name: 'Sign in' }).click();
        await page.getByText('Signed in as Ann.').waitFor();
    });
    const open = async (folder) => {
        const page = await context.newPage();
        await page.goto(`/examples/${folder}/`);
        await inPage(page, 'its socket is open', () => window.heard.sockets === 1);
        return page;
    };
    const names = (page) => page.locator('.chat-item .chat-name').allTextContents();
    const room = (name) => web.sys.api.group(people.Bob, name, [people.Ann]);

    for (const folder of ['rooms-vanilla', 'rooms-react', 'rooms-vue']) {
        test(`${folder}: new rooms come on top, with a readable time and the browser's notification`, async () => {
            const page = await open(folder);
            const one = await room(`${folder} one`);
            await page.getByText(`${folder} one`).first().waitFor();
            await room(`${folder} two`);
            await page.getByText(`${folder} two`).first().waitFor();
            assert.deepEqual((await names(page)).map((n) => n.trim()), [`${folder} two`, `${folder} one`]);
            const time = (await page.locator('.chat-item .chat-time').last().textContent()).trim();
            assert.equal(time, await page.evaluate((t) => new Date(t).toLocaleString(), one.last_updated));
            const { notifications } = await heard(page);
            assert.deepEqual(notifications.map(([title]) => title), ['New Chat Room', 'New Chat Room']);
            assert.match(notifications[0][1], new RegExp(`${folder} one$`));
            await page.close();
        });
    }

    for (const folder of ['rooms-vanilla', 'rooms-vue']) {
        test(`${folder}: a click opens the chat by its id`, async () => {
            const page = await open(folder);
            const made = await room(`${folder} click`);
            await page.getByText(`${folder} click`).first().click();
            await page.waitForURL(`${ORIGIN}/chat/${made.chat_id}`);
            await page.close();
        });
    }

    for (const folder of ['rooms-vanilla', 'rooms-react', 'rooms-vue']) {
        test(`${folder}: nothing in a room's name is executed`, async () => {
            const page = await open(folder);
            await room('<img src=x onerror="window.pwned=1"><script>window.pwned=2</script>evil');
            await page.locator('.chat-item').first().waitFor();
            // The plain sample puts names into innerHTML: there it is the page's policy that says no.
            await page.getByText('evil').first().waitFor();
            await page.evaluate(() => new Promise((done) => { requestAnimationFrame(() => setTimeout(done)); }));
            assert.equal(await page.evaluate('window.pwned'), undefined);
            assert.ok(folder === 'rooms-vanilla' || await page.locator('.chat-item img').count() === 0);
            await page.close();
        });
    }

    test('rooms-vanilla: messages reach what the sample calls', async () => {
        const page = await open('rooms-vanilla');
        const group = await room('for messages');
        await page.getByText('for messages').first().waitFor();
        await web.sys.api.send(people.Bob, group.chat_id, 'hello group');
        await page.getByText('Bob in a group: hello group').waitFor();
        const personal = await web.sys.api.personal(people.Bob, people.Ann);
        await web.sys.api.send(people.Bob, personal.chat_id, 'hello Ann');
        await page.getByText('Bob: hello Ann').waitFor();
        await page.close();
    });

    test('rooms-react and rooms-vue: the socket is closed with the component', async () => {
        for (const folder of ['rooms-react', 'rooms-vue']) {
            const page = await open(folder);
            await page.getByRole('button', { name: 'Take the list away' }).click();
            await inPage(page, 'its socket is closed', () => window.heard.sockets === 0);
            await page.close();
        }
    });

    test('subscribe-vanilla: messages, the chat\'s state and typing of others', async () => {
        // Without a cookie: the document's clients have none, and this browser's is somebody else's.
        const other = await web.context();
        const page = await other.newPage();
        await page.goto('/examples/subscribe-vanilla/');
        await page.getByText('Subscription confirmed:').waitFor();
        await web.sys.api.send(people.Bob, 'chat_1', 'Hello world!');
        await page.getByText(/New message in chat chat_1 .*Hello world!/).waitFor();
        await page.getByText(/Chat updated:.*"lastMessage":"Hello world!"/).waitFor();
        const second = await other.newPage();
        await second.goto('/examples/subscribe-vanilla/');
        await second.getByText('Subscription confirmed:').waitFor();
        const rooms = await web.sys.rooms(people.Bob, { query: { events: 'typing' } });
        await page.getByLabel(/type here/i).pressSequentially('abc');
        await rooms.wait((f) => /typing/.test(f.type));
        await other.close();
    });

    test('subscribe-service: connected after signing in, subscribed when a chat is opened, shows what comes, says who types', async () => {
        const page = await context.newPage();
        await page.goto('/examples/subscribe-service/');
        await page.getByText('Successfully connected to WebSocket').waitFor();
        const chat = await web.sys.api.group(people.Bob, 'For the service', [people.Ann]);
        await web.sys.api.send(people.Bob, chat.chat_id, 'before anybody has subscribed');
        await page.getByLabel('Chat').fill(chat.chat_id);
        await page.getByRole('button', { name: 'Open' }).click();
        await page.getByText(/^Subscribed to chat/).waitFor();
        await web.sys.api.send(people.Bob, chat.chat_id, 'now you hear me');
        await page.getByText('bob: now you hear me').waitFor();
        assert.equal(await page.locator('#messages li').count(), 1);
        await web.until('the state of the chat', async () => /now you hear me$/.test(await page.title()));
        const bob = await web.sys.rooms(people.Bob, { query: { events: 'typing' } });
        await page.getByLabel('Message').pressSequentially('hm');
        assert.equal((await bob.wait((f) => /typing/.test(f.type))).is_typing, true);
        bob.send({ type: 'typing', chat_id: chat.chat_id, is_typing: true });
        await page.getByText('bob is typing').waitFor();
        // Something wrong is told; a lost connection, too, and then everything is as before.
        await page.getByLabel('Chat').fill('chat_999999');
        await page.getByRole('button', { name: 'Open' }).click();
        await page.getByText(/not (found|a member|exist)|no such|unknown|forbidden/i).waitFor();
        await page.getByLabel('Chat').fill(chat.chat_id);
        await page.getByRole('button', { name: 'Open' }).click();
        await page.getByText(/^Subscribed to chat/).waitFor();
        await web.sys.bounce(web.sys.workers[0]);
        await page.getByText(/Connection lost/).or(page.getByText('Successfully connected to WebSocket')).first().waitFor();
        await web.until('messages come again', async () => {
            await web.sys.api.send(people.Bob, chat.chat_id, 'after the loss');
            return await page.getByText('bob: after the loss').count() > 0;
        });
        await page.close();
    });

    test('inbox-react: the mark appears, both samples hear of it, "Clear All" removes it', async () => {
        const page = await context.newPage();
        const said = [];
        page.on('console', (message) => said.push(message.text()));
        await page.goto('/examples/inbox-react/');
        const personal = await web.sys.api.create(people.Bob, 'personal', { user_id: people.Ann.id }, 200);
        await page.getByRole('button', { name: 'Clear All' }).click(); // what other tests have sent
        await page.locator('.notification-badge').waitFor({ state: 'detached' });
        await web.sys.api.send(people.Bob, personal.chat_id, 'are you there?');
        await page.locator('.notification-badge').waitFor();
        await web.until('the callback has said so', () => said.some((line) => line.startsWith('New message received:')));
        await page.getByRole('button', { name: 'Clear All' }).click();
        await page.locator('.notification-badge').waitFor({ state: 'detached' });
        await page.close();
    });

    test('inbox-react: what is no message is nothing to the hook, and something to the context', async () => {
        const page = await context.newPage();
        const said = [];
        page.on('console', (message) => said.push(message.text()));
        await page.goto('/examples/inbox-react/');
        await inPage(page, 'its sockets are open', () => window.heard.sockets === 2);
        await web.until('the mark is gone', async () => { // also that of what is still being loaded
            await page.getByRole('button', { name: 'Clear All' }).click();
            return await page.locator('.notification-badge').count() === 0;
        });
        await web.sys.api.admin('POST', '/api/admin/notifications', { body: { user_ids: [people.Ann.id], type: 'maintenance', title: 'Soon', message: 'away' } });
        // A message behind it: what the hook has heard by then is this one alone.
        const personal = await web.sys.api.create(people.Bob, 'personal', { user_id: people.Ann.id }, 200);
        await web.sys.api.send(people.Bob, personal.chat_id, 'a message');
        await page.locator('.notification-badge').waitFor();
        assert.equal(said.filter((line) => line.startsWith('New message received:')).length, 1);
        await page.close();
    });

    test('no page had an error but those of the policy', () => {
        assert.deepEqual(web.errors.filter((e) => !/rooms-vanilla.*(Content Security Policy|inline event handler)/s.test(e)), []);
    });
});
