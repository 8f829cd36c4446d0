// The web application in Chromium, driven by Playwright, against a system of its own that serves web/dist.
//
// Pages say http://localhost:8000, as the samples do and as browsers want it (only localhost is a secure context without
// TLS); the browser's resolver leads there.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { CHROMIUM } from './browser.mjs';
import { ROOT } from './database.mjs';
import { System } from './system.mjs';
import { SLOW, until } from './wait.mjs';

export const DIST = path.resolve(ROOT, process.env.CONFAB_WEB_DIST || 'web/dist');
export const ORIGIN = 'http://localhost:8000';
export const PASSWORD = 'correct horse';
export const DESKTOP = { width: 1280, height: 800 };
export const MOBILE = { width: 390, height: 844 };

if (!CHROMIUM) {
    console.error(`${path.basename(process.argv[1] ?? '')}: SKIPPED, there is no Chromium (apt-get install chromium)`);
}
/** For describe(): false, or why nothing can be tested. A web application that is not built is a failure, not a reason. */
export const skip = CHROMIUM ? false : 'no Chromium';

/** What is heard and seen of a page, and its open sockets; asked for with `heard(page)`. */
const LISTEN = `
    window.heard = { sounds: 0, notifications: [], sockets: 0 };
    let begun = false; // notes that begin together are one sound
    const sound = () => {
        window.heard.sounds += begun ? 0 : 1;
        begun = true;
        queueMicrotask(() => { begun = false; });
    };
    const start = AudioScheduledSourceNode.prototype.start;
    AudioScheduledSourceNode.prototype.start = function (...args) { sound(); return start.apply(this, args); };
    const play = HTMLMediaElement.prototype.play;
    HTMLMediaElement.prototype.play = function () { sound(); return play.call(this).catch(() => {}); };
    window.WebSocket = class extends WebSocket {
        constructor(...args) {
            super(...args);
            this.addEventListener('open', () => {
                window.heard.sockets += 1;
                this.addEventListener('close', () => { window.heard.sockets -= 1; });
            });
        }
    };
    const Real = window.Notification;
    if (Real) {
        window.Notification = class extends Real {
            constructor(title, options) { super(title, options); window.heard.notifications.push([title, options?.body]); }
        };
    }`;

export class Web {
    /** @param options as System's */
    static async start(options = {}) {
        assert.ok(fs.existsSync(path.join(DIST, 'index.html')), `${DIST} is not built: make web`);
        const web = new Web();
        web.contexts = [];
        web.errors = [];
        web.sys = new System({ ...options, rest: { web_dir: DIST, ...options.rest } });
        try {
            await web.open();
        } catch (error) {
            await web.stop();
            throw error;
        }
        return web;
    }

    async open() {
        await this.sys.start();
        this.browser = await chromium.launch({
            executablePath: CHROMIUM, timeout: 60000,
            args: [`--host-resolver-rules=MAP localhost:8000 ${this.sys.host}:8000`, '--mute-audio', '--disable-gpu', '--disable-dev-shm-usage',
                '--autoplay-policy=no-user-gesture-required', '--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets'],
        });
    }

    /** A user of the API who can also sign in here. */
    user(name, username) {
        return this.sys.api.user(name, { password: PASSWORD, ...(username ? { username } : {}) });
    }

    /** A browser of its own, as of another person or another machine. */
    async context({ viewport = DESKTOP, permissions = [], ...more } = {}) {
        const context = await this.browser.newContext({ viewport, locale: 'en-GB', baseURL: ORIGIN, ...more });
        context.setDefaultTimeout(15000 * SLOW);
        if (permissions.length > 0) {
            await context.grantPermissions(permissions, { origin: ORIGIN });
        }
        await context.addInitScript(LISTEN);
        context.on('page', (page) => this.watch(page));
        this.contexts.push(context);
        return context;
    }

