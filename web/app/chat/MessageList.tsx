// The messages of a chat: stays at the end while one reads there, loads older ones when one scrolls up to them.
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState, type UIEvent } from 'react';
import { idNumber, type Chat, type Message } from '@confab/client';
import { useModel } from '@/context/WebSocketContext';
import { caption, summary } from '@/lib/text';
import { dayName } from '@/lib/time';
import { useStore } from '../../react/state/store';
import { Empty, Failed } from '@/ui/Empty';
import { Icon } from '@/ui/Icon';
import { Loading } from '@/ui/Loading';
import { Bubble, type MessageActions } from './Bubble';
import { PendingBubble, UploadBubble } from './PendingBubble';
import { rowsOf } from './rows';
import { useUploads } from './uploads';

/** So near to the end counts as being there. */
const NEAR = 80;
const nobody: ReadonlyMap<number, number> = new Map();

export function MessageList({ chat, actions }: { chat: Chat; actions: MessageActions }) {
    const { threads, people, me } = useModel();
    const uploads = useUploads();
    const id = chat.chat_id;
    const n = idNumber(id);
    const thread = useStore(threads, (s) => s.byChat.get(n));
    const pending = useStore(threads, (s) => s.pending.filter((p) => idNumber(p.chatId) === n));
    const sending = useStore(uploads, (all) => all.filter((u) => u.chatId === id));
    const reads = useStore(people, (s) => s.reads.get(n)) ?? nobody;
    const [newFrom] = useState(() => (chat.unread_count > 0 ? chat.read_seq : null));

    const isStale = thread?.stale;
    useEffect(() => {
        void threads.open(id);
    }, [threads, id, isStale]);
    useEffect(() => () => threads.trim(id), [threads, id]);

    const messages = thread?.messages;
    const rows = useMemo(() => rowsOf(messages ?? [], me.user_id, newFrom), [messages, me.user_id, newFrom]);
    const { setBox, isAtEnd, missed, toEnd, onScroll } = useEnd(messages, pending.length + sending.length);

    const onTop = useCallback(() => void threads.older(id), [threads, id]);
    if (!thread || (thread.phase === 'loading' && thread.messages.length === 0)) {
        return <div className="messages"><Loading rows={7} /></div>;
    }
    if (thread.phase === 'failed' && thread.messages.length === 0) {
        return <div className="messages"><Failed error={thread.error} onRetry={() => void threads.open(id)} /></div>;
    }
    return (
        <div className="messages-frame">
            <div className="messages" ref={setBox} onScroll={onScroll} tabIndex={0} role="region" aria-label="Messages">
                {thread.hasOlder && <Top isBusy={thread.loadingOlder} onTop={onTop} />}
                {rows.length + pending.length + sending.length === 0 && <Empty icon="chat" title="Nothing here yet"><p>Write the first message.</p></Empty>}
                <ol className="message-rows">
                    {rows.map((row) => (row.kind === 'day' ? <li key={row.key} className="day"><span>{dayName(row.time)}</span></li>
                        : row.kind === 'new' ? <li key={row.key} className="new-line"><span>New messages</span></li>
                            : <Bubble key={row.key} row={row} chat={chat} actions={actions} readBy={row.isOwn ? readers(reads, row.message.seq) : ''} />))}
                    {pending.map((p) => <PendingBubble key={p.clientMsgId} pending={p} />)}
                    {sending.map((u) => <UploadBubble key={u.key} upload={u} />)}
                </ol>
            </div>
            <Announcer messages={messages} me={me.user_id} />
            {!isAtEnd && (
                <button type="button" className="to-end" onClick={toEnd} aria-label={missed ? `To the newest, ${missed} new` : 'To the newest'}>
                    <Icon name="down" />{missed > 0 && <span className="badge">{missed}</span>}
                </button>
            )}
        </div>
    );
}

/** Numbers of those who have read it, as text: a prop that is equal when nothing has changed. */
function readers(reads: ReadonlyMap<number, number>, seq: number): string {
    return [...reads].filter(([, upTo]) => upTo >= seq).map(([user]) => user).join();
}

