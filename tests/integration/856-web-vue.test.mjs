// The Vue parts (web/vue) in their page: the list of chats and the composable behave as those for React do.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { ORIGIN, PASSWORD, heard, inPage, skip, useWeb } from '../lib/web.mjs';

describe('chats and notifications in Vue', { skip }, () => {
    let ann;
    let bob;
    let page;
    let group;
    const web = useWeb({ before, after }, { workers: 1 }, async () => {
        ann = await web.user('Ann', 'ann');
        bob = await web.user('Bob', 'bob');
        group = await web.sys.api.group(bob, 'First group', [ann]);
        const context = await web.context({ permissions: ['notifications'] });
        page = await context.newPage();
        await page.goto('/examples/');
        await page.getByLabel('User name').fill('ann');
        await page.getByLabel('Password').fill(PASSWORD);
        await page.getByRole('button', { name: 'Sign in' }).click();
        await page.getByText('Signed in as Ann.').waitFor();
        await page.goto('/examples/vue-notifications/');
        await page.getByText('First group').waitFor();
    });
    const items = () => page.locator('.chat-item').evaluateAll((all) => all.map((e) => [
        e.querySelector('.chat-name').textContent, Number(e.querySelector('.chat-unread')?.textContent ?? 0)]));
    const mark = (state) => page.locator('.notification-badge').waitFor({ state });

    test('it starts with what there is, and without a mark', async () => {
        assert.deepEqual(await items(), [['First group', 0]]);
        assert.equal(await page.locator('.notification-badge').count(), 0);
        assert.equal(await page.locator('.chat-time').textContent(), await page.evaluate((t) => new Date(t).toLocaleString(), group.last_updated));
    });

    test('a new room comes on top, as text whatever its name is, with the browser\'s notification', async () => {
        const name = '<img src=x onerror="window.pwned=1"> <b>bold</b> مرحبا 😀';
        await web.sys.api.group(bob, name, [ann]);
        await inPage(page, 'the room is on top', (n) => document.querySelector('.chat-name').textContent === n, name);
        assert.equal(await page.locator('.chat-item img, .chat-item b').count(), 0);
        assert.equal(await page.evaluate('window.pwned'), undefined);
        assert.deepEqual((await heard(page)).notifications, [['New Chat Room', name]]);
    });

    test('a message: its chat goes on top with a count, the mark appears, the callback is called once', async () => {
        await web.sys.api.send(bob, group.chat_id, 'one');
        await mark('visible');
        await page.getByText('1 new').waitFor();
        assert.equal(await page.locator('#last').textContent(), 'New message from Bob');
        await web.sys.api.send(bob, group.chat_id, 'two');
        await page.getByText('2 new').waitFor();
        await inPage(page, 'two unread messages', () => document.querySelector('.chat-unread')?.textContent === '2');
        assert.equal((await items())[0][0], 'First group');
    });

    test('"clear" takes the mark away and leaves the messages unread; the next one brings it back', async () => {
        await page.getByRole('button', { name: 'Clear All' }).click();
        await mark('detached');
        assert.deepEqual((await items())[0], ['First group', 2]);
        await web.sys.api.send(bob, group.chat_id, 'three');
        await mark('visible');
    });

    test('reading on another device takes mark and counts away', async () => {
        await web.sys.api.expect(200, 'POST', `/api/chats/${group.chat_id}/read`, { token: ann.token, body: {} });
        await mark('detached');
        await page.getByText('0 new').waitFor();
        await inPage(page, 'no count', () => !document.querySelector('.chat-unread'));
    });

    test('a click opens the chat without loading the page anew', async () => {
        await page.evaluate(() => { window.same = true; });
        await page.getByText('First group').click();
        await page.waitForURL(`${ORIGIN}/chat/${group.chat_id}`);
        assert.equal(await page.evaluate('window.same'), true);
    });

    test('the sockets are closed with the application', async () => {
        assert.equal((await heard(page)).sockets, 2);
        await page.getByRole('button', { name: 'Take the list away' }).click();
        await inPage(page, 'no socket', () => window.heard.sockets === 0);
    });

    test('no page had an error', () => web.assertNoErrors());
});
