// What attachments may cost: memory, room, time. And what is cleared away by itself.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { useSystem } from '../lib/system.mjs';
import { Raw, request } from '../lib/raw.mjs';
import { until } from '../lib/wait.mjs';
import { Attachments, noise, sha256 } from '../lib/attachments.mjs';

const MB = 1024 * 1024;
const SANITIZED = Boolean(process.env.CONFAB_TEST_SLOW);

describe('size', () => {
    const sys = useSystem({ before, after }, { workers: 1, rest: { attachments_user_max_bytes: '2g', uploads_user_max: 100 } });
    const status = (key) => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(fs.readFileSync(`/proc/${sys.rest.pid}/status`, 'utf8'))[1]) / 1024;
    test('100 MB, and eight times 30 MB at once, in bounded memory', async () => {
        const [ann] = await sys.api.users(1);
        const room = await sys.api.group(ann, 'Room', []);
        const files = new Attachments(sys);
        await files.post(ann, room.chat_id, noise(MB));
        const before_ = status('VmHWM');
        const bytes = noise(100 * MB);
        const big = await files.post(ann, room.chat_id, bytes);
        assert.equal(big.sha256, sha256(bytes));
        const got = await files.get(ann, big.id);
        assert.ok(got.bytes.equals(bytes));
        await Promise.all(Array.from({ length: 8 }, (_, i) => files.post(ann, room.chat_id, noise(30 * MB, i + 1)).then((a) => files.get(ann, a.id))));
        const grown = status('VmHWM') - before_;
        assert.ok(grown < (SANITIZED ? 400 : 24), `confab-rest has grown by ${grown} MB`);
    });
    test('others are answered meanwhile', async () => {
        const [ann] = await sys.api.users(1);
        const room = await sys.api.group(ann, 'Room', []);
        const files = new Attachments(sys);
        let running = true;
        const upload = files.post(ann, room.chat_id, noise(100 * MB)).finally(() => { running = false; });
        let slowest = 0;
        let count = 0;
        while (running) {
            const begun = performance.now();
            await sys.api.send(ann, room.chat_id, 'still here');
            slowest = Math.max(slowest, performance.now() - begun);
            count += 1;
        }
        await upload;
        assert.ok(count > 3 && slowest < 2000, `${count} messages, slowest ${slowest} ms`);
    });
});

describe('room', () => {
    let ann;
    let bob;
    let room;
    let files;
    const sys = useSystem({ before, after }, { workers: 1, rest: { attachments_user_max_bytes: '1m', attachment_max_bytes: '4m', uploads_user_max: 3, attachment_types: '*/*' } }, async () => {
        [ann, bob] = await sys.api.users(2);
        room = await sys.api.group(ann, 'Room', [bob]);
        files = new Attachments(sys);
    });
    test('the quota counts attachments and what has begun, per user', async () => {
        const first = await files.post(ann, room.chat_id, noise(600000));
        assert.equal((await files.post(ann, room.chat_id, noise(500000), { status: 413 })).json.code, 'quota_exceeded');
        const { upload_id: id } = await files.begin(ann, room.chat_id, 400000);
        assert.equal((await files.post(ann, room.chat_id, noise(100000), { status: 413 })).json.code, 'quota_exceeded');
        await files.post(bob, room.chat_id, noise(900000));
        await sys.api.expect(204, 'DELETE', `/api/uploads/${id}`, { token: ann.token });
        const second = await files.post(ann, room.chat_id, noise(400000));
        await sys.bounce(sys.rest);
        await sys.ready();
        assert.equal((await files.post(ann, room.chat_id, noise(100000), { status: 413 })).json.code, 'quota_exceeded');
        for (const a of [first, second]) {
            await sys.api.expect(204, 'DELETE', `/api/attachments/${a.id}`, { token: ann.token });
        }
        await files.post(ann, room.chat_id, noise(1024 * 1024));
    });
    test('unfinished uploads of a user are counted', async () => {
        const list = [];
        for (let i = 0; i < 3; i += 1) {
            list.push((await files.begin(bob, room.chat_id, 10)).upload_id);
        }
        assert.equal((await files.begin(bob, room.chat_id, 10, { status: 429 })).json.code, 'too_many_uploads');
        assert.equal((await files.post(bob, room.chat_id, noise(10), { status: 429 })).json.code, 'too_many_uploads');
        await files.patch(bob, list[0], 0, noise(10));
        await files.post(bob, room.chat_id, noise(10));
    });
});

