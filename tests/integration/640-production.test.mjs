// profile = prod: what is open to everybody in development is not.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import WebSocket from 'ws';
import { useSystem } from '../lib/system.mjs';

const sys = useSystem({ before, after }, { workers: 1, rest: { profile: 'prod' } });
const metrics = (headers = {}) => sys.api.call('GET', '/metrics', { headers });

test('numbers are for this machine and for administrators', async () => {
    assert.equal((await metrics()).status, 200);
    for (const header of ['x-forwarded-for', 'forwarded']) {
        const answer = await metrics({ [header]: '127.0.0.1' });
        assert.equal(answer.status, 403, `${header}: a proxy on this machine speaks for others`);
        assert.equal(answer.json.code, 'forbidden');
    }
    assert.equal((await metrics({ 'x-forwarded-for': '192.0.2.1', authorization: `Bearer ${sys.adminSecret}` })).status, 200);
    assert.equal((await metrics({ 'x-forwarded-for': '192.0.2.1', authorization: 'Bearer nonsense' })).status, 403);
});

test('a userId alone opens nothing, and a token only its own', async () => {
    const [ann, bob] = [await sys.api.user('Ann'), await sys.api.user('Bob')];
    const close = async (query) => {
        const socket = new WebSocket(`ws://${sys.host}:8000/api/ws?${query}`);
        const event = await new Promise((resolve) => socket.addEventListener('close', resolve, { once: true }));
        return event.code;
    };
    assert.equal(await close(`userId=${ann.username}`), 4401);
    assert.equal(await close(`userId=${ann.username}&token=${bob.token}`), 4401);
    assert.equal(await close(`userId=nobody&token=${bob.token}`), 4401);
    assert.equal(await close(`token=${ann.token}`), 4400);
});

test('localhost is no allowed origin', async () => {
    const ann = await sys.api.user('Ann');
    const answer = await sys.api.call('POST', '/api/auth/logout', { headers: { origin: 'http://localhost:8000', cookie: `confab_token=${ann.token}` } });
    assert.equal(answer.status, 403);
    const client = await sys.rooms(ann, { carrier: 'cookie', headers: { origin: 'http://localhost:8000' }, wait: false });
    assert.equal((await client.gone().catch(() => ({ code: 4403 }))).code, 4403);
});
