// The manual script of the inbox document with two people, in wide and in narrow windows, and what belongs to it: nothing
// for who looks at the chat, one toast and one sound for several tabs, toasts that go by themselves.
import { after, afterEach, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { DESKTOP, MOBILE, chatItem, composer, dot, goTo, heard, inPage, say, skip, stored, toasts, useWeb } from '../lib/web.mjs';

for (const [what, options] of [['a wide window', { viewport: DESKTOP }], ['390 pixels', { viewport: MOBILE, hasTouch: true, isMobile: true }]]) {
    describe(`the manual script, ${what}`, { skip }, () => {
        let ann;
        let bob;
        let a;
        let b;
        let chat;
        const web = useWeb({ before, after }, { workers: 2 }, async () => {
            ann = await web.user('Ann Archer');
            bob = await web.user('Bob Baker');
            chat = await web.sys.api.personal(ann, bob);
        });

        test('1. two windows with different accounts', async () => {
            [a, b] = await Promise.all([web.signedIn(ann, options), web.signedIn(bob, options)]);
            await chatItem(a, 'Bob Baker').click();
            await a.waitForURL(`**/chat/${chat.chat_id}`);
            await goTo(b, '/test-notifications');
            await b.getByText(/live|connected/i).first().waitFor();
            assert.equal(await dot(b).count(), 0);
            // The page says what follows here.
            const steps = b.getByRole('heading', { name: 'How to test' }).locator('xpath=following-sibling::ol[1]/li');
            assert.deepEqual((await steps.allTextContents()).map((t) => /windows|Send|toast appears|Click|red dot is gone/.exec(t)?.[0]),
                ['windows', 'Send', 'toast appears', 'Click', 'red dot is gone']);
        });

        test('2. A sends B a message', async () => {
            await say(a, 'Hey, are you available for lunch?');
        });

        test('3. in B\'s window: a toast, the red dot, an entry on the test page', async () => {
            await toasts(b).getByText('New message from Ann Archer').waitFor();
            await toasts(b).getByText('Hey, are you available for').waitFor();
            await dot(b).waitFor();
            await b.locator('main').getByText('New message from Ann Archer').first().waitFor();
            assert.equal((await heard(b)).sounds, 1);
            assert.equal((await heard(a)).sounds, 0);
            // Wherever it is, a toast is inside the window and not over the navigation.
            const box = await toasts(b).boundingBox();
            const { width, height } = options.viewport;
            assert.ok(box.x >= 0 && box.x + box.width <= width && box.y >= 0 && box.y + box.height <= height, JSON.stringify(box));
        });

        test('4. a click on the toast leads to the chat', async () => {
            await toasts(b).locator('.toast-open').click();
            await b.waitForURL(/\/chat\/[0-9a-f]+$/);
            await stored(b, 'Hey, are you available for lunch?').waitFor();
            await toasts(b).waitFor({ state: 'detached' });
        });

        test('5. the red dot goes when the chat is seen', async () => {
            await dot(b).waitFor({ state: 'detached' });
            await goTo(b, '/chat');
            assert.equal(await chatItem(b, 'Ann Archer').locator('.notification-badge').count(), 0);
            assert.equal(await dot(b).count(), 0);
            const { json } = await web.sys.api.expect(200, 'GET', `/api/chats/${chat.chat_id}`, { token: bob.token });
            assert.equal(json.unread_count, 0);
        });

        test('no page had an error', () => web.assertNoErrors());
    });
}

describe('notifications', { skip }, () => {
    let ann;
    let cyd;
    const web = useWeb({ before, after }, { workers: 2 }, async () => {
        [ann, cyd] = [await web.user('Ann'), await web.user('Cyd')];
    });
    afterEach(() => web.closeAll());
    const send = (chat, text) => web.sys.api.send(ann, chat.chat_id, text);
    /** Somebody to write to, on a page without chats. */
    const receiver = async (options) => {
        const bob = await web.user('Bob');
        const chat = await web.sys.api.personal(ann, bob);
        const page = await web.signedIn(bob, options);
        await away(page);
        return { bob, chat, page };
    };
    const away = async (page) => {
        await goTo(page, '/settings');
        await page.getByRole('switch', { name: 'Sound' }).waitFor();
        await page.getByRole('status').filter({ hasText: 'No connection' }).waitFor({ state: 'detached' });
    };
    const badge = (page, name) => chatItem(page, name).locator('.notification-badge');
    /** The chat is open, and the server knows it: a message counts as read. */
    const look = async (page, user, by, chat) => {
        await goTo(page, `/chat/${chat.chat_id}`);
        await composer(page).waitFor();
        await web.sys.api.send(by, chat.chat_id, 'first look');
        await stored(page, 'first look').waitFor();
        await web.until('the chat counts as read', async () => {
            const { json } = await web.sys.api.expect(200, 'GET', `/api/chats/${chat.chat_id}`, { token: user.token });
            return json.unread_count === 0;
        });
    };

    test('who looks at the chat gets the message and neither toast nor dot nor sound', async () => {
        const { bob, chat, page } = await receiver();
        await look(page, bob, ann, chat);
        const before_ = await heard(page);
        await send(chat, 'you see this');
        await stored(page, 'you see this').waitFor();
        await send(chat, 'and this');
        await stored(page, 'and this').waitFor();
        // What is heard of another chat comes behind anything that these two could have brought.
        const other = await web.sys.api.personal(cyd, bob);
        await web.sys.api.send(cyd, other.chat_id, 'a real one');
        await toasts(page).getByText('a real one').waitFor();
        assert.equal(await toasts(page).count(), 1);
        assert.equal(await badge(page, 'Ann').count(), 0);
        assert.equal((await heard(page)).sounds, before_.sounds + 1);
    });

    test('who looks at another chat gets toast, dot, and a count in the list; every toast leads to its own chat', async () => {
        const { bob, chat, page } = await receiver();
        const other = await web.sys.api.personal(cyd, bob);
        await look(page, bob, cyd, other);
        const group = await web.sys.api.group(ann, 'Planning', [bob, cyd]);
        await send(chat, 'first');
        await send(chat, 'second');
        await send(group, 'third, to the group');
        await inPage(page, 'three toasts', () => document.querySelectorAll('.toast').length === 3);
        await dot(page).waitFor();
        assert.match(await badge(page, 'Ann').textContent(), /^2/);
        assert.deepEqual(await page.locator('.chat-item .chat-name').allTextContents(), ['Planning', 'Ann', 'Cyd']);
        await toasts(page).getByText('third, to the group').click();
        await page.waitForURL(`**/chat/${group.chat_id}`);
        await badge(page, 'Planning').waitFor({ state: 'detached' });
        assert.equal(await badge(page, 'Ann').count(), 1);
        await dot(page).waitFor(); // Ann's messages still wait
        await toasts(page).first().locator('.toast-open').click();
        await page.waitForURL(`**/chat/${chat.chat_id}`);
        await dot(page).waitFor({ state: 'detached' });
    });

    test('two tabs: both have the dot, one of them the toast and the sound; reading in one clears both', async () => {
        const { chat, page: one } = await receiver();
        const two = await one.context().newPage();
        await two.goto('/settings');
        await away(two);
        for (let i = 1; i <= 3; i += 1) {
            await send(chat, `to two tabs ${i}`);
        }
        for (const tab of [one, two]) {
            await dot(tab).waitFor();
            // Both have all three by now.
            await goTo(tab, '/test-notifications');
            await tab.locator('main').getByText('to two tabs 3').first().waitFor();
        }
        const count = async () => (await toasts(one).count()) + (await toasts(two).count());
        const sounds = async () => (await heard(one)).sounds + (await heard(two)).sounds;
        await web.until('three toasts and sounds', async () => await count() >= 3 && await sounds() >= 3);
        assert.equal(await count(), 3);
        assert.equal(await sounds(), 3);
        // One pair of sockets for the whole browser.
        assert.equal((await heard(one)).sockets + (await heard(two)).sockets, 2);
        await goTo(two, `/chat/${chat.chat_id}`);
        await stored(two, 'to two tabs 3').waitFor();
        for (const tab of [one, two]) {
            await dot(tab).waitFor({ state: 'detached' });
        }
        // The tab with the sockets goes: the other one takes over, and nothing is lost or told twice.
        const leader = (await heard(one)).sockets > 0 ? one : two;
        const left = leader === one ? two : one;
        await goTo(left, '/settings');
        await leader.close();
        await send(chat, 'to the tab that is left');
        await toasts(left).getByText('to the tab that is left').waitFor();
        await dot(left).waitFor();
        assert.equal(await toasts(left).getByText('to the tab that is left').count(), 1);
        assert.equal((await heard(left)).sockets, 2);
    });

    test('a toast goes by itself, but not while the pointer is on it', async () => {
        const context = await web.context();
        await context.clock.install();
        const { chat, page } = await receiver({ context });
        await inPage(page, 'the connection', () => window.heard.sockets === 2);
        await send(chat, 'short-lived');
        await toasts(page).waitFor();
        await toasts(page).hover();
        await context.clock.runFor(20000);
        assert.equal(await toasts(page).count(), 1);
        await page.mouse.move(10, 10);
        await context.clock.runFor(3000);
        assert.equal(await toasts(page).count(), 1);
        await context.clock.runFor(5000);
        await toasts(page).waitFor({ state: 'detached' });
        await dot(page).waitFor(); // it is not read by that
    });

    for (const [how, dismiss] of [
        ['the pointer', (page) => toasts(page).getByRole('button', { name: 'Dismiss' }).click()],
        ['the keyboard', (page) => toasts(page).getByRole('button', { name: 'Dismiss' }).press('Enter')],
    ]) {
        test(`after one was dismissed with ${how}, the next toast goes by itself`, async () => {
            const context = await web.context();
            await context.clock.install();
            const { chat, page } = await receiver({ context });
            await inPage(page, 'the connection', () => window.heard.sockets === 2);
            await send(chat, 'the first');
            await dismiss(page);
            await toasts(page).waitFor({ state: 'detached' });
            await page.mouse.move(10, 10);
            await send(chat, 'goes by itself');
            await toasts(page).getByText('goes by itself').waitFor();
            await context.clock.runFor(8000);
            await toasts(page).waitFor({ state: 'detached' });
        });
    }

    test('"Dismiss" takes a toast away and leaves the dot', async () => {
        const { chat, page } = await receiver();
        await send(chat, 'go away');
        await toasts(page).getByRole('button', { name: 'Dismiss' }).click();
        await toasts(page).waitFor({ state: 'detached' });
        await dot(page).waitFor();
    });

    test('the sound can be switched off', async () => {
        const { chat, page } = await receiver();
        await page.getByRole('switch', { name: 'Sound' }).click();
        await send(chat, 'quietly');
        await toasts(page).waitFor();
        assert.equal((await heard(page)).sounds, 0);
    });

    test('permission for the browser\'s notifications denied: toasts all the same, and settings say so', async () => {
        const context = await web.context();
        await context.addInitScript(() => {
            Object.defineProperty(Notification, 'permission', { get: () => 'denied' });
            Notification.requestPermission = async () => 'denied';
        });
        const { chat, page } = await receiver({ context });
        await page.getByText(/forbidden|denied|blocked/i).first().waitFor();
        await send(chat, 'in the page only');
        await toasts(page).getByText('in the page only').waitFor();
        assert.deepEqual((await heard(page)).notifications, []);
    });

    test('permission is asked for only after a click', async () => {
        const context = await web.context();
        await context.addInitScript(() => {
            window.asked = 0;
            Object.defineProperty(Notification, 'permission', { get: () => (window.asked ? 'granted' : 'default') });
            Notification.requestPermission = async () => { window.asked += 1; return 'granted'; };
        });
        const { chat, page } = await receiver({ context });
        await send(chat, 'nobody asks');
        await toasts(page).waitFor();
        assert.equal(await page.evaluate('window.asked'), 0);
        await page.getByRole('switch', { name: 'Desktop notifications' }).click();
        await inPage(page, 'the question', () => window.asked === 1);
    });

    test('with permission and in the background: the browser\'s own notification, once', async () => {
        const { chat, page } = await receiver({ permissions: ['notifications'] });
        await page.evaluate(() => {
            Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => 'hidden' });
            document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
        });
        await send(chat, 'while you were away');
        await inPage(page, 'a notification of the browser', () => window.heard.notifications.length > 0);
        assert.deepEqual((await heard(page)).notifications, [['New message from Ann', 'while you were away']]);
    });

    test('no page had an error', () => web.assertNoErrors());
});
