// /test-notifications: what it says of connections, token and notifications, the frame log, one event in all dialects.
import { after, afterEach, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { PASSWORD, chatItem, dot, goTo, inPage, skip, toasts, useWeb } from '../lib/web.mjs';

const DIALECTS = ['rooms', 'subscribe', 'socketio', 'conversations', 'inbox'];

describe('the test page', { skip }, () => {
    let ann;
    let bob;
    let page;
    let chat;
    const web = useWeb({ before, after }, { workers: 2 }, async () => {
        [ann, bob] = [await web.user('Ann'), await web.user('Bob')];
        chat = await web.sys.api.personal(ann, bob);
    });
    afterEach(() => web.closeAll());
    const open = async () => {
        page = await web.signedIn(bob);
        await goTo(page, '/test-notifications');
        await page.getByText('Chat socket').waitFor();
    };
    const fact = (name) => page.locator('.facts > div').filter({ hasText: name });
    const panel = (name) => page.locator(`[data-dialect=${name}]`);
    const frames = (name) => panel(name).locator('.dialect-frame');

    test('both sockets, the server, the token, and that nothing is connected twice', async () => {
        await open();
        for (const name of ['Chat socket', 'Notification socket']) {
            await fact(name).getByText('connected').waitFor();
        }
        await fact('Server').first().getByText('ready').waitFor();
        await fact('Server says').getByText(`valid, for @${bob.username}`).waitFor();
        await fact('Sockets of this tab').getByText('/ws, /ws/notifications').waitFor();
        await page.getByText('No duplicate connections.').waitFor();
        const before_ = await fact('Access token').textContent();
        await web.until('another token', async () => { // those of one second are the same
            await page.getByRole('button', { name: 'Exchange it now' }).click();
            return (await fact('Access token').textContent()) !== before_;
        });
        await fact('Server says').getByText('valid').waitFor();
    });

    test('a connection too many is found and named', async () => {
        await open();
        await page.getByText('No duplicate connections.').waitFor();
        await page.evaluate(async () => {
            const { access_token: access } = JSON.parse(localStorage.getItem('confab.tokens'));
            window.second = new WebSocket(`${location.origin.replace('http', 'ws')}/ws/notifications`, ['inbox.v1', `bearer.${access}`]);
        });
        await page.getByRole('alert').getByText('2 × /ws/notifications').waitFor();
        await page.evaluate(() => window.second.close());
        await page.getByText('No duplicate connections.').waitFor();
    });

    test('current notifications, and clearing them', async () => {
        await open();
        await web.sys.api.send(ann, chat.chat_id, 'to be listed');
        await page.locator('.test-list').getByText('to be listed').waitFor();
        await page.getByText('Current notifications (1)').waitFor();
        await dot(page).waitFor();
        await page.locator('.column').getByRole('button', { name: 'Clear' }).click();
        await page.getByText('Current notifications (0)').waitFor();
        await dot(page).waitFor({ state: 'detached' });
        await toasts(page).waitFor({ state: 'detached' });
        // It is acknowledged, not read.
        await goTo(page, '/chat');
        await chatItem(page, 'Ann').getByText('1 unread').waitFor({ state: 'attached' });
        await web.sys.api.send(ann, chat.chat_id, 'something new');
        await dot(page).waitFor();
    });

    test('the frame log shows both ways, pauses and clears', async () => {
        await open();
        await web.sys.api.send(ann, chat.chat_id, 'a frame');
        const log = page.locator('.frame');
        await log.filter({ hasText: 'rooms' }).filter({ hasText: '"personal_message"' }).waitFor();
        await log.filter({ hasText: 'inbox' }).filter({ hasText: '"new_message"' }).first().waitFor();
        await page.getByRole('button', { name: 'Pause' }).click();
        await web.sys.api.send(ann, chat.chat_id, 'unseen');
        await page.locator('.test-list').getByText('unseen').waitFor();
        assert.equal(await log.filter({ hasText: 'unseen' }).count(), 0);
        await page.getByRole('button', { name: 'Go on' }).click();
        await page.locator('.card').filter({ hasText: 'Frame log' }).getByRole('button', { name: 'Clear' }).click();
        await web.sys.api.send(ann, chat.chat_id, 'seen again');
        await log.filter({ hasText: 'seen again' }).first().waitFor();
        assert.equal(await log.filter({ hasText: 'a frame' }).count(), 0);
        assert.equal((await page.locator('.frames').textContent()).includes('bearer'), false);
    });

    test('one message in five dialects: as oneself, and as somebody else', async () => {
        await open();
        await page.getByLabel('Chat', { exact: true }).selectOption({ label: 'Ann' });
        await page.getByRole('button', { name: 'Connect all five' }).click();
        await page.getByText('5 of 5 ready').waitFor();
        await page.getByText('No duplicate connections.').waitFor(); // these were meant
        await page.getByRole('button', { name: 'Post as me' }).click();
        for (const name of ['rooms', 'socketio', 'conversations', 'inbox']) {
            await frames(name).getByText('One message, five dialects').waitFor();
        }
        assert.equal(await frames('subscribe').count(), 0); // as its document says
        await page.getByLabel('Another member').fill(ann.username);
        await page.getByLabel('Password').fill(PASSWORD);
        await page.getByRole('button', { name: 'Post as them' }).click();
        await inPage(page, 'all five', (names) => names.every((name) => document.querySelector(`[data-dialect=${name}] .dialect-frame`)), DIALECTS);
        for (const name of DIALECTS) {
            await frames(name).getByText('One message, five dialects').first().waitFor();
        }
        const id = Number(BigInt(`0x${chat.chat_id.slice(10)}`));
        assert.match(await frames('rooms').first().textContent(), new RegExp(`"chat_id": "${chat.chat_id}"`));
        assert.match(await frames('subscribe').first().textContent(), new RegExp(`"chatId": "chat_${id}"`));
        assert.match(await frames('socketio').first().textContent(), /^42\/chat,/);
        assert.match(await frames('inbox').first().textContent(), new RegExp(`"chat_id": ${id}`));
        // Whose page it is has not changed by that.
        await page.getByRole('button', { name: 'Check again' }).click();
        await fact('Server says').getByText(`valid, for @${bob.username}`).waitFor();
        await page.getByRole('button', { name: 'Disconnect' }).click();
        await panel('rooms').getByText('closed').waitFor();
        web.assertNoErrors();
    });
});
