// Attachments in one go: stored, shown with their message, downloaded whole and in parts, by those who may.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { useSystem } from '../lib/system.mjs';
import { idHex } from '../lib/token.mjs';
import { until } from '../lib/wait.mjs';
import { Attachments, GIF, PDF, PNG, noise, sha256 } from '../lib/attachments.mjs';

let ann;
let bob;
let cyd;
let room;
let files;
const sys = useSystem({ before, after }, { workers: 1, rest: { attachment_max_bytes: '4m', attachment_types: 'image/*, text/*, application/*, audio/*' } }, async () => {
    [ann, bob, cyd] = await sys.api.users(3);
    room = await sys.api.group(ann, 'Room', [bob]);
    files = new Attachments(sys);
});
const messages = () => `/api/chats/${room.chat_id}/messages`;
const send = (by, body, status = 201) => sys.api.expect(status, 'POST', messages(), { token: by.token, body });
const last = async (by) => (await sys.api.expect(200, 'GET', `${messages()}?limit=1`, { token: by.token })).json.messages[0];

describe('one go', () => {
    test('201 with what is known of it, and the same bytes back', async () => {
        const bytes = noise(700001);
        const a = await files.post(ann, room.chat_id, bytes, { name: 'data.bin' });
        assert.deepEqual(Object.keys(a), ['id', 'name', 'mime_type', 'size', 'sha256', 'url', 'chat_id']);
        assert.match(a.id, /^[0-9a-f]{24}$/);
        assert.deepEqual([a.name, a.mime_type, a.size, a.sha256, a.url, a.chat_id],
            ['data.bin', 'application/octet-stream', bytes.length, sha256(bytes), `/api/attachments/${a.id}`, room.chat_id]);
        const got = await files.get(ann, a.id);
        assert.ok(got.bytes.equals(bytes));
        assert.equal(got.headers.get('content-type'), 'application/octet-stream');
        assert.equal(got.headers.get('content-disposition'), 'attachment; filename="data.bin"');
        assert.equal(got.headers.get('x-content-type-options'), 'nosniff');
        assert.match(got.headers.get('content-security-policy'), /sandbox/);
        assert.match(got.headers.get('cache-control'), /private/);
        assert.equal(got.headers.get('etag'), `"${sha256(bytes)}"`);
        assert.equal(got.headers.get('accept-ranges'), 'bytes');
    });
    test('the name comes from the query or the header, never as a path', async () => {
        assert.equal((await files.post(ann, room.chat_id, PNG, { name: '../../etc/pass\u202ewd.png', type: 'image/png' })).name, 'pass_wd.png');
        const answer = await sys.api.expect(201, 'POST', `/api/chats/${room.chat_id}/attachments`, {
            token: ann.token, body: GIF,
            headers: { 'content-type': 'image/gif', 'content-disposition': "attachment; filename=\"x.gif\"; filename*=UTF-8''m%C3%BCsli.gif" },
        });
        assert.equal(answer.json.name, 'müsli.gif');
        const got = await files.get(ann, answer.json.id);
        assert.equal(got.headers.get('content-disposition'), "attachment; filename=\"m_sli.gif\"; filename*=UTF-8''m%C3%BCsli.gif");
        assert.equal((await files.post(ann, room.chat_id, noise(10), { name: '' })).name, 'file');
    });
    test('the type is the most exact of header, name and look', async () => {
        for (const [bytes, name, type, wanted] of [
            [PNG, 'a.png', 'image/png', 'image/png'], [PNG, 'a', '', 'image/png'], [PNG, 'a.png', 'application/octet-stream', 'image/png'],
            [PDF, 'a.pdf', 'application/x-www-form-urlencoded', 'application/pdf'], [Buffer.from('a,b\n1,2\n'), 'a.csv', '', 'text/csv'],
            [Buffer.from('# Title\n'), 'readme.md', 'text/markdown; charset=utf-8', 'text/markdown'], [Buffer.from('{"a":1}'), 'a.json', 'text/json', 'application/json'],
            [Buffer.from('<p>hello</p>'), 'readme.md', '', 'text/markdown'], [GIF, 'photo', 'image/GIF', 'image/gif'],
        ]) {
            const a = await files.post(ann, room.chat_id, bytes, { name, type: type || 'application/octet-stream' });
            assert.equal(a.mime_type, wanted, `${name} ${type}`);
        }
    });
    test('an announced checksum is checked', async () => {
        const bytes = noise(5000);
        await files.post(ann, room.chat_id, bytes, { query: `&sha256=${sha256(bytes)}` });
        await files.post(ann, room.chat_id, bytes, { headers: { 'content-digest': `sha-256=:${Buffer.from(sha256(bytes), 'hex').toString('base64')}:` } });
        const wrong = await files.post(ann, room.chat_id, bytes, { query: `&sha256=${sha256('x')}`, status: 422 });
        assert.equal(wrong.json.code, 'checksum_mismatch');
        await files.post(ann, room.chat_id, bytes, { query: '&sha256=nonsense', status: 422 });
    });
    test('the same Idempotency-Key and file: the same attachment; another file: 409', async () => {
        const bytes = noise(3000, 7);
        const first = await files.post(ann, room.chat_id, bytes, { headers: { 'idempotency-key': 'file-1' } });
        const count = files.files('data').length;
        const again = await files.post(ann, room.chat_id, bytes, { headers: { 'idempotency-key': 'file-1' }, status: 200 });
        assert.deepEqual(again, first);
        assert.equal(files.files('data').length, count);
        assert.equal((await files.post(ann, room.chat_id, noise(3000, 8), { headers: { 'idempotency-key': 'file-1' }, status: 409 })).json.code, 'key_reused');
        assert.equal(files.files('data').length, count);
    });
});

