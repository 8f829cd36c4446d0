// screenshots.mjs [NAME...] -- every page, light and dark, wide and narrow, into $BUILD/screenshots (make screenshots)
import fs from 'node:fs';
import path from 'node:path';
import { ROOT } from '../lib/database.mjs';
import { DESKTOP, MOBILE, PASSWORD, Web, signIn } from '../lib/web.mjs';
import { openPages, pages } from './pages.mjs';
import { makeWorld } from './world.mjs';

const out = path.resolve(ROOT, process.env.BUILD || 'build', 'screenshots');
const wanted = process.argv.slice(2);
const isWanted = (name) => wanted.length === 0 || wanted.includes(name);
fs.mkdirSync(out, { recursive: true });

const web = await Web.start({ workers: 1, name: 'screenshots' });
let failed = 0;
try {
    const world = await makeWorld(web);
    world.knock = () => web.sys.api.send(world.emeka, world.personal.emeka.chat_id, 'Do you have a minute?');
    for (const [size, options] of [['desktop', { viewport: DESKTOP }], ['mobile', { viewport: MOBILE, isMobile: true, hasTouch: true, deviceScaleFactor: 2 }]]) {
        for (const theme of ['light', 'dark']) {
            const shoot = async (name, page, go) => {
                try {
                    await go(page, world);
                    await page.evaluate(() => Promise.all(document.getAnimations().map((a) => a.finished.catch(() => {})))).catch(() => {});
                    await page.screenshot({ path: path.join(out, `${name}-${theme}-${size}.png`) });
                } catch (error) {
                    failed += 1;
                    console.error(`${name}, ${theme}, ${size}: ${error.message.split('\n')[0]}`);
                    await page.screenshot({ path: path.join(out, `${name}-${theme}-${size}-FAILED.png`) }).catch(() => {});
                }
            };
            const opened = await web.context({ ...options, colorScheme: theme, reducedMotion: 'reduce' });
            opened.setDefaultTimeout(8000);
            for (const [name, go] of Object.entries(openPages).filter(([n]) => isWanted(n))) {
                const page = await opened.newPage();
                await shoot(name, page, go);
                await page.close();
            }
            const context = await web.context({ ...options, colorScheme: theme, reducedMotion: 'reduce' });
            context.setDefaultTimeout(8000);
            const first = await context.newPage();
            await first.goto('/');
            await signIn(first, { username: 'ada', password: PASSWORD });
            await first.close();
            for (const [name, go] of Object.entries(pages).filter(([n]) => isWanted(n))) {
                const page = await context.newPage();
                world.cut = async () => { await Promise.all(web.sys.workers.map((w) => w.stop('SIGKILL'))); };
                await page.goto('/chat');
                await page.locator('.chat-item').first().waitFor().catch(() => {});
                await shoot(name, page, go);
                await page.close();
                web.sys.workers.filter((w) => !w.running).forEach((w) => w.start());
                await web.sys.ready();
            }
            await web.closeAll();
        }
    }
} finally {
    await web.stop();
}
console.log(`${fs.readdirSync(out).length} pictures in ${out}, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
