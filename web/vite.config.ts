import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
// `make run` serves the built application itself; this is for `npm run dev` beside it.
const api = process.env.CONFAB_URL ?? 'http://localhost:8000';
const proxied = ['/api', '/chats', '/ws', '/socket.io', '/engine.io', '/healthz', '/readyz', '/metrics'];
const proxy = Object.fromEntries(proxied.map((path) => [`^${path}(/|$|\\?)`, { target: api, ws: true }]));

export default defineConfig({
    root: here('app'),
    plugins: [react()],
    resolve: {
        alias: [
            { find: /^@\/(context|hooks|components)\//, replacement: here('react') + '/$1/' },
            { find: /^@\//, replacement: here('app') + '/' },
            { find: '@confab/client', replacement: here('client/src/index.ts') },
        ],
    },
    build: {
        outDir: here('dist'),
        emptyOutDir: true,
        target: 'es2022',
        assetsInlineLimit: 0,
        modulePreload: { polyfill: false },
    },
    server: { host: '127.0.0.1', proxy },
    preview: { host: '127.0.0.1', proxy },
});