describe('refusals', () => {
    const nothingRemains = async (act) => {
        const before_ = [files.files().length, await sys.metric('confab_uploads_open')];
        await act();
        await until('nothing remains', async () => files.files().length === before_[0] && await sys.metric('confab_uploads_open') === before_[1]);
    };
    test('what is not what its name or its header says: 415 content_mismatch', async () => {
        await nothingRemains(async () => {
            for (const [bytes, name, type] of [
                [PDF, 'a.png', 'image/png'], [PNG, 'a.jpg', ''], [PNG, 'a.png', 'image/jpeg'], [noise(2000), 'a.png', 'image/png'], [noise(300000), 'a.txt', 'text/plain'],
                [Buffer.from('hello'), 'a.png', 'image/png'], [Buffer.concat([Buffer.from('MZ'), Buffer.alloc(58), Buffer.from('@\0\0\0PE\0\0')]), 'a.gif', 'image/gif'],
                [PNG, 'a.txt', 'text/plain'], [GIF, 'invoice.pdf', 'application/octet-stream'],
            ]) {
                const answer = await files.post(ann, room.chat_id, bytes, { name, type: type || 'application/octet-stream', status: 415 });
                assert.equal(answer.json.code, 'content_mismatch', `${name} ${type}`);
            }
        });
    });
    test('types that are not allowed, by header, name or look', async () => {
        await nothingRemains(async () => {
            assert.equal((await files.post(ann, room.chat_id, noise(100), { name: 'a', type: 'video/mp4', status: 415 })).json.code, 'type_not_allowed');
            assert.equal((await files.post(ann, room.chat_id, noise(100), { name: 'a.mp4', status: 415 })).json.code, 'type_not_allowed');
            const webm = Buffer.from('1a45dfa39f4286810142f7810142f2810442f381084282847765626d42878102428581021853806701', 'hex');
            assert.equal((await files.post(ann, room.chat_id, webm, { name: 'a', status: 415 })).json.code, 'type_not_allowed');
            await files.post(ann, room.chat_id, noise(100), { type: 'nonsense', status: 422 });
        });
    });
    test('empty, too large, chunked', async () => {
        await nothingRemains(async () => {
            await files.post(ann, room.chat_id, Buffer.alloc(0), { status: 422 });
            assert.equal((await files.post(ann, room.chat_id, noise(4 * 1024 * 1024 + 1), { status: 413 })).json.code, 'too_large');
            const body = new ReadableStream({ start(c) { c.enqueue(noise(1000)); c.close(); } });
            const response = await fetch(`${sys.origin}/api/chats/${room.chat_id}/attachments`, { method: 'POST', body, duplex: 'half', headers: { authorization: `Bearer ${ann.token}` } });
            assert.equal(response.status, 411);
        });
        await files.post(ann, room.chat_id, noise(4 * 1024 * 1024), {});
    });
    test('foreign and unknown chats, no token', async () => {
        await nothingRemains(async () => {
            await files.post(cyd, room.chat_id, PNG, { status: 404 });
            await files.post(ann, idHex(2, 999999), PNG, { status: 404 });
            await sys.api.expect(401, 'POST', `/api/chats/${room.chat_id}/attachments`, { body: PNG });
            await files.begin(cyd, room.chat_id, 10, { status: 404 });
        });
    });
});

