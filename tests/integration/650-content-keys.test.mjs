// Texts of messages encrypted in the database: content_key_file, its rotation, and what happens without it.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { useSystem } from '../lib/system.mjs';
import { Daemon } from '../lib/process.mjs';
import { idNumber } from '../lib/token.mjs';

const SECRET = 'the cake is a lie';
let ann;
let bob;
let chat;
let keyFile;
const newKey = () => randomBytes(32).toString('hex');
const sys = useSystem({ before, after }, { workers: 1 }, async () => {
    [ann, bob] = await sys.api.users(2);
    chat = (await sys.api.group(ann, 'Cake', [bob])).chat_id;
});
/** Starts confab-rest again with these keys; none: without the setting. */
async function withKeys(...keys) {
    sys.options.rest = { ...sys.options.rest };
    delete sys.options.rest.content_key_file;
    if (keys.length > 0) {
        keyFile = sys.file('content.keys', `# newest first\n${keys.join('\n')}\n`);
        sys.options.rest.content_key_file = keyFile;
    }
    sys.writeConfig();
    await sys.bounce(sys.rest, 'SIGTERM');
    await sys.ready();
}
const say = (content, key) => sys.api.call('POST', `/api/chats/${chat}/messages`, { token: ann, body: { content, client_msg_id: key } });
const texts = async () => (await sys.api.expect(200, 'GET', `/api/chats/${chat}/messages`, { token: bob })).json.messages.map((m) => m.content);
const rows = async () => (await sys.db.sql(`SELECT seq, REPLACE(content, CHAR(1), '!') FROM messages WHERE chat_id = ${idNumber(chat)} ORDER BY seq`))
    .map(([, content]) => content);
const inFiles = (text) => {
    try {
        return execFileSync('grep', ['-rlaF', text, sys.db.dir], { encoding: 'utf8' }).trim().split('\n');
    } catch (e) {
        assert.equal(e.status, 1, String(e));
        return [];
    }
};
const [first, second] = [newKey(), newKey()];

test('without keys texts are kept as they are', async () => {
    assert.equal((await say('open text', 'k0')).status, 201);
    assert.deepEqual(await rows(), ['open text']);
});
test('with a key nothing of a text is in the database, nor in any of its files', async () => {
    await withKeys(first);
    assert.deepEqual(await texts(), ['open text'], 'what was there before stays readable');
    assert.equal((await say(SECRET, 'k1')).status, 201);
    const sent = (await say('second thoughts', 'k2')).json;
    await sys.api.expect(200, 'PATCH', `/api/chats/${chat}/messages/${sent.message_id}`, { token: ann, body: { content: `${SECRET}, edited` } });
    const [many] = [Array.from({ length: 100 }, (_, i) => say(`${SECRET} ${i}`, `many-${i}`))];
    await Promise.all(many);
    assert.deepEqual((await texts()).filter((t) => t.startsWith(SECRET)).length > 0, true);
    const kept = await rows();
    assert.equal(kept.length, 103);
    assert.equal(kept.filter((t) => /^!1[0-9a-f]{8}[A-Za-z0-9+/]+={0,2}$/.test(t)).length, 102);
    assert.equal(new Set(kept.map((t) => t.slice(0, 10))).size, 2, 'one key');
    await sys.db.sql('FLUSH TABLES messages FOR EXPORT; UNLOCK TABLES');
    assert.ok(inFiles('open text').length > 0, 'the search finds what is there');
    assert.deepEqual(inFiles(SECRET), []);
});
test('the same key again is the same message, also when it was sent before there were keys, and another text is refused', async () => {
    for (const [content, key, status] of [['open text', 'k0', 200], [SECRET, 'k1', 200], ['other', 'k0', 409], ['other', 'k1', 409]]) {
        assert.equal((await say(content, key)).status, status, `${content} as ${key}`);
    }
});
test('events that are read from the database are opened, too', async () => {
    const client = await sys.rooms(bob, { ext: true });
    await client.wait('live');
    const { cursor } = client;
    client.close();
    assert.equal((await say(`${SECRET} while away`, 'k3')).status, 201);
    await sys.bounce(sys.rest); // the ring of events is filled from the database
    await sys.ready();
    const again = await sys.rooms(bob, { ext: true, since: cursor });
    assert.equal((await again.wait('group_message')).data.content, `${SECRET} while away`);
    again.close();
});
test('a new key is put in front; texts and idempotency of the old one stay', async () => {
    await withKeys(second, first);
    assert.equal((await say('under the second', 'k4')).status, 201);
    assert.equal((await say(SECRET, 'k1')).status, 200);
    assert.ok((await texts()).includes('under the second'));
    assert.equal(new Set((await rows()).map((t) => t.slice(0, 10))).size, 3);
});
test('a row that somebody has changed or moved is shown as unreadable, and counted', async () => {
    const before = await rows();
    await sys.db.sql(`UPDATE messages m JOIN messages n ON n.chat_id = m.chat_id AND n.seq = 3 SET m.content = n.content
        WHERE m.chat_id = ${idNumber(chat)} AND m.seq = 2`);
    const { json } = await sys.api.expect(200, 'GET', `/api/chats/${chat}/messages?after=0&limit=3`, { token: bob });
    assert.deepEqual(json.messages.map((m) => m.content), ['open text', '\ufffd', `${SECRET}, edited`]);
    assert.ok(await sys.metric('confab_store_unopened_total') >= 1);
    await sys.db.sql(`UPDATE messages SET content = REPLACE('${before[1]}', '!', CHAR(1)) WHERE chat_id = ${idNumber(chat)} AND seq = 2`);
});
test('a start without a key that texts are under is refused', async () => {
    const good = sys.restConfig;
    await sys.rest.stop('SIGTERM');
    for (const [keys, why] of [
        [[], /encrypted under keys that content_key_file does not have: [0-9a-f]{8}, [0-9a-f]{8}\./],
        [[second], /encrypted under keys that content_key_file does not have: [0-9a-f]{8}\./],
        [[second, 'nonsense'], /content_key_file, line 2: a key is 64 hex digits/],
    ]) {
        const file = keys.length > 0 ? sys.file('bad.keys', `${keys.join('\n')}\n`) : '';
        const config = sys.file('bad.conf', `${fs.readFileSync(good, 'utf8').replace(/^content_key_file = .*$/m, '')}\ncontent_key_file = ${file}\n`);
        const refused = new Daemon('refused', sys.rest.command, ['--config', config], { log: sys.rest.log.replace('.log', '-refused.log'), cwd: sys.dir });
        refused.start();
        const { code } = await refused.exited;
        assert.notEqual(code, 0);
        assert.match(refused.output(), why);
    }
    sys.rest.start();
    await sys.ready();
    assert.ok((await texts()).includes('under the second'));
});
