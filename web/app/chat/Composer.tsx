// Where messages are written: Enter sends, Shift+Enter makes a new line, the up arrow edits one's last message, Esc ends
// editing and replying. What is not sent yet is kept per chat.
import { useEffect, useImperativeHandle, useLayoutEffect, useRef, useState, type ClipboardEvent, type KeyboardEvent, type Ref } from 'react';
import { unquote, type Chat, type Message } from '@confab/client';
import { chatName } from '@/components/ChatList';
import { useModel } from '@/context/WebSocketContext';
import { caption, summary } from '@/lib/text';
import { Icon } from '@/ui/Icon';
import { Tip } from '@/ui/Tip';
import { useUploads } from './uploads';

export interface ComposerHandle {
    focus(): void;
}

interface Props {
    ref: Ref<ComposerHandle>;
    chat: Chat;
    reply: Message | null;
    editing: Message | null;
    onSave: (text: string) => Promise<void>;
    onEditLast: () => void;
    onCancel: () => void;
    onSent: () => void;
}

/** What the server takes, in bytes; a quote in front of the text counts, too. */
const MAX_BYTES = 16384;
const WARN_BYTES = 15000;
/** By user and chat: whoever signs in next in this window does not get them. */
const drafts = new Map<string, string>();

export function Composer({ ref, chat, reply, editing, onSave, onEditLast, onCancel, onSent }: Props) {
    const { client, me } = useModel();
    const uploads = useUploads();
    const id = chat.chat_id;
    const draft = `${me.user_id} ${id}`;
    const [text, setText] = useState(() => drafts.get(draft) ?? '');
    const area = useRef<HTMLTextAreaElement>(null);
    const files = useRef<HTMLInputElement>(null);
    const unsent = useRef(text);
    useImperativeHandle(ref, () => ({ focus: () => area.current?.focus() }), []);

    // Editing borrows the field; the draft comes back afterwards.
    useEffect(() => {
        if (editing) {
            unsent.current = drafts.get(draft) ?? '';
            setText(unquote(editing.content).text);
            area.current?.focus();
        } else {
            setText(unsent.current);
        }
    }, [editing, draft]);
    useLayoutEffect(() => {
        const el = area.current!;
        el.style.height = 'auto';
        el.style.height = `${Math.min(el.scrollHeight, 200)}px`;
    }, [text]);
    useEffect(() => () => client.typing(id, false), [client, id]);

    const bytes = text.length > WARN_BYTES / 4 ? new TextEncoder().encode(text).length : text.length;
    const isTooLong = bytes > MAX_BYTES - (reply ? 1000 : 0);
    const canSend = text.trim() !== '' && !isTooLong;

    const change = (value: string) => {
        setText(value);
        if (!editing) {
            unsent.current = value;
            drafts.set(draft, value);
            client.typing(id, value.trim() !== '');
        }
    };
    const submit = () => {
        if (!canSend) {
            return;
        }
        const clean = text.replace(/\s+$/, '').replace(/^\n+/, '');
        if (editing) {
            const { quote } = unquote(editing.content);
            const head = quote ? editing.content.slice(0, editing.content.length - unquote(editing.content).text.length) : '';
            void onSave(head + clean);
            return;
        }
        client.send({ chatId: id, content: clean, replyTo: reply ? { sender_name: reply.sender_name, content: caption(reply) || summary(reply) } : undefined });
        change('');
        onSent();
    };
    const onKeyDown = (event: KeyboardEvent) => {
        if (event.nativeEvent.isComposing) {
            return;
        }
        if (event.key === 'Enter' && !event.shiftKey && !event.altKey && window.matchMedia('(pointer: fine), (any-pointer: fine)').matches) {
            event.preventDefault();
            submit();
        } else if (event.key === 'ArrowUp' && text === '' && !editing) {
            event.preventDefault();
            onEditLast();
        } else if (event.key === 'Escape' && (editing || reply)) {
            event.preventDefault();
            event.stopPropagation();
            onCancel();
        }
    };
    const onPaste = (event: ClipboardEvent) => {
        if (event.clipboardData.files.length) {
            event.preventDefault();
            uploads.add(chat, [...event.clipboardData.files]);
        }
    };
    const context = editing ?? reply;
    return (
        <form
            className="composer"
            onSubmit={(event) => {
                event.preventDefault();
                submit();
            }}
        >
            {context && (
                <div className="composer-context">
                    <Icon name={editing ? 'edit' : 'reply'} size={18} />
                    <span className="composer-what">
                        <strong>{editing ? 'Edit message' : <>Reply to <bdi>{context.sender_name}</bdi></>}</strong>
                        <span dir="auto">{unquote(caption(context)).text.slice(0, 200) || summary(context)}</span>
                    </span>
                    <button type="button" className="icon-button icon-button-small" aria-label="Cancel" onClick={onCancel}><Icon name="close" size={18} /></button>
                </div>
            )}
            <div className="composer-line">
                <input
                    ref={files} type="file" multiple hidden aria-label="Files to send"
                    onChange={(event) => {
                        uploads.add(chat, [...(event.target.files ?? [])]);
                        event.target.value = '';
                    }}
                />
                <Tip text="Attach files" side="top">
                    <button type="button" className="icon-button" aria-label="Attach files" disabled={!!editing} onClick={() => files.current?.click()}><Icon name="clip" size={22} /></button>
                </Tip>
                <textarea
                    ref={area} className="composer-text" rows={1} value={text} dir="auto" aria-label={`Message to ${chatName(chat)}`}
                    placeholder="Write a message" aria-invalid={isTooLong || undefined} aria-describedby={bytes > WARN_BYTES ? 'composer-left' : undefined}
                    enterKeyHint="enter" onChange={(event) => change(event.target.value)} onKeyDown={onKeyDown} onPaste={onPaste}
                    onBlur={() => client.typing(id, false)}
                />
                <Tip text={editing ? 'Save (Enter)' : 'Send (Enter)'} side="top">
                    <button type="submit" className="icon-button send" aria-label={editing ? 'Save' : 'Send'} disabled={!canSend}>
                        <Icon name={editing ? 'check' : 'send'} size={22} />
                    </button>
                </Tip>
            </div>
            {bytes > WARN_BYTES && (
                <p id="composer-left" className={isTooLong ? 'hint hint-error' : 'hint'} role="status">
                    {isTooLong ? `${bytes - MAX_BYTES + (reply ? 1000 : 0)} bytes too long. Send it in two messages or as a file.` : `${MAX_BYTES - bytes} bytes left`}
                </p>
            )}
        </form>
    );
}
