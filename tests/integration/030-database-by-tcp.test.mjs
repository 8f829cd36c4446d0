// An external MariaDB: over TCP with TLS and a password, with a user that may do nothing else.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from '../lib/database.mjs';
import { System } from '../lib/system.mjs';
import { until } from '../lib/wait.mjs';

const run = promisify(execFile);
const SCRIPT = path.join(ROOT, 'etc/dev/mariadb.sh');

const freePort = () => new Promise((done) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
        const { port } = server.address();
        server.close(() => done(port));
    });
});

describe('over TCP with TLS', () => {
    const sys = new System({ name: '030-database-by-tcp', workers: 1 });
    const at = (name) => path.join(sys.dir, name);
    let port;

    /** A CA, and certificates signed by it. */
    async function certificates() {
        const ssl = (...args) => run('openssl', args, { cwd: sys.dir });
        for (const ca of ['ca', 'other']) {
            await ssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', `/CN=${ca}`, '-keyout', `${ca}.key`, '-out', `${ca}.pem`);
        }
        for (const [name, subject] of [['server', '/CN=localhost'], ['client', '/CN=confab']]) {
            fs.writeFileSync(at(`${name}.ext`), 'subjectAltName = DNS:localhost\n');
            await ssl('req', '-newkey', 'rsa:2048', '-nodes', '-subj', subject, '-keyout', `${name}.key`, '-out', `${name}.csr`);
            await ssl('x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2',
                '-extfile', `${name}.ext`, '-out', `${name}.pem`);
        }
    }

    before(async () => {
        port = await freePort();
        await certificates();
        await run(SCRIPT, ['start', sys.db.dir, 'skip-networking=0', 'bind-address=127.0.0.1,127.0.0.2', `port=${port}`, 'innodb_log_file_size=32M',
            `ssl-ca=${at('ca.pem')}`, `ssl-cert=${at('server.pem')}`, `ssl-key=${at('server.key')}`]);
        await sys.db.start(); // it runs already: makes the database
        execFileSync(SCRIPT, ['sql', sys.db.dir], { input: `
            CREATE USER 'remote'@'127.0.0.1' IDENTIFIED BY 'a long password' REQUIRE SSL;
            CREATE USER 'badge'@'127.0.0.1' IDENTIFIED BY 'a long password' REQUIRE X509;
            GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES ON confab.* TO 'remote'@'127.0.0.1', 'badge'@'127.0.0.1';` });
        Object.assign(sys.options.rest, {
            db_socket: '', db_host: 'localhost', db_port: port, db_user: 'remote', db_password_file: sys.file('remote.password', 'a long password\n'),
            db_tls_ca: at('ca.pem'),
        });
    });
    after(async () => { await sys.stop(); });

    test('the server is known by its certificate, messages are stored', async () => {
        await sys.start();
        const [ann, bob] = await sys.api.users(2);
        const room = await sys.api.group(ann, 'Far away', [bob]);
        await sys.api.send(ann, room.chat_id, 'stored');
        const sessions = await sys.db.sql("SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'remote' AND host NOT LIKE 'localhost%'");
        assert.ok(Number(sessions[0][0]) > 0, 'not over TCP');
    });

    /** Start again with other settings. It keeps trying for a minute, so what it says must come before that. */
    async function says(settings) {
        await sys.rest.stop();
        Object.assign(sys.options.rest, settings);
        sys.writeConfig();
        const seen = sys.rest.output().length;
        sys.rest.start();
        return (pattern) => until(`${pattern}`, () => pattern.test(sys.rest.output().slice(seen)), 20000);
    }

    test('a client certificate, when the database asks for one', async () => {
        await (await says({ db_user: 'badge', db_tls_cert: at('client.pem'), db_tls_key: at('client.key') }))(/ ready /);
    });
    test('without it: no entry, and the log says why', async () => {
        await (await says({ db_user: 'badge', db_tls_cert: '', db_tls_key: '' }))(/Access denied/);
    });
    test('a certificate of somebody else: no entry, and the log says why', async () => {
        await (await says({ db_user: 'remote', db_tls_ca: at('other.pem') }))(/certificate|TLS|SSL/i);
    });
    // Not 127.0.0.1: newer libraries take that for localhost.
    test('a certificate for another name: no entry, and the log says why', async () => {
        await (await says({ db_tls_ca: at('ca.pem'), db_host: '127.0.0.2' }))(/certificate|TLS|SSL/i);
    });
    test('a database that does not speak TLS is not talked to when TLS was asked for', async () => {
        const plain = new System({ name: '030-plain' });
        const plainPort = await freePort();
        await run(SCRIPT, ['start', plain.db.dir, 'skip-networking=0', 'bind-address=127.0.0.1', `port=${plainPort}`, 'skip-ssl', 'innodb_log_file_size=16M']);
        await plain.db.start();
        try {
            await (await says({ db_tls_ca: at('ca.pem'), db_host: 'localhost', db_port: plainPort }))(/TLS|SSL/i);
        } finally {
            await plain.stop();
        }
    });
    test('a user that requires TLS does not get in without', async () => {
        await (await says({ db_tls_ca: '', db_host: '127.0.0.1', db_port: port }))(/Access denied/);
    });
});