describe('at the same time', () => {
    const sys = useSystem({ before, after }, { workers: 1, rest: { uploads_max: 2, upload_idle_timeout_ms: '60s' } });
    test('more uploads than uploads_max: 503, and room again when one ends', async () => {
        const [ann] = await sys.api.users(1);
        const room = await sys.api.group(ann, 'Room', []);
        const files = new Attachments(sys);
        const slow = [];
        for (let i = 0; i < 2; i += 1) {
            slow.push(await Raw.open(sys.host, 8000));
            slow[i].send(request('POST', `/api/chats/${room.chat_id}/attachments`, [`Host: ${sys.host}`, `Authorization: Bearer ${ann.token}`, 'Content-Length: 1000']));
            slow[i].send(noise(100));
        }
        await until('both are there', async () => await sys.metric('confab_uploads_open') === 2);
        const refused = await files.post(ann, room.chat_id, noise(100), { status: 503 });
        assert.deepEqual([refused.json.code, refused.headers.get('retry-after')], ['queue_full', '1']);
        slow[0].send(noise(900));
        assert.equal((await slow[0].answer()).status, 201);
        await files.post(ann, room.chat_id, noise(100));
        slow.forEach((raw) => raw.close());
    });
});

describe('slow readers', () => {
    const sys = useSystem({ before, after }, { workers: 1, rest: { upload_idle_timeout_ms: '1s', http_request_timeout_ms: '1s' } });
    test('a download takes as long as it wants if it moves, and ends if it does not', async () => {
        const [ann] = await sys.api.users(1);
        const room = await sys.api.group(ann, 'Room', []);
        const size = 40 * MB;
        const a = await new Attachments(sys).post(ann, room.chat_id, noise(size));
        const download = () => new Promise((resolve, reject) => {
            http.get(`${sys.origin}${a.url}`, { agent: false, headers: { authorization: `Bearer ${ann.token}` } }, resolve).on('error', reject);
        });
        const stopped = await download();
        let broken = false;
        stopped.on('error', () => { broken = true; });
        const slow = await download();
        const begun = performance.now();
        let got = 0;
        for await (const bytes of slow) { // 8 MB a second at most
            got += bytes.length;
            const due = begun + got / (8 * MB) * 1000;
            await until('the next bytes are due', () => performance.now() >= due, 15000, 1);
        }
        assert.equal(got, size);
        assert.ok(performance.now() - begun > 4000);
        let other = 0;
        stopped.on('data', (bytes) => { other += bytes.length; });
        await until('the one that did not read is cut off', () => broken);
        assert.ok(other < size);
    });
});

describe('a full disk', () => {
    const sys = useSystem({ before, after }, { workers: 1 });
    test('503 store_full, nothing half-done, and it goes on when there is room again', async () => {
        const [ann] = await sys.api.users(1);
        const room = await sys.api.group(ann, 'Room', []);
        const files = new Attachments(sys);
        const limit = (bytes) => execFileSync('prlimit', ['--pid', String(sys.rest.pid), `--fsize=${bytes}`]);
        const bytes = noise(6 * MB);
        const { upload_id: id } = await files.begin(ann, room.chat_id, bytes.length);
        limit(`${4 * MB}:unlimited`);
        assert.equal((await files.post(ann, room.chat_id, bytes, { status: 503 })).json.code, 'store_full');
        assert.deepEqual([files.files('data').length, files.files('partial').length], [0, 1], 'but for the note of the other');
        const answer = await files.patch(ann, id, 0, bytes);
        assert.deepEqual([answer.status, answer.json.code], [503, 'store_full']);
        const at = (await files.status(ann, id)).json.offset;
        assert.ok(at > 3 * MB && at <= 4 * MB);
        await files.post(ann, room.chat_id, noise(MB));
        limit('unlimited:unlimited');
        const done = await files.patch(ann, id, at, bytes.subarray(at));
        assert.deepEqual([done.status, done.json.sha256], [201, sha256(bytes)]);
    });
});

