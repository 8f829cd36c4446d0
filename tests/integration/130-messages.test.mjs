// Messages over REST: send, edit, delete, read cursor, history; keys and texts of every kind.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { useSystem } from '../lib/system.mjs';
import { idHex } from '../lib/token.mjs';

let ann;
let bob;
let cyd;
let room;
let url;
const sys = useSystem({ before, after }, { workers: 1, rest: { content_max_bytes: '4k' } }, async () => {
    [ann, bob, cyd] = await sys.api.users(3);
    room = await sys.api.group(ann, 'Room', [bob]);
    url = `/api/chats/${room.chat_id}/messages`;
});
const post = (by, body, headers) => sys.api.call('POST', url, { token: by.token, body, headers });
const history = async (by, query = '') => (await sys.api.expect(200, 'GET', `${url}${query}`, { token: by.token })).json;
const KEYS = ['chat_id', 'content', 'created_at', 'message_id', 'message_type', 'sender_id', 'sender_name', 'seq'];

describe('send', () => {
    test('201 with the whole message', async () => {
        const { status, json } = await post(ann, { content: 'hello' });
        assert.equal(status, 201);
        for (const key of KEYS) {
            assert.ok(key in json, `no ${key} in ${JSON.stringify(json)}`);
        }
        assert.equal(json.content, 'hello');
        assert.equal(json.chat_id, room.chat_id);
        assert.equal(json.sender_id, ann.id);
        assert.equal(json.sender_name, ann.name);
        assert.equal(json.message_type, 'text');
        assert.match(json.message_id, /^[0-9a-f]{24}$/);
    });
    for (const text of ['ünïcödé', '👩‍👩‍👧‍👦', 'line\nline\ttab', '"quotes" \\ / </script>', '0', 'null', '{"a":1}', ' spaces ', '\u{10ffff}', 'שלום', '\u2028']) {
        test(`content ${JSON.stringify(text)} comes back as it went in`, async () => {
            const { status, json } = await post(bob, { content: text });
            assert.equal(status, 201, JSON.stringify(json));
            const last = (await history(ann, '?limit=1')).messages[0];
            assert.equal(last.content, text);
        });
    }
    for (const [what, body, status] of [
        ['no content', {}, 422], ['empty content', { content: '' }, 422], ['content that is a number', { content: 1 }, 422],
        ['content that is null', { content: null }, 422], ['content with NUL', '{"content":"a\\u0000b"}', [400, 422]],
        ['content with a lone surrogate', '{"content":"\\ud800"}', [400, 422]], ['content with a bell', { content: 'a\u0007' }, [201, 422]],
        ['an unknown message type', { content: 'x', message_type: 'NOT A TYPE' }, 422], ['a message type that is reserved', { content: 'x', message_type: 'system' }, 422],
        ['content one byte too long', { content: 'c'.repeat(4097) }, [413, 422]], ['a key that is too long', { content: 'x', client_msg_id: 'k'.repeat(129) }, 422],
        ['an empty key', { content: 'x', client_msg_id: '' }, 422], ['a key that is a number', { content: 'x', client_msg_id: 7 }, 422],
    ]) {
        test(`${what}: ${status}`, async () => {
            const answer = await post(ann, body);
            assert.ok([status].flat().includes(answer.status), `${answer.status} ${answer.text}`);
        });
    }
    test('content of exactly the limit, in bytes', async () => {
        assert.equal((await post(ann, { content: 'é'.repeat(2048) })).status, 201);
        assert.ok([413, 422].includes((await post(ann, { content: 'é'.repeat(2049) })).status));
    });
});

