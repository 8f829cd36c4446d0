// figures.mjs -- how large the web application is, and how soon it shows the chats (make figures)
import fs from 'node:fs';
import path from 'node:path';
import { DIST, PASSWORD, Web, signIn } from '../lib/web.mjs';
import { makeWorld } from './world.mjs';

const RUNS = 7;
const kB = (n) => `${(n / 1000).toFixed(1)} kB`;
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

function sizes() {
    console.log('Files (as they are, with brotli):');
    for (const name of fs.readdirSync(path.join(DIST, 'assets')).filter((n) => /\.(js|css)$/.test(n))) {
        const at = path.join(DIST, 'assets', name);
        const br = fs.existsSync(`${at}.br`) ? fs.statSync(`${at}.br`).size : fs.statSync(at).size;
        console.log(`  ${name.padEnd(40)} ${kB(fs.statSync(at).size).padStart(10)} ${kB(br).padStart(10)}`);
    }
}

/** From asking for the page to the first chat in the list: requests, bytes on the wire, ms. */
async function visit(page) {
    const devtools = await page.context().newCDPSession(page);
    await devtools.send('Network.enable');
    const seen = { requests: 0, bytes: 0 };
    devtools.on('Network.requestWillBeSent', () => { seen.requests += 1; });
    devtools.on('Network.loadingFinished', (e) => { seen.bytes += e.encodedDataLength; });
    await page.goto('/chat', { waitUntil: 'commit' });
    await page.locator('.chat-item').first().waitFor();
    const times = await page.evaluate(() => ({
        list: performance.now(), paint: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0,
    }));
    await devtools.detach();
    return { ...seen, ...times };
}

const report = (what, runs) => console.log(`${what}: ${median(runs.map((r) => r.requests))} requests, ${kB(median(runs.map((r) => r.bytes)))}, `
    + `something seen after ${median(runs.map((r) => r.paint)).toFixed(0)} ms, chats after ${median(runs.map((r) => r.list)).toFixed(0)} ms (median of ${runs.length})`);

sizes();
const web = await Web.start({ workers: 1, name: 'figures' });
try {
    await makeWorld(web);
    const first = [];
    const again = [];
    for (let i = 0; i < RUNS; i += 1) {
        const context = await web.context();
        const page = await context.newPage();
        await page.goto('/');
        await signIn(page, { username: 'ada', password: PASSWORD });
        const state = await context.storageState();
        await web.closeAll();
        const fresh = await (await web.context({ storageState: state })).newPage(); // signed in, with an empty cache
        first.push(await visit(fresh));
        again.push(await visit(fresh));
        await web.closeAll();
    }
    report('First visit', first);
    report('Later ones ', again);
} finally {
    await web.stop();
}
