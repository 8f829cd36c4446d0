// What stands in a conversation, from top to bottom: days, the line above what is new, messages in groups of one sender.
import { idNumber, sameId, type Message } from '@confab/client';
import { sameDay } from '@/lib/time';

export type Row =
    | { kind: 'day'; key: string; time: string }
    | { kind: 'new'; key: string }
    | { kind: 'message'; key: string; message: Message; isOwn: boolean; isFirst: boolean; isLast: boolean };

/** Messages of one sender within this time belong together. */
const GROUP_MS = 5 * 60000;

/** newFrom: the seq above which everything was unread when the chat was opened; null for none. */
export function rowsOf(messages: readonly Message[], me: string, newFrom: number | null): Row[] {
    const rows: Row[] = [];
    let isMarked = newFrom === null;
    messages.forEach((message, i) => {
        const before = messages[i - 1];
        const after = messages[i + 1];
        if (!before || !sameDay(before.created_at, message.created_at)) {
            rows.push({ kind: 'day', key: `day-${message.seq}`, time: message.created_at });
        }
        const isOwn = sameId(message.sender_id, me);
        if (!isMarked && message.seq > newFrom! && !isOwn) {
            rows.push({ kind: 'new', key: 'new' });
            isMarked = true;
        }
        const startsHere = rows.length > 0 && rows.at(-1)!.kind !== 'message';
        rows.push({
            kind: 'message', key: message.message_id, message, isOwn,
            isFirst: startsHere || !belong(before, message), isLast: !after || !belong(message, after),
        });
    });
    return rows;
}

function belong(a: Message | undefined, b: Message): boolean {
    return !!a && idNumber(a.sender_id) === idNumber(b.sender_id) && sameDay(a.created_at, b.created_at)
        && Date.parse(b.created_at) - Date.parse(a.created_at) < GROUP_MS;
}
