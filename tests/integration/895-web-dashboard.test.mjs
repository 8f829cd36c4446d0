// Event sessions in the application: made, shown live, people checked in, also to somebody who is not signed in.
import { after, afterEach, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { MOBILE, goTo, skip, useWeb } from '../lib/web.mjs';

describe('the dashboard', { skip }, () => {
    let host;
    let guest;
    let other;
    const web = useWeb({ before, after }, { workers: 2 }, async () => {
        [host, guest, other] = [await web.user('Hanna Host'), await web.user('Greta Guest', 'greta'), await web.user('Otto Other', 'otto')];
    });
    afterEach(() => web.closeAll());
    const create = async (more = {}) =>
        (await web.sys.api.expect(201, 'POST', '/api/sessions', { token: host.token, body: { title: 'Launch', ...more } })).json.session_id;
    const checkIn = (id, body) => web.sys.api.expect(200, 'POST', `/api/sessions/${id}/checkins`, { token: host.token, body });
    const line = (page, text) => page.locator('.stream-line').filter({ hasText: text });
    const live = (page) => page.locator('.live-mark.is-live').waitFor();

    test('a host makes an event, registers people, checks them in by code; the numbers follow', async () => {
        const page = await web.signedIn(host);
        await goTo(page, '/dashboard');
        await page.getByText('No events yet').waitFor();
        await page.getByRole('button', { name: 'New event' }).click();
        await page.getByRole('dialog').getByLabel('Title').fill('Opening <i>night</i>');
        await page.getByRole('dialog').getByRole('button', { name: 'Create' }).click();
        await page.getByRole('heading', { name: 'Opening <i>night</i>' }).waitFor();
        await live(page);
        await page.getByRole('button', { name: 'Register people' }).click();
        await page.getByRole('dialog').getByLabel('Name of the person').fill('greta');
        await page.getByRole('dialog').getByRole('button', { name: /Greta Guest/ }).click();
        await page.getByRole('dialog').getByRole('button', { name: 'Register' }).click();
        const person = page.locator('.member').filter({ hasText: 'Greta Guest' });
        const code = await person.locator('code').textContent();
        await page.getByLabel('Code or user name').fill(code.toLowerCase());
        await page.keyboard.press('Enter');
        await page.getByRole('status').getByText('Check-in successful').waitFor();
        await line(page, 'Greta Guest').getByText('Check-in successful').waitFor();
        await page.locator('.count').getByText('1', { exact: true }).waitFor();
        await person.locator('.role-ok').waitFor();
        // A second time, an unknown code: told and shown, and counted by nobody.
        await page.getByLabel('Code or user name').fill(code);
        await page.keyboard.press('Enter');
        await page.getByRole('status').getByText('Already checked in').waitFor();
        await page.getByLabel('Code or user name').fill('ZZZZ ZZZZ ZZZZ');
        await page.keyboard.press('Enter');
        await page.getByRole('status').getByText('Unknown code').waitFor();
        await line(page, 'Unknown code').waitFor();
        assert.equal(await page.locator('.count strong').textContent(), '1');
        assert.match(await page.getByRole('img', { name: /Check-ins per/ }).getAttribute('aria-label'), /^Check-ins per minute: 1 since .*, at most 1 at once/);
        web.assertNoErrors();
    });

    test('whoever has the address sees what happens, on a phone and without an account', async () => {
        const id = await create();
        await checkIn(id, { username: 'greta' });
        const context = await web.context({ viewport: MOBILE });
        const page = await context.newPage();
        await page.goto(`/dashboard/${id}`);
        await live(page);
        await line(page, 'Greta Guest').waitFor(); // from before
        await checkIn(id, { username: 'otto' });
        await line(page, 'Otto Other').waitFor();
        assert.deepEqual(await page.locator('.stream-name').allTextContents(), ['Otto Other', 'Greta Guest']);
        assert.equal(await page.getByLabel('Code or user name').count(), 0);
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth), 0);
        web.assertNoErrors();
    });

    test('for hosts only: the host sees it, others are told why not, and its end is told', async () => {
        const id = await create({ visibility: 'host' });
        const [mine, theirs] = await Promise.all([web.signedIn(host), web.signedIn(other)]);
        await Promise.all([mine, theirs].map((page) => goTo(page, `/dashboard/${id}`)));
        await live(mine);
        await theirs.getByText('Only hosts and staff').waitFor();
        await checkIn(id, { username: 'greta' });
        await line(mine, 'Greta Guest').waitFor();
        await mine.getByLabel('Who may watch').selectOption('public');
        await web.until('it is public', async () => {
            const { json } = await web.sys.api.expect(200, 'GET', `/api/sessions/${id}`, { token: host.token });
            return json.visibility === 'public';
        });
        await theirs.reload();
        await line(theirs, 'G. G.').waitFor();
        assert.equal(await theirs.getByText('Greta').count(), 0);
        await mine.getByRole('button', { name: 'End', exact: true }).click();
        await mine.getByRole('dialog').getByRole('button', { name: 'End it' }).click();
        await theirs.getByText('There is no such event').waitFor();
    });
});
