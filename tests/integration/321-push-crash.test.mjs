// Web Push and the webhook over kills, restarts and a database that is away: each notification arrives, and what has arrived
// does not come again.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { Browser, PushService } from '../lib/push.mjs';
import { useSystem } from '../lib/system.mjs';
import { until } from '../lib/wait.mjs';

const service = await PushService.open();
after(() => service.close());
let ann;
let bob;
let chat;
let phone;
let number = 0;
const sys = useSystem({ before, after }, {
    workers: 1,
    rest: {
        push_vapid_key_file: `${service.dir}/vapid.key`, push_webhook_url: service.webhook,
        push_webhook_secret_file: `${service.dir}/webhook.secret`, push_ca: service.ca, push_private_endpoints: 'yes',
        push_retry_ms: '50ms', push_retry_longest_ms: '200ms', push_timeout_ms: '30s', push_attempts_max: 100,
        push_parallel: 4, push_user_parallel: 4,
    },
}, async () => {
    [ann, bob] = await sys.api.users(2);
    chat = await sys.api.personal(ann, bob);
    phone = new Browser(service, 'crash');
    await sys.api.expect(201, 'POST', '/api/push/subscriptions', { token: bob.token, body: phone.subscription });
});

async function send(count) {
    const texts = [];
    for (let i = 0; i < count; i += 1) {
        number += 1;
        texts.push(`m ${number}`);
        await until(`acknowledgement of ${number}`, async () => {
            const text = texts.at(-1);
            const answer = await sys.api.call('POST', `/api/chats/${chat.chat_id}/messages`, { token: ann.token, body: { content: text, client_msg_id: text } });
            return answer.status < 300;
        }, 30000);
    }
    return texts;
}

const told = () => phone.notes().map((n) => n.message);
const hooked = () => service.taken('/hook').map((r) => JSON.parse(r.body).notification.message);
const queue = async () => Number((await sys.db.sql('SELECT COUNT(*) FROM push_queue'))[0][0]);

async function restart(signal, ...settings) {
    await sys.rest.stop(signal);
    sys.rest.args = [...sys.rest.args, ...settings.flatMap((s) => ['--set', s])];
    sys.rest.start();
    await sys.ready();
}

async function arrived(texts) {
    for (const list of [told, hooked]) {
        await until('all have arrived', () => {
            const have = new Set(list());
            return texts.every((t) => have.has(t));
        }, 60000);
    }
    await until('nothing waits', async () => (await sys.metric('confab_push_behind')) === 0 && (await queue()) === 0, 30000, 50);
}

/** How often each text has arrived at the most. */
const most = (list, texts) => Math.max(...texts.map((t) => list.filter((x) => x === t).length));

