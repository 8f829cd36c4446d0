// The API's description names exactly the routes of the route table. No server is needed.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { ROOT } from '../lib/database.mjs';

const read = (file) => fs.readFileSync(path.join(ROOT, file), 'utf8');

function described() {
    const routes = [];
    let at = null;
    for (const line of read('etc/openapi.yaml').split('\n')) {
        const found = /^ {2}(\/\S*):$/.exec(line);
        const method = /^ {4}(get|put|post|patch|delete):$/.exec(line);
        if (found) {
            at = found[1];
        } else if (/^\S/.test(line)) {
            at = null;
        } else if (at && method) {
            routes.push(`${method[1].toUpperCase()} ${at}`);
        }
    }
    return routes.sort();
}

test('etc/openapi.yaml and rest/routes.c have the same routes', () => {
    const table = [...read('rest/routes.c').matchAll(/^ {4}\{HTTP_([A-Z]+), "([^"]+)"/gm)].map((m) => `${m[1]} ${m[2]}`).sort();
    const carriers = table.filter((route) => /^\w+ \/(socket|engine)\.io\/$/.test(route)); // another protocol's, below HTTP's API
    assert.ok(table.length > 30);
    assert.ok(carriers.length > 0);
    assert.deepEqual(described(), table.filter((route) => !carriers.includes(route)));
});

test('every reference in the descriptions leads somewhere', () => {
    for (const file of ['etc/openapi.yaml', 'etc/asyncapi.yaml', 'etc/asyncapi-conversations.yaml', 'etc/asyncapi-inbox.yaml',
        'etc/asyncapi-socketio.yaml', 'etc/asyncapi-subscribe.yaml']) {
        const text = read(file);
        const names = new Set([...text.matchAll(/^ {2,6}([A-Za-z_]+):/gm)].map((m) => m[1]));
        for (const [, ref] of text.matchAll(/\$ref: '#\/([^']+)'/g)) {
            assert.ok(names.has(ref.split('/').at(-1)), `${file}: ${ref}`);
        }
    }
});

/** Of a packet of Socket.IO on /chat: its event, or what it is instead. */
function packetName(text) {
    const [, type, data] = /^4([0-9])\/chat,\d*(.*)$/.exec(text) ?? [];
    return { 0: 'connected', 2: data && JSON.parse(data)[0], 3: 'ack', 4: 'connect_error' }[type];
}

// What the server sends stands in the dialects' transcripts, what it takes in the table of its source.
for (const [file, dialects, source, nameOf, others, least = 15] of [
    ['etc/asyncapi.yaml', ['rooms'], 'rooms', (f) => f.type, []],
    ['etc/asyncapi-conversations.yaml', ['conversations'], 'conversations', (f) => f._ext?.event ?? f.event ?? (f.error && 'error'), ['send', 'checkin']],
    ['etc/asyncapi-inbox.yaml', ['inbox', 'inbox_chat'], 'inbox_common', (f) => (f.title === undefined ? f.type : 'notification'), []],
    ['etc/asyncapi-socketio.yaml', ['socketio'], 'socketio', null, ['connect'], 13],
    ['etc/asyncapi-subscribe.yaml', ['subscribe'], 'subscribe', (f) => f.type, []],
]) {
    test(`${file} names the frames of ${dialects.join(' and ')}`, () => {
        const text = read(file);
        const described = new Set([...text.slice(text.indexOf('\ncomponents:'), text.indexOf('\n  schemas:')).matchAll(/^ {4}(\w+):$/gm)].map((m) => m[1]));
        const transcripts = dialects.flatMap((d) => fs.readdirSync(path.join(ROOT, 'tests/dialect', d)).map((name) => read(`tests/dialect/${d}/${name}`))).join('\n');
        const sent = [...transcripts.matchAll(/^<\S* (.*)$/gm)].map((m) => (nameOf ? nameOf(JSON.parse(m[1])) : packetName(m[1]))).filter(Boolean);
        const taken = [...read(`ws/dialect_${source}.c`).matchAll(/\{"(\w+)", [A-Z]+_/g)].map((m) => m[1]);
        assert.ok(new Set(sent).size >= least && taken.length > 3);
        assert.deepEqual([...described].sort(), [...new Set([...sent, ...taken, ...others])].sort());
    });
}
