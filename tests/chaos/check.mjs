// The verdict: pure functions over what the writers were told, what the store holds, and what every client received.
//
//   ledger   one entry per message a writer got an acknowledgement for:
//            {key, chat, id, content, deleted}; the state that its last acknowledged change left behind
//   store    {messages: [{chat, seq, id, content, deleted, key}], events: {count, max}, rest: Map chat -> [{seq, id, content, deleted}]}
//   client   {name, ext, chats: Set, segments: [[entry...]...]}; one segment per connection, entries in order of arrival:
//            {type: 'message'|'edited'|'deleted'|'sent'|'live'|'gap'|'other', event, chat, seq, id, content, reply}
//            reply: the answer to a command of the client's own; it stands at its event's place in the stream
// Every violation is a sentence; none means that nothing was lost, doubled or out of order.

const LIMIT = 20; // sentences per kind; the rest is only counted

class Findings {
    constructor() {
        this.counts = {};
        this.lines = [];
    }

    add(kind, line) {
        this.counts[kind] = (this.counts[kind] ?? 0) + 1;
        if (this.counts[kind] <= LIMIT) {
            this.lines.push(`${kind}: ${line}`);
        }
    }

    get total() {
        return Object.values(this.counts).reduce((a, b) => a + b, 0);
    }
}

/** Everything that is wrong. */
export function check(ledger, store, clients) {
    const findings = new Findings();
    const byChat = groupBy(store.messages);
    checkStore(findings, ledger, store, byChat);
    for (const client of clients) {
        if (client.ext) {
            checkResuming(findings, client, byChat);
        } else {
            checkStrict(findings, client, byChat);
        }
    }
    return findings;
}

function groupBy(messages) {
    const map = new Map();
    for (const m of messages) {
        if (!map.has(m.chat)) {
            map.set(m.chat, []);
        }
        map.get(m.chat).push(m);
    }
    return map;
}

/** Acknowledged writes are in the store once and as acknowledged; the store has nothing else; numbers have no holes. */
function checkStore(findings, ledger, store, byChat) {
    const byKey = new Map();
    for (const m of store.messages) {
        if (byKey.has(m.key)) {
            findings.add('doubled write', `${m.key} is in the store as ${byKey.get(m.key).id} and ${m.id}`);
        }
        byKey.set(m.key, m);
    }
    const acknowledged = new Set();
    for (const entry of ledger) {
        acknowledged.add(entry.key);
        const m = byKey.get(entry.key);
        if (!m) {
            findings.add('lost write', `${entry.key} was acknowledged as message ${entry.id} and is not in the store`);
        } else if (m.id !== entry.id || m.chat !== entry.chat) {
            findings.add('wrong write', `${entry.key} was acknowledged as ${entry.chat}/${entry.id}, the store has ${m.chat}/${m.id}`);
        } else if (m.deleted !== entry.deleted || (!m.deleted && m.content !== entry.content)) {
            findings.add('lost change', `${entry.key}: acknowledged ${JSON.stringify([entry.content, entry.deleted])}, stored ${JSON.stringify([m.content, m.deleted])}`);
        }
    }
    for (const key of byKey.keys()) {
        if (!acknowledged.has(key)) {
            findings.add('unknown write', `${key} is in the store, nobody was told so`);
        }
    }
    for (const [chat, messages] of byChat) {
        messages.sort((a, b) => a.seq - b.seq);
        messages.forEach((m, i) => {
            if (m.seq !== i + 1 || (i > 0 && m.id <= messages[i - 1].id)) {
                findings.add('hole', `chat ${chat}: message ${i + 1} has seq ${m.seq}, id ${m.id}`);
            }
        });
        if (store.rest) {
            compareStates(findings, 'REST differs from the store', `chat ${chat}`, store.rest.get(chat) ?? [], messages);
        }
    }
    if (store.events && store.events.count !== store.events.max) {
        findings.add('hole', `the log has ${store.events.count} events, the last is ${store.events.max}`);
    }
}

function compareStates(findings, kind, who, seen, stored) {
    const byId = new Map(seen.map((m) => [m.id, m]));
    for (const m of stored) {
        const s = byId.get(m.id);
        if (!s) {
            findings.add(kind, `${who} lacks message ${m.seq} (${m.id})`);
        } else if (s.seq !== m.seq || s.deleted !== m.deleted || (!m.deleted && s.content !== m.content)) {
            findings.add(kind, `${who}, message ${m.seq}: ${JSON.stringify([s.seq, s.content, s.deleted])}, stored ${JSON.stringify([m.seq, m.content, m.deleted])}`);
        }
    }
    if (seen.length > stored.length) {
        findings.add(kind, `${who} has ${seen.length} messages, the store ${stored.length}`);
    }
}

