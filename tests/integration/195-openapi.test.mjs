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
    const table = [...read('rest/routes.c').matchAll(/\{HTTP_([A-Z]+), "([^"]+)"/g)].map((m) => `${m[1]} ${m[2]}`).sort();
    assert.ok(table.length > 30);
    assert.deepEqual(described(), table);
});

test('every reference in the descriptions leads somewhere', () => {
    for (const file of ['etc/openapi.yaml', 'etc/asyncapi.yaml']) {
        const text = read(file);
        const names = new Set([...text.matchAll(/^ {2,6}([A-Za-z_]+):/gm)].map((m) => m[1]));
        for (const [, ref] of text.matchAll(/\$ref: '#\/([^']+)'/g)) {
            assert.ok(names.has(ref.split('/').at(-1)), `${file}: ${ref}`);
        }
    }
});

test('etc/asyncapi.yaml names the frames of the rooms dialect', () => {
    const text = read('etc/asyncapi.yaml');
    const described = new Set([...text.slice(text.indexOf('\ncomponents:'), text.indexOf('\n  schemas:')).matchAll(/^ {4}(\w+):$/gm)].map((m) => m[1]));
    const source = read('ws/dialect_rooms.c') + read('ws/dialect_rooms_event.c');
    const sent = [...source.matchAll(/\\"type\\":\\"(\w+)\\"/g), ...source.matchAll(/add_member\(out, "(\w+)"/g)].map((m) => m[1]);
    const taken = [...source.matchAll(/\{"(\w+)", VERB_/g)].map((m) => m[1]);
    assert.ok(sent.length > 14 && taken.length > 5);
    assert.deepEqual([...described].sort(), [...new Set([...sent, ...taken])].sort());
});
