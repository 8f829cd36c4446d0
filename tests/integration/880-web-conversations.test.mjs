// Conversations in the application, in detail: keys, drafts, quotes in the text, receipts after loading anew, files in order,
// what one reads while older messages come, and texts that are no texts. Each with somebody at the other end.
import { after, afterEach, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { chatItem, composer, goTo, inPage, say, signIn, skip, stored, texts, useWeb } from '../lib/web.mjs';

const PNG = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');

describe('conversations', { skip }, () => {
    let ann;
    let bob;
    let chat;
    let a;
    let b;
    const web = useWeb({ before, after }, { workers: 2 }, async () => {
        [ann, bob] = [await web.user('Ann Archer'), await web.user('Bob Baker')];
    });
    afterEach(() => web.closeAll());

    /** Both look at a new chat of theirs. */
    const meet = async () => {
        chat = await web.sys.api.group(ann, `Room ${Math.random()}`, [bob]);
        [a, b] = await Promise.all([web.signedIn(ann), web.signedIn(bob)]);
        await Promise.all([a, b].map((page) => goTo(page, `/chat/${chat.chat_id}`)));
        await Promise.all([a, b].map((page) => composer(page).waitFor()));
    };
    const act = async (page, text, action) => {
        const message = stored(page, text);
        await message.hover();
        await message.locator('.message-menu button').click();
        await page.getByRole('menuitem', { name: action }).click();
    };
    const press = (page, key) => composer(page).press(key);
    /** What stands in Ann's field. */
    const holds = (text) => web.until(`"${text}" in the field`, async () => (await composer(a).inputValue()) === text);

    test('Enter sends, Shift+Enter makes a line, the other one sees who types', async () => {
        await meet();
        await composer(a).pressSequentially('one');
        await b.locator('.typing-line').getByText('Ann Archer is typing').waitFor();
        await chatItem(b, chat.chat_name).getByText('Ann Archer is typing').waitFor();
        await press(a, 'Shift+Enter');
        await composer(a).pressSequentially('two');
        await press(a, 'Enter');
        await stored(b, 'one\ntwo').waitFor();
        await b.locator('.typing-line').getByText('typing').waitFor({ state: 'detached' });
        await holds('');
        web.assertNoErrors();
    });

    test('answering quotes, in a form that other clients can read', async () => {
        await meet();
        await say(a, 'Shall we meet at noon?');
        await act(b, 'Shall we meet at noon?', 'Reply');
        await inPage(b, 'the focus in the field', () => document.activeElement?.classList.contains('composer-text'));
        await say(b, 'Yes');
        await stored(a, 'Yes').locator('.quote').getByText('Shall we meet at noon?').waitFor();
        const { json } = await web.sys.api.expect(200, 'GET', `/api/chats/${chat.chat_id}/messages`, { token: ann.token });
        assert.equal(json.messages.at(-1).content, '> Ann Archer: Shall we meet at noon?\n\nYes');
        // It leads to what it answers, also when that is no longer on the page.
        for (let i = 1; i <= 60; i += 1) {
            await web.sys.api.send(ann, chat.chat_id, `between ${i}`);
        }
        await web.sys.api.send(bob, chat.chat_id, '> Ann Archer: Shall we meet at noon?\n\nLate answer');
        await a.reload();
        await stored(a, 'Late answer').waitFor();
        assert.equal(await stored(a, 'Shall we meet at noon?').count(), 0);
        await stored(a, 'Late answer').locator('.quote-open').click();
        await a.locator('.is-found').getByText('Shall we meet at noon?').waitFor();
        assert.equal(await a.locator('.is-found').evaluate((el) => el.getBoundingClientRect().top > 0), true);
        // Esc gives it up.
        await act(b, 'Shall we meet at noon?', 'Reply');
        await press(b, 'Escape');
        await say(b, 'by itself');
        assert.equal(await stored(b, 'by itself').locator('.quote').count(), 0);
    });

    test('the up arrow edits the last own message; a draft of before comes back', async () => {
        await meet();
        await say(a, 'a mistale');
        await press(a, 'ArrowUp');
        await holds('a mistale');
        await composer(a).fill('a mistake');
        await press(a, 'Enter');
        await stored(b, 'a mistake').getByText('edited').waitFor();
        assert.equal(await stored(b, 'a mistale').count(), 0);
        await composer(a).fill('a draft');
        await act(a, 'a mistake', 'Edit');
        await holds('a mistake');
        await press(a, 'Escape');
        await holds('a draft');
    });

    test('a draft is its writer\'s: who signs in next in the same window does not get it', async () => {
        await meet();
        await composer(a).fill('of Ann alone');
        const leave = async () => {
            await goTo(a, '/settings');
            await a.getByRole('button', { name: 'Sign out', exact: true }).click();
            await a.getByText('Sign in to Confab').waitFor();
            await goTo(a, '/');
        };
        const look = async (user, text) => {
            await signIn(a, user);
            await goTo(a, `/chat/${chat.chat_id}`);
            await composer(a).waitFor();
            await holds(text);
        };
        await leave();
        await look(bob, '');
        await leave();
        await look(ann, 'of Ann alone');
        web.assertNoErrors();
    });

    test('without HTTPS browsers lend no random ids and no clipboard: groups are made all the same, copying says so', async () => {
        const page = await web.signedIn(ann);
        await page.addInitScript(() => {
            delete Crypto.prototype.randomUUID;
            delete Navigator.prototype.clipboard;
        });
        await page.reload();
        await page.getByRole('button', { name: 'New chat' }).first().click();
        await page.getByRole('tab', { name: 'Group' }).click();
        await page.getByLabel('Name of the group').fill('Plain');
        await page.getByLabel('Add people').fill(bob.username);
        await page.locator('.pick').first().click();
        await page.getByRole('button', { name: 'Create group' }).click();
        await page.waitForURL(/\/chat\/[0-9a-f]+$/);
        await say(page, 'in plain HTTP');
        await act(page, 'in plain HTTP', 'Copy text');
        await page.locator('.notice').getByText('The browser does not allow copying here.').waitFor();
        web.assertNoErrors();
    });

    test('a name of one long word stays inside its column', async () => {
        const long = await web.user('W'.repeat(95));
        const room = await web.sys.api.group(long, 'W'.repeat(95), [ann]);
        await web.sys.api.send(long, room.chat_id, 'short');
        const page = await web.signedIn(ann);
        await goTo(page, `/chat/${room.chat_id}`);
        await stored(page, 'short').waitFor();
        const wide = await page.locator('.messages').evaluate((box) => box.scrollWidth - box.clientWidth);
        assert.equal(wide, 0);
        const { json: session } = await web.sys.api.expect(201, 'POST', '/api/sessions', { token: ann.token, body: { title: 'Meeting' } });
        await web.sys.api.call('POST', `/api/sessions/${session.session_id}/checkins`, { token: ann.token, body: { user_id: long.id } });
        await goTo(page, `/dashboard/${session.session_id}`);
        await page.locator('.stream-time').waitFor();
        const { right } = await page.locator('.stream-time').evaluate((time) => time.getBoundingClientRect().toJSON());
        const card = await page.locator('.stream-card').evaluate((box) => box.getBoundingClientRect().right);
        assert.ok(right < card, `${right} is outside of ${card}`);
    });

    test('ticks: sent, then read and by whom; also after loading the page anew', async () => {
        await meet();
        await goTo(b, '/settings');
        await say(a, 'read me');
        const ticks = stored(a, 'read me').locator('.ticks');
        await ticks.getByText('sent').waitFor({ state: 'attached' });
        await goTo(b, `/chat/${chat.chat_id}`);
        await ticks.getByText('Read by Bob Baker').waitFor({ state: 'attached' });
        await a.reload();
        await ticks.getByText('Read by Bob Baker').waitFor({ state: 'attached' });
    });

    test('files: in the order they were chosen, pictures are shown, others can be saved', async () => {
        await meet();
        const text = Buffer.from('a text\n'.repeat(20000));
        await a.locator('input[type=file]').setInputFiles([
            { name: 'large notes.txt', mimeType: 'text/plain', buffer: text }, { name: 'dot.png', mimeType: 'image/png', buffer: PNG },
        ]);
        await b.locator('.image img').waitFor();
        await b.locator('.message .file').waitFor();
        assert.deepEqual(await b.locator('.message').evaluateAll((all) => all.map((m) => (m.querySelector('.image') ? 'picture' : 'file'))), ['file', 'picture']);
        const [download] = await Promise.all([b.waitForEvent('download'), b.locator('.message .file').click()]);
        assert.equal(download.suggestedFilename(), 'large notes.txt');
        const chunks = await (await download.createReadStream()).toArray();
        assert.ok(Buffer.concat(chunks).equals(text));
        await b.locator('.image').click();
        await b.getByRole('dialog', { name: 'dot.png' }).waitFor();
        await b.keyboard.press('Escape');
        await chatItem(b, chat.chat_name).getByText('Photo · dot.png').waitFor();
    });

    test('a file that is not what it says: told, kept to try again, and given up', async () => {
        await meet();
        const failed = a.locator('.is-pending[data-state=failed]');
        await a.locator('input[type=file]').setInputFiles({ name: 'photo.png', mimeType: 'image/png', buffer: Buffer.from('no picture') });
        await failed.getByRole('alert').getByText(/content/).waitFor();
        await failed.getByRole('button', { name: 'Discard' }).click();
        await say(a, 'then not');
        assert.equal(await b.locator('.message .file').count(), 0);
    });

    test('a long history comes piece by piece, and what one reads stays where it is', async () => {
        await meet();
        for (let i = 1; i <= 120; i += 1) {
            await web.sys.api.send(bob, chat.chat_id, `message ${i}`);
        }
        await a.reload();
        await stored(a, 'message 120').waitFor();
        assert.equal((await texts(a)).length, 50);
        const list = a.locator('.messages');
        for (const want of [100, 120]) {
            const anchor = (await texts(a))[0];
            await list.evaluate((el) => { el.scrollTop = 200; });
            const before_ = await stored(a, anchor).locator('.bubble').evaluate((el) => el.getBoundingClientRect().top);
            await inPage(a, `${want} messages`, (n) => document.querySelectorAll('.message').length === n, want);
            const after_ = await stored(a, anchor).locator('.bubble').evaluate((el) => el.getBoundingClientRect().top);
            assert.ok(Math.abs(after_ - before_) < 2, `moved by ${after_ - before_}`);
        }
        assert.deepEqual(await texts(a), Array.from({ length: 120 }, (_, i) => `message ${i + 1}`));
        await web.sys.api.send(bob, chat.chat_id, 'while you read above');
        await a.getByRole('button', { name: 'To the newest, 1 new' }).click();
        await inPage(a, 'the end', () => !document.querySelector('.to-end'));
        await stored(a, 'while you read above').waitFor();
    });

    test('HTML, emoji, right-to-left and 4,000 characters are texts, in messages and in names', async () => {
        await meet();
        const odd = ['<img src=x onerror="window.bad=1"><script>window.bad=1</script>', '👩‍👩‍👧‍👦 🎉', 'שלום עולם ‮evil', 'x'.repeat(4000),
            'https://example.org/?q=<b>1</b>', 'javascript:alert(1)'];
        for (const text of odd) {
            await web.sys.api.send(ann, chat.chat_id, text);
        }
        const name = '<b onclick="window.bad=1">مجموعة</b> 🎉';
        await web.sys.api.group(ann, name, [bob]);
        await inPage(b, 'all of them', (n) => document.querySelectorAll('.message').length === n, odd.length);
        assert.deepEqual(await texts(b), odd);
        await chatItem(b, name).waitFor();
        assert.equal(await b.evaluate('window.bad'), undefined);
        assert.deepEqual(await b.locator('.message-text a').evaluateAll((all) => all.map((link) => link.getAttribute('href'))), ['https://example.org/?q=']);
        await web.sys.api.send(ann, chat.chat_id, `to @${bob.username}, not to @${bob.username}x`);
        await b.locator('.mention').getByText(`@${bob.username}`, { exact: true }).waitFor();
        assert.equal(await b.locator('.mention').count(), 1);
        // Long ones are folded, and nothing makes the page wider than it is.
        await stored(b, 'x'.repeat(4000)).getByRole('button', { name: 'Show all' }).click();
        assert.equal(await b.evaluate(() => document.documentElement.scrollWidth - window.innerWidth), 0);
        web.assertNoErrors();
    });

    test('what is too long cannot be sent, and says by how much', async () => {
        await meet();
        await composer(a).fill('ü'.repeat(8200));
        await a.getByText('16 bytes too long').waitFor();
        assert.equal(await a.getByRole('button', { name: 'Send', exact: true }).isDisabled(), true);
        await composer(a).fill('ü'.repeat(8192));
        await press(a, 'Enter');
        await stored(b, 'ü'.repeat(8192)).waitFor();
    });
});