describe('with a message', () => {
    test('kind and content come from the file, everybody in the room sees and gets it', async () => {
        const a = await files.post(ann, room.chat_id, PNG, { name: 'photo.png', type: 'image/png' });
        const client = await sys.rooms(bob, { ext: true });
        const { json: sent } = await send(ann, { attachment_id: a.id });
        const shown = { id: a.id, name: 'photo.png', mime_type: 'image/png', size: PNG.length, sha256: sha256(PNG), url: a.url };
        assert.deepEqual(sent.attachment, shown);
        assert.deepEqual([sent.message_type, sent.content], ['image', a.url]);
        const event = await client.wait((f) => f.data?.content === a.url);
        assert.equal(JSON.stringify(event).includes('sha256'), false, 'socket clients see kind and content as always');
        for (const who of [ann, bob]) {
            assert.deepEqual((await last(who)).attachment, shown);
            const one = await sys.api.expect(200, 'GET', `${messages()}/${sent.message_id}`, { token: who.token });
            assert.deepEqual(one.json.attachment, shown);
            assert.ok((await files.get(who, a.id)).bytes.equals(PNG));
        }
        await files.get(cyd, a.id, { status: 404 });
        const chats = await sys.api.expect(200, 'GET', '/api/chats', { token: bob.token });
        assert.deepEqual(chats.json.chats[0].last_message.attachment, shown);
    });
    test('a text and a kind of its own are kept; other messages have no such member', async () => {
        const a = await files.post(ann, room.chat_id, noise(50), { name: 'x.bin' });
        const { json: sent } = await send(ann, { attachment_id: Number.parseInt(a.id.slice(10), 16), content: 'look', message_type: 'document' });
        assert.deepEqual([sent.content, sent.message_type, sent.attachment.id], ['look', 'document', a.id]);
        const { json: plain } = await send(ann, { content: 'plain' });
        assert.equal('attachment' in plain, false);
        assert.equal('attachment' in await last(bob), false);
        const b = await files.post(ann, room.chat_id, noise(50), { name: 'y.bin' });
        assert.equal((await send(ann, { attachment_id: b.id, content: null })).json.message_type, 'file');
    });
    test('only its uploader, in its chat, once', async () => {
        const other = await sys.api.group(ann, 'Other', [bob]);
        const a = await files.post(ann, room.chat_id, noise(60));
        assert.equal((await send(bob, { attachment_id: a.id }, 404)).json.code, 'attachment_not_found');
        await sys.api.refused(404, 'attachment_not_found', 'POST', `/api/chats/${other.chat_id}/messages`, { token: ann.token, body: { attachment_id: a.id } });
        await send(ann, { attachment_id: idHex(6, 12345) }, 404);
        await send(ann, { attachment_id: 'nonsense' }, 422);
        const results = await Promise.all(Array.from({ length: 8 }, () => sys.api.call('POST', messages(), { token: ann.token, body: { attachment_id: a.id } })));
        assert.deepEqual(results.map((r) => r.status).sort(), [201, 409, 409, 409, 409, 409, 409, 409]);
        assert.equal(results.find((r) => r.status === 409).json.code, 'attachment_used');
    });
    test('the same key sends it once', async () => {
        const a = await files.post(ann, room.chat_id, noise(61));
        const b = await files.post(ann, room.chat_id, noise(62));
        const first = await send(ann, { attachment_id: a.id, client_msg_id: 'with-file' });
        const again = await send(ann, { attachment_id: a.id, client_msg_id: 'with-file' }, 200);
        assert.equal(again.json.message_id, first.json.message_id);
        assert.deepEqual(again.json.attachment, first.json.attachment);
        await send(ann, { attachment_id: b.id, content: a.url, client_msg_id: 'with-file', message_type: 'file' }, 409);
    });
    test('who joins later does not get what was before; who was removed gets nothing', async () => {
        const own = await sys.api.group(ann, 'Own', [bob]);
        const a = await files.post(ann, own.chat_id, noise(70));
        await sys.api.expect(201, 'POST', `/api/chats/${own.chat_id}/messages`, { token: ann.token, body: { attachment_id: a.id } });
        const joined = await sys.api.call('POST', `/api/chats/${own.chat_id}/members`, { token: ann.token, body: { participants: [cyd.id] } });
        assert.ok(joined.status < 300, joined.text);
        await files.get(cyd, a.id, { status: 404 });
        await files.get(bob, a.id);
        await sys.api.call('DELETE', `/api/chats/${own.chat_id}/members/${bob.id}`, { token: ann.token });
        await files.get(bob, a.id, { status: 404 });
    });
    test('a deleted message takes it along', async () => {
        const a = await files.post(ann, room.chat_id, noise(80));
        const { json: sent } = await send(ann, { attachment_id: a.id });
        await files.get(bob, a.id);
        await sys.api.call('DELETE', `${messages()}/${sent.message_id}`, { token: ann.token });
        await files.get(bob, a.id, { status: 404 });
        await files.get(ann, a.id, { status: 404 });
        const shown = await last(bob);
        assert.deepEqual([shown.is_deleted, shown.content, 'attachment' in shown], [true, '', false]);
    });
    test('until a message refers to it, it is the uploader\'s alone, to remove as well', async () => {
        const a = await files.post(ann, room.chat_id, noise(90));
        await files.get(bob, a.id, { status: 404 });
        await sys.api.refused(404, 'attachment_not_found', 'DELETE', `/api/attachments/${a.id}`, { token: bob.token });
        const count = files.files('data').length;
        await sys.api.expect(204, 'DELETE', `/api/attachments/${a.id}`, { token: ann.token });
        assert.equal(files.files('data').length, count - 1);
        await files.get(ann, a.id, { status: 404 });
        await send(ann, { attachment_id: a.id }, 404);
        const b = await files.post(ann, room.chat_id, noise(91));
        await send(ann, { attachment_id: b.id });
        await sys.api.refused(409, 'attachment_used', 'DELETE', `/api/attachments/${b.id}`, { token: ann.token });
    });
});

