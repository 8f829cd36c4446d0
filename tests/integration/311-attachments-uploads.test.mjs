// Uploads that are interrupted in every way: they go on where they were, or nothing of them remains.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { useSystem } from '../lib/system.mjs';
import { idHex } from '../lib/token.mjs';
import { Raw, request } from '../lib/raw.mjs';
import { until, within } from '../lib/wait.mjs';
import { Attachments, PDF, PNG, noise, sha256 } from '../lib/attachments.mjs';

const MB = 1024 * 1024;
let ann;
let bob;
let room;
let files;
const sys = useSystem({ before, after }, { workers: 1, rest: { attachment_max_bytes: '64m', upload_idle_timeout_ms: '2s', uploads_user_max: 1000 } }, async () => {
    [ann, bob] = await sys.api.users(2);
    room = await sys.api.group(ann, 'Room', [bob]);
    files = new Attachments(sys);
});
const offsetOf = async (id, by = ann) => {
    const answer = await files.status(by, id);
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.headers.get('upload-offset'), String(answer.json.offset));
    return answer.json.offset;
};
/** A PATCH whose body comes as it is told: send(bytes), and the answer. */
const slowPatch = async (id, offset, length) => {
    const raw = await Raw.open(sys.host, 8000);
    raw.send(request('PATCH', `/api/uploads/${id}`, [`Host: ${sys.host}`, `Authorization: Bearer ${ann.token}`, `Upload-Offset: ${offset}`, `Content-Length: ${length}`]));
    return raw;
};