describe('cleared away', () => {
    let ann;
    let room;
    let files;
    const sys = useSystem({ before, after }, { workers: 1, rest: { attachment_unused_keep_ms: '2s', upload_keep_ms: '2s' } }, async () => {
        [ann] = await sys.api.users(1);
        room = await sys.api.group(ann, 'Room', []);
        files = new Attachments(sys);
    });
    test('attachments without a message, those of deleted messages and chats, expired uploads; not the others', async () => {
        const url = `/api/chats/${room.chat_id}/messages`;
        const [unused, used, gone] = await Promise.all([1, 2, 3].map((i) => files.post(ann, room.chat_id, noise(1000, i))));
        await sys.api.expect(201, 'POST', url, { token: ann.token, body: { attachment_id: used.id } });
        const sent = await sys.api.expect(201, 'POST', url, { token: ann.token, body: { attachment_id: gone.id } });
        await sys.api.call('DELETE', `${url}/${sent.json.message_id}`, { token: ann.token });
        const ended = await sys.api.group(ann, 'Ended', []);
        const there = await files.post(ann, ended.chat_id, noise(1000, 4));
        await sys.api.expect(201, 'POST', `/api/chats/${ended.chat_id}/messages`, { token: ann.token, body: { attachment_id: there.id } });
        const deleted = await sys.api.call('DELETE', `/api/chats/${ended.chat_id}`, { token: ann.token });
        assert.ok(deleted.status < 300, deleted.text);
        await files.get(ann, there.id, { status: 404 });
        const { upload_id: expired } = await files.begin(ann, room.chat_id, 1000);
        await files.patch(ann, expired, 0, noise(500));
        assert.equal(files.files('data').length, 4);
        await until('one file is left', () => files.files().length === 1);
        await until('one row is left', async () => (await sys.db.sql('SELECT COUNT(*) FROM attachments'))[0][0] === '1');
        await files.get(ann, used.id);
        await files.get(ann, unused.id, { status: 404 });
        assert.equal((await files.status(ann, expired)).status, 404);
        assert.equal(await sys.metric('confab_attachments_removed_total'), 3);
    });
    test('files without a row, once they are old enough', async () => {
        const data = path.join(sys.dir, 'attachments/data');
        fs.mkdirSync(path.join(data, '2a'), { recursive: true });
        fs.writeFileSync(path.join(data, '2a/0000000000012a'), 'an orphan');
        fs.writeFileSync(path.join(data, '2a/README'), 'not ours');
        const count = files.files('data').length;
        fs.utimesSync(path.join(data, '2a/0000000000012a'), 1e9, 1e9);
        await sys.bounce(sys.rest);
        await sys.ready();
        await until('the orphan is gone', () => files.files('data').length === count - 1);
        assert.ok(fs.existsSync(path.join(data, '2a/README')));
        assert.equal(await sys.metric('confab_attachment_orphans_total'), 1);
    });
});

describe('without a directory', () => {
    const sys = useSystem({ before, after }, { workers: 1, rest: { attachments_dir: '' } });
    test('every route says so', async () => {
        const [ann] = await sys.api.users(1);
        const room = await sys.api.group(ann, 'Room', []);
        const files = new Attachments(sys);
        assert.equal((await files.post(ann, room.chat_id, noise(10), { status: 501 })).json.code, 'attachments_off');
        await files.begin(ann, room.chat_id, 10, { status: 501 });
        for (const [method, at] of [['GET', '/api/uploads/5'], ['PATCH', '/api/uploads/5'], ['DELETE', '/api/uploads/5'], ['GET', '/api/attachments/5'], ['DELETE', '/api/attachments/5']]) {
            await sys.api.refused(501, 'attachments_off', method, at, { token: ann.token });
        }
        await sys.api.expect(201, 'POST', `/api/chats/${room.chat_id}/messages`, { token: ann.token, body: { content: 'x' } });
    });
});
