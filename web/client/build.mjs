// build.mjs [OUTDIR] -- the client library as one ES module with its types; prints its size
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

export const LIMIT_BYTES = 10000; // gzipped

const here = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);
const out = path.resolve(process.argv[2] ?? path.join(here, '../dist-client'));
const file = path.join(out, 'index.js');

fs.rmSync(out, { recursive: true, force: true });
await build({
    entryPoints: [path.join(here, 'src/index.ts')], outfile: file, bundle: true, minify: true, format: 'esm', target: 'es2022',
    sourcemap: true, logLevel: 'warning',
});
execFileSync(process.execPath, [path.join(here, '../node_modules/typescript/bin/tsc'), '-p', here, '--emitDeclarationOnly', '--outDir', out],
    { stdio: 'inherit' });
const bytes = fs.readFileSync(file);
const gzipped = gzipSync(bytes, { level: 9 }).length;
console.log(`client library: ${bytes.length} bytes, ${gzipped} gzipped (limit ${LIMIT_BYTES})`);
if (gzipped > LIMIT_BYTES) {
    process.exitCode = 1;
}