    /** Whatever a page complains of fails the test file, but for what the network does to it. */
    watch(page) {
        page.on('pageerror', (error) => this.errors.push(`${page.url()}: ${error.stack ?? error}`));
        page.on('console', (message) => {
            if (message.type() === 'error' && !/^(WebSocket connection|Failed to load resource)/.test(message.text())) {
                this.errors.push(`${page.url()}: ${message.text()}`);
            }
        });
    }

    /** A page where this user has signed in by the form. */
    async signedIn(user, options = {}) {
        const context = options.context ?? await this.context(options);
        const page = await context.newPage();
        await page.goto('/');
        await signIn(page, user);
        return page;
    }

    /** While fn runs, every process of the browser stands still, as in a machine that sleeps. */
    async asleep(fn) {
        const devtools = await this.browser.newBrowserCDPSession();
        const { processInfo } = await devtools.send('SystemInfo.getProcessInfo');
        await devtools.detach();
        const all = (signal) => processInfo.forEach(({ id }) => process.kill(id, signal));
        all('SIGSTOP');
        try {
            await fn();
        } finally {
            all('SIGCONT');
        }
    }

    /** As until(), for tests that have the web at hand. */
    until(what, fn, ms) {
        return until(what, fn, ms, 50);
    }

    assertNoErrors() {
        assert.deepEqual(this.errors, []);
    }

    /** Every window; for afterEach, so that what a test leaves open does not look at the chats of the next. */
    async closeAll() {
        await Promise.all(this.contexts.splice(0).map((c) => c.close().catch(() => {})));
    }

    async stop() {
        await this.closeAll();
        await this.browser?.close();
        await this.sys?.stop();
    }
}

export async function signIn(page, user) {
    await page.getByLabel(/user ?name/i).fill(user.username);
    await page.getByLabel(/password/i).first().fill(PASSWORD);
    await page.getByRole('button', { name: /^sign in$/i }).click();
    await page.waitForURL(/\/chat/);
}

/** To another page of the application, without loading it anew. */
export async function goTo(page, to) {
    await page.evaluate((path_) => {
        window.history.pushState(null, '', path_);
        window.dispatchEvent(new PopStateEvent('popstate'));
    }, to);
    await page.waitForURL(`**${to}`);
}

/** The red dot on Messages, in the rail or in the bar of narrow windows: whichever is seen. */
export const dot = (page) => page.locator('.nav-item[href="/chat"] .notification-badge >> visible=true');
export const toasts = (page) => page.locator('.toast');
export const chatItem = (page, name) => page.locator('.chat-item').filter({ has: page.locator('.chat-name').getByText(name, { exact: true }) });
export const composer = (page) => page.locator('.composer-text');
/** Messages that are stored, by their whole text. */
export const stored = (page, text) => page.locator('.message:not(.is-pending)')
    .filter({ has: page.locator('.message-text').getByText(text, { exact: true }) });

/** Writes in the open chat and waits until it is stored. */
export async function say(page, text) {
    await composer(page).fill(text);
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await stored(page, text).waitFor();
}

/** The texts of all messages that are shown, from the top. */
export const texts = (page) => page.locator('.message .message-text').allTextContents();

export const heard = (page) => page.evaluate('window.heard');

/** For a describe(): hooks around one Web; what is returned stands for it once it runs. */
export function useWeb({ before, after }, options, setup = async () => {}) {
    let web;
    const standIn = new Proxy({}, {
        get(_, key) {
            const value = web?.[key];
            return typeof value === 'function' ? value.bind(web) : value;
        },
    });
    before(async () => {
        if (!skip) {
            web = await Web.start(options);
            await setup(standIn);
        }
    }, { timeout: 120000 * SLOW });
    after(async () => { await web?.stop(); });
    return standIn;
}

/** Until a function of the page is true. Playwright's own waitForFunction compiles text there, which the policy forbids. */
export const inPage = (page, what, fn, arg) => until(what, () => page.evaluate(fn, arg), 15000, 50);
