// One event in all five dialects: a socket of each, one message, and what each of them got.
import { useCallback, useEffect, useRef, useState } from 'react';
import { idNumber } from '@confab/client';
import { plainFetch, tokens } from '@/auth';
import { chatName } from '@/components/ChatList';
import { useModel } from '@/context/WebSocketContext';
import { newKey } from '@/lib/browser';
import { useStore } from '../../react/state/store';
import { errorText } from '@/ui/errors';
import { Field } from '@/ui/Field';
import { DIALECTS, openDialect, type DialectName } from './dialects';
import { postAs } from './postAs';

interface View {
    state: 'closed' | 'connecting' | 'ready';
    detail: string;
    frames: readonly string[];
}
const CLOSED: View = { state: 'closed', detail: '', frames: [] };
const KEPT = 20;

export function DialectPanel() {
    const { client, chats, me } = useModel();
    const { order, byId } = useStore(chats, (s) => s);
    const [chosen, setChosen] = useState('');
    const [views, setViews] = useState<Partial<Record<DialectName, View>>>({});
    const [isOpen, setOpen] = useState(false);
    const [message, setMessage] = useState<string | null>(null);
    const closers = useRef<(() => void)[]>([]);
    const chatId = chosen || (order[0] ? byId.get(order[0])!.chat_id : '');

    const change = useCallback((name: DialectName, how: (view: View) => View) => setViews((all) => ({ ...all, [name]: how(all[name] ?? CLOSED) })), []);
    const close = useCallback(() => {
        closers.current.forEach((end) => end());
        closers.current = [];
        setOpen(false);
    }, []);
    useEffect(() => close, [close]);

    const open = async () => {
        close();
        setMessage(null);
        setViews({});
        try {
            await client.rest.me(); // exchanges a token that has expired
            const who = { token: await tokens.get(), username: me.username, chatId };
            closers.current = DIALECTS.map(({ name }) => openDialect(name, who, {
                onState: (state, detail = '') => change(name, (view) => ({ ...view, state, detail })),
                onFrame: (text) => change(name, (view) => ({ ...view, frames: [...view.frames, text].slice(-KEPT) })),
            }));
            setOpen(true);
        } catch (error) {
            setMessage(errorText(error));
        }
    };
    const post = async (send: (text: string) => Promise<unknown>) => {
        setMessage(null);
        setViews((all) => Object.fromEntries(Object.entries(all).map(([name, view]) => [name, { ...view, frames: [] }])));
        try {
            await send(`One message, five dialects (${new Date().toLocaleTimeString()})`);
        } catch (error) {
            setMessage(errorText(error));
        }
    };
    const ready = DIALECTS.filter(({ name }) => views[name]?.state === 'ready').length;
    return (
        <section className="card card-wide" aria-labelledby="t-dialects">
            <h2 id="t-dialects">One event, five dialects</h2>
            <p className="hint">Opens one socket of each dialect for you, posts one message, and shows what each socket got. The message stays in the chat.</p>
            <div className="inline-form">
                <span className="grow">
                    <select className="select" aria-label="Chat" value={chatId} disabled={isOpen} onChange={(event) => setChosen(event.target.value)}>
                        {order.map((n) => byId.get(n)!).map((chat) => <option key={chat.chat_id} value={chat.chat_id}>{chatName(chat)}</option>)}
                    </select>
                </span>
                {isOpen ? <button type="button" className="button" onClick={close}>Disconnect</button>
                    : <button type="button" className="button button-main" disabled={!chatId} onClick={() => void open()}>Connect all five</button>}
                <span role="status" className="hint">{isOpen ? `${ready} of ${DIALECTS.length} ready` : ''}</span>
            </div>
            {isOpen && (
                <div className="post-as">
                    <button
                        type="button" className="button button-main" disabled={ready < DIALECTS.length}
                        onClick={() => void post((content) => client.rest.sendMessage(chatId, { content, client_msg_id: newKey() }))}
                    >
                        Post as me
                    </button>
                    <AsSomebodyElse isReady={ready === DIALECTS.length} onPost={(name, password) => post((content) => postAs(plainFetch, { name, password, chatId, content }))} />
                </div>
            )}
            {message && <p className="callout callout-error" role="alert">{message}</p>}
            <div className="dialects">
                {DIALECTS.map(({ name, title, path, note }) => {
                    const view = views[name] ?? CLOSED;
                    return (
                        <article key={name} className="dialect" aria-label={`Dialect ${title}`} data-dialect={name} data-state={view.state}>
                            <h3>{title} <span className={view.state === 'ready' ? 'lamp is-on' : 'lamp'}>{view.state}{view.detail && `: ${view.detail}`}</span></h3>
                            <p className="hint"><code>{path}</code> {note}</p>
                            {view.frames.map((frame, i) => <pre key={i} className="dialect-frame" tabIndex={0} aria-label={`Frame of ${title}`}>{pretty(frame)}</pre>)}
                            {isOpen && view.frames.length === 0 && <p className="hint">nothing yet</p>}
                        </article>
                    );
                })}
            </div>
            {chatId && <p className="hint">The chat is {idNumber(chatId)} for the dialects with numbers and <code>{chatId}</code> for rooms.</p>}
        </section>
    );
}

function AsSomebodyElse({ isReady, onPost }: { isReady: boolean; onPost: (name: string, password: string) => Promise<void> }) {
    const [name, setName] = useState('');
    const [password, setPassword] = useState('');
    return (
        <form
            className="inline-form"
            onSubmit={(event) => {
                event.preventDefault();
                void onPost(name.trim(), password);
            }}
        >
            <Field label="Another member: user name" value={name} required autoComplete="off" autoCapitalize="none" onChange={(event) => setName(event.target.value)} />
            <Field label="Password" type="password" value={password} required autoComplete="off" onChange={(event) => setPassword(event.target.value)} />
            <button type="submit" className="button" disabled={!isReady || !name.trim() || !password}>Post as them</button>
        </form>
    );
}

/** JSON in lines, also behind the digits of Socket.IO. */
function pretty(frame: string): string {
    const at = frame.search(/[[{]/);
    try {
        return frame.slice(0, at) + JSON.stringify(JSON.parse(frame.slice(at)), null, 2);
    } catch {
        return frame;
    }
}
