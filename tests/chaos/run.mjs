// The long run: many rooms, many writers, kills at random instants, and a verdict message by message.
//
//   node tests/chaos/run.mjs [--seconds 60] [--kills 2] [--commit-kills 2] [--chats 200] [--members 10] [--posters 50]
//                            [--users 200] [--strict 60] [--rate 12] [--seed N] [--workers 2]
//
// kills: how many times each of a worker, confab-rest and mariadbd gets SIGKILL. commit-kills: how many times more the
// log flush is delayed (tests/tools/slow_sync.c) until a COMMIT hangs in it, and then mariadbd or confab-rest is killed.
// The last line counts as a test's; the exit status is 0 only when nothing was lost, doubled or out of order.
import { parseArgs } from 'node:util';
import { setTimeout as pause } from 'node:timers/promises';
import { System, haveDaemons } from '../lib/system.mjs';
import { until } from '../lib/wait.mjs';
import { idNumber } from '../lib/token.mjs';
import { check } from './check.mjs';
import { Follower } from './follower.mjs';
import { Poster } from './poster.mjs';
import { selfTest } from './self-test.mjs';

const flags = Object.fromEntries(Object.entries(parseArgs({
    options: Object.fromEntries(Object.entries({ seconds: 60, kills: 2, 'commit-kills': 2, chats: 200, members: 10, posters: 50, users: 200,
        strict: 60, rate: 12, workers: 2, seed: Math.floor(Math.random() * 1e9) }).map(([k, v]) => [k, { type: 'string', default: String(v) }])),
}).values).map(([k, v]) => [k, Number(v)]));

