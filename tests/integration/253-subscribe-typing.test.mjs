// Typing: told to the others, coalesced however fast it comes, healed when "stopped typing" is lost, and never written down.
import { spawn } from 'node:child_process';
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ROOT } from '../lib/database.mjs';
import { Subscribe, chatTag, flushSubscribed, userTag } from '../lib/subscribe.mjs';
import { useSystem } from '../lib/system.mjs';
import { SLOW, until } from '../lib/wait.mjs';

const EXPIRE_MS = 3000 * SLOW;
let ann;
let bob;
let cyd;
let room;
let chat;
let tabs; // of Ann, who types; on two workers, as likely as not
let peer; // Bob
const sys = useSystem({ before, after }, { workers: 2, rest: { typing_expire_ms: `${EXPIRE_MS}ms` }, ws: { typing_repeat_ms: '500ms' } }, async () => {
    [ann, bob, cyd] = await sys.api.users(3);
    room = await sys.api.group(ann, 'Room', [bob, cyd]);
    chat = chatTag(room);
    tabs = [await Subscribe.open(sys, ann.username), await Subscribe.open(sys, ann.username)];
    peer = await Subscribe.open(sys, bob.username);
    for (const client of [tabs[1], peer]) {
        await client.subscribe(chat);
    }
});
const typed = (client) => client.of('user_typing');
const stops = (client) => client.wait((f) => f.type === 'user_typing' && !f.isTyping);
/** What was sent before has been handled: an error answer of the same connection stands behind it. */
const handled = async (client) => {
    client.send('{');
    await client.wait('error');
};

const typesAndStops = async (client) => {
    client.typing(chat, true);
    await peer.wait('user_typing');
    client.typing(chat, false);
    await stops(peer);
};

