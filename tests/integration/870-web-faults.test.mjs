// What a browser has to put up with: daemons that are killed while one types, a server that is gone for a while, a token
// that ended while the machine slept, storage that is blocked or full, a clock that is wrong by a day.
import { after, afterEach, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { PASSWORD, composer, dot, goTo, say, signIn, skip, stored, texts, toasts, useWeb } from '../lib/web.mjs';

describe('faults', { skip }, () => {
    let ann;
    const web = useWeb({ before, after }, { workers: 2 }, async () => { ann = await web.user('Ann'); });
    afterEach(() => web.closeAll());

    /** Ann and somebody new, each with the common chat open. */
    const pair = async (options) => {
        const bob = await web.user('Bob');
        const chat = await web.sys.api.personal(ann, bob);
        const [a, b] = await Promise.all([web.signedIn(ann), web.signedIn(bob, options)]);
        for (const page of [a, b]) {
            await goTo(page, `/chat/${chat.chat_id}`);
            await composer(page).waitFor();
        }
        return { bob, chat, a, b };
    };
    const typingSeen = (page) => page.locator('.conversation').getByText(/is typing|typing…/).first();

    /** The server may still think that the chat is looked at. */
    const untilToast = (page, chat) => {
        let n = 0;
        return web.until('a toast', async () => {
            if (await toasts(page).count() === 0) {
                n += 1;
                await web.sys.api.send(ann, chat.chat_id, `knock ${n}`);
            }
            return await toasts(page).count() > 0;
        });
    };

    for (const what of ['confab-rest', 'confab-ws-1', 'confab-ws-2', 'MariaDB']) {
        test(`kill -9 of ${what} while both type: what is typed stays, and arrives once it is sent`, async () => {
            const { sys } = web;
            const { a, b } = await pair();
            await composer(a).pressSequentially('half of a sen');
            await typingSeen(b).waitFor();
            await composer(b).pressSequentially('me too');
            if (what === 'MariaDB') {
                await sys.db.kill();
                await composer(a).pressSequentially('tence');
                await sys.db.start();
            } else {
                const daemon = [sys.rest, ...sys.workers].find((d) => d.name === what);
                await daemon.stop('SIGKILL');
                await composer(a).pressSequentially('tence');
                daemon.start();
            }
            assert.equal(await composer(a).inputValue(), 'half of a sentence');
            assert.equal(await composer(b).inputValue(), 'me too');
            await a.keyboard.press('Enter');
            await b.getByRole('button', { name: 'Send', exact: true }).click();
            for (const page of [a, b]) {
                await stored(page, 'half of a sentence').waitFor({ timeout: 60000 });
                await stored(page, 'me too').waitFor({ timeout: 60000 });
                assert.equal(await page.locator('.message').count(), 2);
            }
            await sys.ready();
            // Connections to a database that was killed are found out one by one.
            const login = () => sys.api.call('POST', '/api/auth/login', { body: { username: ann.username, password: PASSWORD } });
            await web.until('people can sign in', async () => (await Promise.all(Array.from({ length: 16 }, login))).every((l) => l.status === 200));
            // Events flow again, both ways.
            await say(a, 'and on it goes');
            await stored(b, 'and on it goes').waitFor();
            await web.until('typing is seen by who goes on typing', async () => {
                await composer(b).pressSequentially('.');
                return typingSeen(a).isVisible();
            });
        });
    }

    test('the server is gone, ten messages are typed meanwhile: all arrive, once, in order', async () => {
        const { sys } = web;
        const { bob, chat, a, b } = await pair();
        await say(a, 'before');
        await stored(b, 'before').waitFor();
        const daemons = [sys.rest, ...sys.workers];
        for (const daemon of daemons) {
            await daemon.stop('SIGKILL');
        }
        const typed = Array.from({ length: 10 }, (_, i) => `while you were away ${i + 1}`);
        for (const text of typed) {
            await composer(a).fill(text);
            await a.keyboard.press('Enter');
        }
        assert.equal(await a.locator('.message.is-pending').count(), 10);
        await a.getByText(/10 messages wait/).waitFor(); // the banner
        daemons.forEach((daemon) => daemon.start());
        await sys.ready();
        for (const page of [a, b]) {
            await stored(page, typed[9]).waitFor({ timeout: 60000 });
            assert.deepEqual(await texts(page), ['before', ...typed]);
        }
        await a.getByText(/10 messages wait/).waitFor({ state: 'detached' });
        assert.equal(await a.locator('.message.is-pending').count(), 0);
        const { json } = await sys.api.expect(200, 'GET', `/api/chats/${chat.chat_id}/messages`, { token: bob.token });
        assert.deepEqual(json.messages.map((m) => m.content), ['before', ...typed]);
    });

    test('what waits outlives the page', async () => {
        const { sys } = web;
        const { chat, a, b } = await pair();
        await say(a, 'before');
        const url = a.url();
        for (const worker of sys.workers) {
            await worker.stop('SIGKILL');
        }
        await web.until('no worker', async () => await sys.metric('confab_feed_workers') === 0);
        for (const text of ['one', 'two', 'three']) {
            await composer(a).fill(text);
            await a.keyboard.press('Enter');
        }
        await a.goto(url); // confab-rest still serves the page
        await a.locator('.message.is-pending').nth(2).waitFor();
        sys.workers.forEach((worker) => worker.start());
        for (const page of [a, b]) {
            await stored(page, 'three').waitFor({ timeout: 60000 });
            assert.deepEqual(await texts(page), ['before', 'one', 'two', 'three'], chat.chat_id);
        }
    });

    for (const [what, hours] of [['a day ahead', 24], ['a day behind', -24]]) {
        test(`a clock that is ${what}: signing in, writing, reading, staying signed in`, async () => {
            const context = await web.context();
            await context.addInitScript((ms) => {
                const Real = Date;
                window.Date = class extends Real {
                    constructor(...args) {
                        if (args.length === 0) {
                            super(Real.now() + ms);
                        } else {
                            super(...args);
                        }
                    }

                    static now() {
                        return Real.now() + ms;
                    }
                };
            }, hours * 3600000);
            const { chat, a, b } = await pair({ context });
            await say(b, 'my clock is odd');
            await stored(a, 'my clock is odd').waitFor();
            await say(a, 'mine is not');
            await stored(b, 'mine is not').waitFor();
            await goTo(b, '/settings');
            await untilToast(b, chat);
            await b.reload();
            await b.getByRole('switch', { name: 'Sound' }).waitFor();
            await dot(b).waitFor();
        });
    }

    for (const [what, script] of [
        ['blocked', () => {
            for (const name of ['localStorage', 'sessionStorage', 'indexedDB']) {
                Object.defineProperty(window, name, { get() { throw new DOMException('denied', 'SecurityError'); } });
            }
        }],
        ['full', () => { Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); }; }],
    ]) {
        test(`storage that is ${what}: everything works for as long as the page is open`, async () => {
            const context = await web.context();
            await context.addInitScript(script);
            const { chat, a, b } = await pair({ context });
            await say(b, 'nothing is kept');
            await stored(a, 'nothing is kept').waitFor();
            await goTo(b, '/settings');
            await b.getByRole('switch', { name: 'Sound' }).click();
            await untilToast(b, chat);
            await toasts(b).last().locator('.toast-open').click();
            await stored(b, 'knock 1').waitFor();
            await dot(b).waitFor({ state: 'detached' });
        });
    }

    test('no page had an error', () => web.assertNoErrors());
});