describe('parts', () => {
    const bytes = noise(100000, 3);
    let a;
    const get = (headers, status, method) => files.get(ann, a.id, { headers, status, method });
    before(async () => { a = await files.post(ann, room.chat_id, bytes); });
    for (const [range, from, to] of [['bytes=0-0', 0, 0], ['bytes=10-19', 10, 19], ['bytes=99990-', 99990, 99999], ['bytes=-10', 99990, 99999], ['bytes=99999-200000', 99999, 99999]]) {
        test(`${range}: 206`, async () => {
            const got = await get({ range }, 206);
            assert.ok(got.bytes.equals(bytes.subarray(from, to + 1)));
            assert.equal(got.headers.get('content-range'), `bytes ${from}-${to}/100000`);
            assert.equal(got.headers.get('content-length'), String(to - from + 1));
        });
    }
    test('outside: 416 with the size', async () => {
        for (const range of ['bytes=100000-', 'bytes=-0', 'bytes=200000-300000']) {
            assert.equal((await get({ range }, 416)).headers.get('content-range'), 'bytes */100000');
        }
    });
    test('several, malformed or of another unit: the whole', async () => {
        for (const range of ['bytes=0-1,5-6', 'lines=1-2', 'bytes=x', 'bytes=5-1']) {
            assert.equal((await get({ range }, 200)).bytes.length, 100000);
        }
    });
    test('If-Range, If-None-Match, HEAD', async () => {
        const etag = `"${sha256(bytes)}"`;
        assert.equal((await get({ range: 'bytes=0-9', 'if-range': etag }, 206)).bytes.length, 10);
        assert.equal((await get({ range: 'bytes=0-9', 'if-range': '"other"' }, 200)).bytes.length, 100000);
        for (const tag of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
            const got = await get({ 'if-none-match': tag }, 304);
            assert.deepEqual([got.bytes.length, got.headers.get('etag')], [0, etag]);
        }
        assert.equal((await get({ 'if-none-match': '"x"' }, 200)).bytes.length, 100000);
        const head = await get({}, 200, 'HEAD');
        assert.deepEqual([head.bytes.length, head.headers.get('content-length'), head.headers.get('etag')], [0, '100000', etag]);
        assert.equal((await get({ range: 'bytes=1-2' }, 206, 'HEAD')).headers.get('content-length'), '2');
    });
    test('unknown, foreign and malformed ids', async () => {
        await files.get(ann, idHex(6, 999), { status: 404 });
        await files.get(ann, idHex(2, 1), { status: 404 });
        await files.get(ann, 'nonsense', { status: 422 });
        await sys.api.expect(401, 'GET', `/api/attachments/${a.id}`);
    });
});
