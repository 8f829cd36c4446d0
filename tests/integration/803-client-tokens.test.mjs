// The client library and time: tokens that expire, clocks that are wrong, machines that sleep.
import { after, afterEach, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { MemoryStorage, clientOf, library } from '../lib/client.mjs';
import { useSystem } from '../lib/system.mjs';
import { until, within } from '../lib/wait.mjs';

const DAY = 86400000;
const realNow = Date.now;
let offset = 0;
let ann;
let bob;
let room;
const sys = useSystem({ before, after }, { rest: { access_ttl_ms: '6s', token_leeway_ms: '0ms' } }, async (system) => {
    [ann, bob] = await system.api.users(2);
    room = await system.api.group(ann, 'Room', [bob]);
});
/** The wall clock of this machine is set. */
const setClock = (ms) => {
    offset = ms;
    Date.now = () => realNow() + offset;
};
let clients = [];
afterEach(() => {
    Date.now = realNow;
    clients.splice(0).forEach((client) => client.stop());
});

/** A signed-in client; refreshes counts how often it asked for new tokens. */
async function signedIn(storage = new MemoryStorage(), login = true) {
    const count = { refreshes: 0 };
    const counting = (url, options) => {
        count.refreshes += String(url).endsWith('/api/auth/refresh') ? 1 : 0;
        return fetch(url, options);
    };
    const tokens = library.sessionTokens({ url: sys.origin, storage, fetch: counting });
    if (login) {
        await tokens.login(ann.username, 'correct horse');
    }
    const client = clientOf(sys, null, { token: tokens, storage, fetch: counting });
    clients.push(client);
    return { client, tokens, storage, count };
}
const drops = (client) => client.of('status').filter(({ status }) => status === 'waiting').length;
/** Lives for so many lives of a token. The clock of the test itself does not count, it may be changed. */
async function lives(client, tokens) {
    for (let i = 0; i < tokens; i += 1) {
        const end = performance.now() + 6000;
        await until('the life of a token', () => performance.now() > end);
        await within('an answer', client.send({ chatId: room.chat_id, content: `still here ${i}` }).done);
        await within('oneself', client.rest.me());
    }
}

describe('tokens are exchanged before they expire', () => {
    for (const [what, ms] of Object.entries({ 'the clock is right': 0, 'the clock is a day slow': -DAY, 'the clock is a day fast': DAY })) {
        test(what, async () => {
            setClock(ms);
            const { client, storage, count } = await signedIn();
            client.start();
            await client.isLive();
            await lives(client, 2);
            assert.equal(drops(client), 0, 'a connection was lost');
            assert.ok(count.refreshes >= 2 && count.refreshes <= 5, `${count.refreshes} refreshes`);
            client.stop();
            const again = await signedIn(storage, false);
            again.client.start();
            await again.client.isLive();
            await lives(again.client, 1);
            assert.equal(drops(again.client), 0, 'a connection was lost after a reload');
        });
    }
});

describe('the clock is set while the page is open', () => {
    for (const [what, from, to] of [['a day forward', 0, DAY], ['a day back', 0, -DAY], ['from a day behind to right', -DAY, 0], ['from a day ahead to right', DAY, 0]]) {
        test(what, async () => {
            setClock(from);
            const { client, count } = await signedIn();
            client.start();
            await client.isLive();
            setClock(to);
            await lives(client, 1);
            await client.isLive();
            assert.ok(drops(client) <= 1, `${drops(client)} connections lost`);
            assert.ok(count.refreshes <= 5, `${count.refreshes} refreshes`);
        });
    }
});

test('the machine slept until after the token: no login is needed', async () => {
    const { client, storage } = await signedIn();
    client.start();
    await client.isLive();
    client.stop(); // nothing runs in sleep
    const end = performance.now() + 7000;
    await until('the token has expired', () => performance.now() > end);
    const woken = (await signedIn(storage, false)).client;
    woken.start();
    await woken.isLive();
    await within('an answer', woken.send({ chatId: room.chat_id, content: 'awake' }).done);
});

test('the machine sleeps while the page is open: the token is exchanged and the connection asked at once', async () => {
    const { client, count } = await signedIn();
    const sent = [];
    client.on('frame', ({ socket, direction, text }) => socket === 'rooms' && direction === 'out' && sent.push(JSON.parse(text)));
    client.start();
    await client.isLive();
    setClock(3600000);
    await until('a ping and a token', () => ['ping', 'auth'].every((type) => sent.some((frame) => frame.type === type)), 15000);
    assert.ok(count.refreshes > 0);
    assert.ok(!sent.some(({ token }) => token && token !== '...'), 'a token in the log of frames');
    await client.isLive();
});

test('the server thinks a token expired that its provider believes in: exchanged, and back', async () => {
    const issue = () => sys.api.token(ann.n, { ttl: 2 });
    let token = issue();
    let exchanged = 0;
    const provider = { get: async () => token, expiresAt: () => Date.now() + DAY, refresh: async () => { exchanged += 1; token = issue(); return token; } };
    // the life of the token itself says otherwise, so it must not show: iat long ago
    const opaque = (ttl) => sys.api.token(ann.n, { claims: { iat: Math.floor(Date.now() / 1000) - 80000 }, ttl });
    token = opaque(2);
    const client = clientOf(sys, null, { token: provider });
    clients.push(client);
    client.start();
    await client.isLive();
    await until('exchanged', () => exchanged > 0, 15000);
    await client.isLive();
    assert.notEqual(client.status, 'signed_out');
});

test('signed out elsewhere: the page is told, and nothing is tried any more', async () => {
    const { client, tokens, storage } = await signedIn();
    client.start();
    await client.isLive();
    await tokens.logout();
    await client.wait('status', ({ status }) => status === 'signed_out');
    assert.equal(client.status, 'signed_out');
    assert.equal(tokens.isSignedIn, false);
    assert.equal(storage.map.size, 0);
    await assert.rejects(client.rest.me(), { name: 'RestError', status: 401 });
    await tokens.login(ann.username, 'correct horse');
    client.start();
    await client.isLive();
});

test('the login has ended on the server: the first refused exchange signs out', async () => {
    const { client, storage } = await signedIn();
    client.start();
    await client.isLive();
    await sys.api.admin('POST', '/api/admin/kick', { body: { user_id: ann.id, revoke: true } });
    await client.wait('status', ({ status }) => status === 'signed_out');
    assert.equal(storage.map.size, 0, 'useless tokens are kept');
});

test('the answer to an exchange is lost: the next attempt gets it, and nobody is signed out', async () => {
    const storage = new MemoryStorage();
    await signedIn(storage);
    let lost = 0;
    const losing = async (url, options) => {
        const answer = await fetch(url, options);
        if (String(url).endsWith('/refresh') && answer.status === 200 && lost < 2) {
            lost += 1;
            throw new TypeError('Failed to fetch');
        }
        return answer;
    };
    const tokens = library.sessionTokens({ url: sys.origin, storage, fetch: losing });
    await assert.rejects(tokens.refresh(), { code: 'network' });
    const reloaded = library.sessionTokens({ url: sys.origin, storage, fetch: losing });
    await assert.rejects(reloaded.refresh(), { code: 'network' });
    const token = await reloaded.refresh();
    await sys.api.expect(200, 'GET', '/api/me', { token });
    await reloaded.refresh();
    assert.equal(lost, 2);
});

test('several tabs exchange the same token at the same time: all go on, with one login', async () => {
    const storage = new MemoryStorage();
    await signedIn(storage);
    const tabs = await Promise.all(Array.from({ length: 4 }, () => signedIn(storage, false)));
    for (let round = 0; round < 5; round += 1) {
        const tokens = await Promise.all(tabs.map((tab) => tab.tokens.refresh()));
        for (const token of tokens) {
            await sys.api.expect(200, 'GET', '/api/me', { token });
        }
    }
    await Promise.all(tabs.map(({ client }) => client.rest.me()));
    assert.equal([...storage.map.keys()].join(), 'confab.tokens');
});

test('where there are locks, one tab exchanges for all', async () => {
    const storage = new MemoryStorage();
    await signedIn(storage);
    let last = Promise.resolve();
    const locks = { request: (_, work) => { last = last.then(work, work); return last; } };
    const before = Object.getOwnPropertyDescriptor(globalThis, 'navigator');
    Object.defineProperty(globalThis, 'navigator', { value: { locks }, configurable: true });
    try {
        const tabs = await Promise.all(Array.from({ length: 4 }, () => signedIn(storage, false)));
        const tokens = await Promise.all(tabs.map((tab) => tab.tokens.refresh()));
        assert.equal(new Set(tokens).size, 1);
        assert.equal(tabs.reduce((sum, { count }) => sum + count.refreshes, 0), 1);
    } finally {
        delete globalThis.navigator;
        if (before) {
            Object.defineProperty(globalThis, 'navigator', before);
        }
    }
});

test('somebody else signs in on the same page: nothing of the first one is sent or told', async () => {
    const { client, tokens, storage } = await signedIn();
    client.start();
    await client.isLive();
    await Promise.all(sys.workers.map((worker) => worker.stop('SIGKILL')));
    await until('waiting', () => client.status === 'waiting');
    client.send({ chatId: room.chat_id, content: 'of the first' });
    await tokens.logout();
    client.stop();
    sys.workers.forEach((worker) => worker.start());
    await sys.ready();
    await tokens.login(bob.username, 'correct horse');
    client.start();
    await client.isLive();
    assert.deepEqual(client.outbox(), []);
    await client.send({ chatId: room.chat_id, content: 'of the second' }).done;
    await tokens.logout();
    client.stop();
    await tokens.login(ann.username, 'correct horse');
    client.start();
    await client.wait('sent', ({ message }) => message.content === 'of the first');
    const { messages } = await client.rest.messages(room.chat_id, { limit: 2 });
    assert.deepEqual(messages.map(({ content, sender_id: id }) => [content, id]), [['of the second', bob.id], ['of the first', ann.id]]);
    assert.ok(![...storage.map.keys()].some((key) => key.includes('outbox')));
});

test('wrong password, name that is taken: errors with codes', async () => {
    const tokens = library.sessionTokens({ url: sys.origin, storage: null });
    await assert.rejects(tokens.login(ann.username, 'wrong'), { name: 'RestError', status: 401, code: 'bad_credentials' });
    await assert.rejects(tokens.register(ann.username, 'correct horse'), { status: 409, code: 'username_taken' });
    await assert.rejects(tokens.get(), { status: 401, code: 'unauthenticated' });
    assert.equal(tokens.user(), null);
    const user = await tokens.register(`${ann.username}x`, 'correct horse', 'Ann X');
    assert.equal(tokens.user().user_id, user.user_id);
    const client = clientOf(sys, null, { token: tokens });
    clients.push(client);
    client.start();
    await client.isLive();
    assert.equal((await client.send({ userId: bob.id, content: 'mine' }).done).sender_name, 'Ann X');
});
