// Web Push and the webhook: who is told what, and that it is encrypted and signed as the standards say. The push service is
// ours, and opens everything with node's own cryptography.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { Notes } from '../lib/notes.mjs';
import { Browser, PushService, checkVapid, checkWebhook } from '../lib/push.mjs';
import { useSystem } from '../lib/system.mjs';
import { until } from '../lib/wait.mjs';

const service = await PushService.open();
after(() => service.close());
const SUBJECT = 'mailto:ops@example.org';
const keyFile = path.join(service.dir, 'vapid.key');
const secretFile = path.join(service.dir, 'webhook.secret');
const contentKey = path.join(service.dir, 'content.key'); // texts sealed in the database are pushed as they were written
fs.writeFileSync(contentKey, `${crypto.randomBytes(32).toString('hex')}\n`, { mode: 0o600 });
const sys = useSystem({ before, after }, {
    workers: 1,
    rest: {
        content_key_file: contentKey, push_vapid_key_file: keyFile, push_subject: SUBJECT, push_webhook_url: service.webhook,
        push_webhook_secret_file: secretFile, push_ca: service.ca, push_private_endpoints: 'yes',
        push_subscriptions_user_max: 7, push_endpoint_max_bytes: 200, push_payload_max_bytes: '2k', push_attempts_max: 4,
        push_retry_ms: '40ms', push_retry_longest_ms: '100ms', push_timeout_ms: '1s', push_parallel: 6, push_user_parallel: 3,
        push_calls_max: 1,
    },
});
const notes = new Notes(sys);
let browsers = 0;

const subscribe = (user, body, status = 201) =>
    sys.api.expect(status, 'POST', '/api/push/subscriptions', { token: user.token, body });
const list = async (user) => (await sys.api.expect(200, 'GET', '/api/push/subscriptions', { token: user.token })).json.subscriptions;
const remove = (user, id) => sys.api.call('DELETE', `/api/push/subscriptions/${id}`, { token: user.token });
const serverKey = async (user) => (await sys.api.expect(200, 'GET', '/api/push/key', { token: user.token })).json.key;
const count = async (table) => Number((await sys.db.sql(`SELECT COUNT(*) FROM ${table}`))[0][0]);
const secret = () => fs.readFileSync(secretFile, 'utf8').trim();

async function browser(user, name) {
    browsers += 1;
    const b = new Browser(service, `${name ?? 'b'}-${browsers}`);
    b.id = (await subscribe(user, b.subscription)).json.id;
    return b;
}

/** Everything that is in the log has been looked at, and nothing waits. */
const quiet = () => until('nothing waits', async () => {
    const waits = [await sys.metric('confab_push_behind'), await count('push_queue'), await sys.metric('confab_push_queue')];
    assert.deepEqual(waits, [0, 0, 0], 'events not looked at, deliveries in the database, and as counted');
    return true;
}, 20000, 50);

/** People of whom the first writes to the second, who is not connected and has a browser. */
async function pair(name) {
    const [ann, bob] = await sys.api.users(2, name);
    return { ann, bob, chat: await sys.api.personal(ann, bob), phone: await browser(bob, name) };
}

const hooks = (user) => service.taken('/hook').map((r) => ({ ...r, json: JSON.parse(r.body) })).filter((r) => r.json.user.id === user.id);

async function restartWith(...settings) {
    await sys.rest.stop();
    const kept = sys.rest.args;
    sys.rest.args = [...kept, ...settings.flatMap((s) => ['--set', s])];
    sys.rest.start();
    await sys.ready();
    return async () => {
        await sys.rest.stop();
        sys.rest.args = kept;
        sys.rest.start();
        await sys.ready();
    };
}

