// Any history whatever: people make rooms, come and go, write, edit, delete, rename, while their clients drop off and resume
// at random. In the end every client that applied what it received in the order it received it must know exactly what
// the API shows to its user: the same rooms under the same names, with the same messages.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { useSystem } from '../lib/system.mjs';
import { until } from '../lib/wait.mjs';

let sys;
const STEPS = Number(process.env.CONFAB_TEST_STEPS || 400);
const SEEDS = (process.env.CONFAB_TEST_SEEDS || `1,${Date.now() % 100000}`).split(',').map(Number);

function generator(seed) {
    let a = seed >>> 0;
    const next = () => {
        a = (a + 0x6d2b79f5) >>> 0;
        let t = Math.imul(a ^ (a >>> 15), a | 1);
        t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
    return { next, pick: (list) => list[Math.floor(next() * list.length)] };
}

/** What a resuming client believes. */
class Mirror {
    constructor(user) {
        this.user = user;
        this.rooms = new Map(); // chat_id -> {name, messages: Map message_id -> content or null when deleted}
        this.last = 0;
        this.doubts = [];
    }

    apply(frame) {
        const event = frame._ext?.event_id ? Number(frame._ext.event_id.split('.')[1]) : 0;
        if (frame.type === 'live' || frame.type === 'gap') {
            assert.notEqual(frame.type, 'gap');
            this.last = Math.max(this.last, event);
            return;
        }
        assert.ok(event > this.last, `${this.user.name}: event ${event} (${frame.type}) after ${this.last}`);
        this.last = event;
        if (frame.type.startsWith('notification')) {
            return; // one's own, and of no room
        }
        const own = frame.user_id === this.user.id;
        const id = frame.chat_room?.chat_id ?? frame.data?.chat_id ?? frame.chat_id;
        const room = this.rooms.get(id);
        switch (frame.type) {
        case 'new_chat_room':
            if (room) {
                this.doubts.push(`${this.user.name} was told twice of room ${id}`);
            }
            this.rooms.set(id, { name: frame.chat_room.chat_name, messages: new Map() });
            return;
        case 'chat_deleted':
            this.rooms.delete(id);
            return;
        case 'member_removed':
            if (own) {
                this.rooms.delete(id);
                return;
            }
            break;
        case 'chat_renamed':
            if (room) {
                room.name = frame.chat_room.chat_name;
            }
            break;
        case 'personal_message':
        case 'group_message':
        case 'message_edited':
            room?.messages.set(frame.data.message_id, frame.data.content);
            break;
        case 'message_deleted':
            if (room?.messages.has(frame.message_id)) {
                room.messages.set(frame.message_id, null);
            }
            break;
        default:
        }
        if (!room) {
            this.doubts.push(`${this.user.name} got ${frame.type} of room ${id}, which it is not in (event ${event})`);
        }
    }
}

/** A client that may be gone for a while. */
class Walker {
    constructor(user) {
        this.user = user;
        this.mirror = new Mirror(user);
        this.seen = 0;
    }

    async connect() {
        this.client = await sys.rooms(this.user, { ext: true, since: this.cursor });
        this.seen = 0;
    }

    take() {
        const { frames } = this.client;
        for (; this.seen < frames.length; this.seen += 1) {
            this.mirror.apply(frames[this.seen]);
        }
        this.cursor = this.client.cursor ?? this.cursor;
    }

    async drop() {
        this.client.close();
        await this.client.gone();
        this.take();
        this.client = null;
    }
}

async function shownByApi(user) {
    const rooms = new Map();
    const { json } = await sys.api.expect(200, 'GET', '/api/chats?limit=200', { token: user.token });
    assert.equal(json.next_cursor, null);
    for (const chat of json.chats) {
        const page = await sys.api.expect(200, 'GET', `/api/chats/${chat.chat_id}/messages?after=0&limit=200`, { token: user.token });
        assert.equal(page.json.has_more, false);
        rooms.set(chat.chat_id, {
            name: chat.chat_name, messages: new Map(page.json.messages.map((m) => [m.message_id, m.is_deleted ? null : m.content])),
        });
    }
    return rooms;
}

async function step(random, walkers, groups, log) {
    const { user } = random.pick(walkers);
    const other = random.pick(walkers).user;
    const group = groups.length ? random.pick(groups) : null;
    const call = async (method, path, body) => {
        const answer = await sys.api.call(method, path, { token: user.token, body });
        assert.ok(answer.status < 500, `${method} ${path}: ${answer.text}`);
        log.push(`${user.name} ${method} ${path} ${JSON.stringify(body ?? '')} -> ${answer.status}`);
        return answer;
    };
    const dice = random.next();
    if (dice < 0.06 || !group) {
        const people = walkers.filter(() => random.next() < 0.4).map((w) => w.user.id);
        const answer = await call('POST', '/api/chat/create/group', { chat_name: `room ${log.length}`, participants: people });
        groups.push({ id: answer.json.chat_id, messages: [] });
        return;
    }
    const path = `/api/chats/${group.id}`;
    const message = group.messages.length ? random.pick(group.messages) : null;
    if (dice < 0.09 && other !== user) {
        await call('POST', '/api/chat/create/personal', { user_id: other.id });
    } else if (dice < 0.18) {
        await call('POST', `${path}/members`, { user_id: other.id, role: random.next() < 0.2 ? 'admin' : 'member' });
    } else if (dice < 0.25) {
        await call('DELETE', `${path}/members/${other.id}`);
    } else if (dice < 0.28) {
        await call('DELETE', `${path}/members/me`);
    } else if (dice < 0.31) {
        await call('PATCH', path, { chat_name: `renamed ${log.length}` });
    } else if (dice < 0.33) {
        await call('DELETE', path);
    } else if (dice < 0.36) {
        await call('PATCH', `${path}/members/${other.id}`, { role: random.pick(['member', 'admin', 'owner']) });
    } else if (dice < 0.46 && message) {
        await call('PATCH', `${path}/messages/${message}`, { content: `edited ${log.length}` });
    } else if (dice < 0.54 && message) {
        await call('DELETE', `${path}/messages/${message}`);
    } else if (dice < 0.58) {
        await call('POST', `${path}/read`, {});
    } else {
        const answer = await call('POST', `${path}/messages`, { content: `message ${log.length}` });
        if (answer.status === 201) {
            group.messages.push(answer.json.message_id);
        }
    }
}

async function walk(seed) {
    const random = generator(seed);
    const walkers = (await sys.api.users(6, `walker${seed} `)).map((u) => new Walker(u));
    for (const walker of walkers) {
        await walker.connect();
        await walker.client.wait('live');
    }
    const groups = [];
    const log = [];
    for (let i = 0; i < STEPS; i += 1) {
        await step(random, walkers, groups, log);
        if (random.next() < 0.08) {
            const walker = random.pick(walkers);
            log.push(`${walker.user.name} ${walker.client ? 'drops off' : `resumes from ${walker.cursor}`}`);
            await (walker.client ? walker.drop() : walker.connect());
        }
        if (i === Math.floor(STEPS / 2)) {
            log.push('confab-rest is killed');
            await sys.bounce(sys.rest);
            await sys.ready();
        }
    }
    const last = await sys.api.group(walkers[0].user, 'the end', walkers.slice(1).map((w) => w.user));
    try {
        for (const walker of walkers) {
            if (!walker.client) {
                await walker.connect();
            }
            await until(`the end at ${walker.user.name}`, () => walker.client.frames.some((f) => f.chat_room?.chat_id === last.chat_id));
            walker.take();
            assert.deepEqual(walker.mirror.rooms, await shownByApi(walker.user), walker.user.name);
            assert.deepEqual(walker.mirror.doubts, []);
        }
    } catch (error) {
        console.log(log.map((l, i) => `# ${i} ${l}`).join('\n'));
        throw error;
    }
}

for (const [where, settings] of Object.entries({
    'from memory': {}, 'from the database': { ring_max_bytes: '64k', ring_max_age_ms: '1s' },
})) {
    describe(`resuming ${where}`, () => {
        const system = useSystem({ before, after }, { rest: { replay_chunk_events: 7, ...settings } }, async () => { sys = system; });
        for (const seed of SEEDS) {
            test(`${STEPS} random steps, seed ${seed}`, { timeout: 180000 }, () => walk(seed));
        }
    });
}
