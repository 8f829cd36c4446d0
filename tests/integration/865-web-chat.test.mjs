// The chat application in Chromium: what people do in it, and what others put into names, messages and files.
import { after, afterEach, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { MOBILE, chatItem, composer, goTo, inPage, say, skip, stored, texts, useWeb } from '../lib/web.mjs';

const HTML = '<img src=x onerror="window.pwned=1"><script>window.pwned=2</script><a href="javascript:window.pwned=3">link</a>';
const RTL = 'مرحبا بالعالم, שלום עולם (1, 2)';
const EMOJI = '👩‍👩‍👧‍👦🏳️‍🌈 zwj 👍🏽';

describe('the chat application', { skip }, () => {
    let ann;
    const web = useWeb({ before, after }, { workers: 2, rest: { attachment_max_bytes: '300k' } }, async () => { ann = await web.user('Ann'); });
    afterEach(() => web.closeAll());

    const open = async (page, chat) => {
        await goTo(page, `/chat/${chat.chat_id}`);
        await composer(page).waitFor();
    };
    const pair = async (options) => {
        const bob = await web.user('Bob');
        const chat = await web.sys.api.personal(ann, bob);
        const [a, b] = await Promise.all([web.signedIn(ann, options), web.signedIn(bob, options)]);
        await Promise.all([open(a, chat), open(b, chat)]);
        return { bob, chat, a, b };
    };
    const menu = async (page, text, action) => {
        const message = stored(page, text);
        await message.hover();
        await message.getByRole('button', { name: /^Actions/ }).click();
        await page.getByRole('menuitem', { name: action, exact: true }).click();
    };

    test('signing up, finding somebody, the first message; it is on top of both lists', async () => {
        const bob = await web.user('Bob the Finder');
        const b = await web.signedIn(bob);
        const context = await web.context();
        const page = await context.newPage();
        await page.goto('/sign-up');
        await page.getByLabel('Your name').fill('Newcomer');
        await page.getByLabel('User name').fill(`new_${bob.n}`);
        await page.getByLabel('Password').fill('long enough');
        await page.getByRole('button', { name: 'Create account' }).click();
        await page.getByText('No chats yet').waitFor();
        await page.getByRole('button', { name: 'New chat' }).first().click();
        await page.getByRole('dialog').getByLabel('Name of the person').fill(bob.username);
        await page.getByRole('dialog').getByText('Bob the Finder').click();
        await composer(page).waitFor();
        await say(page, 'hello Bob');
        await chatItem(b, 'Newcomer').getByText('hello Bob').waitFor();
        assert.equal(await b.locator('.chat-item .chat-name').first().textContent(), 'Newcomer');
    });

    test('a wrong password and a taken name say so', async () => {
        const page = await (await web.context()).newPage();
        await page.goto('/');
        await page.getByLabel('User name').fill(ann.username);
        await page.getByLabel('Password').fill('wrong');
        await page.getByRole('button', { name: 'Sign in' }).click();
        await page.getByRole('alert').getByText(/wrong/).waitFor();
        await page.getByRole('link', { name: 'Create an account' }).click();
        await page.getByLabel('User name').fill(ann.username);
        await page.getByLabel('Password').fill('long enough');
        await page.getByRole('button', { name: 'Create account' }).click();
        await page.getByText(/taken/i).first().waitFor();
    });

    test('writing, editing, quoting, deleting are seen by both', async () => {
        const { a, b } = await pair();
        await say(a, 'frist');
        await stored(b, 'frist').waitFor();
        await menu(a, 'frist', 'Edit');
        await composer(a).fill('first');
        await a.keyboard.press('Enter');
        await stored(b, 'first').getByText('edited').waitFor();
        await menu(b, 'first', 'Reply');
        await composer(b).fill('quite');
        await b.keyboard.press('Enter');
        const quoting = stored(a, 'quite');
        await quoting.locator('blockquote').getByText('first').waitFor();
        await menu(a, 'first', 'Delete');
        await a.getByRole('alertdialog').or(a.getByRole('dialog')).getByRole('button', { name: 'Delete' }).click();
        await b.getByText('Message deleted').waitFor();
        assert.deepEqual((await texts(b)).map((t) => t.trim()), ['quite']);
    });

    test('typing, presence and two ticks for what was read', async () => {
        const { a, b } = await pair();
        await composer(a).pressSequentially('hm');
        await b.locator('.conversation').getByText(/is typing|typing…/).first().waitFor();
        await b.locator('.conversation-head .head-line').getByText('online').waitFor();
        await a.keyboard.press('Enter');
        await stored(b, 'hm').waitFor();
        await stored(a, 'hm').getByText('Read', { exact: true }).waitFor({ state: 'attached' });
    });

    test('a group: made, renamed by whom it may, people come and go', async () => {
        const [bob, cyd] = [await web.user('Bob'), await web.user('Cyd')];
        const [a, c] = await Promise.all([web.signedIn(ann), web.signedIn(cyd)]);
        await a.getByRole('button', { name: 'New chat' }).first().click();
        const dialog = a.getByRole('dialog');
        await dialog.getByRole('tab', { name: 'Group' }).click();
        await dialog.getByLabel('Name of the group').fill('Weekend');
        await dialog.getByLabel('Add people').fill(bob.username);
        await dialog.getByText(bob.username).first().click();
        await dialog.getByRole('button', { name: 'Create group' }).click();
        await a.locator('.conversation-head').getByText('2 members').waitFor();
        const { json } = await web.sys.api.expect(200, 'GET', '/api/chats', { token: ann.token });
        const group = json.chats.find((chat) => chat.chat_name === 'Weekend');
        assert.equal(await chatItem(c, 'Weekend').count(), 0);
        await web.sys.api.expect(201, 'POST', `/api/chats/${group.chat_id}/members`, { token: ann.token, body: { user_ids: [cyd.id], user_id: cyd.id } });
        await chatItem(c, 'Weekend').waitFor();
        await a.locator('.conversation-head').getByText('3 members').waitFor();
        await web.sys.api.expect(200, 'PATCH', `/api/chats/${group.chat_id}`, { token: ann.token, body: { chat_name: 'Long weekend' } });
        await chatItem(c, 'Long weekend').waitFor();
        await web.sys.api.call('DELETE', `/api/chats/${group.chat_id}/members/${cyd.id}`, { token: ann.token });
        await chatItem(c, 'Long weekend').waitFor({ state: 'detached' });
    });

    for (const [what, text] of Object.entries({ HTML, 'right-to-left text': RTL, emoji: EMOJI, '4,000 characters': `${'wordwithoutend'.repeat(200)} ${'and words '.repeat(120)}`.slice(0, 3999) + '!' })) {
        test(`a message of ${what} is shown as it was written`, async () => {
            const { a, b } = await pair({ viewport: MOBILE });
            await composer(a).fill(text);
            await a.getByRole('button', { name: 'Send', exact: true }).click();
            for (const page of [a, b]) {
                await page.locator('.message:not(.is-pending) .message-text').waitFor();
                assert.deepEqual(await texts(page), [text]);
                assert.equal(await page.locator('.message-text img, .message-text script, .message-text a[href^="javascript"]').count(), 0);
                assert.equal(await page.evaluate('window.pwned'), undefined);
                assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), true, 'it is wider than the window');
            }
        });
    }

    test('names of people and chats are text everywhere: list, head, toast, notification, members', async () => {
        const name = `${HTML.slice(0, 40)}${RTL.slice(0, 20)}${EMOJI}`;
        const [mallory, bob] = [await web.user(name), await web.user('Bob')];
        const b = await web.signedIn(bob);
        await goTo(b, '/settings');
        const group = await web.sys.api.group(mallory, name, [bob]);
        await web.sys.api.send(mallory, group.chat_id, HTML);
        await b.locator('.toast').getByText(HTML.slice(0, 20)).first().waitFor();
        await goTo(b, '/notifications');
        await b.locator('main').getByText(HTML.slice(0, 20)).first().waitFor();
        await goTo(b, '/test-notifications');
        await b.locator('main').getByText(HTML.slice(0, 20)).first().waitFor();
        await open(b, group);
        await b.getByRole('button', { name: 'Details', exact: true }).click();
        await b.locator('.message-text').waitFor();
        assert.equal(await b.locator('.conversation-head .head-name').textContent(), name);
        assert.equal(await b.locator('.chat-item .chat-name').first().textContent(), name);
        assert.equal(await b.locator('main img[src="x"], .toast img').count(), 0);
        assert.equal(await b.evaluate('window.pwned'), undefined);
    });

    test('an attachment: progress, preview for both, the file comes back as it was', async () => {
        const { a, b } = await pair();
        const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
        await a.locator('input[type=file]').setInputFiles({ name: 'dot.png', mimeType: 'image/png', buffer: png });
        await b.getByRole('button', { name: /dot\.png/ }).locator('img').waitFor();
        const text = Buffer.from('a text file\n'.repeat(5000));
        await a.locator('input[type=file]').setInputFiles({ name: 'notes <b>.txt', mimeType: 'text/plain', buffer: text });
        const coming = b.waitForEvent('download');
        await b.getByRole('button', { name: /^Save notes/ }).click();
        const download = await coming;
        const chunks = [];
        for await (const chunk of await download.createReadStream()) {
            chunks.push(chunk);
        }
        assert.ok(Buffer.concat(chunks).equals(text));
    });

    test('a file over the limit is refused with the reason, and can be discarded', async () => {
        const { a, b } = await pair();
        await a.locator('input[type=file]').setInputFiles({ name: 'huge.bin', mimeType: 'application/octet-stream', buffer: Buffer.alloc(400 * 1024, 7) });
        const bubble = a.locator('.message.is-pending[data-state=failed]');
        await bubble.getByText('Not sent').waitFor();
        await bubble.getByRole('alert').getByText('This file is larger than the server accepts.').waitFor();
        await bubble.getByRole('button', { name: 'Discard' }).click();
        await bubble.waitFor({ state: 'detached' });
        await a.locator('input[type=file]').setInputFiles({ name: 'empty.txt', mimeType: 'text/plain', buffer: Buffer.alloc(0) });
        await bubble.getByRole('alert').getByText('This file is empty.').waitFor();
        await bubble.getByRole('button', { name: 'Discard' }).click();
        await bubble.waitFor({ state: 'detached' });
        await say(a, 'without it then');
        await stored(b, 'without it then').waitFor();
        assert.deepEqual(await texts(b), ['without it then']);
    });

    test('history: older messages come by scrolling up, and the place stays', async () => {
        const bob = await web.user('Bob');
        const chat = await web.sys.api.personal(ann, bob);
        for (let i = 1; i <= 130; i += 1) {
            await web.sys.api.send(ann, chat.chat_id, `message ${i}`);
        }
        const b = await web.signedIn(bob);
        await open(b, chat);
        await stored(b, 'message 130').waitFor();
        const region = b.getByRole('region', { name: 'Messages' });
        await web.until('the first message', async () => {
            await region.evaluate((el) => { el.scrollTop = 0; });
            return await stored(b, 'message 1').count() === 1;
        });
        assert.deepEqual(await texts(b), Array.from({ length: 130 }, (_, i) => `message ${i + 1}`));
    });

    test('an address is asked for after signing in; what is not there says so; the page may be loaded anew anywhere', async () => {
        const bob = await web.user('Bob');
        const chat = await web.sys.api.personal(ann, bob);
        const page = await (await web.context()).newPage();
        await page.goto(`/chat/${chat.chat_id}`);
        await page.getByLabel('User name').fill(bob.username);
        await page.getByLabel('Password').fill('correct horse');
        await page.getByRole('button', { name: 'Sign in' }).click();
        await composer(page).waitFor();
        assert.match(page.url(), new RegExp(`/chat/${chat.chat_id}$`));
        await page.reload();
        await composer(page).waitFor();
        for (const path of ['/chat/123456789', '/chat/no-id']) {
            await page.goto(path);
            await page.getByText('This conversation is not there').waitFor();
        }
        await page.goto('/no/such/page');
        await page.getByText(/not (there|found)|no such page/i).first().waitFor();
    });

    test('by keyboard alone: search and open, send, edit the last one, leave', async () => {
        const { chat, a } = await pair();
        await goTo(a, '/chat');
        await a.keyboard.press('Control+k');
        await a.getByRole('dialog').waitFor();
        await a.keyboard.type('Bob');
        await inPage(a, 'something is found', () => document.querySelectorAll('[role=dialog] [role=option], [role=dialog] li').length > 0);
        await a.keyboard.press('Enter');
        await composer(a).waitFor();
        await inPage(a, 'the field has the keyboard', () => document.activeElement?.tagName === 'TEXTAREA');
        const mark = `by keyboard ${chat.chat_id}`;
        await a.keyboard.type(mark);
        await a.keyboard.press('Shift+Enter');
        await a.keyboard.type('second line');
        await a.keyboard.press('Enter');
        await web.until('the message', async () => (await texts(a)).at(-1) === `${mark}\nsecond line`);
        await a.keyboard.press('ArrowUp');
        await inPage(a, 'the last message is in the field', () => document.activeElement.value.endsWith('second line'));
        await a.keyboard.type('!');
        await a.keyboard.press('Enter');
        await web.until('the edited message', async () => (await texts(a)).at(-1) === `${mark}\nsecond line!`);
    });

    test('no page had an error', () => web.assertNoErrors());
});
