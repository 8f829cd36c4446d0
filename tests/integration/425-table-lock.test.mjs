// A backup's lock holds the writer's statement inside the server for longer than confab-rest waits for an answer. The
// connection is given up, the statement is not: it must not count when the lock goes, beside the one sent instead of it.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { useSystem } from '../lib/system.mjs';
import { until } from '../lib/wait.mjs';

const sys = useSystem({ before, after }, { workers: 1, rest: { db_io_timeout_ms: '1s', writer_deadline_ms: '2s', db_check_ms: '60s' } });

/** FLUSH TABLES WITH READ LOCK by a session of its own; the returned function ends it. */
async function lockTables() {
    const client = spawn('mariadb', ['--socket', sys.db.socket, '--unbuffered', '--skip-column-names']);
    client.stdin.write("FLUSH TABLES WITH READ LOCK; SELECT 'locked';\n");
    await once(client.stdout, 'data');
    return async () => {
        client.stdin.end('UNLOCK TABLES;\n');
        await once(client, 'exit');
    };
}

test('messages behind a lock are stored once, delivered once, and writing goes on', async () => {
    const [ann, bob] = await sys.api.users(2);
    const room = await sys.api.group(ann, 'locked', [bob]);
    const client = await sys.rooms(bob, { ext: true });
    const post = (text) => until(`"${text}" is stored`, async () => {
        const answer = await sys.api.call('POST', `/api/chats/${room.chat_id}/messages`,
            { token: ann.token, body: { content: text, client_msg_id: text } });
        assert.ok(answer.status < 300 || answer.status === 503, answer.text);
        return answer.status < 300;
    }, 60000);
    await post('before');

    const unlock = await lockTables();
    const waiting = ['a', 'b', 'c'].map(post);
    const given = (n) => until(`${n} connections given up`, () => sys.rest.output().split('commit_in_doubt').length
        + sys.rest.output().split('store_failed number=2013').length - 2 >= n, 30000);
    await given(6);
    await unlock();
    await Promise.all(waiting);
    await post('after');

    const expected = ['a', 'after', 'b', 'before', 'c'];
    const stored = await sys.db.sql('SELECT seq, content FROM messages ORDER BY seq');
    assert.deepEqual(stored.map(([, content]) => content).sort(), expected);
    assert.deepEqual(stored.map(([seq]) => seq), ['1', '2', '3', '4', '5']);
    const messages = () => client.frames.filter((f) => f.type === 'group_message');
    await until('all are delivered', () => messages().length >= 5);
    assert.deepEqual(messages().map((f) => f.data.content).sort(), expected);
});
