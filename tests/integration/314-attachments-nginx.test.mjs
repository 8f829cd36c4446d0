// Attachments through the proxy of etc/nginx/confab.conf, with plain HTTP and our ports instead of its own.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { ROOT } from '../lib/database.mjs';
import { Raw, request } from '../lib/raw.mjs';
import { useSystem } from '../lib/system.mjs';
import { until } from '../lib/wait.mjs';
import { Attachments, PDF, noise, sha256 } from '../lib/attachments.mjs';

const NGINX = '/usr/sbin/nginx';
const MB = 1024 * 1024;

/** The sample's upstream, map and first server. */
function proxyConfig(sys, address, dir) {
    const sample = fs.readFileSync(path.join(ROOT, 'etc/nginx/confab.conf'), 'utf8');
    const text = sample.slice(0, sample.lastIndexOf('\nserver {'))
        .replace('server 127.0.0.1:8000;', `server ${sys.host}:8000;`)
        .replace('listen 443 ssl;', `listen ${address};`).replace('    listen [::]:443 ssl;\n', '')
        .replace(/^ *ssl_.*\n/gm, '');
    assert.match(text, /proxy_request_buffering off/);
    return `daemon off; worker_processes 1; pid ${dir}/pid; error_log ${dir}/error.log;
events { worker_connections 512; }
http {
client_body_temp_path ${dir}/body; proxy_temp_path ${dir}/proxy; fastcgi_temp_path ${dir}/f; uwsgi_temp_path ${dir}/u; scgi_temp_path ${dir}/s;
${text}
}
`;
}

describe('through nginx', { skip: fs.existsSync(NGINX) ? false : 'no nginx (apt-get install nginx-light)' }, () => {
    let nginx;
    let ann;
    let room;
    let files;
    const sys = useSystem({ before, after }, { workers: 1 }, async () => {
        [ann] = await sys.api.users(1);
        room = await sys.api.group(ann, 'Room', []);
        const dir = path.join(sys.dir, 'nginx');
        fs.mkdirSync(dir);
        fs.writeFileSync(path.join(dir, 'nginx.conf'), proxyConfig(sys, `${sys.host}:7000`, dir));
        nginx = spawn(NGINX, ['-c', path.join(dir, 'nginx.conf'), '-p', dir], { stdio: 'ignore' });
        await until('nginx answers', async () => (await fetch(`http://${sys.host}:7000/healthz`)).ok);
        files = new Attachments({ api: Object.assign(Object.create(sys.api), { base: `http://${sys.host}:7000` }), origin: `http://${sys.host}:7000`, dir: sys.dir });
    });
    after(() => nginx?.kill('SIGTERM'));

    test('20 MB up and down, whole and in part', async () => {
        const bytes = noise(20 * MB);
        const a = await files.post(ann, room.chat_id, bytes);
        assert.equal(a.sha256, sha256(bytes));
        assert.ok((await files.get(ann, a.id)).bytes.equals(bytes));
        assert.ok((await files.get(ann, a.id, { headers: { range: 'bytes=5000000-5000099' }, status: 206 })).bytes.equals(bytes.subarray(5000000, 5000100)));
        await files.get(ann, a.id, { headers: { 'if-none-match': `"${sha256(bytes)}"` }, status: 304 });
    });
    test('bytes are passed on as they come, and what came of a broken upload counts', async () => {
        const bytes = noise(8 * MB, 2);
        const { upload_id: id } = await files.begin(ann, room.chat_id, bytes.length);
        const raw = await Raw.open(sys.host, 7000);
        raw.send(request('PATCH', `/api/uploads/${id}`, [`Host: ${sys.host}`, `Authorization: Bearer ${ann.token}`, 'Upload-Offset: 0', `Content-Length: ${bytes.length}`]));
        raw.send(bytes.subarray(0, 4 * MB));
        const offset = async () => (await files.status(ann, id)).json.offset;
        await until('half of it is there', async () => await offset() === 4 * MB);
        raw.close();
        let done;
        await until('it goes on', async () => {
            done = await files.patch(ann, id, 4 * MB, bytes.subarray(4 * MB));
            return done.status !== 409;
        });
        assert.equal(done.status, 201, done.text);
        assert.equal(done.json.sha256, sha256(bytes));
    });
    test('refusals come through', async () => {
        assert.equal((await files.post(ann, room.chat_id, PDF, { name: 'a.png', status: 415 })).json.code, 'content_mismatch');
        const raw = await Raw.open(sys.host, 7000);
        raw.send(request('POST', `/api/chats/${room.chat_id}/attachments?name=a.png`, [`Host: ${sys.host}`, `Authorization: Bearer ${ann.token}`, `Content-Length: ${30 * MB}`]));
        raw.send(noise(2 * MB));
        assert.equal((await raw.answer()).status, 415);
        raw.close();
    });
});
