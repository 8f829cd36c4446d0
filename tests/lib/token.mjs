// Access tokens made by the tests themselves with the system's secret: quick, and bad in every wanted way.
import crypto from 'node:crypto';

const b64 = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** @param sub decimal user id */
export function signToken(secret, sub, { claims = {}, header = {}, ttl = 3600, kid } = {}) {
    const now = Math.floor(Date.now() / 1000);
    const head = { alg: 'HS256', typ: 'JWT', ...(kid ? { kid } : {}), ...header };
    const body = { iss: 'confab', aud: 'confab', sub: String(sub), iat: now, exp: now + ttl, ...claims };
    const signed = `${b64(head)}.${b64(body)}`;
    const hash = { HS256: 'sha256', HS384: 'sha384', HS512: 'sha512' }[head.alg];
    const mac = hash ? crypto.createHmac(hash, secret).update(signed).digest('base64url') : '';
    return `${signed}.${mac}`;
}

/** The number inside any id text of the D0 form. */
export const idNumber = (hex24) => Number(BigInt(`0x${hex24.slice(10)}`));
export const idHex = (kind, n, seconds = 0) =>
    seconds.toString(16).padStart(8, '0') + kind.toString(16).padStart(2, '0') + BigInt(n).toString(16).padStart(14, '0');
/** The form of D3: see shared/id.c. */
export const idUuid = (kind, n) => {
    const digits = BigInt(n).toString(16).padStart(14, '0');
    return `636f6e66-6162-80${kind.toString(16).padStart(2, '0')}-80${digits.slice(0, 2)}-${digits.slice(2)}`;
};
/** The nil UUID, where an id of nobody stands. */
export const NOBODY = '00000000-0000-0000-0000-000000000000';
