// Texts of people, taken apart for display. Nothing here makes HTML.
import { unquote, type Message } from '@confab/client';

export type Piece = { text: string; href?: string };

const LINK = /\bhttps?:\/\/[^\s<>"'`]+/gi;

/** Text, and where it mentions this user. */
export function mentions(text: string, username: string): { text: string; isMe: boolean }[] {
    return text.split(/(@[\p{L}\p{N}_.-]+)/u).filter(Boolean)
        .map((part) => ({ text: part, isMe: part.toLowerCase().replace(/[.-]+$/, '') === `@${username.toLowerCase()}` }));
}

/** Text and the web addresses in it. */
export function pieces(text: string): Piece[] {
    const found: Piece[] = [];
    let from = 0;
    for (const match of text.matchAll(LINK)) {
        const href = match[0].replace(/[).,;:!?\]}]+$/, ''); // punctuation behind it belongs to the sentence
        if (match.index > from) {
            found.push({ text: text.slice(from, match.index) });
        }
        found.push({ text: href, href });
        from = match.index + href.length;
    }
    if (from < text.length) {
        found.push({ text: text.slice(from) });
    }
    return found;
}

/** A few emoji and nothing else are shown larger. */
export function isEmojiOnly(text: string): boolean {
    return text.length <= 40 && /^(?:\p{Extended_Pictographic}|\p{Emoji_Component}|\s){1,16}$/u.test(text) && /\p{Extended_Pictographic}/u.test(text);
}

export const sizeText = (bytes: number): string => {
    const units = ['B', 'KB', 'MB', 'GB'];
    let n = bytes;
    let i = 0;
    while (n >= 1000 && i < units.length - 1) {
        n /= 1000;
        i += 1;
    }
    return `${i === 0 ? n : n.toFixed(n < 10 ? 1 : 0)} ${units[i]}`;
};

/** What somebody wrote beside an attachment; the server puts the path of the download where nothing was written. */
export function caption({ attachment, content }: Message): string {
    return attachment && content.endsWith(`/api/attachments/${attachment.id}`) ? '' : content;
}

const KINDS: Record<string, string> = { image: 'Photo', video: 'Video', audio: 'Audio', file: 'File' };

/** One line for lists. */
export function summary(message: Message): string {
    if (message.is_deleted) {
        return 'Message deleted';
    }
    const kind = KINDS[message.message_type];
    const text = /^\/api\/attachments\/\w+$/.test(message.content) ? '' : unquote(caption(message)).text;
    const line = text.replace(/\s+/g, ' ').slice(0, 200);
    return kind ? [kind, message.attachment?.name, line].filter(Boolean).join(' · ') : line;
}

export function initials(name: string): string {
    const words = name.match(/[\p{L}\p{N}][\p{L}\p{M}\p{N}]*/gu) ?? [];
    const ends = words.length > 1 ? [words[0]!, words.at(-1)!] : words;
    const first = (text: string) => String.fromCodePoint(text.codePointAt(0)!).toUpperCase();
    return ends.map(first).join('') || (name.trim() ? first(name.trim()) : '?');
}

/** Of a few hues always the same one for the same thing. */
export const hueOf = (n: number): number => (Number.isFinite(n) ? (n * 7) % 8 : 0);