describe('keys', () => {
    test('are made once, for their owner only, and stay', async () => {
        const [ann] = await sys.api.users(1);
        const key = await serverKey(ann);
        const text = fs.readFileSync(keyFile, 'utf8');
        assert.equal(fs.statSync(keyFile).mode & 0o777, 0o600);
        assert.equal(fs.statSync(secretFile).mode & 0o777, 0o600);
        const own = crypto.createECDH('prime256v1');
        own.setPrivateKey(Buffer.from(text.trim(), 'base64url'));
        assert.equal(own.getPublicKey().toString('base64url'), key);
        await sys.bounce(sys.rest);
        await sys.ready();
        assert.equal(await serverKey(ann), key);
        assert.equal(fs.readFileSync(keyFile, 'utf8'), text);
    });
    test('are only for people with a token', async () => {
        await sys.api.expect(401, 'GET', '/api/push/key');
        await sys.api.expect(401, 'POST', '/api/push/subscriptions', { body: {} });
    });
});

describe('a message for somebody who is not connected', () => {
    test('is pushed: encrypted for the browser, signed with our key, the same as the notification', async () => {
        const { ann, bob, chat, phone } = await pair('sealed');
        const message = await sys.api.send(ann, chat.chat_id, 'hällo 😀');
        const [note] = await phone.got(1);
        const [kept] = await notes.all(bob);
        assert.deepEqual(note, {
            id: kept.id, type: kept.type, title: kept.title, message: kept.message, link: kept.link, created_at: kept.created_at,
            chat_id: chat.chat_id, message_id: message.message_id, sender_id: ann.id, unread_count: 1,
        });
        assert.equal(note.message, 'hällo 😀');
        const [request] = service.to(phone.path);
        assert.equal(request.method, 'POST');
        assert.equal(request.headers['content-encoding'], 'aes128gcm');
        assert.equal(request.headers.urgency, 'high');
        assert.ok(Number(request.headers.ttl) > 86000 && Number(request.headers.ttl) <= 86400, request.headers.ttl);
        assert.ok(!request.body.includes('llo'), 'nobody else can read it');
        const claims = checkVapid(request, await serverKey(bob));
        assert.deepEqual([claims.aud, claims.sub], [service.origin, SUBJECT]);
        const now = Date.now() / 1000;
        assert.ok(claims.exp > now && claims.exp <= now + 86400, 'RFC 8292: within 24 hours');
    });
    test('goes to the webhook, signed, with the user it is for', async () => {
        const { ann, bob, chat, phone } = await pair('hook');
        await sys.api.send(ann, chat.chat_id, 'for the gateway');
        const [note] = await phone.got(1);
        await until('the webhook has it', () => hooks(bob).length > 0);
        const [request] = hooks(bob);
        assert.deepEqual(checkWebhook(request, secret()), { notification: note, user: { id: bob.id, username: bob.username, external_id: null } });
        assert.match(request.headers['content-type'], /^application\/json/);
        assert.equal(request.headers['x-confab-delivery'], `${note.id}-${bob.id}`);
        assert.equal(request.headers['x-confab-attempt'], '1');
    });
    test('each of two equal messages has keys of its own', async () => {
        const { ann, chat, phone } = await pair('fresh');
        await sys.api.send(ann, chat.chat_id, 'same');
        await sys.api.send(ann, chat.chat_id, 'same');
        await phone.got(2);
        const [a, b] = service.to(phone.path).map((r) => r.body);
        assert.notDeepEqual(a.subarray(0, 16), b.subarray(0, 16), 'salt');
        assert.notDeepEqual(a.subarray(21, 86), b.subarray(21, 86), 'sender key');
    });
    test('shows what the preview policy of the user allows', async () => {
        const { ann, bob, chat, phone } = await pair('policy');
        await notes.prefer(bob, { preview: 'sender' });
        await sys.api.send(ann, chat.chat_id, 'secret one');
        await phone.got(1);
        await notes.prefer(bob, { preview: 'none' });
        await sys.api.send(ann, chat.chat_id, 'secret two');
        const [first, second] = await phone.got(2);
        assert.ok(!JSON.stringify([first, second]).includes('secret'));
        assert.ok(first.title.includes(ann.name) && first.sender_id === ann.id);
        assert.ok(!JSON.stringify(second).includes(ann.name) && second.sender_id === undefined);
        await until('the webhook has both', () => hooks(bob).length === 2);
        assert.ok(!hooks(bob).some((r) => r.body.includes('secret')));
    });
    test('that is long is cut to fit into one record', async () => {
        const { ann, bob, chat, phone } = await pair('long');
        const texts = ['😀'.repeat(1000), '"\\'.repeat(1000)];
        for (const text of texts) {
            await sys.api.send(ann, chat.chat_id, text);
        }
        await phone.got(2);
        const kept = new Map((await notes.all(bob)).map((n) => [n.id, n.message]));
        for (const { body } of service.to(phone.path)) {
            const { id, message } = phone.decrypt(body);
            assert.ok(body.length <= 2048 + 103, `${body.length} bytes`);
            assert.ok(message === kept.get(id) || (message.endsWith('…') && kept.get(id).startsWith(message.slice(0, -1))), message);
        }
        await notes.create({ user_ids: [bob.id], title: 'Long', message: '€'.repeat(2000), link: `/${'x'.repeat(300)}` });
        const { message, link } = (await phone.got(3))[2];
        assert.match(message, /^€{100,700}…$/);
        assert.equal(link.length, 301);
        await until('the webhook has it all', () => hooks(bob).some((r) => r.json.notification.message === '€'.repeat(2000)));
    });
});

