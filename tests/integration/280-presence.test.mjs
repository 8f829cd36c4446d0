// Who comes and goes: told to those who ask and share a chat, quiet about reloads, restarts and lost links, answered by
// REST, kept over a restart, and never a matter for the database at the time.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { Subscribe, userTag } from '../lib/subscribe.mjs';
import { useSystem } from '../lib/system.mjs';
import { idHex } from '../lib/token.mjs';
import { until } from '../lib/wait.mjs';

const GRACE_MS = 800;
const LOST_MS = 5000;
let ann; // comes and goes
let bob; // watches
let cyd; // shares no chat with Ann
let dan; // shares only the large chat with Ann
let watch; // Bob's
let far; // Dan's
const sys = useSystem({ before, after }, {
    workers: 2,
    rest: { presence_grace_ms: `${GRACE_MS}ms`, presence_grace_lost_ms: `${LOST_MS}ms`, presence_members_max: 6, last_seen_ms: '300ms' },
}, async () => {
    let rest;
    [ann, bob, cyd, dan, ...rest] = await sys.api.users(9);
    await sys.api.group(ann, 'Room', [bob]);
    await sys.api.group(ann, 'Second room', [bob]);
    await sys.api.group(ann, 'Large', [bob, dan, ...rest]);
    await sys.api.group(bob, 'Without Ann', [cyd]);
    watch = await Subscribe.open(sys, bob.username, { query: { events: 'status' } });
    far = await Subscribe.open(sys, dan.username, { query: { events: 'status' } });
});
const seenOf = (client, user) => client.of('user_status').filter((f) => f.userId === userTag(user));
const told = (client, user, status, ms) => client.wait((f) => f.type === 'user_status' && f.userId === userTag(user) && f.status === status, ms);
const presence = async (by, user) => (await sys.api.expect(200, 'GET', `/api/users/${user.id}/presence`, { token: by.token })).json;
/** Somebody else whom Bob sees come and go: what was due before has been told by then. */
const markers = async (user = cyd) => {
    const client = await sys.rooms(user);
    await told(watch, user, 'online');
    client.close();
    await told(watch, user, 'offline');
};

test('user_status: who comes in any dialect, who goes, once each, however many chats are shared', async () => {
    const before_ = Date.now();
    const client = await sys.rooms(ann);
    const on = await told(watch, ann, 'online');
    assert.deepEqual(Object.keys(on), ['type', 'userId', 'username', 'status', 'lastSeen', 'timestamp']);
    assert.equal(on.username, ann.username);
    assert.ok(Math.abs(Date.parse(on.lastSeen) - Date.now()) < 20000);
    client.close();
    const closed = Date.now();
    const off = await told(watch, ann, 'offline');
    assert.ok(Date.now() - closed >= GRACE_MS - 50, 'too early');
    assert.ok(Date.parse(off.lastSeen) >= before_ - 1000 && Date.parse(off.lastSeen) <= Date.now());
    await markers();
    assert.deepEqual(seenOf(watch, ann).map((f) => f.status), ['online', 'offline']);
    assert.equal(seenOf(watch, bob).length, 0, 'nothing of oneself');
    assert.equal(far.of('user_status').length, 0, 'a large chat tells nobody');
});

test('a reload, and the last but one tab, are no news', async () => {
    const from = seenOf(watch, ann).length;
    let client = await sys.rooms(ann);
    await told(watch, ann, 'online');
    const second = await Subscribe.open(sys, ann.username);
    client.close();
    await client.gone();
    await markers();
    second.close();
    await second.gone();
    client = await sys.rooms(ann); // within the time of grace
    await markers();
    assert.deepEqual(seenOf(watch, ann).slice(from).map((f) => f.status), ['online']);
    client.close();
    await told(watch, ann, 'offline');
});

