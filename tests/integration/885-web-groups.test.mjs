// Groups in the application from their beginning to their end, muting, preferences, the inbox, the quick switcher.
import { after, afterEach, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { MOBILE, chatItem, composer, dot, goTo, say, skip, stored, toasts, useWeb } from '../lib/web.mjs';

describe('people and groups', { skip }, () => {
    let ann;
    let bob;
    let cyd;
    const web = useWeb({ before, after }, { workers: 2 }, async () => {
        [ann, bob, cyd] = [await web.user('Ann Archer'), await web.user('Bob Baker', 'bobby'), await web.user('Cyd Cook', 'cydney')];
    });
    afterEach(() => web.closeAll());
    const details = (page) => page.locator('.conversation-head').getByRole('button', { name: 'Details' }).click();
    const dialog = (page) => page.getByRole('dialog');

    test('a group from its beginning to its end', async () => {
        const [a, b] = await Promise.all([web.signedIn(ann), web.signedIn(bob)]);
        await a.getByRole('button', { name: 'New chat' }).first().click();
        await dialog(a).getByRole('tab', { name: 'Group' }).click();
        await dialog(a).getByLabel('Name of the group').fill('Trip');
        await dialog(a).getByLabel('Add people').fill('bob');
        await dialog(a).getByRole('button', { name: /Bob Baker/ }).click();
        await dialog(a).getByRole('button', { name: 'Create group' }).click();
        await composer(a).waitFor();
        await chatItem(b, 'Trip').click();
        await details(a);
        await details(b);
        const memberOf = (page, name) => page.locator('.member').filter({ hasText: name });

        await a.getByRole('button', { name: 'Add people' }).click();
        await dialog(a).getByLabel('Name of the person').fill('cyd');
        await dialog(a).getByRole('button', { name: /Cyd Cook/ }).click();
        await dialog(a).getByRole('button', { name: 'Add', exact: true }).click();
        await memberOf(b, 'Cyd Cook').waitFor();
        assert.equal(await b.getByRole('button', { name: 'Add people' }).count(), 0);

        await a.getByRole('button', { name: 'Actions for Bob Baker' }).click();
        await a.getByRole('menuitem', { name: 'Make admin' }).click();
        await memberOf(b, 'Bob Baker').getByText('Admin').waitFor();
        await b.getByRole('button', { name: 'Rename' }).click();
        await dialog(b).getByLabel('Name').fill('Long trip');
        await dialog(b).getByRole('button', { name: 'Rename' }).click();
        await a.getByRole('heading', { name: 'Long trip' }).waitFor();

        await b.getByRole('button', { name: 'Actions for Cyd Cook' }).click();
        await b.getByRole('menuitem', { name: 'Remove' }).click();
        await memberOf(a, 'Cyd Cook').waitFor({ state: 'detached' });

        // The last owner cannot leave, and is told why.
        await a.getByRole('button', { name: 'Leave the group' }).click();
        await dialog(a).getByRole('button', { name: 'Leave' }).click();
        await a.locator('.notice').getByText(/last owner/).waitFor();
        await a.getByRole('button', { name: 'End for everybody' }).click();
        await dialog(a).getByRole('button', { name: 'End it' }).click();
        await a.waitForURL('**/chat');
        await chatItem(b, 'Long trip').waitFor({ state: 'detached' });
        await b.getByText('This conversation is not there').waitFor();
        web.assertNoErrors();
    });

    test('a muted chat counts and does not disturb; so it is said in the settings, and ended there', async () => {
        const room = await web.sys.api.group(ann, 'Noisy', [bob]);
        const page = await web.signedIn(bob);
        await goTo(page, `/chat/${room.chat_id}`);
        await details(page);
        await page.getByLabel('Notify me').selectOption('hour');
        await page.getByText(/Muted until/).waitFor();
        await chatItem(page, 'Noisy').getByText('muted').waitFor({ state: 'attached' });
        await goTo(page, '/chat');
        await web.sys.api.send(ann, room.chat_id, 'quiet');
        await chatItem(page, 'Noisy').getByText('1 unread').waitFor({ state: 'attached' });
        await dot(page).waitFor();
        const other = await web.sys.api.personal(cyd, bob);
        await web.sys.api.send(cyd, other.chat_id, 'loud');
        await toasts(page).getByText('loud').waitFor();
        assert.equal(await toasts(page).getByText('quiet').count(), 0);
        await goTo(page, '/settings');
        await page.getByRole('button', { name: 'Unmute Noisy' }).click();
        await page.getByText('Muted chats').waitFor({ state: 'detached' });
        await web.sys.api.send(ann, room.chat_id, 'loud again');
        await toasts(page).getByText('loud again').waitFor();
    });

    test('preferences and theme are kept', async () => {
        const page = await web.signedIn(cyd, { colorScheme: 'light' });
        await goTo(page, '/settings');
        await page.getByRole('switch', { name: 'Do not disturb' }).click();
        await page.getByLabel('From').fill('21:30');
        await page.getByLabel('Notifications show').selectOption('sender');
        await page.getByLabel('Theme').selectOption('dark');
        const seen = async () => (await web.sys.api.expect(200, 'GET', '/api/me/notification-preferences', { token: cyd.token })).json;
        await web.until('the server has them', async () => {
            const prefs = await seen();
            return prefs.do_not_disturb?.from === '21:30' && prefs.preview === 'sender';
        });
        await page.reload();
        assert.equal(await page.getByLabel('From').inputValue(), '21:30');
        assert.equal(await page.getByLabel('Notifications show').inputValue(), 'sender');
        const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
        const dark = await background();
        await page.getByLabel('Theme').selectOption('light');
        assert.notEqual(await background(), dark);
        await page.getByRole('switch', { name: 'Do not disturb' }).click();
        await web.until('off again', async () => (await seen()).do_not_disturb === null);
    });

    test('the inbox: read by opening, removed, all read; other windows follow', async () => {
        const room = await web.sys.api.personal(cyd, ann);
        const page = await web.signedIn(ann);
        await goTo(page, '/notifications');
        await page.getByText('Nothing yet').waitFor();
        const other = await web.signedIn(ann);
        await goTo(other, '/notifications');
        for (const text of ['first', 'second', 'third']) {
            await web.sys.api.send(cyd, room.chat_id, text);
        }
        const note = (on, text) => on.locator('.note').filter({ hasText: text });
        await note(page, 'third').waitFor();
        assert.equal(await page.locator('.note.is-unread').count(), 3);
        await note(page, 'second').getByRole('button', { name: /Remove/ }).click();
        await note(other, 'second').waitFor({ state: 'detached' });
        await note(page, 'first').locator('.note-open').click();
        await stored(page, 'first').waitFor();
        await note(other, 'third').waitFor();
        await other.locator('.note.is-unread').first().waitFor({ state: 'detached' }); // seen in the chat
        await web.sys.api.send(bob, (await web.sys.api.personal(bob, ann)).chat_id, 'one more');
        await note(other, 'one more').waitFor();
        await other.getByRole('button', { name: 'Mark all read' }).click();
        await other.locator('.note.is-unread').waitFor({ state: 'detached' });
        await dot(other).waitFor({ state: 'detached' });
    });

    test('Ctrl+K finds chats and people; everything works at 390 pixels, too', async () => {
        const room = await web.sys.api.group(ann, 'Findable', [bob]);
        const page = await web.signedIn(ann);
        await page.keyboard.press('Control+k');
        await page.keyboard.type('findab');
        await page.getByRole('option', { name: /Findable/ }).waitFor();
        await page.keyboard.press('Enter');
        await page.waitForURL(`**/chat/${room.chat_id}`);
        await page.keyboard.press('Control+k');
        await page.keyboard.type('cydn');
        await page.getByRole('option', { name: /Cyd Cook/ }).waitFor();
        await page.keyboard.press('Enter');
        await page.getByRole('heading', { name: 'Cyd Cook' }).waitFor();

        const narrow = await web.signedIn(bob, { viewport: MOBILE, hasTouch: true, isMobile: true });
        await chatItem(narrow, 'Findable').click();
        await composer(narrow).waitFor();
        assert.equal(await narrow.locator('.nav-bar').isVisible(), false); // the room is the conversation's
        await say(narrow, 'from a phone');
        await details(narrow);
        await narrow.getByRole('button', { name: 'Close details' }).click();
        await narrow.getByRole('button', { name: 'All chats' }).click();
        await narrow.locator('.nav-bar').getByText('Settings').click();
        await narrow.getByRole('heading', { name: 'Settings' }).waitFor();
        assert.equal(await narrow.evaluate(() => document.documentElement.scrollWidth - window.innerWidth), 0);
        web.assertNoErrors();
    });
});