describe('nobody is disturbed', () => {
    test('who is connected, who wrote it, who has muted the chat, or who subscribed afterwards', async () => {
        const [ann, bob, cyd, dan, eve] = await sys.api.users(5, 'calm');
        const room = await sys.api.group(ann, 'Calm', [bob, cyd, dan, eve]);
        const [own, live, muted, phone] = [await browser(ann), await browser(bob), await browser(cyd), await browser(dan)];
        await notes.prefer(cyd, { chats: { [room.chat_id]: { muted_until: '2031-01-01T00:00:00Z' } } });
        const tab = await sys.rooms(bob, {});
        const message = await sys.api.send(ann, room.chat_id, 'hello all');
        assert.deepEqual(await Promise.all([bob, cyd, dan].map((u) => notes.reason(message, u))), ['notified', 'muted', 'notified']);
        await phone.got(1);
        await quiet();
        const late = await browser(eve);
        await sys.api.send(ann, room.chat_id, 'hello again');
        await phone.got(2);
        assert.deepEqual((await late.got(1)).map((n) => n.message), ['hello again']);
        await quiet();
        for (const b of [own, live, muted]) {
            assert.equal(service.to(b.path).length, 0);
        }
        assert.deepEqual([ann, bob, cyd, dan, eve].map((u) => hooks(u).length), [0, 0, 0, 2, 2]);
        tab.close();
    });
    test('unless the server pushes always', async () => {
        const back = await restartWith('push_when=always');
        const { ann, bob, chat, phone } = await pair('always');
        const tab = await sys.rooms(bob, {});
        await sys.api.send(ann, chat.chat_id, 'also while you are here');
        await phone.got(1);
        tab.close();
        await back();
    });
    test('by what was read or deleted while the push service was away', async () => {
        const { ann, bob, chat, phone } = await pair('stale');
        service.answer(phone.path, { status: 503, headers: { 'retry-after': '1' } });
        await sys.api.send(ann, chat.chat_id, 'to be read');
        await until('the first attempt', () => service.to(phone.path).length === 1);
        const second = await sys.api.send(ann, chat.chat_id, 'to be deleted');
        await sys.api.send(ann, chat.chat_id, 'to be told');
        await notes.reason(second, bob);
        await sys.api.expect(200, 'DELETE', `/api/chats/${chat.chat_id}/messages/${second.message_id}`, { token: ann.token });
        const read = (await until('all are notified', async () => {
            const all = await notes.all(bob);
            return all.some((n) => n.message === 'to be told') && all;
        })).find((n) => n.message === 'to be read');
        assert.equal((await notes.read(bob, read.id)).status, 200);
        service.answer(phone.path, { status: 201 });
        assert.deepEqual((await phone.got(1)).map((n) => n.message), ['to be told']);
        await quiet();
        assert.equal(phone.notes().length, 1);
    });
});

