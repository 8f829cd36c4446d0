// Several tabs of one browser share one connection; whichever of them goes, nothing is lost.
import { after, afterEach, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { Worker } from 'node:worker_threads';
import { MemoryStorage, clientOf } from '../lib/client.mjs';
import { useSystem } from '../lib/system.mjs';
import { until } from '../lib/wait.mjs';

// The lock that browsers have beside the BroadcastChannel is tried in a browser; here it is the election that is tested.
Object.defineProperty(globalThis, 'navigator', { value: {}, configurable: true });

let ann;
let bob;
let room;
const sys = useSystem({ before, after }, {}, async (system) => { [ann] = await system.api.users(1); });
const tabs = [];
/** Nobody else's tabs: every test has a user of its own. */
async function newcomer() {
    bob = await sys.api.user();
    room = await sys.api.group(ann, 'Room', [bob]);
}
function tab(options = {}, since = undefined) {
    const client = clientOf(sys, bob, { share: true, ...options });
    tabs.push(client);
    client.start(since);
    return client;
}
afterEach(() => tabs.splice(0).forEach((client) => client.stop()));
const contents = (client) => client.of('message').map(({ message }) => message.content);
const leaders = () => tabs.filter((client) => client.isLeader);
const allLive = (...clients) => until('all are live', () => clients.every((client) => client.sockets.rooms === 'live' && client.sockets.inbox === 'live'), 20000);
async function connections() {
    const { json } = await sys.api.admin('GET', '/api/admin/status');
    return json.workers.reduce((sum, worker) => sum + worker.sessions, 0);
}

describe('two tabs', () => {
    test('one of them holds both connections, and both hear everything once', async () => {
        await newcomer();
        const [one, two] = [tab(), tab()];
        await allLive(one, two);
        assert.equal(leaders().length, 1);
        assert.equal(await connections(), 2);
        for (let i = 0; i < 20; i += 1) {
            await sys.api.send(ann, room.chat_id, `to both ${i}`);
        }
        await until('all in both', () => [one, two].every((client) => contents(client).length >= 20));
        assert.deepEqual(contents(one), Array.from({ length: 20 }, (_, i) => `to both ${i}`));
        assert.deepEqual(contents(two), contents(one));
    });
    test('either sends, both hear of it, and it is sent once', async () => {
        await newcomer();
        const [one, two] = [tab(), tab()];
        await allLive(one, two);
        const sending = [one, two, two, one].map((client, i) => client.send({ chatId: room.chat_id, content: `by either ${i}` }));
        await Promise.all(sending.map(({ done }) => done));
        await until('all in both', () => [one, two].every((client) => client.of('sent').length === 4));
        const { messages } = await one.rest.messages(room.chat_id);
        assert.deepEqual(messages.map(({ content }) => content).sort(), Array.from({ length: 4 }, (_, i) => `by either ${i}`));
        assert.deepEqual(messages.map(({ content }) => content).filter((c) => /[12]/.test(c)), ['by either 1', 'by either 2']);
        assert.deepEqual([one.outbox(), two.outbox()], [[], []]);
    });
    test('one refusal, one promise: what another tab has sent fails only there', async () => {
        await newcomer();
        const [one, two] = [tab(), tab()];
        await allLive(one, two);
        const follower = one.isLeader ? two : one;
        await assert.rejects(follower.send({ chatId: '000000000200000000099999', content: 'x' }).done, { code: 'chat_not_found' });
    });
    test('a notification is for one tab only: the one that was looked at last', async () => {
        await newcomer();
        const [one, two] = [tab(), tab()];
        await allLive(one, two);
        for (const front of [one, two, one]) {
            const count = one.of('notification').length;
            front.focus(null);
            // what this tab says reaches the leader before the message can
            await front.send({ chatId: room.chat_id, content: 'x' }).done;
            await sys.api.send(ann, room.chat_id, 'notify');
            await until('it is in both', () => [one, two].every((client) => client.of('notification').length > count));
            assert.deepEqual([one, two].map((client) => client.of('notification').at(-1).isMine), [front === one, front === two]);
        }
    });
    test('what one of them shows notifies nobody, and what it has read is read in both', async () => {
        await newcomer();
        const [one, two] = [tab(), tab()];
        await allLive(one, two);
        const follower = one.isLeader ? two : one;
        await sys.api.send(ann, room.chat_id, 'unread');
        await until('a notification', () => two.of('notification').length > 0);
        follower.focus(room.chat_id);
        await until('read in both', () => [one, two].every((client) => client.of('unread').some(({ chatId, count }) => chatId === room.chat_id && count === 0)));
        const before = one.of('notification').length;
        await sys.api.send(ann, room.chat_id, 'seen at once');
        follower.focus(null);
        await follower.send({ chatId: room.chat_id, content: 'x' }).done;
        await sys.api.send(ann, room.chat_id, 'not seen');
        await until('a notification', () => one.of('notification').length > before);
        assert.deepEqual(one.of('notification').slice(before).map((n) => n.content_preview), ['not seen']);
    });
    test('a third one begins where it wants, or is told to load everything', async () => {
        await newcomer();
        const one = tab();
        await allLive(one);
        const { event_id: since } = await one.rest.chats();
        for (let i = 0; i < 5; i += 1) {
            await sys.api.send(ann, room.chat_id, `before ${i}`);
        }
        await until('all', () => contents(one).length === 5);
        const two = tab({}, since);
        const three = tab();
        await allLive(two, three);
        await until('what was before', () => contents(two).length === 5);
        await until('a gap', () => three.of('gap').length === 2);
        assert.deepEqual(three.of('gap').map(({ reason }) => reason), ['start', 'start']);
        assert.deepEqual([two.of('gap'), contents(three)], [[], []]);
        await sys.api.send(ann, room.chat_id, 'after');
        await until('in all', () => [one, two, three].every((client) => contents(client).at(-1) === 'after'));
        assert.deepEqual(contents(two), contents(one));
    });
    test('one that missed more than is kept is told so', async () => {
        await newcomer();
        const limits = { ringMax: 3 };
        const one = tab({ limits });
        await allLive(one);
        const { event_id: since } = await one.rest.chats();
        for (let i = 0; i < 10; i += 1) {
            await sys.api.send(ann, room.chat_id, `many ${i}`);
        }
        await until('all', () => contents(one).length === 10);
        const two = tab({ limits }, since);
        await until('a gap', () => two.of('gap').some(({ reason, socket }) => reason === 'tab' && socket === 'rooms'));
        assert.deepEqual(contents(two), []);
    });
    test('not shared: every tab for itself, still each message once', async () => {
        await newcomer();
        const storage = new MemoryStorage();
        const [one, two] = [tab({ share: false, storage }), tab({ share: false, storage })];
        await allLive(one, two);
        assert.equal(leaders().length, 2);
        await Promise.all([one, two].map((client, i) => client.send({ chatId: room.chat_id, content: `own ${i}` }).done));
        assert.equal((await one.rest.messages(room.chat_id)).messages.length, 2);
        assert.equal(storage.map.size, 0);
    });
    test('signed out in one, signed out in all', async () => {
        await newcomer();
        const [one, two] = [tab(), tab()];
        await allLive(one, two);
        await sys.api.admin('POST', '/api/admin/kick', { body: { user_id: bob.id, revoke: true } });
        await until('both', () => [one, two].every((client) => client.status === 'signed_out'));
    });
});

describe('the leader goes', () => {
    test('in an orderly way, again and again while messages pour in: nothing is lost, doubled or out of order', async () => {
        await newcomer();
        const { event_id: since } = (await sys.api.call('GET', '/api/chats', { token: bob.token })).json;
        const open = () => tab({ limits: { ringMax: 100000 } }, since);
        await allLive(open(), open());
        let n = 0;
        let stop = false;
        const pouring = (async () => {
            while (!stop) {
                await sys.api.send(ann, room.chat_id, `pour ${n}`);
                n += 1;
            }
        })();
        const gone = [];
        for (let round = 0; round < 6; round += 1) {
            await allLive(open());
            const [leader] = leaders();
            tabs.splice(tabs.indexOf(leader), 1);
            leader.stop();
            gone.push([leader, contents(leader).length]);
            await until('another leader', () => leaders().length === 1 && leaders()[0].status === 'live', 20000);
            const seen = n;
            await until('more messages', () => tabs.every((client) => contents(client).length > seen + 20));
        }
        stop = true;
        await pouring;
        await until('the last one', () => tabs.every((client) => contents(client).length >= n));
        const all = Array.from({ length: n }, (_, i) => `pour ${i}`);
        tabs.forEach((client) => assert.deepEqual(contents(client), all));
        gone.forEach(([client, count]) => assert.deepEqual(contents(client), all.slice(0, count)));
        assert.equal(tabs.length, 2);
        assert.equal(await connections(), 2);
    });
    test('without a word (the tab crashes): another one takes over, with what was not sent yet', async () => {
        await newcomer();
        const { token } = bob;
        const { event_id: since } = (await sys.api.call('GET', '/api/chats', { token })).json;
        const crashing = new Worker(new URL('../lib/client_tab.mjs', import.meta.url), { workerData: { origin: sys.origin, token, since } });
        const told = [];
        crashing.on('message', (message) => told.push(message));
        await until('it leads', () => told.some(([name, event]) => name === 'leader' && event.isLeader));
        const one = tab({}, since);
        const two = tab({}, since);
        await allLive(one, two);
        assert.equal(leaders().length, 0);
        for (let i = 0; i < 10; i += 1) {
            await sys.api.send(ann, room.chat_id, `message ${i}`);
        }
        await until('the first', () => contents(one).length > 0);
        await crashing.terminate();
        const sending = [one, two].map((client, i) => client.send({ chatId: room.chat_id, content: `own ${i}` }));
        for (let i = 10; i < 20; i += 1) {
            await sys.api.send(ann, room.chat_id, `message ${i}`);
        }
        await Promise.all(sending.map(({ done }) => done));
        await until('all in both', () => [one, two].every((client) => contents(client).filter((c) => c.startsWith('message')).length >= 20), 30000);
        assert.equal(leaders().length, 1);
        for (const client of [one, two]) {
            assert.deepEqual(contents(client).filter((c) => c.startsWith('message')), Array.from({ length: 20 }, (_, i) => `message ${i}`));
            assert.deepEqual(client.of('gap'), []);
        }
        const { messages } = await one.rest.messages(room.chat_id, { limit: 100 });
        assert.equal(messages.filter(({ content }) => content.startsWith('own')).length, 2);
    });
});
