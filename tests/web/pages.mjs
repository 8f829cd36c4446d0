// Every page, and how to get there: for screenshots and for axe. Each takes a page on which Ada has signed in.
import { chatItem, composer, goTo } from '../lib/web.mjs';

const at = (to, ready) => async (page, world) => {
    await goTo(page, typeof to === 'function' ? to(world) : to);
    await ready(page, world);
};
const text = (what) => (page) => page.getByText(what).first().waitFor();
const chat = (world) => `/chat/${world.personal.chiara.chat_id}`;
const team = (world) => `/chat/${world.team.chat_id}`;
const messages = (page) => page.locator('.message .message-text').first().waitFor();
const inTeam = at(team, async (page) => {
    await messages(page);
    await page.locator('.message img').first().waitFor();
});

/** What anybody sees. */
export const openPages = {
    'sign-in': async (page) => { await page.goto('/'); await text('Sign in to Confab')(page); },
    'sign-in-wrong': async (page) => {
        await page.goto('/');
        await page.getByLabel('User name').fill('ada');
        await page.getByLabel('Password').fill('not it');
        await page.getByRole('button', { name: 'Sign in' }).click();
        await page.getByRole('alert').waitFor();
    },
    'sign-up': async (page) => { await page.goto('/sign-up'); await text('Create an account')(page); },
    kiosk: async (page, world) => { await page.goto(`/dashboard/${world.session.session_id}`); await text('Check-in successful')(page); },
};

export const pages = {
    chats: at('/chat', (page) => chatItem(page, 'Design team').waitFor()),
    conversation: at(chat, messages),
    group: inTeam,
    'group-details': async (page, world) => {
        await inTeam(page, world);
        await page.getByRole('button', { name: 'Details', exact: true }).click();
        await page.getByText('Grace Kim').last().waitFor();
    },
    'message-menu': async (page, world) => {
        await inTeam(page, world);
        await page.locator('.message.is-own').last().hover();
        await page.locator('.message.is-own').last().getByRole('button', { name: /^Actions/ }).click();
        await page.getByRole('menu').waitFor();
    },
    replying: async (page, world) => {
        await inTeam(page, world);
        await page.locator('.message.is-other').first().hover();
        await page.locator('.message.is-other').first().getByRole('button', { name: /^Actions/ }).click();
        await page.getByRole('menuitem', { name: 'Reply' }).click();
        await composer(page).fill('Quite so');
    },
    image: async (page, world) => {
        await inTeam(page, world);
        await page.getByRole('button', { name: /palette\.png, enlarge/ }).click();
        await page.getByRole('dialog').locator('img').waitFor();
    },
    'delete-message': async (page, world) => {
        await inTeam(page, world);
        await page.locator('.message.is-own').last().hover();
        await page.locator('.message.is-own').last().getByRole('button', { name: /^Actions/ }).click();
        await page.getByRole('menuitem', { name: 'Delete' }).click();
        await page.getByText('Delete this message?').waitFor();
    },
    'new-chat': async (page, world) => {
        await pages.chats(page, world);
        await page.getByRole('button', { name: 'New chat' }).first().click();
        await page.getByRole('dialog').getByLabel('Name of the person').fill('gr');
        await page.getByRole('dialog').getByText('Grace Kim').waitFor();
    },
    'new-group': async (page, world) => {
        await pages.chats(page, world);
        await page.getByRole('button', { name: 'New chat' }).first().click();
        await page.getByRole('tab', { name: 'Group' }).click();
        await page.getByLabel('Name of the group').fill('Weekend');
    },
    switcher: async (page, world) => {
        await pages.chats(page, world);
        await page.keyboard.press('Control+k');
        await page.getByRole('dialog').waitFor();
        await page.keyboard.type('de');
        await page.getByRole('dialog').getByText('Design team').waitFor();
    },
    notifications: at('/notifications', text('Maintenance on Sunday')),
    settings: at('/settings', text('Do not disturb')),
    dashboard: at('/dashboard', text('Summer meeting')),
    'live-dashboard': at((world) => `/dashboard/${world.session.session_id}`, text('Check-in successful')),
    'test-notifications': at('/test-notifications', text('No duplicate connections')),
    toast: async (page, world) => {
        await goTo(page, '/settings');
        await text('Do not disturb')(page);
        await world.knock();
        await page.locator('.toast').first().waitFor();
    },
    'not-found': at('/no/such/page', (page) => page.locator('main').waitFor()),
    'no-such-chat': at('/chat/123456789', text('This conversation is not there')),
    offline: async (page, world) => {
        await pages.conversation(page, world);
        await world.cut();
        await composer(page).fill('Is anybody there?');
        await page.keyboard.press('Enter');
        await page.locator('.banner').waitFor();
    },
};

/** The pages of the documents' samples. */
export const examples = ['', 'rooms-vanilla/', 'rooms-react/', 'rooms-vue/', 'subscribe-vanilla/', 'subscribe-service/', 'inbox-react/', 'vue-notifications/'];
