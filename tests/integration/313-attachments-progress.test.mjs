// Progress of uploads on the uploader's sockets that asked for it (?events=upload), and on no other.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { useSystem } from '../lib/system.mjs';
import { Raw, request } from '../lib/raw.mjs';
import { until } from '../lib/wait.mjs';
import { Attachments, PDF, noise } from '../lib/attachments.mjs';

const MB = 1024 * 1024;
const KEYS = ['type', 'uploadId', 'chatId', 'bytes', 'total', 'percent', 'state', 'timestamp'];
let ann;
let bob;
let room;
let files;
const sys = useSystem({ before, after }, { workers: 2, rest: { upload_progress_ms: '250ms', upload_idle_timeout_ms: '60s' } }, async () => {
    [ann, bob] = await sys.api.users(2);
    room = await sys.api.group(ann, 'Room', [bob]);
    files = new Attachments(sys);
});
const open = (who, events) => sys.rooms(who, { path: '/api/ws', query: { userId: who.username, ...(events && { events }) } });
const progress = (client) => client.frames.filter((f) => f.type === 'upload_progress');

test('at most every 250 ms while it runs, and its end', async () => {
    const [asked, second, silent, other] = await Promise.all([open(ann, 'upload'), open(ann, 'upload,status'), open(ann), open(bob, 'upload')]);
    await until('both workers know who waits', async () => {
        await files.post(ann, room.chat_id, noise(10));
        return progress(asked).length > 0 && progress(second).length > 0;
    });
    const size = 6 * MB;
    const bytes = noise(size);
    const raw = await Raw.open(sys.host, 8000);
    raw.send(request('POST', `/api/chats/${room.chat_id}/attachments`, [`Host: ${sys.host}`, `Authorization: Bearer ${ann.token}`, `Content-Length: ${size}`]));
    const begun = performance.now();
    for (let at = 0; at < size; at += MB) { // each MB waits until one more step has been told
        raw.send(bytes.subarray(at, at + MB));
        await until('a step', () => progress(asked).some((f) => f.total === size && f.bytes >= at + MB / 2));
    }
    assert.equal((await raw.answer()).status, 201);
    const took = performance.now() - begun;
    raw.close();
    await until('done', () => progress(asked).some((f) => f.total === size && f.state === 'done'));
    const { uploadId } = progress(asked).at(-1);
    const frames = progress(asked).filter((f) => f.uploadId === uploadId);
    for (const f of frames) {
        assert.deepEqual(Object.keys(f), KEYS);
        assert.deepEqual([f.total, f.chatId, f.uploadId], [size, frames[0].chatId, frames[0].uploadId]);
        assert.match(f.chatId, /^chat_\d+$/);
        assert.match(f.uploadId, /^upl_\w+$/);
        assert.equal(f.percent, Math.floor((f.bytes * 100) / size));
    }
    const steps = frames.map((f) => f.bytes);
    assert.deepEqual(steps, [...steps].sort((a, b) => a - b));
    assert.deepEqual([frames.at(-1).bytes, frames.at(-1).percent, frames.at(-1).state], [size, 100, 'done']);
    assert.ok(frames.slice(0, -1).every((f) => f.state !== 'done'));
    assert.ok(frames.length <= took / 250 + 3, `${frames.length} frames in ${took} ms`);
    await until('the second device hears the same', () => progress(second).some((f) => f.uploadId === uploadId && f.state === 'done'));
    await sys.api.send(ann, room.chat_id, 'marker');
    assert.deepEqual([progress(silent).length, progress(other).length], [0, 0]);
    [asked, second, silent, other].forEach((c) => c.close());
});

test('an upload that fails says so', async () => {
    const client = await open(ann, 'upload');
    await until('the worker knows who waits', async () => {
        await files.post(ann, room.chat_id, noise(10));
        return progress(client).length > 0;
    });
    const refused = await files.begin(ann, room.chat_id, PDF.length, { name: 'a.png' });
    const number = Number.parseInt(refused.upload_id.slice(10), 16);
    await files.patch(ann, refused.upload_id, 0, PDF);
    const frame = await client.wait((f) => f.type === 'upload_progress' && f.state === 'failed');
    assert.equal(frame.uploadId, `upl_${number}`);
    const { upload_id: id } = await files.begin(ann, room.chat_id, 100);
    await sys.api.expect(204, 'DELETE', `/api/uploads/${id}`, { token: ann.token });
    await client.wait((f) => f.type === 'upload_progress' && f.state === 'failed' && f.uploadId === `upl_${Number.parseInt(id.slice(10), 16)}`);
    client.close();
});
