// The checker must be able to fail: a sound record passes, and every way of doctoring it is found.
import { check } from './check.mjs';

/** Two chats, three messages each, one edited, one deleted; a resuming client with two connections, a strict one. */
export function soundRecord() {
    const stored = [];
    for (let i = 1; i <= 6; i += 1) {
        stored.push({ chat: 1 + (i % 2), seq: Math.ceil(i / 2), id: i * 10, key: `k${i}`, content: `text ${i}`, deleted: false });
    }
    stored[1].content = 'edited';
    stored[2].deleted = true;
    const entry = (m, more = {}) => ({ type: 'message', event: m.id, chat: m.chat, seq: m.seq, id: m.id, content: m.content, ...more });
    const ext = [
        [entry(stored[0]), entry(stored[1], { content: 'text 2' }), entry(stored[2]), { ...entry(stored[1]), type: 'edited', event: 31 }],
        [{ type: 'live', event: 31 }, { ...entry(stored[2]), type: 'deleted', event: 32 }, entry(stored[3]), entry(stored[4], { type: 'sent', reply: true }), entry(stored[5])],
    ];
    const strict = [stored.slice(0, 3).map((m) => entry(m, { event: 0 })), stored.slice(4).map((m) => entry(m, { event: 0 }))];
    return {
        ledger: stored.map((m) => ({ ...m })),
        store: { messages: stored.map((m) => ({ ...m })), events: { count: 60, max: 60 }, rest: new Map([1, 2].map((c) => [c, stored.filter((m) => m.chat === c).map((m) => ({ ...m }))])) },
        clients: [
            { name: 'ext', ext: true, chats: new Set([1, 2]), segments: ext },
            { name: 'strict', ext: false, chats: new Set([1, 2]), segments: strict },
        ],
    };
}

/** What may go wrong -> how the record looks then. */
export const DOCTORED = {
    'lost write': (r) => r.store.messages.splice(2, 1),
    'doubled write': (r) => r.store.messages.push({ ...r.store.messages[5], seq: 4, id: 70 }),
    'unknown write': (r) => r.ledger.pop(),
    'wrong write': (r) => { r.ledger[0].id = 11; },
    'lost change': (r) => { r.store.messages[1].content = 'text 2'; },
    hole: (r) => { r.store.events.count = 59; },
    'REST differs from the store': (r) => { r.store.rest.get(1)[0].content = 'old'; },
    gap: (r) => r.clients[0].segments[1].unshift({ type: 'gap', event: 32 }),
    'doubled event': (r) => r.clients[0].segments[1].unshift(r.clients[0].segments[0][3]),
    'doubled message': (r) => r.clients[0].segments[1].push({ ...r.clients[0].segments[0][0], event: 61 }),
    order: (r) => r.clients[0].segments[0].reverse(),
    'client differs from the store': (r) => r.clients[0].segments[1].pop(),
    'lost to a client': (r) => r.clients[1].segments[0].splice(1, 1),
    leak: (r) => r.clients[0].segments[1].push({ type: 'message', event: 99, chat: 3, seq: 1, id: 99, content: 'secret' }),
};
/** A second doctored record for the strict client, whose checks are others. */
export const DOCTORED_STRICT = {
    'doubled message': (r) => r.clients[1].segments[0].splice(1, 0, r.clients[1].segments[0][0]),
    order: (r) => r.clients[1].segments[0].reverse(),
    leak: (r) => r.clients[1].segments[1].push({ type: 'message', event: 0, chat: 2, seq: 9, id: 999, content: 'secret' }),
};

/** Names of what the checker failed to notice. */
export function selfTest() {
    const run = (doctor) => {
        const record = soundRecord();
        doctor(record);
        return check(record.ledger, record.store, record.clients);
    };
    const missed = [];
    const sound = run(() => {});
    if (sound.total !== 0) {
        missed.push(`the sound record is blamed: ${sound.lines.join('; ')}`);
    }
    for (const set of [DOCTORED, DOCTORED_STRICT]) {
        for (const [kind, doctor] of Object.entries(set)) {
            if (!run(doctor).counts[kind]) {
                missed.push(`${kind} is not noticed`);
            }
        }
    }
    return missed;
}