test('a notification for everybody reaches every browser and, per user, the webhook', async () => {
    const users = await sys.api.users(3, 'all');
    const phones = await Promise.all(users.map((u) => until('subscribed', () => browser(u).catch(() => null))));
    const second = await browser(users[0]);
    await notes.create({ everyone: true, title: 'Maintenance', message: 'tonight', link: '/status' });
    for (const phone of [...phones, second]) {
        const [note] = await phone.got(1);
        assert.deepEqual([note.title, note.message, note.link, note.chat_id], ['Maintenance', 'tonight', '/status', undefined]);
    }
    await until('the webhook has all', () => users.every((u) => hooks(u).length === 1));
    await quiet();
    assert.ok(phones.every((p) => p.notes().length === 1));
});

describe('subscriptions', () => {
    test('are listed without what must stay secret, and end with DELETE', async () => {
        const { ann, bob, chat, phone } = await pair('end');
        const [shown] = await list(bob);
        assert.deepEqual(Object.keys(shown), ['id', 'origin', 'created_at']);
        assert.deepEqual([shown.id, shown.origin], [phone.id, service.origin]);
        assert.deepEqual((await remove(ann, phone.id)).json.code, 'push_subscription_not_found', 'not by others');
        assert.equal((await remove(bob, phone.id)).status, 204);
        assert.equal((await remove(bob, phone.id)).status, 404);
        assert.deepEqual(await list(bob), []);
        await sys.api.send(ann, chat.chat_id, 'nobody there');
        await until('the webhook has it', () => hooks(bob).length === 1);
        await quiet();
        assert.equal(service.to(phone.path).length, 0);
    });
    test('again: new keys; by another user: the browser is theirs', async () => {
        const { ann, bob, chat, phone } = await pair('again');
        phone.auth = crypto.randomBytes(16);
        assert.equal((await subscribe(bob, phone.subscription, 200)).json.id, phone.id);
        await sys.api.send(ann, chat.chat_id, 'new keys');
        assert.equal((await phone.got(1))[0].message, 'new keys');
        const taken = (await subscribe(ann, phone.subscription)).json.id;
        assert.notEqual(taken, phone.id);
        assert.deepEqual([(await list(bob)).length, (await list(ann)).map((s) => s.id)], [0, [taken]]);
        await sys.api.send(ann, chat.chat_id, 'not for this browser');
        await sys.api.send(bob, chat.chat_id, 'for this browser');
        assert.equal((await phone.got(2))[1].message, 'for this browser');
        await quiet();
        assert.equal(phone.notes().length, 2);
    });
    test('are bounded per user', async () => {
        const [ann] = await sys.api.users(1);
        for (let i = 0; i < 7; i += 1) {
            await browser(ann, 'many');
        }
        const one = new Browser(service, 'too-many');
        await sys.api.refused(422, 'too_many_push_subscriptions', 'POST', '/api/push/subscriptions', { token: ann.token, body: one.subscription });
        await remove(ann, (await list(ann))[0].id);
        await subscribe(ann, one.subscription);
    });
    test('that wait are bounded', async () => {
        const [ann] = await sys.api.users(1);
        const client = spawn('mariadb', ['--socket', sys.db.socket, '--unbuffered', '--skip-column-names', sys.db.name]);
        client.stdin.write("LOCK TABLES push_subscriptions WRITE; SELECT 'locked';\n");
        await once(client.stdout, 'data');
        const calls = Array.from({ length: 6 }, () => sys.api.call('GET', '/api/push/subscriptions', { token: ann.token }));
        const first = await Promise.race(calls);
        assert.deepEqual([first.status, first.json.code], [503, 'queue_full']);
        client.stdin.end('UNLOCK TABLES;\n');
        await once(client, 'exit');
        const statuses = (await Promise.all(calls)).map((a) => a.status);
        assert.ok(statuses.includes(200), String(statuses));
    });
    const good = () => new Browser(service, 'bad').subscription;
    const keyed = (keys) => ({ ...good(), keys: { ...good().keys, ...keys } });
    for (const [what, body, status = 422] of [
        ['no address', { keys: good().keys }], ['a number', { ...good(), endpoint: 7 }], ['http', { ...good(), endpoint: 'http://push.example.org/x' }],
        ['a file', { ...good(), endpoint: 'file:///etc/passwd' }], ['a user in it', { ...good(), endpoint: 'https://me@push.example.org/x' }],
        ['a line break', { ...good(), endpoint: 'https://push.example.org/\r\nX: y' }], ['no keys', { endpoint: good().endpoint }],
        ['too long an address', { ...good(), endpoint: `https://push.example.org/${'x'.repeat(200)}` }, 413],
        ['a key that is no point', keyed({ p256dh: b64(Buffer.alloc(65, 4)) })], ['a short key', keyed({ p256dh: good().keys.p256dh.slice(0, 40) })],
        ['a long secret', keyed({ auth: b64(Buffer.alloc(17)) })], ['a secret of other letters', keyed({ auth: '!'.repeat(22) })],
        ['a list', []], ['no JSON', '{"endpoint":', 400],
    ]) {
        test(`are refused with ${what}`, async () => {
            const [ann] = await sys.api.users(1);
            const answer = await sys.api.call('POST', '/api/push/subscriptions', { token: ann.token, body });
            assert.equal(answer.status, status, answer.text);
            assert.deepEqual(await list(ann), []);
        });
    }
});

