// Requests that two parsers could read differently: each is refused or answered exactly once, and whatever is sent
// behind it on the same connection is never answered as a second request unless the first one was sound.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { Raw, request } from '../lib/raw.mjs';
import { useSystem } from '../lib/system.mjs';

const sys = useSystem({ before, after }, { workers: 1 });
const host = () => `Host: ${sys.host}:8000`;
const SMUGGLED = 'GET /healthz HTTP/1.1\r\nHost: x\r\nX-Smuggled: yes\r\n\r\n';
const JSON_HEAD = 'Content-Type: application/json';
const LOGIN = '/api/auth/login';

/** Send the bytes; all answers until the server closes or has answered `expect` requests. */
async function answers(bytes, { pieces } = {}) {
    const raw = await Raw.open(sys.host, 8000);
    for (const piece of pieces ?? [bytes]) {
        raw.send(piece);
    }
    raw.socket.end();
    const list = await raw.all();
    raw.close();
    return list;
}

describe('refused with one answer and a closed connection', () => {
    const body = '{"username":"nobody","password":"wrong"}';
    const chunked = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
    const post = (headers, text) => request('POST', LOGIN, [host(), JSON_HEAD, ...headers], text);
    const cases = {
        'Transfer-Encoding and Content-Length': () => post(['Transfer-Encoding: chunked', `Content-Length: ${chunked.length}`], chunked),
        'Content-Length and Transfer-Encoding': () => post(['Content-Length: 4', 'Transfer-Encoding: chunked'], chunked),
        'Transfer-Encoding alone': () => post(['Transfer-Encoding: chunked'], chunked),
        'Transfer-Encoding in odd case': () => post(['tRANSFER-eNCODING: ChUnKeD'], chunked),
        'Transfer-Encoding: identity': () => post(['Transfer-Encoding: identity', `Content-Length: ${body.length}`], body),
        'Transfer-Encoding: xchunked': () => post(['Transfer-Encoding: xchunked'], chunked),
        'Transfer-Encoding twice': () => post(['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'], chunked),
        'Transfer-Encoding with a tab': () => post(['Transfer-Encoding:\tchunked', `Content-Length: ${body.length}`], body),
        'Transfer-Encoding with a space before the colon': () => post(['Transfer-Encoding : chunked', `Content-Length: ${body.length}`], body),
        'Content-Length twice, different': () => post([`Content-Length: ${body.length}`, 'Content-Length: 2'], body),
        'Content-Length twice, equal': () => post([`Content-Length: ${body.length}`, `Content-Length: ${body.length}`], body),
        'Content-Length as a list': () => post([`Content-Length: ${body.length}, ${body.length}`], body),
        'Content-Length with a sign': () => post([`Content-Length: +${body.length}`], body),
        'negative Content-Length': () => post(['Content-Length: -1'], body),
        'Content-Length in hex': () => post([`Content-Length: 0x${body.length.toString(16)}`], body),
        'Content-Length with letters behind': () => post([`Content-Length: ${body.length}x`], body),
        'empty Content-Length': () => post(['Content-Length: '], body),
        'Content-Length beyond 64 bits': () => post(['Content-Length: 18446744073709551617'], body),
        'Host twice': () => request('GET', '/healthz', [host(), 'Host: evil.example']),
        'no Host': () => request('GET', '/healthz', []),
        'a line folded with a space': () => request('GET', '/healthz', [host(), 'X-A: 1\r\n folded']),
        'a line folded with a tab': () => request('GET', '/healthz', [host(), 'X-A: 1\r\n\tTransfer-Encoding: chunked']),
        'a first header line that is folded': () => `GET /healthz HTTP/1.1\r\n ${host()}\r\n\r\n`,
        'a space before the colon': () => request('GET', '/healthz', [host(), 'X-A : 1']),
        'a header without a colon': () => request('GET', '/healthz', [host(), 'nonsense']),
        'a header without a name': () => request('GET', '/healthz', [host(), ': x']),
        'bare LF line ends': () => `GET /healthz HTTP/1.1\n${host()}\n\n`,
        'one bare LF': () => `GET /healthz HTTP/1.1\r\n${host()}\nX-A: 1\r\n\r\n`,
        'a bare CR in a value': () => request('GET', '/healthz', [host(), 'X-A: 1\rTransfer-Encoding: chunked']),
        'a NUL in a value': () => request('GET', '/healthz', [host(), 'X-A: a\0b']),
        'a NUL in the path': () => request('GET', '/health\0z', [host()]),
        '%00 in the path': () => request('GET', '/healthz%00.html', [host()]),
        '%00 in the query': () => request('GET', '/api/users?q=a%00b', [host()]),
        'a broken percent escape': () => request('GET', '/healthz%zz', [host()]),
        'CONNECT': () => request('CONNECT', 'example.com:443', [host()]),
        'HTTP/2.0 in the request line': () => `GET /healthz HTTP/2.0\r\n${host()}\r\n\r\n`,
        'HTTP/1.2 in the request line': () => `GET /healthz HTTP/1.2\r\n${host()}\r\n\r\n`,
        'HTTP/0.9': () => 'GET /healthz\r\n\r\n',
        'two spaces in the request line': () => `GET  /healthz HTTP/1.1\r\n${host()}\r\n\r\n`,
        'a space in the target': () => `GET /healthz x HTTP/1.1\r\n${host()}\r\n\r\n`,
        'TLS instead of HTTP': () => '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + 'A'.repeat(600) + '\r\n\r\n',
        'the HTTP/2 preface': () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    };
    for (const [name, bytes] of Object.entries(cases)) {
        test(name, async () => {
            const list = await answers(bytes() + SMUGGLED);
            assert.ok(list.length <= 1, `${list.length} answers: ${list.map((a) => a.status)}`);
            if (list.length === 1) {
                assert.ok(list[0].status >= 400 && list[0].status < 600, `status ${list[0].status}`);
                assert.notEqual(list[0].status, 500);
            }
        });
    }
});

