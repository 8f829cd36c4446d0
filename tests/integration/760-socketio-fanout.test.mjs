// One event to a room of ten thousand Socket.IO clients: encoded and framed once, the same bytes for everybody.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import { useSystem } from '../lib/system.mjs';
import { until } from '../lib/wait.mjs';

// A process that may have fewer descriptors takes fewer clients.
const descriptors = Number(/^Max open files +\d+ +(\d+)/m.exec(fs.readFileSync('/proc/self/limits', 'utf8'))[1]);
const CLIENTS = Math.min(10000, descriptors - 500);
const USERS = 20, MESSAGES = 5;

const QUIET = { eio_ping_interval_ms: '10m' }; // pings are frames, too

const sys = useSystem({ before, after }, { workers: 1, ws: QUIET, rest: { ...QUIET, user_connections_max: CLIENTS, address_connections_max: CLIENTS + 100, address_handshakes_per_s: 1000000, address_handshakes_burst: 1000000 } });

/** A masked text frame; the mask is zero. */
function frame(text) {
    const n = Buffer.byteLength(text);
    const head = n < 126 ? [0x81, 0x80 | n] : [0x81, 0x80 | 126, n >> 8, n & 255];
    return Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), Buffer.from(text)]);
}

/** A client that joins the room and then counts; no library, since ten thousand of them are in one process. */
function join(host, user, chat, heard) {
    return new Promise((resolve, reject) => {
        const socket = net.connect({ host, port: 3000 });
        const steps = [
            ['\r\n\r\n', frame(`40/chat,${JSON.stringify({ token: user.token })}`)],
            ['40/chat,{"sid"', frame(`42/chat,["joinConversation",{"convId":${chat}}]`)],
            ['["joinedConversation",', null],
        ];
        let text = '';
        socket.on('error', reject);
        socket.on('close', () => reject(new Error(`closed after ${text}`)));
        socket.on('data', (data) => {
            text += data.toString('latin1');
            if (steps.length === 0) {
                heard.bytes += data.length;
                return;
            }
            if (text.includes(steps[0][0])) {
                const [, next] = steps.shift();
                text = '';
                next ? socket.write(next) : resolve(socket);
            }
        });
        socket.write(`GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: ${host}:3000\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n`
            + 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n');
        socket.heard = () => text;
    });
}

test('ten thousand in one room', { timeout: 180000 }, async () => {
    const users = await sys.api.users(USERS);
    const room = await sys.api.group(users[0], 'Many', users.slice(1));
    const chat = parseInt(room.chat_id.slice(10), 16);
    const heard = { bytes: 0 };
    const sockets = [];
    while (sockets.length < CLIENTS) {
        const some = Array.from({ length: Math.min(200, CLIENTS - sockets.length) },
            (_, i) => join(sys.host, users[(sockets.length + i) % USERS], chat, heard));
        sockets.push(...await Promise.all(some));
    }
    const before_ = await sys.settled('confab_ws_encodings_total');
    const frames = await sys.total('confab_ws_frames_sent_total');
    for (let i = 0; i < MESSAGES; i += 1) {
        await sys.api.send(users[i], room.chat_id, `to everybody ${i}`);
    }
    await until('everybody has all of them', () => sockets.every((s) => s.heard().includes(`to everybody ${MESSAGES - 1}`)), 60000);
    assert.equal(await sys.settled('confab_ws_encodings_total') - before_, MESSAGES);
    assert.equal(await sys.total('confab_ws_frames_sent_total') - frames, MESSAGES * CLIENTS);
    const all = new Set(sockets.map((s) => s.heard().replace(/.*?(?=\x81~..42\/chat,\["newMessage")/s, '')));
    assert.equal(all.size, 1, 'the same bytes');
    assert.equal([...all][0].match(/\["newMessage",/g).length, MESSAGES);
    sockets.forEach((s) => { s.removeAllListeners('close'); s.destroy(); });
});