/** A client with cursors: over all its connections rising event ids, each message once, and the server's state at the end. */
function checkResuming(findings, client, byChat) {
    let last = 0;
    const states = new Map();
    const messages = new Set();
    for (const segment of client.segments) {
        for (const e of segment) {
            if (e.type === 'gap') {
                findings.add('gap', `${client.name} was told of a gap at ${e.event}`);
                continue;
            }
            if (e.type === 'live') { // no event, but the place from which on events follow
                if (e.event < last) {
                    findings.add('order', `${client.name} is live from ${e.event} after event ${last}`);
                }
                last = Math.max(last, e.event);
                continue;
            }
            // The reply to a repeated command names the event of the first one, which has been here already.
            if (e.reply && e.event <= last) {
                if (e.type === 'sent' && !messages.has(e.id)) {
                    findings.add('lost to a client', `${client.name} got the reply to ${e.id} but never the message`);
                }
                continue;
            }
            if (e.event) {
                if (e.event <= last) {
                    findings.add(e.event === last ? 'doubled event' : 'order', `${client.name} got event ${e.event} after ${last}`);
                }
                last = Math.max(last, e.event);
            }
            apply(findings, client, states, messages, e);
        }
    }
    for (const chat of client.chats) {
        const seen = [...(states.get(chat) ?? new Map()).values()];
        compareStates(findings, 'client differs from the store', `${client.name} in chat ${chat}`, seen, byChat.get(chat) ?? []);
    }
}

function apply(findings, client, states, messages, e) {
    if (!['message', 'sent', 'edited', 'deleted'].includes(e.type)) {
        return;
    }
    if (!client.chats.has(e.chat)) {
        findings.add('leak', `${client.name} got a message of chat ${e.chat}`);
    }
    if (!states.has(e.chat)) {
        states.set(e.chat, new Map());
    }
    const chat = states.get(e.chat);
    if (e.type === 'message' || e.type === 'sent') {
        if (messages.has(e.id)) {
            findings.add('doubled message', `${client.name} got message ${e.id} twice`);
        }
        messages.add(e.id);
        chat.set(e.id, { seq: e.seq, id: e.id, content: e.content, deleted: e.isDeleted ?? false });
        return;
    }
    const m = chat.get(e.id);
    if (!m) {
        findings.add('order', `${client.name} got a change of message ${e.id} before the message`);
    } else if (e.type === 'edited') {
        // A replay shows the present row, also when that is deleted by now.
        m.content = e.content;
        m.deleted = e.isDeleted ?? m.deleted;
    } else {
        m.deleted = true;
    }
}

/** A client without cursors: between two reconnects nothing is missing, doubled or out of order. */
function checkStrict(findings, client, byChat) {
    const all = [...client.chats].flatMap((chat) => byChat.get(chat) ?? []).map((m) => m.id).sort((a, b) => a - b);
    for (const segment of client.segments) {
        const ids = segment.filter((e) => e.type === 'message').map((e) => e.id);
        if (ids.length === 0) {
            continue;
        }
        for (let i = 1; i < ids.length; i += 1) {
            if (ids[i] === ids[i - 1]) {
                findings.add('doubled message', `${client.name} (strict) got message ${ids[i]} twice`);
            } else if (ids[i] < ids[i - 1]) {
                findings.add('order', `${client.name} (strict) got message ${ids[i]} after ${ids[i - 1]}`);
            }
        }
        const got = new Set(ids);
        // What the client itself said on a socket is answered, not echoed.
        const own = new Set(segment.filter((e) => e.type === 'sent').map((e) => e.id));
        const low = Math.min(...ids);
        const high = Math.max(...ids);
        for (const id of all) {
            if (id > low && id < high && !got.has(id) && !own.has(id)) {
                findings.add('lost to a client', `${client.name} (strict) was connected and lacks message ${id}`);
            }
        }
        for (const id of ids) {
            if (!inSorted(all, id)) {
                findings.add('leak', `${client.name} (strict) got message ${id}, which its rooms do not have`);
            }
        }
    }
}

function inSorted(list, value) {
    let low = 0;
    let high = list.length;
    while (low < high) {
        const middle = (low + high) >> 1;
        if (list[middle] < value) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return list[low] === value;
}
