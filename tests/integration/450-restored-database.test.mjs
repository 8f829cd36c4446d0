// A database that was restored from a backup: what came after the backup is gone, and no cursor of that time may be taken
// for a place in the log that goes on from the backup.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { io } from 'socket.io-client';
import { ROOT } from '../lib/database.mjs';
import { useSystem } from '../lib/system.mjs';
import { until } from '../lib/wait.mjs';

const run = promisify(execFile);
let ann;
let bob;
let room;
const sys = useSystem({ before, after }, { workers: 1 }, async () => {
    [ann, bob] = await sys.api.users(2);
    room = await sys.api.group(ann, 'Room', [bob]);
});

/** Whatever the way of making backups: the files of a stopped server are one that needs no tool. */
async function copyData(from, to) {
    await sys.db.stop();
    fs.rmSync(path.join(sys.dir, 'db', to), { recursive: true, force: true });
    await run('cp', ['-a', path.join(sys.dir, 'db', from), path.join(sys.dir, 'db', to)]);
    await sys.db.start();
}

test('after-restore.sql: old cursors get a gap, new ones resume, nothing of the lost time comes back', async () => {
    await sys.api.send(ann, room.chat_id, 'before the backup');
    await sys.rest.stop();
    await copyData('data', 'backup');
    sys.rest.start();
    await sys.ready();

    const lost = await sys.api.send(ann, room.chat_id, 'lost');
    const client = await sys.rooms(bob, { ext: true });
    const { _ext: { event_id: cursor } } = await client.wait('live');
    client.close();
    await sys.rest.stop();
    await copyData('backup', 'data');
    await sys.db.sql(fs.readFileSync(path.join(ROOT, 'etc/mariadb/after-restore.sql'), 'utf8'));
    sys.rest.start();
    await sys.ready();

    /* More than was lost, so that the old cursor is a number that the new log has given out again. */
    for (let i = 0; i < 5; i += 1) {
        await sys.api.send(ann, room.chat_id, `after ${i}`);
    }
    const back = await sys.rooms(bob, { ext: true, since: cursor });
    const gap = await back.wait('gap');
    assert.equal(gap.reason, 'other_log');
    /* Of a message before it the notification may come only now. */
    assert.deepEqual(back.frames.map((f) => f.type).filter((type) => type !== 'notification'), ['gap']);
    await sys.api.send(ann, room.chat_id, 'live again');
    assert.equal((await back.wait('group_message')).data.content, 'live again');

    const again = await sys.rooms(bob, { ext: true, since: gap._ext.event_id });
    assert.equal((await again.wait('group_message')).data.content, 'live again');
    await again.wait('live');

    const { json } = await sys.api.expect(200, 'GET', `/api/chats/${room.chat_id}/messages`, { token: bob.token });
    assert.deepEqual(json.messages.map((m) => m.content),
        ['before the backup', 'after 0', 'after 1', 'after 2', 'after 3', 'after 4', 'live again']);
    assert.notEqual(lost.event_id.split('.')[0], gap._ext.event_id.split('.')[0]);
});

test('Socket.IO clients are not told that they missed nothing', async () => {
    const convId = parseInt(room.chat_id.slice(10), 16);
    const socket = io(`http://${sys.host}:3000/chat`, { auth: { token: bob.token }, transports: ['websocket'], reconnectionDelay: 20, reconnectionDelayMax: 100 });
    const connects = [], heard = [];
    socket.on('connect', () => connects.push([socket.recovered, socket._pid]));
    socket.on('newMessage', ({ message }) => heard.push(message.message));
    await until('it is there', () => connects.length === 1);
    await socket.emitWithAck('joinConversation', { convId }); // its row is in the backup
    await sys.rest.stop();
    await copyData('data', 'backup');
    sys.rest.start();
    await sys.ready();
    await until('it is there', () => socket.connected);
    await sys.api.send(ann, room.chat_id, 'lost again');
    await until('it has it', () => heard.includes('lost again'));
    const before_ = connects.length;
    await sys.rest.stop();
    await copyData('backup', 'data');
    await sys.db.sql(fs.readFileSync(path.join(ROOT, 'etc/mariadb/after-restore.sql'), 'utf8'));
    sys.rest.start();
    await sys.ready();
    await until('it has come anew', () => socket.connected && connects.length > before_ && connects.at(-1)[1] !== connects[0][1]);
    assert.equal(connects.at(-1)[0], false);
    await sys.api.send(ann, room.chat_id, 'to a room that it is not in');
    assert.equal((await socket.emitWithAck('joinConversation', { convId })).ok, true);
    await sys.api.send(ann, room.chat_id, 'to a room that it is in');
    await until('the last', () => heard.includes('to a room that it is in'));
    assert.deepEqual(heard, ['lost again', 'to a room that it is in']);
    socket.disconnect();
});