describe('step by step', () => {
    test('pieces of any size become an attachment with the last one', async () => {
        const bytes = noise(1000003);
        const begun = await files.begin(ann, room.chat_id, bytes.length, { name: 'dir/ä.bin', mime_type: 'application/x-data', sha256: sha256(bytes) });
        assert.deepEqual([Object.keys(begun), begun.offset, begun.size], [['upload_id', 'offset', 'size'], 0, bytes.length]);
        let at = 0;
        for (const size of [1, 99, 65536, 300000]) {
            const answer = await files.patch(ann, begun.upload_id, at, bytes.subarray(at, at + size));
            assert.equal(answer.status, 200, answer.text);
            at += size;
            assert.deepEqual(answer.json, { upload_id: begun.upload_id, offset: at, size: bytes.length });
            assert.equal(await offsetOf(begun.upload_id), at);
            const head = await sys.api.call('HEAD', `/api/uploads/${begun.upload_id}`, { token: ann.token });
            assert.equal(head.headers.get('upload-offset'), String(at));
        }
        const done = await files.patch(ann, begun.upload_id, at, bytes.subarray(at));
        assert.equal(done.status, 201, done.text);
        assert.deepEqual([done.json.id, done.json.name, done.json.mime_type, done.json.sha256], [begun.upload_id, 'ä.bin', 'application/x-data', sha256(bytes)]);
        assert.ok((await files.get(ann, begun.upload_id)).bytes.equals(bytes));
        const afterwards = await files.status(ann, begun.upload_id);
        assert.deepEqual([afterwards.json.offset, afterwards.json.attachment.id], [bytes.length, begun.upload_id], 'the answer may have been lost');
        assert.equal((await files.patch(ann, begun.upload_id, bytes.length, Buffer.alloc(0))).status, 404);
        assert.deepEqual(files.files('partial'), []);
        await sys.api.expect(201, 'POST', `/api/chats/${room.chat_id}/messages`, { token: ann.token, body: { attachment_id: begun.upload_id } });
    });
    test('the wrong offset: 409 with the right one', async () => {
        const { upload_id: id } = await files.begin(ann, room.chat_id, 1000);
        await files.patch(ann, id, 0, noise(400));
        for (const wrong of [0, 399, 401, 1000]) {
            const answer = await files.patch(ann, id, wrong, noise(1));
            assert.deepEqual([answer.status, answer.json.code, answer.json.offset, answer.headers.get('upload-offset')], [409, 'upload_offset', 400, '400']);
        }
        for (const offset of ['x', '-1', '', '1.5']) {
            assert.equal((await files.patch(ann, id, offset, noise(1))).status, 422);
        }
        assert.equal(await offsetOf(id), 400);
    });
    test('more than was announced: 413, nothing of it is taken', async () => {
        const { upload_id: id } = await files.begin(ann, room.chat_id, 1000);
        assert.equal((await files.patch(ann, id, 0, noise(1001))).json.code, 'too_large');
        assert.equal((await files.patch(ann, id, 0, noise(600))).status, 200);
        assert.equal((await files.patch(ann, id, 600, noise(401))).status, 413);
        assert.equal(await offsetOf(id), 600);
    });
    test('nobody else sees it, goes on with it or ends it', async () => {
        const { upload_id: id } = await files.begin(ann, room.chat_id, 1000);
        for (const answer of [await files.status(bob, id), await files.patch(bob, id, 0, noise(10)), await sys.api.call('DELETE', `/api/uploads/${id}`, { token: bob.token })]) {
            assert.deepEqual([answer.status, answer.json.code], [404, 'upload_not_found']);
        }
        await sys.api.refused(404, 'upload_not_found', 'GET', `/api/uploads/${idHex(6, 77)}`, { token: ann.token });
        await sys.api.expect(422, 'GET', '/api/uploads/nonsense', { token: ann.token });
        await sys.api.expect(204, 'DELETE', `/api/uploads/${id}`, { token: ann.token });
        assert.equal((await files.status(ann, id)).status, 404);
    });
    test('what it turns out to be is checked at the end, and then nothing of it remains', async () => {
        const count = files.files().length;
        const png = await files.begin(ann, room.chat_id, PDF.length, { name: 'a.png' });
        await files.patch(ann, png.upload_id, 0, PDF.subarray(0, 10));
        assert.equal((await files.patch(ann, png.upload_id, 10, PDF.subarray(10))).json.code, 'content_mismatch');
        const sum = await files.begin(ann, room.chat_id, PNG.length, { name: 'a.png', sha256: sha256('other') });
        assert.equal((await files.patch(ann, sum.upload_id, 0, PNG)).json.code, 'checksum_mismatch');
        for (const { upload_id: id } of [png, sum]) {
            assert.equal((await files.status(ann, id)).status, 404);
        }
        assert.equal(files.files().length, count);
    });
    test('a large file that is something else is refused before all of it has come', async () => {
        const raw = await Raw.open(sys.host, 8000);
        raw.send(request('POST', `/api/chats/${room.chat_id}/attachments?name=a.png`, [`Host: ${sys.host}`, `Authorization: Bearer ${ann.token}`, 'Content-Type: image/png', `Content-Length: ${40 * MB}`]));
        raw.send(noise(MB));
        const answer = await raw.answer();
        assert.deepEqual([answer.status, JSON.parse(answer.body).code], [415, 'content_mismatch']);
        await raw.gone();
    });
    test('bad beginnings', async () => {
        for (const body of [{ name: 'a', size: 0 }, { name: 'a', size: -1 }, { name: 'a', size: 1.5 }, { name: 'a' }, { size: 5 }, { name: 'a', size: 5, sha256: 'x' }, { name: 'a', size: 5, mime_type: 'x' }, { name: 5, size: 5 }]) {
            await sys.api.expect(422, 'POST', `/api/chats/${room.chat_id}/uploads`, { token: ann.token, body });
        }
        await files.begin(ann, room.chat_id, 64 * MB + 1, { status: 413 });
    });
});