function b64(bytes) {
    return bytes.toString('base64url');
}

describe('a push service that', () => {
    for (const status of [404, 410]) {
        test(`says ${status} loses the subscription, and what waits for it`, async () => {
            const { ann, bob, chat, phone } = await pair('gone');
            const other = await browser(bob);
            const gone = await sys.metric('confab_push_gone_total');
            service.answer(phone.path, { status });
            await sys.api.send(ann, chat.chat_id, 'one');
            await sys.api.send(ann, chat.chat_id, 'two');
            await until('it is gone', async () => (await list(bob)).length === 1);
            assert.equal((await list(bob))[0].id, other.id);
            await other.got(2);
            await quiet();
            assert.equal(service.to(phone.path).length, 1);
            assert.equal(await sys.metric('confab_push_gone_total'), gone + 1);
        });
    }
    test('fails for a while gets it in the end, once, and later each time', async () => {
        const { ann, bob, chat, phone } = await pair('later');
        service.answer(phone.path, (_, before) => ({ status: before < 3 ? 500 : 201 }));
        service.answer('/hook', (r) => ({ status: JSON.parse(r.body).user.id === bob.id && r.headers['x-confab-attempt'] < 3 ? 502 : 200 }));
        await sys.api.send(ann, chat.chat_id, 'insist');
        await phone.got(1);
        await until('the webhook has it', () => hooks(bob).length === 1);
        await quiet();
        assert.deepEqual(service.to(phone.path).map((r) => r.status), [500, 500, 500, 201]);
        assert.equal(hooks(bob)[0].headers['x-confab-attempt'], '3');
    });
    test('always fails is given up', async () => {
        const { ann, bob, chat, phone } = await pair('never');
        service.answer(phone.path, { status: 500 });
        service.answer('/hook', (r) => ({ status: JSON.parse(r.body).user.id === bob.id ? 500 : 200 }));
        const dropped = await sys.metric('confab_push_dropped_total');
        await sys.api.send(ann, chat.chat_id, 'in vain');
        await until('both are given up', async () => (await sys.metric('confab_push_dropped_total')) === dropped + 2);
        await quiet();
        assert.equal(service.to(phone.path).length, 4);
        assert.equal((await list(bob)).length, 1, 'the subscription stays');
    });
    test('asks for time gets it', async () => {
        const { ann, chat, phone } = await pair('patience');
        service.answer(phone.path, (_, before) => (before === 0 ? { status: 429, headers: { 'retry-after': '2' } } : { status: 201 }));
        await sys.api.send(ann, chat.chat_id, 'slowly');
        await phone.got(1);
        const [first, second] = service.to(phone.path).map((r) => r.at);
        assert.ok(second - first >= 1990, `${second - first} ms`);
    });
    test('sends us elsewhere is not followed', async () => {
        const { ann, chat, phone } = await pair('elsewhere');
        service.answer(phone.path, { status: 307, headers: { location: `${service.origin}/stolen` } });
        await sys.api.send(ann, chat.chat_id, 'stay');
        await until('one attempt', () => service.to(phone.path).length === 1);
        await quiet();
        assert.deepEqual([service.to(phone.path).length, service.to('/stolen').length], [1, 0]);
    });
    test('never stops talking is cut off, and has said yes', async () => {
        const { ann, chat, phone } = await pair('talk');
        service.answer(phone.path, { status: 201, body: Buffer.alloc(1 << 22, 'x') });
        await sys.api.send(ann, chat.chat_id, 'quiet please');
        await phone.got(1);
        await quiet();
        assert.equal(service.to(phone.path).length, 1);
    });
    test('hangs delays neither messages nor other people\'s pushes, and one user takes only a part of the room', async () => {
        const { ann, bob, chat, phone } = await pair('hang');
        const dead = [];
        for (let i = 0; i < 5; i += 1) {
            const b = await browser(bob, 'dead');
            service.answer(b.path, () => null);
            dead.push(b);
        }
        const cyd = await sys.api.user('cyd');
        const free = await sys.api.personal(ann, cyd);
        const theirs = await browser(cyd);
        const tab = await sys.rooms(ann, {});
        await sys.api.send(ann, chat.chat_id, 'first');
        await until('some hang', () => service.held.size > 0);
        let most = 0;
        for (let i = 0; i < 20; i += 1) {
            await sys.api.send(ann, free.chat_id, `quick ${i}`);
            most = Math.max(most, service.held.size);
        }
        await theirs.got(20);
        await phone.got(1, 30000);
        assert.ok(most <= 3, `push_user_parallel: ${most}`);
        assert.ok(service.most <= 6, `push_parallel: ${service.most}`);
        for (const b of dead) {
            service.answer(b.path, { status: 201 });
        }
        await Promise.all(dead.map((b) => b.got(1, 30000)));
        tab.close();
        await quiet();
    });
});