describe('a token that ends', { skip }, () => {
    let ann;
    let bob;
    const web = useWeb({ before, after }, { workers: 1, rest: { access_ttl_ms: '3s', token_leeway_ms: 0 } }, async () => {
        [ann, bob] = [await web.user('Ann'), await web.user('Bob')];
    });

    test('while the machine slept: nobody has to sign in, and nothing of the meantime is missing', async () => {
        const chat = await web.sys.api.personal(ann, bob);
        const page = await web.signedIn(bob);
        await goTo(page, `/chat/${chat.chat_id}`);
        await composer(page).waitFor();
        await web.sys.api.send(ann, chat.chat_id, 'before');
        await stored(page, 'before').waitFor();
        // Every process of the browser stands still, as in sleep. The server closes the sockets when the token is over.
        await web.asleep(async () => {
            await web.until('the server has closed the sockets', async () => await web.sys.total('confab_ws_connections') === 0, 60000);
            await web.sys.api.send(ann, chat.chat_id, 'meanwhile');
        });
        await stored(page, 'meanwhile').waitFor({ timeout: 60000 });
        await say(page, 'I am back');
        assert.match(page.url(), /\/chat\//);
        assert.deepEqual(await texts(page), ['before', 'meanwhile', 'I am back']);
    });

    test('again and again while one is there: nothing is missing, nobody has to sign in', async () => {
        const chat = await web.sys.api.personal(ann, bob, 200);
        const page = await web.signedIn(bob);
        await goTo(page, `/chat/${chat.chat_id}`);
        await composer(page).waitFor();
        const seen = new Set();
        const sent = [];
        await web.until('the fourth token', async () => {
            seen.add(await page.evaluate(() => JSON.parse(localStorage.getItem('confab.tokens')).access_token));
            if (seen.size > sent.length) {
                sent.push(`with token ${seen.size}`);
                await web.sys.api.send(ann, chat.chat_id, sent.at(-1));
            }
            return seen.size >= 4;
        }, 30000);
        await stored(page, 'with token 4').waitFor();
        assert.deepEqual((await texts(page)).slice(-4), sent);
        await page.context().close();
    });

    test('for good: back to signing in, with the reason', async () => {
        const page = await web.signedIn(bob);
        await web.sys.api.admin('POST', '/api/admin/kick', { body: { user_id: bob.id, revoke: true } });
        await page.getByRole('button', { name: 'Sign in' }).waitFor({ timeout: 60000 });
        await page.getByText(/signed out/i).waitFor();
        await signIn(page, bob);
    });

    test('no page had an error', () => web.assertNoErrors());
});