describe('interrupted', () => {
    test('the client is killed: what came counts, and it goes on from there', async () => {
        const bytes = noise(20 * MB, 9);
        const { upload_id: id } = await files.begin(ann, room.chat_id, bytes.length);
        const file = path.join(sys.dir, 'upload.bin');
        fs.writeFileSync(file, bytes);
        const curl = spawn('curl', ['-sS', '--limit-rate', '4M', '-X', 'PATCH', '-H', `Authorization: Bearer ${ann.token}`, '-H', 'Upload-Offset: 0', '-H', 'Content-Type: application/octet-stream',
            '-T', file, `${sys.origin}/api/uploads/${id}`], { stdio: 'ignore' });
        const ended = new Promise((resolve) => { curl.once('exit', resolve); });
        await until('some of it has come', async () => await offsetOf(id) > 2 * MB);
        curl.kill('SIGKILL');
        await ended;
        let done;
        await until('it goes on', async () => {
            const at = await offsetOf(id);
            assert.ok(at < bytes.length);
            done = await files.patch(ann, id, at, bytes.subarray(at));
            return done.status !== 409;
        });
        assert.equal(done.status, 201, done.text);
        assert.equal(done.json.sha256, sha256(bytes));
    });
    test('confab-rest is killed: the same', async () => {
        const bytes = noise(20 * MB, 10);
        const { upload_id: id } = await files.begin(ann, room.chat_id, bytes.length, { name: 'killed.bin', sha256: sha256(bytes) });
        const raw = await slowPatch(id, 0, bytes.length);
        raw.send(bytes.subarray(0, 12 * MB));
        await until('most of it has come', async () => await offsetOf(id) >= 11 * MB);
        const at = await offsetOf(id);
        await sys.bounce(sys.rest);
        await sys.ready();
        raw.close();
        const now = await offsetOf(id);
        assert.ok(now >= at && now <= 12 * MB, `${now} after ${at}`);
        const done = await files.patch(ann, id, now, bytes.subarray(now));
        assert.equal(done.status, 201, done.text);
        assert.deepEqual([done.json.name, done.json.sha256], ['killed.bin', sha256(bytes)]);
        assert.ok((await files.get(ann, id)).bytes.equals(bytes));
    });
    test('the database is away at the end: the last step can be repeated, also by the next process', async () => {
        const list = [];
        for (let i = 0; i < 2; i += 1) {
            const { upload_id: id } = await files.begin(ann, room.chat_id, 5000);
            await files.patch(ann, id, 0, noise(4000, 20 + i));
            list.push(id);
        }
        await sys.db.stop();
        for (const [i, id] of list.entries()) {
            const answer = await files.patch(ann, id, 4000, noise(5000, 20 + i).subarray(4000));
            assert.equal(answer.status, 503, answer.text);
            assert.equal(await offsetOf(id), 5000);
        }
        await sys.db.start();
        await sys.ready();
        const first = await files.patch(ann, list[0], 5000, Buffer.alloc(0));
        assert.ok([200, 201].includes(first.status), first.text);
        await sys.bounce(sys.rest);
        await sys.ready();
        assert.equal(await offsetOf(list[1]), 5000);
        if (!(await files.status(ann, list[1])).json.attachment) {
            const second = await files.patch(ann, list[1], 5000, Buffer.alloc(0));
            assert.ok([200, 201].includes(second.status), second.text);
        }
        for (const [i, id] of list.entries()) {
            assert.ok((await files.get(ann, id)).bytes.equals(noise(5000, 20 + i)));
        }
        const rows = await sys.db.sql(`SELECT COUNT(*) FROM attachments WHERE size = 5000`);
        assert.deepEqual(rows, [['2']]);
    });
    test('two requests at once: one goes on, the other is told where it stands', async () => {
        const { upload_id: id } = await files.begin(ann, room.chat_id, 1000);
        const first = await slowPatch(id, 0, 1000);
        first.send(noise(1000).subarray(0, 500));
        await until('half of it is there', async () => await offsetOf(id) === 500);
        const second = await files.patch(ann, id, 500, noise(1000).subarray(500));
        assert.deepEqual([second.status, second.json.code, second.json.offset], [409, 'upload_offset', 500]);
        await sys.api.refused(409, 'conflict', 'DELETE', `/api/uploads/${id}`, { token: ann.token });
        first.close();
        await until('it can be gone on with', async () => (await files.patch(ann, id, 500, noise(1000).subarray(500))).status === 201);
    });
    for (const [what, act] of [['goes away', (raw) => raw.close()], ['closes its side', (raw) => raw.socket.end()], ['falls silent', async (raw) => { await raw.gone(); }]]) {
        test(`one go, and the client ${what} half-way: nothing remains`, async () => {
            const count = files.files().length;
            const open = await sys.metric('confab_uploads_open');
            const partial = files.files('partial').length;
            const raw = await Raw.open(sys.host, 8000);
            raw.send(request('POST', `/api/chats/${room.chat_id}/attachments`, [`Host: ${sys.host}`, `Authorization: Bearer ${ann.token}`, 'Content-Length: 900000']));
            raw.send(noise(600000));
            await until('a part of it is stored', () => files.files('partial').length > partial);
            await within('the end', Promise.resolve(act(raw)), 10000);
            await until('nothing remains', async () => files.files().length === count && await sys.metric('confab_uploads_open') === open);
            raw.close();
        });
    }
    test('one go, and confab-rest is killed: the next start cleans up', async () => {
        const count = files.files().length;
        const raw = await Raw.open(sys.host, 8000);
        raw.send(request('POST', `/api/chats/${room.chat_id}/attachments`, [`Host: ${sys.host}`, `Authorization: Bearer ${ann.token}`, 'Content-Length: 900000']));
        raw.send(noise(600000));
        await until('a part of it is stored', () => files.files().length > count);
        await sys.bounce(sys.rest);
        await sys.ready();
        assert.equal(files.files().length, count);
        raw.close();
    });
    test('more bytes than the length says are no part of it', async () => {
        const raw = await Raw.open(sys.host, 8000);
        raw.send(request('POST', `/api/chats/${room.chat_id}/attachments`, [`Host: ${sys.host}`, `Authorization: Bearer ${ann.token}`, 'Content-Length: 1000']));
        raw.send(noise(5000));
        const answer = await raw.answer();
        assert.equal(answer.status, 201);
        assert.deepEqual([JSON.parse(answer.body).size, JSON.parse(answer.body).sha256], [1000, sha256(noise(1000))]);
        raw.close();
    });
    test('a stop in order does not wait for uploads, and keeps what has come', async () => {
        const bytes = noise(3000, 30);
        const { upload_id: id } = await files.begin(ann, room.chat_id, 3000);
        const raw = await slowPatch(id, 0, 3000);
        raw.send(bytes.subarray(0, 1000));
        await until('some of it is there', async () => await offsetOf(id) === 1000);
        const begun = performance.now();
        const end = await sys.rest.stop();
        assert.equal(end.code, 0);
        assert.ok(performance.now() - begun < 4000);
        assert.equal((await raw.answer()).status, 503);
        raw.close();
        sys.rest.start();
        await sys.ready();
        assert.equal(await offsetOf(id), 1000);
        assert.equal((await files.patch(ann, id, 1000, bytes.subarray(1000))).json.sha256, sha256(bytes));
    });
    test('damaged notes and foreign files do not keep it from starting', async () => {
        const dir = path.join(sys.dir, 'attachments/partial');
        const { upload_id: id } = await files.begin(ann, room.chat_id, 3000);
        const good = [...fs.readdirSync(dir), 'notes.txt'].sort();
        fs.writeFileSync(path.join(dir, '00000000000abc.note'), '{"user":1');
        fs.writeFileSync(path.join(dir, '00000000000abc'), 'x');
        fs.writeFileSync(path.join(dir, '00000000000abd.half'), 'x');
        fs.writeFileSync(path.join(dir, 'notes.txt'), 'mine');
        await sys.bounce(sys.rest);
        await sys.ready();
        assert.deepEqual(fs.readdirSync(dir).sort(), good);
        assert.equal((await files.patch(ann, id, 0, noise(3000))).status, 201);
    });
});
