// axe-core on every page, wide and narrow, light and dark: nothing serious, nothing critical.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { ROOT } from '../lib/database.mjs';
import { DESKTOP, MOBILE, PASSWORD, signIn, skip, useWeb } from '../lib/web.mjs';
import { examples, openPages, pages } from '../web/pages.mjs';
import { makeWorld } from '../web/world.mjs';

const axe = fs.readFileSync(path.join(ROOT, 'tests/node_modules/axe-core/axe.min.js'), 'utf8');

/** rules: names, or none for all. */
async function check(page, rules) {
    // Colours that are on their way to the other theme are nobody's business; what inherits them sets out when they arrive.
    await page.evaluate(async () => {
        for (let round = 0, moving = 1; moving > 0 && round < 20; round += 1) {
            await new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); });
            moving = document.getAnimations().length;
            await Promise.all(document.getAnimations().map((a) => a.finished.catch(() => {})));
        }
    });
    if (!await page.evaluate(() => 'axe' in window)) {
        await page.evaluate(axe);
    }
    const { violations } = await page.evaluate((only) => window.axe.run(document,
        { resultTypes: ['violations'], ...(only ? { runOnly: { type: 'rule', values: only } } : {}) }), rules);
    const bad = violations.filter((v) => ['serious', 'critical'].includes(v.impact));
    return bad.flatMap((v) => v.nodes.slice(0, 5).map((n) => `${v.id} (${v.impact}): ${n.target.join(' ')}: ${n.failureSummary.split('\n').slice(1).join(' ').trim()}`));
}

describe('accessibility', { skip }, () => {
    const world = {};
    const web = useWeb({ before, after }, { workers: 1 }, async () => {
        Object.assign(world, await makeWorld(web));
        world.knock = () => web.sys.api.send(world.emeka, world.personal.emeka.chat_id, 'Do you have a minute?');
        world.cut = () => web.sys.workers[0].stop('SIGKILL');
    });

    let context;
    before(async () => {
        if (!skip) {
            context = await web.context({ reducedMotion: 'reduce' });
        }
    });
    /** Wide and light, wide and dark, then narrow and dark as it is. */
    const inspect = async (go) => {
        const page = await context.newPage();
        try {
            await page.setViewportSize(DESKTOP);
            await page.emulateMedia({ colorScheme: 'light' });
            await go(page, world);
            const found = (await check(page)).map((f) => `wide, light: ${f}`);
            await page.emulateMedia({ colorScheme: 'dark' });
            found.push(...(await check(page, ['color-contrast'])).map((f) => `wide, dark: ${f}`));
            await page.setViewportSize(MOBILE);
            found.push(...(await check(page)).map((f) => `narrow, dark: ${f}`));
            assert.deepEqual(found, []);
        } finally {
            await page.close();
        }
    };

    for (const [name, go] of Object.entries(openPages)) {
        test(name, () => inspect(go));
    }
    for (const folder of examples) {
        test(`examples/${folder}`, () => inspect((page) => page.goto(`/examples/${folder}`)));
    }
    test('signing in', async () => {
        const page = await context.newPage();
        await page.goto('/');
        await signIn(page, { username: 'ada', password: PASSWORD });
        await page.close();
    });
    for (const [name, go] of Object.entries(pages)) {
        test(name, async () => {
            try {
                await inspect(async (page) => {
                    await page.goto('/chat');
                    await page.locator('.chat-item').first().waitFor();
                    await go(page, world);
                });
            } finally {
                if (!web.sys.workers[0].running) {
                    web.sys.workers[0].start();
                    await web.sys.ready();
                }
            }
        });
    }
});