/** Small seeded generator (mulberry32), so that a run can be repeated as far as the machine allows. */
function generator(seed) {
    let a = seed >>> 0;
    return () => {
        a = (a + 0x6d2b79f5) >>> 0;
        let t = Math.imul(a ^ (a >>> 15), a | 1);
        t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
}
const random = generator(flags.seed);
const sample = (list, n) => {
    const copy = [...list];
    for (let i = 0; i < n; i += 1) {
        const j = i + Math.floor(random() * (copy.length - i));
        [copy[i], copy[j]] = [copy[j], copy[i]];
    }
    return copy.slice(0, n);
};

const began = Date.now();
const clock = () => ((Date.now() - began) / 1000).toFixed(1).padStart(6);
const say = (line) => console.log(`${clock()} s  ${line}`);
const kills = { worker: 0, 'confab-rest': 0, mariadbd: 0, 'mariadbd in COMMIT': 0, 'confab-rest in COMMIT': 0 };
let workerKilledAt = [];
let ending = false;

async function supervise(system) {
    const watch = (daemon) => {
        daemon.exited.then(async ({ code, signal }) => {
            if (!ending) {
                if (signal !== 'SIGKILL') {
                    say(`${daemon.name} ended by itself: ${code ?? signal}`);
                    kills.unexpected = (kills.unexpected ?? 0) + 1;
                    await pause(200);
                }
                watch(daemon.start());
            }
        });
    };
    [system.rest, ...system.workers].forEach(watch);
}

async function recovered(system) {
    await system.ready(60000);
}

const victims = {
    worker: async (system) => {
        const worker = system.workers[Math.floor(random() * system.workers.length)];
        workerKilledAt.push(Date.now());
        worker.child?.kill('SIGKILL');
    },
    'confab-rest': async (system) => { system.rest.child?.kill('SIGKILL'); },
    mariadbd: async (system) => {
        await system.db.kill();
        await system.db.start();
    },
    'mariadbd in COMMIT': async (system) => {
        await insideCommit(system, () => system.db.kill());
        await system.db.start();
    },
    'confab-rest in COMMIT': async (system) => {
        await insideCommit(system, async () => { system.rest.child?.kill('SIGKILL'); });
    },
};

/** Delay the log flush, wait until the server says that a COMMIT of the writer hangs in it, strike. */
async function insideCommit(system, strike) {
    system.db.setSyncDelay(400);
    try {
        await until('a COMMIT that waits for the disk', async () => {
            const rows = await system.db.sql(`SELECT info, state FROM information_schema.processlist
                WHERE user = 'confab' AND (info LIKE 'commit%' OR state LIKE 'commit%')`);
            return rows.length > 0;
        }, 10000, 1);
        await strike();
    } finally {
        system.db.setSyncDelay(0);
    }
}

async function strikeAll(system, from, to) {
    const plan = [];
    for (let round = 0; round < flags.kills; round += 1) {
        plan.push(...sample(['worker', 'confab-rest', 'mariadbd'], 3));
    }
    for (let i = 0; i < flags['commit-kills']; i += 1) {
        plan.push(i % 2 ? 'confab-rest in COMMIT' : 'mariadbd in COMMIT');
    }
    // One random instant in each of equal slices of the time; they may overlap recoveries.
    const slice = (to - from) / plan.length;
    for (let i = 0; i < plan.length; i += 1) {
        await pause(Math.max(0, from + slice * (i + random() * 0.8) - Date.now()));
        say(`SIGKILL ${plan[i]}`);
        await victims[plan[i]](system);
        kills[plan[i]] += 1;
    }
    await recovered(system);
    say('everything runs again');
}

async function build(system) {
    const users = await system.api.users(flags.users, 'person');
    const chats = [];
    await Promise.all(Array.from({ length: 20 }, async (_, lane) => {
        for (let i = lane; i < flags.chats; i += 20) {
            const people = sample(users, flags.members);
            const room = await system.api.group(people[0], `room ${i + 1}`, people.slice(1));
            chats.push({ ...room, n: idNumber(room.chat_id), people });
        }
    }));
    for (const user of users) {
        user.chats = chats.filter((c) => c.people.includes(user));
        user.chatNumbers = new Set(user.chats.map((c) => c.n));
    }
    return { users: users.filter((u) => u.chats.length > 0), chats };
}

function people(system, users) {
    // Some drop off now and then by themselves, among them half of those that write on their socket.
    const followers = users.map((u, i) => new Follower(system, u, { name: `${u.name}`, ext: true, chats: u.chatNumbers, churn: i % 5 === 2 || i % 10 === 4 ? 1500 : 0 }));
    const strict = users.slice(0, flags.strict).map((u) => new Follower(system, u, { name: `${u.name} (2)`, ext: false, chats: u.chatNumbers }));
    const posters = Array.from({ length: flags.posters }, (_, i) => {
        const user = users[i % users.length];
        return new Poster(system, user, user.chats, { random: generator(flags.seed + i), rate: flags.rate, name: user.name,
            follower: i % 5 === 4 ? followers[i % users.length] : null });
    });
    return { followers, strict, posters };
}

/** What the store has, directly and through the API. */
async function readStore(system, chats, tokenOf) {
    const rows = await system.db.sql('SELECT chat_id, seq, id, flags & 2, content, LOWER(HEX(client_key)) FROM messages');
    const [[count, max]] = await system.db.sql('SELECT COUNT(*), MAX(event_id) FROM events');
    const rest = new Map();
    const before = Date.now();
    await Promise.all(Array.from({ length: 8 }, async (_, lane) => {
        for (let i = lane; i < chats.length; i += 8) {
            rest.set(chats[i].n, await history(system, chats[i], tokenOf(chats[i])));
        }
    }));
    say(`history of ${chats.length} rooms read over REST in ${Date.now() - before} ms`);
    return {
        messages: rows.map(([chat, seq, id, deleted, content, key]) => ({ chat: Number(chat), seq: Number(seq), id: Number(id), deleted: deleted !== '0', content, key })),
        events: { count: Number(count), max: Number(max) }, rest,
    };
}

async function history(system, chat, token) {
    const list = [];
    for (let after = 0; ;) {
        const { json } = await system.api.expect(200, 'GET', `/api/chats/${chat.chat_id}/messages?after=${after}&limit=200`, { token });
        const page = json.messages;
        list.push(...page.map((m) => ({ seq: m.seq, id: idNumber(m.message_id), content: m.content, deleted: Boolean(m.is_deleted) })));
        if (page.length < 200) {
            return list;
        }
        after = page[page.length - 1].seq;
    }
}

/** After the storm: every strict client connected, one last message per room, everybody has everything. */
async function settle(system, chats, { followers, strict, posters }) {
    followers.forEach((f) => { f.churn = 0; });
    await until('every client is connected', () => [...followers, ...strict].every((f) => f.opened), 30000);
    const closing = await Promise.all(chats.map(async (chat) => {
        const poster = new Poster(system, chat.people[0], [chat], { random, rate: 1000, name: 'closing' });
        await poster.send();
        posters.push(poster);
        return { chat, id: poster.ledger[0].id };
    }));
    const lastOf = new Map(closing.map(({ chat, id }) => [chat.n, id]));
    const wanted = (f) => Math.max(...[...f.chats].map((n) => lastOf.get(n)));
    const late = () => [...followers, ...strict].filter((f) => f.lastId < wanted(f));
    await until('the last message of every room has reached every client', () => late().length === 0, 30000)
        .catch((error) => say(`${error.message}: ${late().length} clients wait, e.g. ${late()[0].name} has ${late()[0].lastId} of ${wanted(late()[0])}`));
}

function table(rows) {
    const width = Math.max(...rows.map(([what]) => what.length)) + 2;
    for (const [what, value] of rows) {
        console.log(`  ${what.padEnd(width, '.')} ${value}`);
    }
}

async function main() {
    const missed = selfTest();
    if (missed.length > 0) {
        throw new Error(`the checker does not work: ${missed.join('; ')}`);
    }
    if (!haveDaemons()) {
        throw new Error('build the daemons first (make)');
    }
    console.log(`chaos: seed ${flags.seed}, ${flags.seconds} s, ${flags.chats} rooms x ${flags.members}, ${flags.posters} posters`);
    const system = new System({ name: `chaos-${flags.seed}`, workers: flags.workers, syncDelay: true });
    await system.start();
    const { users, chats } = await build(system);
    const cast = people(system, users);
    [...cast.followers, ...cast.strict].forEach((f) => f.start());
    await until('every client is connected', () => [...cast.followers, ...cast.strict].every((f) => f.opened), 30000);
    await until('every resuming client is live', () => cast.followers.every((f) => f.live), 30000);
    await supervise(system);
    say(`${cast.followers.length} resuming and ${cast.strict.length} strict clients are connected`);

    const start = Date.now();
    const end = start + flags.seconds * 1000;
    cast.posters.forEach((p) => p.start(end));
    await Promise.all([strikeAll(system, start + 500, end - 1500), ...cast.posters.map((p) => p.running)]);
    const seconds = (Date.now() - start) / 1000;
    await settle(system, chats, cast);

    const tokens = new Map(chats.map((c) => [c, c.people[0].token]));
    const store = await readStore(system, chats, (c) => tokens.get(c));
    const ledger = cast.posters.flatMap((p) => p.ledger);
    const findings = check(ledger, store, [...cast.followers, ...cast.strict]);
    const closes = [...cast.followers, ...cast.strict].flatMap((f) => f.closes);
    const stray = closes.filter((c) => !workerKilledAt.some((at) => c.at >= at - 50 && c.at < at + 3000));
    if (stray.length > 0) {
        findings.add('socket closed without a worker dying', `${stray.length} times, codes ${[...new Set(stray.map((c) => c.code))]}`);
    }
    if (kills.unexpected) {
        findings.add('a daemon ended by itself', `${kills.unexpected} times`);
    }
    const sum = (key) => cast.posters.reduce((n, p) => n + p.stats[key], 0);
    const latencies = cast.posters.flatMap((p) => p.latencies).sort((a, b) => a - b);
    const frames = (list) => list.reduce((n, f) => n + f.segments.reduce((m, s) => m + s.length, 0), 0);
    table([
        ['kills', Object.entries(kills).map(([k, v]) => `${v} ${k}`).join(', ')],
        ['acknowledged sends, edits, deletes', `${sum('sends')}, ${sum('edits')}, ${sum('deletes')} (${(latencies.length / seconds).toFixed(0)}/s)`],
        ['tries with unknown outcome, repeated with the same key', sum('retries')],
        ['acknowledgement p50 / p99 / longest', `${latencies[latencies.length >> 1]} / ${latencies[Math.floor(latencies.length * 0.99)]} / ${latencies.at(-1)} ms`],
        ['frames received, resuming / strict', `${frames(cast.followers)} / ${frames(cast.strict)}`],
        ['connections: ended by kills / dropped by clients', `${closes.length} / ${cast.followers.reduce((n, f) => n + f.segments.length - 1 - f.closes.length, 0)}`],
        ['messages in the store / in the ledger', `${store.messages.length} / ${ledger.length}`],
        ['violations', findings.total === 0 ? '0 lost, 0 doubled, 0 out of order' : JSON.stringify(findings.counts)],
    ]);
    findings.lines.forEach((line) => console.log(`  ${line}`));

    ending = true;
    await Promise.all([...cast.followers, ...cast.strict].map((f) => f.stop()));
    await system.stop();
    console.log(findings.total === 0 ? '1 passed, 0 failed' : '0 passed, 1 failed');
    return findings.total === 0;
}

main().then((good) => process.exit(good ? 0 : 1), (error) => {
    console.error(error);
    console.log('0 passed, 1 failed');
    process.exit(1);
});