describe('nothing is lost', { timeout: 240000 }, () => {
    test('by SIGKILL while some are on their way, and none that was answered comes more than once more', async () => {
        const all = [];
        for (let kill = 0; kill < 3; kill += 1) {
            const texts = await send(10);
            await until('some have arrived', () => told().length > kill * 10 && hooked().length > kill * 10);
            await restart('SIGKILL');
            all.push(...texts);
        }
        await arrived(all);
        for (const list of [told(), hooked()]) {
            assert.ok(most(list, all) <= 1 + 3, 'once for each process that could not note the answer');
            assert.ok(list.length <= all.length + 3 * 4, `${list.length} of ${all.length}: no more than push_parallel again per kill`);
        }
    });
    test('by a clean restart while the push service hangs', async () => {
        service.answer(phone.path, () => null);
        service.answer('/hook', () => null);
        const texts = await send(6);
        await until('all that may hang do', () => service.held.size === 3); // the browser, and half of push_parallel
        service.answer(phone.path, { status: 201 });
        service.answer('/hook', { status: 200 });
        await restart('SIGTERM');
        await arrived(texts);
        assert.deepEqual([most(told(), texts), most(hooked(), texts)], [1, 1]);
    });
    test('by a clean restart, and what is answered meanwhile does not come again', async () => {
        service.answer(phone.path, () => null);
        service.answer('/hook', () => null);
        const texts = await send(6);
        await until('all that may hang do', () => service.held.size === 3);
        service.answer(phone.path, { status: 201 });
        service.answer('/hook', { status: 200 });
        const lines = () => sys.rest.output().split(' stopping ').length;
        const so = lines();
        const restarted = restart('SIGTERM');
        await until('it is stopping', () => lines() > so);
        service.release(201);
        await restarted;
        await arrived(texts);
        assert.deepEqual([most(told(), texts), most(hooked(), texts)], [1, 1]);
    });
    test('and nothing comes again after a restart', async () => {
        const so = [told().length, hooked().length];
        await restart('SIGTERM');
        const texts = await send(1);
        await arrived(texts);
        assert.deepEqual([told().length, hooked().length], so.map((n) => n + 1));
    });
    test('while the database is away for a while', async () => {
        service.answer(phone.path, () => null);
        service.answer('/hook', () => null);
        const during = send(4);
        await until('it hangs', () => service.held.size > 1);
        await sys.db.kill();
        service.answer(phone.path, { status: 201 });
        service.answer('/hook', { status: 200 });
        service.release(201); // answers that cannot be noted yet
        await until('writes are refused', async () => (await fetch(`${sys.origin}/readyz`)).status === 503);
        await sys.db.start();
        const texts = [...await during, ...await send(2)];
        await arrived(texts);
        assert.deepEqual([most(told(), texts), most(hooked(), texts)], [1, 1]);
    });
    test('by a webhook that is away, which costs the same however much waits for it', async () => {
        await restart('SIGTERM', 'push_retry_ms=600ms', 'push_retry_longest_ms=600ms');
        service.answer('/hook', { status: 503 });
        const so = service.to('/hook').length;
        const texts = await send(20);
        const waiting = () => sys.db.sql('SELECT due_us, attempts FROM push_queue WHERE subscription_id = 0');
        await until('all wait', async () => (await waiting()).length === 20, 20000, 20);
        const [[now]] = await sys.db.sql('SELECT CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS UNSIGNED)');
        const tries = (rows) => rows.reduce((sum, [, attempts]) => sum + Number(attempts), 0);
        const before = tries(await waiting());
        const rows = await until('another attempt has failed', async () => {
            const all = await waiting();
            return tries(all) > before && all;
        }, 20000, 20);
        const untried = rows.filter(([, attempts]) => attempts === '0');
        assert.ok(untried.length > 0 && untried.every(([due]) => Number(due) <= Number(now)), 'those that were not tried are as they were');
        const at = service.to('/hook').slice(so).map((r) => r.at);
        for (let i = 2; i < at.length; i += 1) { // half of push_parallel at the same time
            assert.ok(at[i] - at[i - 2] >= 450, `a pause after a failure: ${at.map((t) => t - at[0])}`);
        }
        service.answer('/hook', { status: 200 });
        await arrived(texts);
        await restart('SIGTERM', 'push_retry_ms=50ms', 'push_retry_longest_ms=200ms');
    });
    test('by a full queue: the pusher follows when there is room', async () => {
        service.answer(phone.path, { status: 503 });
        service.answer('/hook', { status: 503 });
        await restart('SIGTERM', 'push_queue_max=5');
        const texts = await send(20);
        await until('it is full', async () => (await queue()) >= 5, 30000, 50);
        const more = await send(400); // more than one look at the log takes
        await until('it is behind', async () => (await sys.metric('confab_push_behind')) > 0, 30000, 50);
        assert.ok((await queue()) < 5 + 2 * 256, 'no more than a piece of the log above the limit');
        service.answer(phone.path, { status: 201 });
        service.answer('/hook', { status: 200 });
        await arrived([...texts, ...more]);
    });
    test('but what is too old is not pushed any more', async () => {
        service.answer(phone.path, { status: 503 });
        await restart('SIGTERM', 'push_ttl_ms=1s', 'push_retry_ms=300ms');
        const so = told().length;
        const dropped = await sys.metric('confab_push_dropped_total');
        const [text] = await send(1);
        await until('the first attempt', () => service.to(phone.path).at(-1).status === 503);
        await until('it is dropped', async () => (await sys.metric('confab_push_dropped_total')) > dropped && (await queue()) === 0);
        assert.ok(Number(service.to(phone.path).at(-1).headers.ttl) <= 1);
        service.answer(phone.path, { status: 201 });
        const [next] = await send(1);
        await until('the next one has come', () => told().includes(next));
        assert.deepEqual([told().length, told().includes(text)], [so + 1, false]);
    });
});

describe('settings', { timeout: 60000 }, () => {
    before(() => {
        service.answer(phone.path, { status: 201 });
        service.answer('/hook', { status: 200 });
    });
    test('without a key there is no Web Push, and the webhook goes on', async () => {
        await restart('SIGTERM', 'push_vapid_key_file=', 'push_ttl_ms=1d');
        for (const [method, at] of [['GET', '/api/push/key'], ['GET', '/api/push/subscriptions'], ['DELETE', '/api/push/subscriptions/1']]) {
            await sys.api.refused(501, 'push_off', method, at, { token: bob.token });
        }
        await sys.api.refused(501, 'push_off', 'POST', '/api/push/subscriptions', { token: bob.token, body: phone.subscription });
        const so = told().length;
        const [text] = await send(1);
        await until('the webhook has it', () => hooked().includes(text));
        assert.equal(told().length, so);
    });
    test('without either nothing is pushed, and what was turned on again begins with what is still news', async () => {
        await restart('SIGTERM', 'push_webhook_url=');
        const [text] = await send(1);
        await restart('SIGTERM', `push_vapid_key_file=${service.dir}/vapid.key`, `push_webhook_url=${service.webhook}`);
        await arrived([text]);
    });
});
