// build.mjs [OUTDIR] -- the client library as one ES module with its types; prints its size and fails when it is too big
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

export const LIMIT_BYTES = 10000; // gzipped

const here = path.dirname(fileURLToPath(import.meta.url));
const sources = path.join(here, 'src');

/** Private members that are never called otherwise than this.member: their names can be short. */
function privateNames() {
    const code = fs.readdirSync(sources).map((name) => fs.readFileSync(path.join(sources, name), 'utf8'))
        .join('\n').replace(/\/\*[^]*?\*\/|\/\/.*/g, '');
    const declared = [...code.matchAll(/\bprivate (?:readonly |async )*(\w+)/g)].map((found) => found[1]);
    return [...new Set(declared)].filter((name) =>
        [...code.matchAll(new RegExp(`(\\bthis\\.|\\bprivate (?:readonly |async )*)?\\b${name}\\b`, 'g'))].every((found) => found[1]));
}

/** Writes index.js; its size in bytes, as it is and gzipped. */
export async function bundle(out) {
    const file = path.join(out, 'index.js');
    await build({
        entryPoints: [path.join(sources, 'index.ts')], outfile: file, bundle: true, minify: true, format: 'esm', target: 'es2022',
        sourcemap: 'external', mangleProps: new RegExp(`^(${privateNames().join('|')})$`), logLevel: 'warning',
    });
    const bytes = fs.readFileSync(file);
    return { bytes: bytes.length, gzipped: gzipSync(bytes, { level: 9 }).length };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
    const out = path.resolve(process.argv[2] ?? path.join(here, '../dist-client'));
    fs.rmSync(out, { recursive: true, force: true });
    const { bytes, gzipped } = await bundle(out);
    execFileSync(process.execPath,
        [path.join(here, '../node_modules/typescript/bin/tsc'), '-p', here, '--emitDeclarationOnly', '--outDir', out], { stdio: 'inherit' });
    console.log(`client library: ${bytes} bytes, ${gzipped} gzipped (limit ${LIMIT_BYTES})`);
    if (gzipped >= LIMIT_BYTES) {
        process.exitCode = 1;
    }
}
