// Notifications on sockets (D3 frames): to their user alone, to everybody, and again after a resume from memory and from the log.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { conversations, uuidOf } from '../lib/conversations.mjs';
import { Notes } from '../lib/notes.mjs';
import { useSystem } from '../lib/system.mjs';

let ann;
let bob;
let cyd;
let room;
const sys = useSystem({ before, after }, { workers: 2 }, async () => {
    [ann, bob, cyd] = await sys.api.users(3);
    room = await sys.api.group(ann, 'Room', [bob, cyd]);
});
const notes = new Notes(sys);
const isNote = (f) => f.link !== undefined;
const aboutNotes = (client) => client.frames.filter((f) => isNote(f) || f.notification_id || f.event === 'read_all');

/** Notifications of both kinds, behind which nothing of before is on its way. */
async function flush(pairs) {
    const title = `marker ${Math.random()}`;
    await notes.create({ user_ids: pairs.map(([u]) => u.id), title });
    await Promise.all(pairs.map(([, client]) => client.wait((f) => f.title === title)));
}

describe('live', () => {
    test('created, read, read_all, deleted: to every connection of the user, to nobody else', async () => {
        const mine = [await conversations(sys, bob), await conversations(sys, bob), await conversations(sys, bob)];
        const other = await conversations(sys, cyd);
        const { notification_ids: [one, two] } = { notification_ids: [
            ...(await notes.create({ user_ids: [bob.id], title: 'One', link: '/one' })).notification_ids,
            ...(await notes.create({ user_ids: [bob.id], title: 'Two' })).notification_ids] };
        await notes.read(bob, one);
        await notes.read(bob, one);
        await notes.delete(bob, two);
        await notes.delete(bob, two);
        await notes.create({ user_ids: [bob.id], title: 'Three' });
        await notes.readAll(bob);
        await notes.readAll(bob);
        await flush([...mine.map((c) => [bob, c]), [cyd, other]]);
        for (const client of mine) {
            const frames = aboutNotes(client).slice(0, -1);
            assert.deepEqual(Object.keys(frames[0]), ['id', 'user_id', 'type', 'title', 'message', 'link', 'is_read', 'created_at']);
            assert.deepEqual(frames[0].link, { String: '/one', Valid: true });
            assert.deepEqual([frames[0].id, frames[0].user_id, frames[0].title, frames[0].is_read], [uuidOf(one), uuidOf(bob.id), 'One', false]);
            assert.deepEqual(frames.slice(2).map((f) => (isNote(f) ? f.title : f)), [
                { event: 'read', notification_id: uuidOf(one) }, { event: 'deleted', notification_id: uuidOf(two) }, 'Three', { event: 'read_all' }]);
        }
        assert.equal(aboutNotes(other).length, 1, 'only the marker');
        [...mine, other].forEach((c) => c.close());
    });
    test('a message: for each member who does not look, not for the sender; reading the chat reads it', async () => {
        const [a, b, c] = await Promise.all([ann, bob, cyd].map((u) => conversations(sys, u)));
        const sent = await sys.api.send(ann, room.chat_id, 'news for you');
        for (const client of [b, c]) {
            const frame = await client.wait((f) => isNote(f) && f.message === 'news for you');
            assert.deepEqual([frame.type, frame.title, frame.link], ['new_message', `New message from ${ann.name}`, { String: `/chat/${room.chat_id}`, Valid: true }]);
        }
        await sys.api.expect(200, 'POST', `/api/chats/${room.chat_id}/read`, { token: bob.token });
        const [note] = (await notes.page(bob)).notifications;
        assert.equal(note.message_id, sent.message_id);
        await b.wait((f) => f.event === 'read' && f.notification_id === uuidOf(note.id));
        assert.equal((await notes.page(bob)).notifications[0].is_read, true);
        await flush([[ann, a], [bob, b], [cyd, c]]);
        assert.equal(aboutNotes(a).length, 1, 'the sender hears nothing but the marker');
        assert.ok(!aboutNotes(c).some((f) => f.event === 'read'), 'cyd has not read');
        [a, b, c].forEach((x) => x.close());
    });
    test('for everybody: on every connection of every worker', async () => {
        const clients = await Promise.all(Array.from({ length: 6 }, (_, i) => conversations(sys, [ann, bob, cyd][i % 3])));
        await notes.create({ everyone: true, title: 'To all of you' });
        for (const client of clients) {
            const frame = await client.wait((f) => f.title === 'To all of you');
            assert.equal(frame.user_id, '00000000-0000-0000-0000-000000000000');
            client.close();
        }
    });
});

