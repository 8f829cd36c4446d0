// What there is to see: people, chats with everything a message can be, an event with guests, notifications.
import zlib from 'node:zlib';

const PEOPLE = [
    ['ada', 'Ada Lovelace'], ['bo', 'Bo Nilsson'], ['chiara', 'Chiara Conti'], ['dmitri', 'Дмитрий Соколов'], ['emeka', 'Emeka Okafor'],
    ['farah', 'فرح الزهراني'], ['grace', 'Grace Kim'],
];

/** A PNG with a soft gradient: something to look at in a preview. */
function picture(width = 640, height = 400) {
    const rows = [];
    for (let y = 0; y < height; y += 1) {
        const row = Buffer.alloc(1 + width * 3);
        for (let x = 0; x < width; x += 1) {
            row.set([90 + (x * 120) / width, 110 + (y * 90) / height, 200 - (x * 60) / width], 1 + x * 3);
        }
        rows.push(row);
    }
    const chunk = (type, data) => {
        const body = Buffer.concat([Buffer.from(type), data]);
        const head = Buffer.alloc(4);
        const sum = Buffer.alloc(4);
        head.writeUInt32BE(data.length);
        sum.writeUInt32BE(crc(body));
        return Buffer.concat([head, body, sum]);
    };
    const header = Buffer.alloc(13);
    header.writeUInt32BE(width, 0);
    header.writeUInt32BE(height, 4);
    header.set([8, 2, 0, 0, 0], 8);
    return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', header), chunk('IDAT', zlib.deflateSync(Buffer.concat(rows))), chunk('IEND', Buffer.alloc(0))]);
}

function crc(bytes) {
    let c = 0xffffffff;
    for (const byte of bytes) {
        c ^= byte;
        for (let k = 0; k < 8; k += 1) {
            c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
        }
    }
    return (c ^ 0xffffffff) >>> 0;
}

async function attach(web, by, chat, name, type, bytes) {
    const { json } = await web.sys.api.expect(201, 'POST', `/api/chats/${chat.chat_id}/attachments?name=${encodeURIComponent(name)}`,
        { token: by.token, body: bytes, headers: { 'content-type': type } });
    await web.sys.api.expect(201, 'POST', `/api/chats/${chat.chat_id}/messages`,
        { token: by.token, body: { content: '', attachment_id: json.id, client_msg_id: name } });
}

async function event(web, people) {
    const { api } = web.sys;
    const { ada, ...others } = people;
    const { json: session } = await api.expect(201, 'POST', '/api/sessions', { token: ada.token, body: { title: 'Summer meeting' } });
    await api.expect(201, 'POST', `/api/sessions/${session.session_id}/attendees`,
        { token: ada.token, body: { user_ids: Object.values(others).map((u) => u.id) } });
    for (const user of Object.values(others).slice(0, 4)) {
        await api.call('POST', `/api/sessions/${session.session_id}/checkins`, { token: ada.token, body: { user_id: user.id } });
    }
    await api.call('POST', `/api/sessions/${session.session_id}/checkins`, { token: ada.token, body: { user_id: Object.values(others)[0].id } });
    return session;
}

/** Ada is who looks at all this. */
export async function makeWorld(web) {
    const { api } = web.sys;
    const people = {};
    for (const [username, name] of PEOPLE) {
        people[username] = await web.user(name, username);
    }
    const { ada, bo, chiara, dmitri, emeka, farah, grace } = people;
    const say = (by, chat, content) => api.send(by, chat.chat_id, content);
    const personal = {};
    for (const other of [farah, emeka, chiara, dmitri]) {
        personal[other.username] = await api.personal(ada, other);
    }
    await say(farah, personal.farah, 'شكرا على المساعدة أمس!');
    await say(emeka, personal.emeka, 'Did you get the contract?');
    await say(ada, personal.emeka, 'Yes, signed and sent.');
    await say(dmitri, personal.dmitri, 'Посмотри, пожалуйста, последние цифры.');
    const team = await api.group(bo, 'Design team', [ada, chiara, grace, emeka]);
    await say(bo, team, 'Morning all. The new palette is ready for a look.');
    await say(grace, team, 'Looks good! The dark theme is much calmer now.');
    await say(chiara, team, '😍');
    await say(ada, team, 'One thing: the contrast of the secondary text. Can we go a step darker?');
    await say(bo, team, 'Sure. Here is the draft, see https://example.org/palette for the old one.');
    await attach(web, bo, team, 'palette.png', 'image/png', picture());
    await attach(web, bo, team, 'Contrast measurements.csv', 'text/csv', Buffer.from('name,ratio\n'.repeat(900)));
    await say(ada, team, '> Grace Kim: Looks good! The dark theme is much calmer now.\n\nAgreed, and it is easier on the eyes in the evening.');
    await say(ada, team, 'Thank you both.');
    const chat = personal.chiara;
    await say(chiara, chat, 'Are you coming to the summer meeting?');
    await say(ada, chat, 'I am. Shall we take the train at eight?');
    const session = await event(web, people);
    await api.admin('POST', '/api/admin/notifications', { body: { user_ids: [ada.id], type: 'maintenance', title: 'Maintenance on Sunday', message: 'The service is away from 06:00 to 06:15.', link: '/settings' } });
    await say(dmitri, personal.dmitri, 'И ещё: когда удобно созвониться?');
    await say(chiara, chat, 'Perfect, I have the tickets.');
    await say(chiara, chat, 'Platform 4, ten minutes before.');
    await api.group(grace, '', [ada, farah]); // a room without a name
    return { ...people, personal, team, session };
}
