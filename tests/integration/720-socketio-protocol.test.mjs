// Socket.IO protocol 5, case by case, on the echo namespaces of the test fixture.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { Engine } from '../lib/engine.mjs';
import { useSystem } from '../lib/system.mjs';
import { SLOW } from '../lib/wait.mjs';

const timing = { eio_ping_interval_ms: `${1000 * SLOW}ms`, eio_ping_timeout_ms: `${1000 * SLOW}ms` };
const sys = useSystem({ before, after }, { workers: 1, rest: { test_fixture: 'yes', ...timing }, ws: timing });
const engines = [];
after(() => engines.forEach((e) => e.close()));

async function open() {
    const e = new Engine(sys, '/socket.io/');
    engines.push(e);
    return e.connected();
}

/** In namespace '/': CONNECT and the event "auth" are taken. */
async function joined() {
    const ws = await open();
    ws.send('40');
    await ws.next();
    await ws.next();
    return ws;
}

function checkConnect(frame, head) {
    assert.ok(frame.startsWith(head), frame);
    const value = JSON.parse(frame.slice(head.length));
    assert.deepEqual(Object.keys(value), ['sid']);
    assert.equal(typeof value.sid, 'string');
}

describe('connect', () => {
    for (const [name, sent, head, event] of [
        ['the main namespace', '40', '40', '42["auth",{}]'],
        ['the main namespace with a payload', '40{"token":"123"}', '40', '42["auth",{"token":"123"}]'],
        ['a custom namespace', '40/custom,', '40/custom,', '42/custom,["auth",{}]'],
        ['a custom namespace with a payload', '40/custom,{"token":"abc"}', '40/custom,', '42/custom,["auth",{"token":"abc"}]'],
    ]) {
        test(name, async () => {
            const ws = await open();
            ws.send(sent);
            checkConnect(await ws.next(), head);
            assert.equal(await ws.next(), event);
        });
    }
    test('an unknown namespace', async () => {
        const ws = await open();
        ws.send('40/random');
        assert.equal(await ws.next(), '44/random,{"message":"Invalid namespace"}');
    });
    test('what is no packet', async () => {
        const ws = await open();
        ws.send('4abc');
        await ws.closed;
    });
    test('no packet at all', async () => {
        const ws = await open();
        await ws.closed;
    });
});

describe('disconnect', () => {
    test('from the main namespace: the transport stays', async () => {
        const ws = await joined();
        ws.send('41');
        assert.equal(await ws.next(), '2');
    });
    test('from a custom namespace: the main one stays', async () => {
        const ws = await joined();
        ws.send('40/custom');
        checkConnect(await ws.next(), '40/custom,');
        assert.equal(await ws.next(), '42/custom,["auth",{}]');
        ws.send('41/custom');
        ws.send('42["message","to main"]');
        assert.equal(await ws.next(), '42["message-back","to main"]');
    });
});

describe('messages', () => {
    test('text', async () => {
        const ws = await joined();
        ws.send('42["message",1,"2",{"3":[true]}]');
        assert.equal(await ws.next(), '42["message-back",1,"2",{"3":[true]}]');
    });
    test('attachments', async () => {
        const ws = await joined();
        ws.send('452-["message",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]');
        ws.send(Buffer.from([1, 2, 3]));
        ws.send(Buffer.from([4, 5, 6]));
        assert.equal(await ws.next(), '452-["message-back",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]');
        assert.deepEqual(await ws.next(), Buffer.from([1, 2, 3]));
        assert.deepEqual(await ws.next(), Buffer.from([4, 5, 6]));
    });
    test('an acknowledgement', async () => {
        const ws = await joined();
        ws.send('42456["message-with-ack",1,"2",{"3":[false]}]');
        assert.equal(await ws.next(), '43456[1,"2",{"3":[false]}]');
    });
    test('attachments and an acknowledgement', async () => {
        const ws = await joined();
        ws.send('452-789["message-with-ack",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]');
        ws.send(Buffer.from([1, 2, 3]));
        ws.send(Buffer.from([4, 5, 6]));
        assert.equal(await ws.next(), '462-789[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]');
        assert.deepEqual(await ws.next(), Buffer.from([1, 2, 3]));
        assert.deepEqual(await ws.next(), Buffer.from([4, 5, 6]));
    });
    for (const [name, frames] of Object.entries({
        'an unknown type': ['4abc'],
        'a payload of the wrong type': ['42{}'],
        'an acknowledgement id that is none': ['42abc["message-with-ack",1]'],
        'an acknowledgement id out of range': ['4299999999999999999999["message-with-ack",1]'],
        'text where an attachment is due': ['451-["message",{"_placeholder":true,"num":0}]', '42["message",1]'],
        'bytes that nobody announced': [Buffer.from([1])],
        'more attachments than are taken': ['4511-["message"]'],
        'an event of a namespace that was not joined': ['42/custom,["message",1]'],
    })) {
        test(`closes: ${name}`, async () => {
            const ws = await joined();
            frames.forEach((f) => ws.send(f));
            await ws.closed;
        });
    }
});