describe('idempotency', () => {
    test('the same key and body: the same message, no second event', async () => {
        const before_ = (await history(ann)).messages.length;
        const first = await post(ann, { content: 'once', client_msg_id: 'key-1' });
        assert.equal(first.status, 201);
        const second = await post(ann, { content: 'once', client_msg_id: 'key-1' });
        assert.equal(second.status, 200, second.text);
        assert.equal(second.json.message_id, first.json.message_id);
        const third = await post(ann, { content: 'once' }, { 'Idempotency-Key': 'key-1' });
        assert.equal(third.json.message_id, first.json.message_id);
        assert.equal((await history(ann)).messages.length, before_ + 1);
    });
    test('the same key with another body, room or operation: 409', async () => {
        await post(ann, { content: 'one', client_msg_id: 'key-2' });
        const clash = await post(ann, { content: 'two', client_msg_id: 'key-2' });
        assert.equal(clash.status, 409);
        assert.equal(clash.json.code, 'key_reused');
        const other = await sys.api.group(ann, 'Other', [bob]);
        const elsewhere = await sys.api.call('POST', `/api/chats/${other.chat_id}/messages`, { token: ann.token, body: { content: 'one', client_msg_id: 'key-2' } });
        assert.equal(elsewhere.status, 409, elsewhere.text);
    });
    test('keys belong to their user', async () => {
        await post(ann, { content: 'ann', client_msg_id: 'key-3' });
        assert.equal((await post(bob, { content: 'bob', client_msg_id: 'key-3' })).status, 201);
    });
    test('twenty at once with one key: one message', async () => {
        const answers = await Promise.all(Array.from({ length: 20 }, () => post(ann, { content: 'race', client_msg_id: 'key-4' })));
        assert.equal(new Set(answers.map((a) => a.json.message_id)).size, 1);
        assert.equal(answers.filter((a) => a.status === 201).length, 1, String(answers.map((a) => a.status)));
    });
    test('twenty at once with one key and twenty bodies: one message, the rest 409', async () => {
        const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => post(ann, { content: `race ${i}`, client_msg_id: 'key-5' })));
        assert.equal(answers.filter((a) => a.status === 201).length, 1);
        assert.equal(answers.filter((a) => a.status === 409).length, 19);
    });
    test("the message's own key goes before the header's", async () => {
        const first = await post(ann, { content: 'x', client_msg_id: 'key-6' }, { 'Idempotency-Key': 'key-7' });
        assert.equal(first.status, 201, first.text);
        assert.equal((await post(ann, { content: 'x', client_msg_id: 'key-6' })).json.message_id, first.json.message_id);
        assert.equal((await post(ann, { content: 'y', client_msg_id: 'key-7' })).status, 201);
    });
    test('a key survives a restart of confab-rest', async () => {
        const first = await post(ann, { content: 'durable', client_msg_id: 'key-8' });
        const edit = await sys.api.call('PATCH', `${url}/${first.json.message_id}`, { token: ann.token, body: { content: 'durable 2' }, headers: { 'Idempotency-Key': 'edit-8' } });
        assert.equal(edit.status, 200, edit.text);
        await sys.bounce(sys.rest);
        await sys.ready();
        const again = await post(ann, { content: 'durable', client_msg_id: 'key-8' });
        assert.equal(again.status, 200, again.text);
        assert.equal(again.json.message_id, first.json.message_id);
        const reedit = await sys.api.call('PATCH', `${url}/${first.json.message_id}`, { token: ann.token, body: { content: 'durable 2' }, headers: { 'Idempotency-Key': 'edit-8' } });
        assert.equal(reedit.status, 200, reedit.text);
        const clash = await sys.api.call('PATCH', `${url}/${first.json.message_id}`, { token: ann.token, body: { content: 'durable 3' }, headers: { 'Idempotency-Key': 'edit-8' } });
        assert.equal(clash.status, 409);
    });
    test('creating a group twice with one key: one group', async () => {
        const make = (chat_name) => sys.api.call('POST', '/api/chat/create/group',
            { token: ann.token, body: { chat_name, participants: [bob.id] }, headers: { 'Idempotency-Key': 'group-1' } });
        const first = await make('Keyed');
        const second = await make('Keyed');
        assert.equal(second.json.chat_id, first.json.chat_id);
        assert.equal((await make('Keyed differently')).status, 409);
    });
});

describe('edit and delete', () => {
    test('edit changes text and flag; the same text again changes nothing', async () => {
        const { json: sent } = await post(ann, { content: 'typo' });
        const edit = await sys.api.expect(200, 'PATCH', `${url}/${sent.message_id}`, { token: ann.token, body: { content: 'fixed' } });
        assert.equal(edit.json.content, 'fixed');
        assert.equal(edit.json.is_edited, true);
        const published = await sys.metric('confab_feed_published');
        await sys.api.expect(200, 'PATCH', `${url}/${sent.message_id}`, { token: ann.token, body: { content: 'fixed' } });
        assert.equal(await sys.metric('confab_feed_published'), published, 'a no-op made an event');
    });
    test('delete empties it, a second delete is fine, an edit after it is refused', async () => {
        const { json: sent } = await post(ann, { content: 'regret' });
        const at = `${url}/${sent.message_id}`;
        for (let i = 0; i < 2; i += 1) {
            const answer = await sys.api.call('DELETE', at, { token: ann.token });
            assert.ok([200, 204].includes(answer.status), answer.text);
        }
        await sys.api.refused(409, 'message_deleted', 'PATCH', at, { token: ann.token, body: { content: 'x' } });
        const last = (await history(bob, '?limit=1')).messages[0];
        assert.deepEqual([last.content, last.is_deleted], ['', true]);
    });
    test('unknown, foreign and wrongly placed messages: 404', async () => {
        const { json: sent } = await post(ann, { content: 'here' });
        const other = await sys.api.group(ann, 'Other', [bob]);
        for (const path of [`${url}/${idHex(3, 99999999)}`, `/api/chats/${other.chat_id}/messages/${sent.message_id}`]) {
            for (const method of ['PATCH', 'DELETE', 'GET']) {
                const answer = await sys.api.call(method, path, { token: ann.token, body: method === 'PATCH' ? { content: 'x' } : undefined });
                assert.ok(answer.status === 404 || (method === 'GET' && answer.status === 405), `${method} ${path}: ${answer.status}`);
            }
        }
    });
    test('ids in every form, and of another kind', async () => {
        const { json: sent } = await post(ann, { content: 'forms' });
        const n = Number(BigInt(`0x${sent.message_id.slice(10)}`));
        let count = 0;
        for (const id of [String(n), `msg_${n.toString(36)}`, sent.message_id, sent.message_id.toUpperCase()]) {
            count += 1;
            const answer = await sys.api.call('PATCH', `${url}/${id}`, { token: ann.token, body: { content: `forms ${count}` } });
            assert.equal(answer.status, 200, `${id}: ${answer.text}`);
        }
        for (const id of [room.chat_id, `chat_${n}`, ann.id, `${n}x`, '-1', '0', '01', 'a'.repeat(200), '%2e%2e']) {
            const answer = await sys.api.call('PATCH', `${url}/${id}`, { token: ann.token, body: { content: 'x' } });
            assert.ok([404, 422].includes(answer.status), `${id}: ${answer.status}`);
        }
        const chatNumber = Number(BigInt(`0x${room.chat_id.slice(10)}`));
        for (const id of [String(chatNumber), `chat_${chatNumber}`]) {
            await sys.api.expect(200, 'GET', `/api/chats/${id}`, { token: ann.token });
        }
        for (const id of [sent.message_id, ann.id, `user${chatNumber}`, `msg_${chatNumber}`, '507f1f77bcf86cd799439011']) {
            const answer = await sys.api.call('GET', `/api/chats/${id}`, { token: ann.token });
            assert.ok([404, 422].includes(answer.status), `${id}: ${answer.status}`);
        }
    });
});