for (const [where, prepare] of [
    ['memory', async () => {}],
    ['memory that was filled again at start', async () => {
        await sys.bounce(sys.rest);
        await sys.ready();
    }],
    ['the log', async () => {
        await sys.rest.stop();
        sys.rest.args.push('--set', 'ring_max_bytes=64k', '--set', 'ring_max_age_ms=1s');
        sys.rest.start();
        await sys.ready();
        const filler = await sys.api.group(ann, 'Filler', []);
        for (let i = 0; i < 40; i += 1) {
            await sys.api.send(ann, filler.chat_id, 'f'.repeat(8000));
        }
    }],
]) {
    test(`resumed from ${where}: what was missed, as it is now, and nothing twice`, { timeout: 60000 }, async () => {
        const [dan, eve] = await sys.api.users(2);
        const chat = await sys.api.group(ann, 'Resumed', [dan, eve]);
        const first = await conversations(sys, dan, { ext: true });
        const before = await sys.api.send(ann, chat.chat_id, 'seen live');
        await first.wait((f) => isNote(f) && f.message === 'seen live');
        const since = first.cursor;
        first.close();
        await first.closed;
        const sent = [];
        for (const text of ['stays', 'to be edited', 'to be deleted']) {
            sent.push(await sys.api.send(eve, chat.chat_id, text));
        }
        assert.equal(await notes.reason(sent[2], dan), 'notified');
        await sys.api.expect(200, 'PATCH', `/api/chats/${chat.chat_id}/messages/${sent[1].message_id}`, { token: eve.token, body: { content: 'edited' } });
        await sys.api.call('DELETE', `/api/chats/${chat.chat_id}/messages/${sent[2].message_id}`, { token: eve.token });
        await notes.create({ everyone: true, title: 'Broadcast while away' });
        const { notification_ids: [own] } = await notes.create({ user_ids: [dan.id], title: 'Own while away' });
        await notes.create({ user_ids: [eve.id], title: 'Not for dan' });
        await notes.read(dan, own);
        await prepare();
        const client = await conversations(sys, dan, { ext: true, since });
        await client.wait((f) => f._ext?.event === 'live');
        await flush([[dan, client]]);
        const frames = aboutNotes(client).slice(0, -1);
        const titles = frames.filter(isNote).map((f) => f.title);
        assert.deepEqual(titles, [...Array(3).fill(`New message from ${eve.name}`), 'Broadcast while away', 'Own while away']);
        assert.deepEqual(frames.filter(isNote).slice(0, 3).map((f) => f.message), ['stays', 'edited', '']);
        assert.deepEqual(frames.filter((f) => !isNote(f)).map((f) => [f.event, f.notification_id]), [['read', uuidOf(own)]]);
        const ids = frames.map((f) => Number(f._ext.event_id.split('.').pop()));
        assert.deepEqual(ids, [...ids].sort((x, y) => x - y), 'in the order of the log');
        assert.ok(!client.texts.some((t) => t.includes('to be deleted') || t.includes('Not for dan') || t.includes('seen live')));
        assert.ok(before.message_id);
        const late = await sys.api.user('Late');
        const newcomer = await conversations(sys, late, { ext: true, since });
        await newcomer.wait((f) => f._ext?.event === 'live');
        await flush([[late, newcomer]]);
        assert.deepEqual(aboutNotes(newcomer).map((f) => f.title).filter((t) => t === 'Broadcast while away'), [], 'it was before their time');
        client.close();
        newcomer.close();
    });
}