test('who did not ask hears nothing, in any dialect', async () => {
    const strict = [await Subscribe.open(sys, bob.username), await sys.rooms(bob)];
    const client = await sys.rooms(ann);
    await told(watch, ann, 'online');
    client.close();
    await told(watch, ann, 'offline');
    for (const c of strict) {
        assert.equal(c.frames.filter((f) => /status|presence/.test(f.type)).length, 0);
        c.close();
    }
});

test('rooms clients may ask as well', async () => {
    const asks = await sys.rooms(bob, { query: { events: 'status' } });
    const client = await sys.rooms(ann);
    await asks.wait((f) => f.user_id === ann.id);
    await told(watch, ann, 'online');
    client.close();
    await told(watch, ann, 'offline');
    asks.close();
});

test('REST: one, several, and only of those with whom one shares a chat', async () => {
    const client = await sys.rooms(ann);
    await told(watch, ann, 'online');
    const one = await presence(bob, ann);
    assert.deepEqual(Object.keys(one), ['user_id', 'online', 'last_seen']);
    assert.deepEqual([one.user_id, one.online], [ann.id, true]);
    client.close();
    await told(watch, ann, 'offline');
    const gone = await presence(bob, ann);
    assert.equal(gone.online, false);
    assert.ok(Date.now() - Date.parse(gone.last_seen) < 20000);
    assert.equal((await presence(ann, ann)).online, false);
    const quiet = (await sys.api.users(1))[0];
    assert.deepEqual(await presence(quiet, quiet), { user_id: quiet.id, online: false, last_seen: null });
    await sys.api.refused(403, 'forbidden', 'GET', `/api/users/${ann.id}/presence`, { token: cyd.token });
    await sys.api.refused(404, 'user_not_found', 'GET', `/api/users/${idHex(1, 999999)}/presence`, { token: ann.token });
    await sys.api.refused(401, 'unauthenticated', 'GET', `/api/users/${ann.id}/presence`);

    const list = async (by, ids) => (await sys.api.expect(200, 'GET', `/api/presence?user_ids=${ids}`, { token: by.token })).json.users;
    assert.deepEqual((await list(bob, [ann.id, cyd.n, userTag(bob)].join(','))).map((u) => [u.user_id, u.online]),
        [[ann.id, false], [cyd.id, false], [bob.id, true]]);
    assert.deepEqual((await list(cyd, [ann.id, bob.id, idHex(1, 999999)].join(','))).map((u) => u.user_id), [bob.id]);
    assert.equal((await list(bob, Array(100).fill(ann.id).join(','))).length, 100);
    for (const bad of ['', Array(101).fill(ann.n).join(',')]) {
        await sys.api.refused(422, 'invalid_field', 'GET', `/api/presence?user_ids=${bad}`, { token: bob.token });
    }
    await sys.api.refused(422, 'bad_id', 'GET', '/api/presence?user_ids=1,no-id,2', { token: bob.token });
    await sys.api.refused(422, 'invalid_field', 'GET', '/api/presence', { token: bob.token });
});

test('hundreds come, go, type and look: the writer hears of it now and then, the log not at all', async () => {
    const chat = await sys.api.group(bob, 'Busy', [ann, cyd]);
    const client = await Subscribe.open(sys, ann.username);
    await told(watch, ann, 'online');
    const batches = await sys.metric('confab_writer_batches_total');
    const published = await sys.metric('confab_feed_published');
    const began = Date.now();
    for (let i = 0; i < 100; i += 1) {
        const visitor = await sys.rooms(cyd);
        client.typing(`chat_${Number(BigInt(`0x${chat.chat_id.slice(10)}`))}`, i % 2 === 0);
        visitor.close();
    }
    // Whoever is there for some milliseconds only may not have been told of at all.
    await until('Cyd has gone', async () => !(await presence(bob, cyd)).online && seenOf(watch, cyd).at(-1).status === 'offline');
    watch.next = watch.frames.length;
    const spent = (await sys.metric('confab_writer_batches_total')) - batches;
    assert.ok(spent <= 4 + (Date.now() - began) / 300, `${spent} batches`);
    assert.equal(await sys.metric('confab_feed_published'), published);
    client.close();
    await told(watch, ann, 'offline');
});

