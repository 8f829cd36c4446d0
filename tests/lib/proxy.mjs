// A TCP proxy in front of a system: connections are cut, refused or held back as a bad network would.
import net from 'node:net';

export class Proxy {
    /** Listens on the system's address beside its ports. */
    constructor(system, port = 9000) {
        this.origin = `http://${system.host}:${port}`;
        this.pairs = new Set();
        this.refusing = false;
        this.silent = false;
        this.cuts = 0;
        this.server = net.createServer((client) => this.accept(client, system));
        this.listening = new Promise((resolve) => this.server.listen(port, system.host, resolve));
    }

    accept(client, system) {
        if (this.refusing) {
            client.destroy();
            return;
        }
        const server = net.connect(system.ports.rooms, system.host);
        const pair = { client, server };
        this.pairs.add(pair);
        const end = () => {
            this.pairs.delete(pair);
            client.destroy();
            server.destroy();
        };
        for (const [from, to] of [[client, server], [server, client]]) {
            from.on('data', (bytes) => this.silent || to.write(bytes));
            from.on('close', end);
            from.on('error', end);
        }
    }

    /** Ends all connections at once, whatever is on its way. */
    cut() {
        this.cuts += 1;
        for (const { client, server } of [...this.pairs]) {
            client.resetAndDestroy?.() ?? client.destroy();
            server.destroy();
        }
        this.pairs.clear();
    }

    /** Nobody is let in, and who is in gets out. */
    down() {
        this.refusing = true;
        this.cut();
    }

    up() {
        this.refusing = false;
    }

    async stop() {
        this.cut();
        await new Promise((resolve) => this.server.close(resolve));
    }
}
