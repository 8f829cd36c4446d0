// What browsers give only to pages of a secure context (HTTPS, or localhost): done without, or refused, elsewhere.

/** An Idempotency-Key, or the id of a message. */
export function newKey(): string {
    return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Rejects where the browser does not allow it. */
export async function copy(text: string): Promise<void> {
    await navigator.clipboard.writeText(text);
}
