// Headless Chromium over the DevTools protocol: users as browser contexts, tabs as pages, pages of our own on any origin.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import WebSocket from 'ws';
import { until, within } from './wait.mjs';

export const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((p) => fs.existsSync(p));

export class Browser {
    /** @param resolve e.g. {"localhost:8000": "127.40.1.2:8000"}: pages say the left one, packets go to the right one */
    static async start({ resolve = {}, args = [] } = {}) {
        const browser = new Browser();
        browser.dir = fs.mkdtempSync(path.join(os.tmpdir(), 'confab-chromium-'));
        const rules = Object.entries(resolve).map(([from, to]) => `MAP ${from} ${to}`).join(', ');
        browser.process = spawn(CHROMIUM, [
            '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run',
            '--disable-background-networking', '--disable-component-update', '--disable-sync', '--mute-audio',
            // Intercepted pages have no address, and such pages may not talk to loopback addresses.
            '--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets',
            '--remote-debugging-port=0', `--user-data-dir=${browser.dir}`,
            ...(rules ? [`--host-resolver-rules=${rules}`] : []), ...args, 'about:blank',
        ], { stdio: 'ignore', detached: true, env: { ...process.env, HOME: browser.dir } });
        browser.exited = new Promise((done) => { browser.process.once('exit', done); });
        const portFile = path.join(browser.dir, 'DevToolsActivePort');
        const [port, endpoint] = await until('Chromium opens its debugging port', () => {
            const lines = fs.readFileSync(portFile, 'utf8').split('\n');
            return lines.length >= 2 && lines;
        }, 30000);
        browser.ws = new WebSocket(`ws://127.0.0.1:${port}${endpoint}`, { perMessageDeflate: false, maxPayload: 1 << 28 });
        browser.pending = new Map();
        browser.pages = new Map();
        browser.ids = 0;
        browser.ws.on('message', (data) => browser.receive(JSON.parse(data)));
        await within('DevTools connection', new Promise((ok, bad) => { browser.ws.once('open', ok); browser.ws.once('error', bad); }));
        return browser;
    }

    receive({ id, result, error, method, params, sessionId }) {
        if (id) {
            const { ok, bad } = this.pending.get(id);
            this.pending.delete(id);
            return error ? bad(new Error(error.message)) : ok(result);
        }
        return this.pages.get(sessionId)?.event(method, params);
    }

    call(method, params = {}, sessionId = undefined) {
        this.ids += 1;
        const id = this.ids;
        this.ws.send(JSON.stringify({ id, method, params, sessionId }));
        return within(method, new Promise((ok, bad) => { this.pending.set(id, { ok, bad }); }), 30000);
    }

    /** A user: cookies of its own. */
    async context() {
        const { browserContextId } = await this.call('Target.createBrowserContext');
        return browserContextId;
    }

    /** A tab. pages maps whole URLs to HTML that is served instead of asking the network. */
    async tab(context, pages = {}) {
        const { targetId } = await this.call('Target.createTarget', { url: 'about:blank', browserContextId: context });
        const { sessionId } = await this.call('Target.attachToTarget', { targetId, flatten: true });
        const page = new Page(this, sessionId, targetId, pages);
        this.pages.set(sessionId, page);
        await page.call('Runtime.enable');
        await page.call('Page.enable');
        await page.call('Fetch.enable', { patterns: Object.keys(pages).map((urlPattern) => ({ urlPattern })) });
        return page;
    }

    async stop() {
        this.ws?.close();
        process.kill(-this.process.pid, 'SIGKILL'); // its children too: they still write to the directory
        await this.exited;
        fs.rmSync(this.dir, { recursive: true, force: true, maxRetries: 20 });
    }
}

class Page {
    constructor(browser, sessionId, targetId, pages) {
        Object.assign(this, { browser, sessionId, targetId, pages, errors: [] });
    }

    call(method, params) {
        return this.browser.call(method, params, this.sessionId);
    }

    event(method, params) {
        if (method === 'Fetch.requestPaused') {
            const html = this.pages[params.request.url];
            this.call('Fetch.fulfillRequest', {
                requestId: params.requestId, responseCode: 200,
                responseHeaders: [{ name: 'Content-Type', value: 'text/html; charset=utf-8' }],
                body: Buffer.from(html ?? '').toString('base64'),
            }).catch(() => {});
        } else if (method === 'Runtime.exceptionThrown') {
            this.errors.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
        } else if (method === 'Page.loadEventFired') {
            this.loaded = true;
        }
    }

    async go(url) {
        this.loaded = false;
        const { errorText } = await this.call('Page.navigate', { url });
        if (errorText) {
            throw new Error(`${url}: ${errorText}`);
        }
        await until(`${url} has loaded`, () => this.loaded, 30000);
    }

    /** Value of an expression in the page; promises are awaited. */
    async eval(expression) {
        const { result, exceptionDetails } = await this.call('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
        if (exceptionDetails) {
            throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
        }
        return result.value;
    }

    until(what, expression, ms) {
        return until(what, () => this.eval(expression), ms, 50);
    }
}
