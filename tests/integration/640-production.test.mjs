// profile = prod: what is open to everybody in development is not.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
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

test('localhost is no allowed origin', async () => {
    const ann = await sys.api.user('Ann');
    const answer = await sys.api.call('POST', '/api/auth/logout', { headers: { origin: 'http://localhost:8000', cookie: `confab_token=${ann.token}` } });
    assert.equal(answer.status, 403);
    const client = await sys.rooms(ann, { carrier: 'cookie', headers: { origin: 'http://localhost:8000' }, wait: false });
    assert.equal((await client.gone().catch(() => ({ code: 4403 }))).code, 4403);
});