describe('history and read cursor', () => {
    let hall;
    let path;
    before(async () => {
        hall = await sys.api.group(ann, 'Hall', [bob, cyd]);
        path = `/api/chats/${hall.chat_id}`;
        for (let i = 1; i <= 30; i += 1) {
            await sys.api.send(i % 3 ? ann : bob, hall.chat_id, `m${i}`);
        }
    });
    const seqs = async (query, by = cyd) => (await sys.api.expect(200, 'GET', `${path}/messages${query}`, { token: by.token })).json.messages.map((m) => m.seq);
    const range = (a, b) => Array.from({ length: b - a + 1 }, (_, i) => a + i);
    test('latest, before, after, around: rising, dense, bounded', async () => {
        assert.deepEqual(await seqs('?limit=5'), range(26, 30));
        assert.deepEqual(await seqs('?before=10&limit=5'), range(5, 9));
        assert.deepEqual(await seqs('?after=10&limit=5'), range(11, 15));
        assert.deepEqual(await seqs('?after=30'), []);
        assert.deepEqual(await seqs('?before=1'), []);
        const around = await seqs('?around=15&limit=5');
        assert.ok(around.includes(15) && around.length === 5, String(around));
        assert.deepEqual(await seqs('?after=0&limit=200'), range(1, 30));
        assert.deepEqual(await seqs('?before=100000000'), await seqs(''));
    });
    test('nonsense in the query: 422', async () => {
        for (const q of ['?before=x', '?after=-1', '?around=', '?before=1&after=2', '?limit=x', '?after=99999999999999999999']) {
            const answer = await sys.api.call('GET', `${path}/messages${q}`, { token: cyd.token });
            assert.equal(answer.status, 422, `${q}: ${answer.status} ${answer.text.slice(0, 200)}`);
        }
    });
    test('unread: derived from the cursor, own messages do not count, deleted ones neither', async () => {
        const unread = async (who) => (await sys.api.expect(200, 'GET', path, { token: who.token })).json.unread_count;
        assert.equal(await unread(cyd), 30);
        assert.equal(await unread(ann), 10);
        const page = (await sys.api.expect(200, 'GET', `${path}/messages?after=0&limit=30`, { token: cyd.token })).json.messages;
        const read = await sys.api.call('POST', `${path}/read`, { token: cyd.token, body: { message_id: page[9].message_id } });
        assert.ok([200, 204].includes(read.status), read.text);
        assert.equal(await unread(cyd), 20);
        await sys.api.call('POST', `${path}/read`, { token: cyd.token, body: { message_id: page[4].message_id } });
        assert.equal(await unread(cyd), 20, 'a cursor never goes back');
        await sys.api.call('DELETE', `${path}/messages/${page[20].message_id}`, { token: ann.token });
        assert.equal(await unread(cyd), 19);
        await sys.api.call('POST', `${path}/read`, { token: cyd.token });
        assert.equal(await unread(cyd), 0);
        await sys.bounce(sys.rest);
        await sys.ready();
        assert.equal(await unread(cyd), 0, 'after a restart');
        assert.equal(await unread(ann), 9, 'after a restart; the deleted one was from somebody else');
        await sys.api.refused(404, 'message_not_found', 'POST', `${path}/read`, { token: cyd.token, body: { message_id: idHex(3, 88888888) } });
    });
});
