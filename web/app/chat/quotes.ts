// From an answer to what it answers. Quotes are text, so that every client can read them; the message is found by it.
import { unquote, type Message } from '@confab/client';
import { caption, summary } from '@/lib/text';
import type { Model } from '../../react/state/model';

/** Older pieces that are loaded to find it. */
const PIECES = 10;

function finds(message: Message, name: string, text: string): boolean {
    if (message.is_deleted || message.sender_name.replace(/[:\n]/g, ' ') !== name) {
        return false;
    }
    const said = unquote(caption(message)).text || summary(message);
    return text.endsWith('…') ? said.startsWith(text.slice(0, -1)) : said === text;
}

/** Scrolls to the newest message before `answer` that says this; false when there is none within reach. */
export async function goToQuoted({ threads }: Model, answer: Message, quote: { name: string; text: string }): Promise<boolean> {
    for (let piece = 0; piece <= PIECES; piece += 1) {
        const thread = threads.thread(answer.chat_id);
        const found = thread?.messages.findLast((m) => m.seq < answer.seq && finds(m, quote.name, quote.text));
        if (found) {
            show(found.message_id);
            return true;
        }
        if (!thread?.hasOlder) {
            break;
        }
        await threads.older(answer.chat_id);
    }
    return false;
}

function show(messageId: string): void {
    requestAnimationFrame(() => { // when what was loaded is on the page
        const row = document.querySelector<HTMLElement>(`[data-message-id="${CSS.escape(messageId)}"]`);
        row?.scrollIntoView({ block: 'center' });
        row?.classList.add('is-found');
        setTimeout(() => row?.classList.remove('is-found'), 2000);
    });
}