test('user_typing: to the others who subscribe, never back to the user who types, who need not subscribe', async () => {
    tabs[0].typing(chat, true);
    const on = await peer.wait('user_typing');
    assert.deepEqual(Object.keys(on), ['type', 'chatId', 'userId', 'username', 'isTyping', 'timestamp']);
    assert.deepEqual([on.chatId, on.userId, on.username, on.isTyping], [chat, userTag(ann), ann.username, true]);
    assert.match(on.timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    tabs[0].typing(chat, false);
    assert.equal((await peer.wait('user_typing')).isTyping, false);
    await flushSubscribed(sys, bob, room.chat_id, [tabs[1]]);
    assert.equal(typed(tabs[0]).length + typed(tabs[1]).length, 0);
});

test('not to those who do not subscribe, nor after unsubscribing', async () => {
    const third = await Subscribe.open(sys, cyd.username);
    await typesAndStops(tabs[0]);
    await third.subscribe(chat);
    await flushSubscribed(sys, bob, room.chat_id, [third]);
    assert.equal(typed(third).length, 0);
    await third.unsubscribe(chat);
    await typesAndStops(tabs[0]);
    await third.subscribe(chat);
    await flushSubscribed(sys, bob, room.chat_id, [third]);
    assert.equal(typed(third).length, 0);
    third.close();
});

test('other dialects: rooms clients that ask for it see it, and are seen', async () => {
    const asks = await sys.rooms(bob, { query: { events: 'typing' } });
    const strict = await sys.rooms(bob);
    tabs[0].typing(chat, true);
    const frame = await asks.wait('typing');
    assert.deepEqual(frame, { type: 'typing', chat_id: room.chat_id, user_id: ann.id, user_name: ann.name, is_typing: true });
    tabs[0].typing(chat, false);
    assert.equal((await asks.wait('typing')).is_typing, false);
    asks.send({ type: 'typing', chat_id: room.chat_id, is_typing: true });
    assert.equal((await tabs[1].wait('user_typing')).username, bob.username);
    asks.send({ type: 'typing', chat_id: room.chat_id, is_typing: false });
    await stops(tabs[1]);
    await sys.api.send(ann, room.chat_id, 'after typing');
    await strict.wait((f) => f.data?.content === 'after typing');
    assert.equal(strict.of('typing').length, 0);
    asks.close();
    strict.close();
});

/** count frames a second for a second; then everything has been handled. */
async function storm(client, frameOf, count = 1000) {
    const began = Date.now();
    for (let i = 0; i < count;) {
        for (const due = Math.min(count, (Date.now() - began) * count / 1000); i < due; i += 1) {
            client.send(frameOf(i));
        }
        await pause(5);
    }
    await handled(client);
}

test('1,000 typing frames a second that say the same: a handful of frames at the others', async () => {
    const from = typed(peer).length;
    await storm(tabs[0], () => ({ type: 'typing', chatId: chat, isTyping: true }));
    tabs[0].typing(chat, false);
    await stops(peer);
    const seen = typed(peer).slice(from).map((f) => f.isTyping);
    assert.ok(seen.length <= 8, `${seen.length} frames`);
    assert.equal(seen[0], true);
    assert.equal(tabs[0].of('error').length, 1, 'nothing but the marker of storm() is refused');
});

test('1,000 a second that change all the time: bounded, the connection stays, and the end is right', async () => {
    const from = typed(peer).length;
    const commits = async () => Number((await sys.db.sql(`SHOW GLOBAL STATUS LIKE 'Com_commit'`))[0][1]);
    const before_ = await commits();
    await storm(tabs[0], (i) => ({ type: 'typing', chatId: chat, isTyping: i % 2 === 0 }));
    tabs[0].typing(chat, false);
    await until('nobody types any more', () => typed(peer).at(-1).isTyping === false, 2 * EXPIRE_MS + 5000);
    const seen = typed(peer).slice(from);
    assert.ok(seen.length <= 100, `${seen.length} frames`);
    assert.ok(tabs[0].isOpen);
    assert.ok(await commits() - before_ <= 20, 'typing is not written to the database');
    await flushSubscribed(sys, cyd, room.chat_id, [peer, tabs[1]]);
});

test('"stopped typing" is lost: the others hear it when the time is over', async () => {
    const from = typed(peer).length;
    await until('it is seen', () => { // the storm of before may still cost something
        tabs[0].typing(chat, true);
        return typed(peer).slice(from).some((f) => f.isTyping);
    }, 15000, 200);
    const began = Date.now();
    await stops(peer);
    const took = Date.now() - began;
    assert.ok(took >= EXPIRE_MS / 2 && took < EXPIRE_MS + 10000, `${took} ms`);
});

test('who goes on typing stays typing past that time', async () => {
    const from = typed(peer).length;
    const began = Date.now();
    while (Date.now() - began < 2 * EXPIRE_MS) {
        tabs[0].typing(chat, true);
        await pause(50);
    }
    assert.ok(typed(peer).slice(from).every((f) => f.isTyping), 'it stopped in between');
    assert.ok(typed(peer).length > from);
    tabs[0].typing(chat, false);
    await stops(peer);
});

test('kill -9 of a tab that types: the others hear that it stopped, and its subscriptions are gone', async () => {
    const connections = 3; // two tabs, one peer
    await until('nobody else is left', async () => (await sys.total('confab_ws_connections')) === connections);
    const child = spawn(process.execPath, ['--input-type=module', '-e', `
        import WebSocket from 'ws';
        const ws = new WebSocket('ws://${sys.host}:8000/api/ws?userId=${cyd.username}');
        ws.on('open', () => {
            ws.send(JSON.stringify({ action: 'subscribe', chatId: '${chat}' }));
            ws.send(JSON.stringify({ type: 'typing', chatId: '${chat}', isTyping: true }));
        });`], { cwd: path.join(ROOT, 'tests'), stdio: 'ignore' });
    await peer.wait((f) => f.type === 'user_typing' && f.username === cyd.username && f.isTyping);
    await until('it is counted', async () => (await sys.total('confab_ws_connections')) === connections + 1);
    const began = Date.now();
    child.kill('SIGKILL');
    await peer.wait((f) => f.type === 'user_typing' && f.username === cyd.username && !f.isTyping);
    assert.ok(Date.now() - began < EXPIRE_MS + 5000);
    await until('it is gone', async () => (await sys.total('confab_ws_connections')) === connections);
    await flushSubscribed(sys, ann, room.chat_id, [peer]);
});

test('typing in a foreign chat is refused and nobody hears of it', async () => {
    const foreign = await sys.api.group(bob, 'Foreign', [cyd]);
    await peer.subscribe(chatTag(foreign));
    const from = typed(peer).length;
    tabs[0].typing(chatTag(foreign), true);
    const error = await tabs[0].wait('error');
    assert.deepEqual([error.error, error.details], ['Forbidden', `Not a member of chat ${chatTag(foreign)}`]);
    await flushSubscribed(sys, cyd, foreign.chat_id, [peer]);
    assert.equal(typed(peer).length, from);
});