describe('accepted, and what follows is a request of its own', () => {
    test('two sound requests in one segment', async () => {
        const one = request('GET', '/healthz', [host()]);
        const list = await answers(one + one);
        assert.deepEqual(list.map((a) => a.status), [200, 200]);
    });
    test('a POST with its body, then a GET, byte by byte', async () => {
        const body = '{"username":"nobody","password":"wrong wrong"}';
        const bytes = request('POST', LOGIN, [host(), JSON_HEAD, `Content-Length: ${body.length}`], body) + request('GET', '/healthz', [host()]);
        const raw = await Raw.open(sys.host, 8000);
        // The head in up to 60 pieces: the door gives up above 64 wake-ups.
        const step = Math.ceil(bytes.length / 60);
        for (let i = 0; i < bytes.length; i += step) {
            raw.send(bytes.slice(i, i + step));
            await new Promise((resolve) => { setImmediate(resolve); });
        }
        assert.equal((await raw.answer()).status, 401);
        assert.equal((await raw.answer()).status, 200);
        raw.close();
    });
    for (const method of ['TRACE', 'get', 'BREW', 'G\u0045T2']) {
        test(`the method ${method}: refused, whether or not the connection goes on`, async () => {
            const list = await answers(request(method, '/healthz', [host()]) + request('GET', '/healthz', [host()]));
            assert.ok([400, 405, 501].includes(list[0].status), String(list[0].status));
            assert.ok(list.length === 1 || list[1].status === 200);
        });
    }
    test('an empty line before the request line', async () => {
        const list = await answers(`\r\n${request('GET', '/healthz', [host()])}`);
        assert.ok(list.length === 1 && [200, 400].includes(list[0].status), JSON.stringify(list));
    });
    test('HTTP/1.0 is answered and closed', async () => {
        const list = await answers(`GET /healthz HTTP/1.0\r\n${host()}\r\n\r\n`);
        assert.equal(list.length, 1);
        assert.ok([200, 400, 505].includes(list[0].status));
    });
    test('an absolute URI is never routed to another place', async () => {
        const list = await answers(request('GET', 'http://evil.example/healthz', [host()]) + SMUGGLED);
        assert.ok(list[0].status >= 400, `status ${list[0].status}`);
    });
    test('paths are matched exactly: no //, no dot segments, no encoded slash', async () => {
        for (const path of ['//healthz', '/./healthz', '/api/../healthz', '/api/%2e%2e/healthz', '/healthz/', '/api%2fme', '/HEALTHZ']) {
            const [answer] = await answers(request('GET', path, [host(), 'Connection: close']));
            assert.ok(answer.status === 404 || answer.status === 400, `${path}: ${answer.status}`);
        }
    });
    test('Expect: 100-continue is answered', async () => {
        const body = '{"username":"nobody","password":"wrong wrong"}';
        const raw = await Raw.open(sys.host, 8000);
        raw.send(request('POST', LOGIN, [host(), JSON_HEAD, 'Expect: 100-continue', `Content-Length: ${body.length}`]));
        const first = await raw.answer();
        if (first.status === 100) {
            raw.send(body);
            assert.equal((await raw.answer()).status, 401);
        } else {
            assert.equal(first.status, 417);
        }
        raw.close();
    });
});

test('after all of that the server still answers', async () => {
    assert.equal((await sys.api.call('GET', '/healthz')).status, 200);
});