test('a restart of the API is no news: nobody goes, nobody comes, and who was seen when is kept', async () => {
    const tab = await sys.rooms(ann);
    const on = await told(watch, ann, 'online');
    const cydSeen = (await presence(bob, cyd)).last_seen;
    assert.ok(cydSeen);
    await until('it is stored', async () => (await sys.db.sql(`SELECT COUNT(*) FROM last_seen WHERE user_id = ${ann.n} AND is_online = 1`))[0][0] === '1');
    const from = watch.of('user_status').length;
    for (const signal of ['SIGKILL', 'SIGTERM']) {
        await sys.bounce(sys.rest, signal);
        await sys.ready();
        await until('Ann is there', async () => (await presence(bob, ann)).online);
        assert.equal((await presence(bob, cyd)).last_seen, cydSeen);
    }
    assert.ok(tab.isOpen && watch.isOpen);
    await until('the time of grace is over', async () => (await sys.metric('confab_users_online')) === 3, LOST_MS + 10000); // Ann, Bob, Dan
    await markers();
    assert.deepEqual(watch.of('user_status').slice(from).filter((f) => f.userId !== userTag(cyd)), []);
    tab.close();
    const off = await told(watch, ann, 'offline');
    assert.ok(Date.parse(off.lastSeen) > Date.parse(on.lastSeen));
});

test('who was there before a restart and does not come back has gone, after the longer time', async () => {
    const tab = await sys.rooms(ann);
    await told(watch, ann, 'online');
    await until('it is stored', async () => (await sys.db.sql(`SELECT COUNT(*) FROM last_seen WHERE user_id = ${ann.n} AND is_online = 1`))[0][0] === '1');
    await sys.rest.stop('SIGKILL');
    tab.close();
    await tab.gone();
    const began = Date.now();
    sys.rest.start();
    await sys.ready();
    assert.equal((await presence(bob, ann)).online, true);
    await told(watch, ann, 'offline', LOST_MS + 15000);
    assert.ok(Date.now() - began >= LOST_MS - 500);
});

test('a worker that is killed takes its users along only after the longer time', async () => {
    const open = async (fn) => Promise.all(Array.from({ length: 6 }, fn)); // on both workers, as the door spreads them
    const watches = await open(() => Subscribe.open(sys, bob.username, { query: { events: 'status' } }));
    const tabs = await open(() => sys.rooms(ann));
    await Promise.all(watches.map((w) => told(w, ann, 'online')));
    await sys.workers[0].stop('SIGKILL');
    await until('its connections are closed', () => tabs.some((t) => !t.isOpen) && watches.some((w) => !w.isOpen));
    sys.workers[0].start();
    await sys.ready();
    [watch] = watches.filter((w) => w.isOpen);
    const left = tabs.filter((t) => t.isOpen);
    assert.ok(watch && left.length > 0);
    left.forEach((t) => t.close());
    const closed = Date.now();
    await Promise.all(left.map((t) => t.gone()));
    await told(watch, ann, 'offline', LOST_MS + 15000); // the last one left in order: the short time counts
    assert.deepEqual(seenOf(watch, ann).map((f) => f.status), ['online', 'offline']);
    assert.ok(Date.now() - closed >= GRACE_MS - 50);
    // All of somebody's connections lost at once, and back within the time: no news.
    let tab = await sys.rooms(ann);
    await told(watch, ann, 'online');
    for (const worker of sys.workers) {
        await worker.stop('SIGKILL');
    }
    await tab.gone();
    sys.workers.forEach((w) => w.start());
    await sys.ready();
    watch = await Subscribe.open(sys, bob.username, { query: { events: 'status' } });
    tab = await sys.rooms(ann);
    await markers();
    assert.equal(seenOf(watch, ann).length, 0);
    tab.close();
    await told(watch, ann, 'offline');
});
