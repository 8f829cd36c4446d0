// The example pages, built into web/dist/examples.
import react from '@vitejs/plugin-react';
import vue from '@vitejs/plugin-vue';
import { defineConfig, type Plugin } from 'vite';
import application from '../vite.config';

const here = (path: string) => decodeURIComponent(new URL(path, import.meta.url).pathname);

/** Documents show components without import or export: ?export=NAME&react=NAME adds them, the file stays as it is. */
const samples: Plugin = {
    name: 'samples',
    enforce: 'pre',
    transform(code, id) {
        const asked = new URLSearchParams(id.split('?')[1] ?? '');
        const [name, missing] = [asked.get('export'), asked.get('react')];
        if (!name) {
            return null;
        }
        return { code: `${missing ? `import { ${missing} } from 'react';\n` : ''}${code}\nexport default ${name};\n`, map: null };
    },
};

const { resolve, build } = application as { resolve: object; build: object };
export default defineConfig({
    root: here('.'),
    base: '/examples/',
    plugins: [samples, react(), vue()],
    resolve,
    build: {
        ...build,
        outDir: here('../dist/examples'),
        rollupOptions: {
            input: ['index.html', 'rooms-react/index.html', 'rooms-vue/index.html', 'inbox-react/index.html', 'subscribe-service/index.html',
                'vue-notifications/index.html'].map(here),
        },
    },
});
