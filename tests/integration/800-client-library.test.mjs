// The client library by itself: its size, its types' promises, and a server that says anything.
import { afterEach, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { LIMIT_BYTES, library, size } from '../lib/client.mjs';
import { FakeSocket } from '../lib/fake_socket.mjs';
import { until } from '../lib/wait.mjs';

const { Connection, createClient, fixedToken, idNumber, parseFrame, quote, sameId, unquote } = library;
const TOKEN = `e30.${Buffer.from('{"sub":"1"}').toString('base64url')}.x`;
const chat = '6b0158d80200000000000001';
const started = [];

const live = (n = 1) => ({ type: 'live', _ext: { event_id: `aaaaaaaa.${n}` } });
const message = (n, content = `message ${n}`) => ({
    type: 'group_message', chat_id: chat, _ext: { event_id: `aaaaaaaa.${n}`, seq: n, chat_id: chat },
    data: { message_id: `6b0158d803${String(n).padStart(14, '0')}`, chat_id: chat, sender_id: 'x', sender_name: 'X', content, message_type: 'text', created_at: '' },
});

/** A client whose server is this test. */
async function alone(options = {}) {
    FakeSocket.all.length = 0;
    FakeSocket.then = 'open';
    const client = createClient({ url: 'http://server', token: fixedToken(TOKEN), WebSocket: FakeSocket, storage: null, share: false, ...options });
    started.push(client);
    client.start();
    await until('sockets', () => FakeSocket.named('/ws?')?.onmessage && FakeSocket.named('/ws/notifications')?.onmessage);
    return { client, rooms: FakeSocket.named('/ws?'), inbox: FakeSocket.named('/ws/notifications') };
}
afterEach(() => started.splice(0).forEach((one) => one.stop()));

test('ids are learnt from lists of chats; what is no list is no harm', async () => {
    const prefs = { chats: { [chat]: { level: 'none' } } };
    const { client, inbox } = await alone({ fetch: async (url) => Response.json(url.includes('preferences') ? prefs : { chats: [{ chat_id: chat }] }) });
    assert.deepEqual(await client.rest.preferences(), prefs);
    await client.rest.chats();
    const heard = [];
    client.on('notification', ({ chatId }) => heard.push(chatId));
    inbox.give({ type: 'new_message', message: 'New message', chat_id: idNumber(chat), timestamp: '2026-01-01T00:00:00Z', _ext: { event_id: 'aaaaaaaa.1' } });
    assert.deepEqual(heard, [chat]);
});

test('size', () => {
    console.log(`client library: ${size.bytes} bytes, ${size.gzipped} gzipped`);
    assert.ok(size.gzipped < LIMIT_BYTES, `${size.gzipped} bytes gzipped`);
    assert.ok(LIMIT_BYTES < 10240);
});

describe('connecting', () => {
    test('tokens travel as subprotocol, not in the address', async () => {
        const { rooms, inbox } = await alone();
        assert.deepEqual(rooms.protocols, ['rooms.v1', `bearer.${TOKEN}`]);
        assert.deepEqual(inbox.protocols, ['inbox.v1', `bearer.${TOKEN}`]);
        assert.equal(rooms.url, 'ws://server/ws?ext=1&events=typing,status,read,upload');
        assert.ok(![rooms, inbox].some(({ url }) => url.includes(TOKEN)));
    });
    test('waits between attempts are random below a bound that doubles up to the most', async () => {
        FakeSocket.then = 'close';
        const waits = [[], [], [], []];
        for (let i = 0; i < 120; i += 1) {
            const connection = new Connection({
                url: 'ws://server/', WebSocket: FakeSocket, limits: { backoffBase: 8, backoffMax: 30 },
                onStatus: (status) => {
                    if (status === 'waiting') {
                        waits[Math.min(attempt, 3)].push(connection.retryAt - Date.now());
                        attempt += 1;
                    }
                },
            });
            let attempt = 0;
            connection.start();
            await until('four attempts', () => attempt > 3, 5000, 1);
            connection.stop();
        }
        for (const [i, bound] of [8, 16, 30, 30].entries()) {
            assert.ok(waits[i].every((ms) => ms <= bound + 1), `attempt ${i}: ${Math.max(...waits[i])} ms`);
            assert.ok(Math.max(...waits[i]) > bound * 0.7 && Math.min(...waits[i]) < bound * 0.3, `attempt ${i} is not spread`);
        }
    });
    test('the server has too much to do: a longer wait', async () => {
        for (const [code, bound] of [[1013, 800], [4429, 800], [1012, 100]]) {
            const waits = [];
            for (let i = 0; i < 30; i += 1) {
                FakeSocket.then = 'open';
                FakeSocket.all.length = 0;
                const connection = new Connection({ url: 'ws://server/', WebSocket: FakeSocket, limits: { backoffBase: 100 } });
                connection.start();
                await until('open', () => FakeSocket.all[0]?.readyState === 1, 5000, 1);
                FakeSocket.all[0].end(code);
                waits.push(connection.retryAt - Date.now());
                connection.stop();
            }
            assert.ok(Math.max(...waits) <= bound + 1 && Math.max(...waits) > bound / 2, `${code}: up to ${Math.max(...waits)} ms`);
        }
    });
    test('a user who is disabled, or whose new tokens are refused again and again, is signed out', async () => {
        const { client, rooms } = await alone();
        rooms.end(4403, 'user_disabled');
        assert.equal(client.status, 'signed_out');
        let exchanged = 0;
        const again = await alone({
            token: { get: async () => TOKEN + exchanged, refresh: async () => TOKEN + (exchanged += 1) }, limits: { backoffBase: 1, backoffMax: 5 },
        });
        await until('signed out', () => {
            FakeSocket.all.filter((s) => s.readyState === 1).forEach((s) => s.end(4401, 'token_revoked'));
            return again.client.status === 'signed_out';
        });
        assert.ok(exchanged > 1 && exchanged < 20, `${exchanged} tokens`);
    });
    test('connecting takes too long: another attempt', async () => {
        FakeSocket.then = '';
        FakeSocket.all.length = 0;
        const connection = new Connection({ url: 'ws://server/', WebSocket: FakeSocket, limits: { connectWithin: 10, backoffBase: 1 } });
        connection.start();
        await until('a second attempt', () => FakeSocket.all.length > 1);
        connection.stop();
    });
    test('silence: a ping, and without an answer another connection', async () => {
        FakeSocket.all.length = 0;
        FakeSocket.then = 'open';
        const connection = new Connection({ url: 'ws://server/', WebSocket: FakeSocket, limits: { pingAfter: 10, pongWithin: 10, backoffBase: 1 } });
        connection.start();
        await until('a ping', () => FakeSocket.all[0]?.frames.some(({ type }) => type === 'ping'));
        FakeSocket.all[0].give({ type: 'pong' });
        await until('a second ping', () => FakeSocket.all[0].sent.length > 1);
        assert.equal(FakeSocket.all.length, 1);
        await until('another connection', () => FakeSocket.all.length > 1);
        assert.equal(FakeSocket.all[0].readyState, 3);
        connection.stop();
    });
});

describe('frames', () => {
    const junk = ['', 'nonsense', '{', '[]', '42', 'null', 'true', '"text"', '[{"type":"live"}]', '{}', '{"type":7}', '{"type":null}', '{"type":"__proto__"}',
        '{"type":"constructor"}', '{"type":"of the future","_ext":null}', '{"type":"group_message"}', '{"type":"group_message","data":7,"_ext":{"event_id":7}}',
        '{"type":"new_chat_room","chat_room":[]}', '{"type":"member_added"}', '{"type":"message_sent"}', '{"type":"error"}', '{"type":"error","client_msg_id":{}}',
        '{"type":"gap"}', '{"type":"live","_ext":[]}', '{"type":"unread_update"}', '{"type":"typing","chat_id":{"a":[]}}', '{"__proto__":{"type":"live"}}'];

    test('anything but an object is no frame', () => {
        for (const text of [...junk.slice(0, 9), undefined, null, 7, {}, new ArrayBuffer(4)]) {
            assert.equal(parseFrame(text), null);
        }
        assert.deepEqual(parseFrame('{"type":"x"}'), { type: 'x' });
    });
    test('what nobody knows is passed over, and the next one is understood', async () => {
        const { client, rooms, inbox } = await alone();
        const unknown = [];
        const messages = [];
        client.on('unknown', (event) => unknown.push(event));
        client.on('message', (event) => messages.push(event));
        rooms.give(live());
        inbox.give(live());
        for (const socket of [rooms, inbox]) {
            junk.forEach((text) => socket.give(text));
            socket.give(new ArrayBuffer(8));
            socket.give(new Uint8Array(3));
        }
        assert.ok(unknown.some(({ frame }) => frame.type === 'of the future'));
        rooms.give(message(2));
        assert.equal(messages.at(-1).message.content, 'message 2');
        assert.equal(client.status, 'live');
    });
    test('frames with bytes that are wrong', async () => {
        const { client, rooms, inbox } = await alone();
        rooms.give(live());
        let seed = 1;
        const random = (n) => { seed = (seed * 48271) % 2147483647; return seed % n; };
        const texts = [message(2), { ...message(3), type: 'message_edited' }, { type: 'user_status', user_id: 'x', status: 'online' },
            { type: 'message_sent', client_msg_id: 'y', message_id: 'z' }, { type: 'new_message', message: 'm', timestamp: 't', chat_id: 7 }].map((f) => JSON.stringify(f));
        for (let i = 0; i < 5000; i += 1) {
            const text = texts[random(texts.length)].split('');
            for (let k = random(4); k >= 0; k -= 1) {
                text.splice(random(text.length), random(3), '"{}[]:,0x\\n'[random(11)]);
            }
            [rooms, inbox][random(2)].give(text.join(''));
        }
        client.stop();
    });
    test('an event counts once; what is not after the newest one seen is dropped', async () => {
        const { client, rooms } = await alone();
        const seen = [];
        client.on('message', ({ message: { content } }) => seen.push(content));
        rooms.give(live(5));
        [4, 5, 6, 6, 8, 7, 9].forEach((n) => rooms.give(message(n)));
        assert.deepEqual(seen, ['message 6', 'message 8', 'message 9']);
        rooms.end(1006);
        await until('another connection', () => FakeSocket.named('/ws?') !== rooms);
        assert.match(FakeSocket.named('/ws?').url, /&since=aaaaaaaa\.9$/);
    });
    test('a handler that throws keeps nobody from hearing', async (t) => {
        const { client, rooms } = await alone();
        const errors = t.mock.method(console, 'error', () => {});
        let heard = 0;
        client.on('message', () => { throw new Error('in a handler'); });
        const off = client.on('message', () => { heard += 1; });
        rooms.give(live());
        rooms.give(message(2));
        off();
        rooms.give(message(3));
        assert.equal(heard, 1);
        assert.equal(errors.mock.callCount(), 2);
    });
    test('a gap: loaded anew from there on, whatever the cursors say', async () => {
        const { client, rooms } = await alone();
        const gaps = [];
        const seen = [];
        client.on('gap', (event) => gaps.push(event));
        client.on('message', ({ message: { content } }) => seen.push(content));
        rooms.give(live(50));
        rooms.end(1006);
        await until('another connection', () => FakeSocket.named('/ws?') !== rooms);
        const next = FakeSocket.named('/ws?');
        await until('open', () => next.readyState === 1);
        next.give({ type: 'gap', reason: 'other_log', _ext: { event_id: 'bbbbbbbb.7' } });
        assert.deepEqual(gaps, [{ reason: 'start', socket: 'rooms' }, { reason: 'other_log', socket: 'rooms' }]);
        assert.equal(client.status, 'live');
        next.give({ ...message(8), _ext: { event_id: 'bbbbbbbb.8', seq: 8 } });
        assert.deepEqual(seen, ['message 8']);
    });
});

describe('small things', () => {
    test('ids in every form', () => {
        assert.equal(idNumber(chat), 1);
        assert.equal(idNumber('0000000002000000000000ff'), 255);
        assert.ok(sameId(chat, 1) && sameId('1', chat) && sameId(chat, '000000000200000000000001'));
        assert.ok(!sameId(chat, 2) && !sameId(null, null) && !sameId('', '') && !sameId('x', 'y'));
    });
    test('quotes', () => {
        const first = { sender_name: 'Ann: the first', content: 'one\ntwo: 2' };
        const text = quote(first, 'Yes.\n\nIndeed');
        assert.deepEqual(unquote(text), { quote: { name: 'Ann the first', text: 'one two: 2' }, text: 'Yes.\n\nIndeed' });
        const again = quote({ sender_name: 'Bob', content: text }, 'x');
        assert.deepEqual(unquote(again), { quote: { name: 'Bob', text: 'Yes. Indeed' }, text: 'x' });
        for (const plain of ['', 'text', '> no name\n\nx', '> a: b\nx', ' > a: b\n\nx']) {
            assert.deepEqual(unquote(plain), { quote: null, text: plain });
        }
    });
    test('typing is said once in a while, and its end once', async () => {
        const { client, rooms } = await alone();
        rooms.give(live());
        for (let i = 0; i < 50; i += 1) {
            client.typing(chat, true);
        }
        client.typing(chat, false);
        client.typing(chat, false);
        client.typing('6b0158d80200000000000002', true);
        const typed = rooms.frames.filter(({ type }) => type === 'typing').map(({ chat_id: id, is_typing: is }) => [id.at(-1), is]);
        assert.deepEqual(typed, [['1', true], ['1', false], ['2', true]]);
    });
    test('the chat in focus is said at once, again from time to time, and after a reconnect', async () => {
        const { client, rooms } = await alone({ limits: { focusEvery: 1000, backoffBase: 10 } });
        rooms.give(live());
        client.focus(chat);
        const focus = (socket) => socket.frames.filter(({ type }) => type === 'active_chat').map((frame) => frame.chat_id);
        await until('again', () => focus(rooms).length > 2);
        assert.deepEqual([...new Set(focus(rooms))], [null, chat]);
        client.focus(null);
        assert.equal(focus(rooms).at(-1), null);
        client.focus(chat);
        rooms.end(1012);
        await until('another connection', () => FakeSocket.named('/ws?') !== rooms && FakeSocket.named('/ws?').readyState === 1);
        FakeSocket.named('/ws?').give(live(2));
        assert.deepEqual(focus(FakeSocket.named('/ws?')), [chat]);
    });
    test('one message after the other in each chat; again with the same mark after a loss', async () => {
        const { client, rooms } = await alone({ limits: { backoffBase: 10 } });
        rooms.give(live());
        const ids = ['one', 'two'].map((content) => client.send({ chatId: chat, content }).clientMsgId);
        const other = client.send({ chatId: '6b0158d80200000000000002', content: 'elsewhere' }).clientMsgId;
        const sent = (socket) => socket.frames.filter(({ type }) => type === 'message').map((frame) => frame.client_msg_id);
        assert.deepEqual(sent(rooms), [ids[0], other]);
        client.discard(ids[0]);
        assert.equal(client.outbox().length, 3, 'discarded although it was on its way');
        rooms.give({ type: 'message_sent', message_id: 'm', chat_id: chat, seq: 1, created_at: '', client_msg_id: ids[0], _ext: { event_id: 'aaaaaaaa.2' } });
        assert.deepEqual(sent(rooms), [ids[0], other, ids[1]]);
        rooms.end(1006);
        await until('another connection', () => FakeSocket.named('/ws?') !== rooms && FakeSocket.named('/ws?').readyState === 1);
        const next = FakeSocket.named('/ws?');
        assert.deepEqual(sent(next), [], 'sent before what was missed has come');
        next.give(live(3));
        assert.deepEqual(sent(next), [ids[1], other].sort((a, b) => (a === ids[1] ? -1 : 1)));
    });
});
