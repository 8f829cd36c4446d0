// precompress.mjs FOLDER -- name.br and name.gz beside every file that gets smaller by it, for confab-rest to send
import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';

const TEXT = /\.(html|js|mjs|css|json|map|svg|txt|xml|webmanifest|wasm|ico)$/;

function* filesOf(folder) {
    for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
        const at = path.join(folder, entry.name);
        if (entry.isDirectory()) {
            yield* filesOf(at);
        } else if (entry.isFile() && TEXT.test(entry.name)) {
            yield at;
        }
    }
}

const total = { files: 0, plain: 0, gz: 0, br: 0 };
for (const file of [...filesOf(path.resolve(process.argv[2]))]) {
    const bytes = fs.readFileSync(file);
    const forms = {
        gz: zlib.gzipSync(bytes, { level: 9 }),
        br: zlib.brotliCompressSync(bytes, { params: { [zlib.constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }),
    };
    total.files += 1;
    total.plain += bytes.length;
    for (const [ending, form] of Object.entries(forms)) {
        if (form.length < bytes.length) {
            fs.writeFileSync(`${file}.${ending}`, form);
        }
        total[ending] += Math.min(form.length, bytes.length);
    }
}
console.log(`${total.files} files, ${total.plain} bytes, ${total.gz} with gzip, ${total.br} with brotli`);