/** Where one is in the list: new messages keep the end in view, older ones do not move what is read. */
function useEnd(messages: readonly Message[] | undefined, waiting: number) {
    const [box, setBox] = useState<HTMLDivElement | null>(null);
    const [isAtEnd, setAtEnd] = useState(true);
    const [missed, setMissed] = useState(0);
    const before = useRef({ first: 0, last: 0, firstId: '', firstAt: 0, top: 0, waiting: 0, atEnd: true });

    const toEnd = useCallback(() => {
        if (box) {
            box.scrollTop = box.scrollHeight;
        }
    }, [box]);
    const onScroll = useCallback((event: UIEvent<HTMLDivElement>) => {
        const el = event.currentTarget;
        const was = before.current;
        const atEnd = isNear(el) || stays(el, was);
        was.top = el.scrollTop;
        was.atEnd = atEnd;
        setAtEnd(atEnd);
        if (atEnd) {
            setMissed(0);
        }
    }, []);

    useLayoutEffect(() => {
        if (!box || !messages) {
            return;
        }
        const was = before.current;
        const first = messages[0]?.seq ?? 0;
        const last = messages.at(-1)?.seq ?? 0;
        if (waiting > was.waiting || stays(box, was)) {
            stick(box, was);
        } else if (was.first && first < was.first) {
            box.scrollTop += placeOf(box, was.firstId) - was.firstAt;
            was.top = box.scrollTop;
        } else if (last > was.last && was.last) {
            setMissed((m) => m + last - was.last);
        }
        const firstId = messages[0]?.message_id ?? '';
        before.current = { ...was, first, last, waiting, firstId, firstAt: placeOf(box, firstId) };
    }, [box, messages, waiting]);

    // Images that load, a keyboard that opens: the end stays in view.
    useEffect(() => {
        if (!box) {
            return undefined;
        }
        const observer = new ResizeObserver(() => {
            if (stays(box, before.current)) {
                stick(box, before.current);
            }
            before.current.firstAt = placeOf(box, before.current.firstId);
        });
        observer.observe(box);
        if (box.lastElementChild) {
            observer.observe(box.lastElementChild);
        }
        return () => observer.disconnect();
    }, [box]);
    return { setBox, isAtEnd, missed, toEnd, onScroll };
}

const isNear = (el: HTMLElement): boolean => el.scrollHeight - el.scrollTop - el.clientHeight < NEAR;

/** Pictures that load below move the end away; only scrolling up leaves it. */
const stays = (el: HTMLElement, was: { atEnd: boolean; top: number }): boolean => was.atEnd && (el.scrollTop >= was.top || isNear(el));

function stick(el: HTMLElement, was: { top: number }): void {
    el.scrollTop = el.scrollHeight;
    was.top = el.scrollTop;
}

/** How far below the top of all that can be scrolled a message is. */
function placeOf(box: HTMLElement, messageId: string): number {
    const message = box.querySelector(`[data-message-id="${CSS.escape(messageId)}"] .bubble`);
    return message ? message.getBoundingClientRect().top - box.getBoundingClientRect().top + box.scrollTop : 0;
}

/** When it comes into view there is more to load. */
function Top({ isBusy, onTop }: { isBusy: boolean; onTop: () => void }) {
    const top = useRef<HTMLDivElement>(null);
    useEffect(() => {
        if (isBusy || !top.current) {
            return undefined;
        }
        const observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && onTop(), { root: top.current.parentElement, rootMargin: '400px 0px 0px' });
        observer.observe(top.current);
        return () => observer.disconnect();
    }, [isBusy, onTop]);
    return (
        <div className="messages-top" ref={top}>
            {isBusy ? <span className="spinner" role="status" aria-label="Loading older messages" />
                : <button type="button" className="button button-quiet button-small" onClick={onTop}>Older messages</button>}
        </div>
    );
}

/** Says new messages of others aloud; what was there when the chat was opened is not new. */
function Announcer({ messages, me }: { messages: readonly Message[] | undefined; me: string }) {
    const last = messages?.at(-1);
    const seen = useRef(last?.seq ?? 0);
    const [said, setSaid] = useState('');
    useEffect(() => {
        if (last && last.seq > seen.current) {
            if (idNumber(last.sender_id) !== idNumber(me)) {
                setSaid(`${last.sender_name}: ${last.attachment ? caption(last) || summary(last) : summary(last)}`);
            }
            seen.current = last.seq;
        }
    }, [last, me]);
    return <div className="visually-hidden" aria-live="polite">{said}</div>;
}