describe('private addresses', () => {
    test('are refused by name, and at the moment of the connection', async () => {
        const { ann, bob, chat, phone } = await pair('inside');
        const back = await restartWith('push_private_endpoints=no');
        for (const endpoint of [phone.subscription.endpoint, 'https://localhost/x', 'https://10.1.2.3/x', 'https://[::1]/x', 'https://0x7f000001/', 'https://169.254.169.254/latest',
            'https://[::ffff:127.0.0.1]/x']) {
            await sys.api.refused(422, 'invalid_field', 'POST', '/api/push/subscriptions', { token: bob.token, body: { ...phone.subscription, endpoint } });
        }
        const named = new Browser({ origin: `https://push.localhost:${service.port}` }, 'named');
        await subscribe(bob, named.subscription);
        const dropped = await sys.metric('confab_push_dropped_total');
        await sys.api.send(ann, chat.chat_id, 'not inside');
        await until('both are given up', async () => (await sys.metric('confab_push_dropped_total')) === dropped + 2);
        assert.deepEqual([service.to(phone.path).length, service.to(named.path).length], [0, 0]);
        assert.equal(hooks(bob).length, 1, 'the webhook is the administrator\'s choice');
        await back();
        await sys.api.send(ann, chat.chat_id, 'now it may');
        await phone.got(1);
        await until('the name leads there', () => service.to(named.path).length === 1);
    });
});
