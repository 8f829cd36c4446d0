// The wscat lines of the conversations document, run by the real wscat: what is in <> is filled in, all else is as written.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { MESSAGE_KEYS, conversations, uuidOf } from '../lib/conversations.mjs';
import { useSystem } from '../lib/system.mjs';
import { Wscat, commandLines } from '../lib/wscat.mjs';

let ann;
let bob;
let room;
const sys = useSystem({ before, after }, {}, async () => {
    [ann, bob] = await Promise.all(['Ann', 'Bob'].map((n) => sys.api.user(n)));
    room = await sys.api.group(ann, 'Room', [bob]);
});
const [inText, inBlock] = commandLines('conversations.md');
const url = () => `/api/chats/${room.chat_id}/messages`;
/** The connection stands once something comes through. */
async function connected(cat) {
    let n = 0;
    const timer = setInterval(() => { n += 1; void sys.api.send(bob, room.chat_id, `are you there ${n}`).catch(() => {}); }, 200);
    await cat.wait((f) => f.content?.startsWith('are you there')).finally(() => clearInterval(timer));
}

test('the document has three lines', () => {
    assert.deepEqual(commandLines('conversations.md'), [
        'wscat -c "ws://localhost:8080/ws" -H "Authorization: Bearer <your_access_token>"',
        'wscat -c "ws://localhost:8080/ws" -H "Authorization: Bearer <your_access_token>"',
        'wscat -c "ws://localhost:8080/ws/dashboard/<session_id>"',
    ]);
});

describe('wscat with a token', () => {
    let cat;
    before(async () => {
        cat = new Wscat(sys, inBlock, { your_access_token: ann.token });
        await connected(cat);
    });
    after(() => cat?.close());
    test('shows a message, its edit and its deletion', async () => {
        const sent = await sys.api.send(bob, room.chat_id, 'for wscat');
        const first = await cat.wait((f) => f.content === 'for wscat');
        assert.deepEqual(Object.keys(first), MESSAGE_KEYS);
        await sys.api.expect(200, 'PATCH', `${url()}/${sent.message_id}`, { token: bob.token, body: { content: 'edited' } });
        assert.deepEqual(await cat.wait((f) => f.content === 'edited'), { ...first, content: 'edited', is_edited: true });
        await sys.api.call('DELETE', `${url()}/${sent.message_id}`, { token: bob.token });
        assert.deepEqual(await cat.wait((f) => f.is_deleted), { ...first, content: '', is_edited: true, is_deleted: true });
    });
    test('sends what is typed', async () => {
        const peer = await conversations(sys, bob);
        cat.type({ conversation_id: uuidOf(room.chat_id), content: 'typed by hand' });
        cat.type({ conversation_id: uuidOf(room.chat_id), content: '/d.png', type: 'image' });
        const frame = await peer.wait((f) => f.content === 'typed by hand');
        assert.deepEqual([frame.sender_id, frame.message_type], [uuidOf(ann.id), 'text']);
        assert.equal((await peer.wait((f) => f.content === '/d.png')).message_type, 'image');
        peer.close();
    });
    test('shows errors, and stays connected', async () => {
        cat.type('not JSON');
        assert.deepEqual((await cat.wait((f) => f.error)).error.code, 'bad_json');
        cat.type({ type: 'ping' });
        assert.equal((await cat.wait((f) => f.error?.code === 'unsupported_type')).error.code, 'unsupported_type');
        await sys.api.send(bob, room.chat_id, 'still there');
        await cat.wait((f) => f.content === 'still there');
    });
});

test('the line in the text is the same line', async () => {
    const cat = new Wscat(sys, inText, { your_access_token: ann.token });
    await connected(cat);
    cat.close();
});

test('wscat with a bad token is told 401', async () => {
    const cat = new Wscat(sys, inBlock, { your_access_token: 'nonsense' });
    assert.notEqual(await cat.ended(), 0);
    assert.match(cat.err, /Unexpected server response: 401/);
});
