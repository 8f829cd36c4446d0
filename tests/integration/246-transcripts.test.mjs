// The golden transcripts of the dialects once more, over real sockets: a worker, WebSocket clients, and a link.
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ROOT } from '../lib/database.mjs';
import { Replay } from '../lib/transcript.mjs';
import { Worker } from '../lib/worker.mjs';

// Socket.IO has several packets to a frame and sessions without sockets: its own tests run it against real clients.
const dialects = {
    rooms: { id: 1 }, subscribe: { id: 2, greets: true }, conversations: { id: 4 }, dashboard: { id: 5, topic: true }, inbox: { id: 6 }, inbox_chat: { id: 7 },
};

for (const [name, dialect] of Object.entries(dialects)) {
    describe(name, () => {
        let worker;
        before(async () => {
            worker = await new Worker({
                messages_per_s: 100000, messages_burst: 100000, typing_repeat_ms: '50ms', typing_per_s: 1000,
                link_retry_min_ms: '1ms', link_retry_max_ms: '10ms', drain_ms: '50ms',
            }).start();
        });
        after(() => worker.stop());
        for (const file of fs.readdirSync(path.join(ROOT, 'tests/dialect', name)).sort()) {
            test(file, async () => { await new Replay(worker, dialect).run(`tests/dialect/${name}/${file}`); });
        }
    });
}
