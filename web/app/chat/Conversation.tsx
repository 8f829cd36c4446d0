// An open chat: its head, its messages, who types, and the line to write in.
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import { idNumber, type Chat, type Message } from '@confab/client';
import { chatName } from '@/components/ChatList';
import { useModel } from '@/context/WebSocketContext';
import { usePresence } from '@/lib/presence';
import { ago } from '@/lib/time';
import { Avatar } from '@/ui/Avatar';
import { Confirm } from '@/ui/Dialog';
import { errorText } from '@/ui/errors';
import { Icon } from '@/ui/Icon';
import { say } from '@/ui/notices';
import { Tip } from '@/ui/Tip';
import { Composer, type ComposerHandle } from './Composer';
import { DropZone } from './DropZone';
import { MessageList } from './MessageList';
import { TypingLine } from './TypingLine';
import { useUploads } from './uploads';

interface Props {
    chat: Chat;
    hasDetails: boolean;
    onDetails: (on: boolean) => void;
}

export function Conversation({ chat, hasDetails, onDetails }: Props) {
    const { client, threads, me } = useModel();
    const [reply, setReply] = useState<Message | null>(null);
    const [editing, setEditing] = useState<Message | null>(null);
    const [deleting, setDeleting] = useState<Message | null>(null);
    const composer = useRef<ComposerHandle>(null);
    const uploads = useUploads();
    const id = chat.chat_id;

    const actions = useMemo(() => ({
        reply: (message: Message) => {
            setEditing(null);
            setReply(message);
            composer.current?.focus();
        },
        edit: (message: Message) => {
            setReply(null);
            setEditing(message);
        },
        remove: setDeleting,
    }), []);
    const editLast = useCallback(() => {
        const own = threads.thread(id)?.messages.findLast((m) => idNumber(m.sender_id) === idNumber(me.user_id) && !m.is_deleted && !m.attachment);
        if (own) {
            actions.edit(own);
        }
    }, [threads, id, me, actions]);
    const remove = (message: Message) => {
        client.remove(id, message.message_id).then(
            (gone) => threads.replace({ ...message, ...gone, attachment: undefined }), (error) => say(errorText(error), true));
    };
    const save = async (text: string) => {
        const message = editing!;
        setEditing(null);
        composer.current?.focus();
        if (text === message.content) {
            return;
        }
        threads.replace({ ...message, content: text, is_edited: true }); // at once; taken back when it is refused
        try {
            threads.replace(await client.edit(id, message.message_id, text));
        } catch (error) {
            threads.replace(message);
            say(errorText(error), true);
        }
    };

    // Letters typed while nothing has the focus are meant for the message.
    useEffect(() => {
        if (window.matchMedia('(pointer: fine)').matches) {
            composer.current?.focus();
        }
    }, [id]);

    return (
        <>
            <DropZone className="conversation" label={`Conversation: ${chatName(chat)}`} onFiles={(files) => uploads.add(chat, files)}>
                <Head chat={chat} hasDetails={hasDetails} onDetails={onDetails} />
                <MessageList chat={chat} actions={actions} />
                <TypingLine chat={chat} />
                <Composer
                    ref={composer} chat={chat} reply={reply} editing={editing} onSave={save} onEditLast={editLast}
                    onCancel={() => {
                        setReply(null);
                        setEditing(null);
                    }}
                    onSent={() => setReply(null)}
                />
            </DropZone>
            <Confirm
                isOpen={deleting !== null} title="Delete this message?" action="Delete" text="It disappears for everybody in this chat."
                onClose={() => setDeleting(null)} onConfirm={() => deleting && remove(deleting)}
            />
        </>
    );
}

function Head({ chat, hasDetails, onDetails }: Props) {
    const [, navigate] = useLocation();
    const presence = usePresence(chat.peer?.user_id);
    const name = chatName(chat);
    const line = chat.kind === 'group' ? `${chat.members_count} ${chat.members_count === 1 ? 'member' : 'members'}`
        : presence?.online ? 'online' : presence ? ago(presence.lastSeen) : `@${chat.peer?.username ?? ''}`;
    return (
        <header className="conversation-head">
            <button type="button" className="icon-button only-narrow" aria-label="All chats" onClick={() => navigate('/chat')}><Icon name="back" size={24} /></button>
            <button type="button" className="head-title" onClick={() => onDetails(!hasDetails)} aria-expanded={hasDetails}>
                <Avatar name={name} id={idNumber(chat.peer?.user_id ?? chat.chat_id)} isGroup={chat.kind === 'group'} isOnline={presence?.online} />
                <span className="head-text">
                    <h1 className="head-name" dir="auto">{name}</h1>
                    <span className={presence?.online ? 'head-line is-online' : 'head-line'}>{line}</span>
                </span>
            </button>
            <Tip text="Details" side="left">
                <button type="button" className="icon-button" aria-label="Details" aria-pressed={hasDetails} onClick={() => onDetails(!hasDetails)}>
                    <Icon name={chat.kind === 'group' ? 'users' : 'info'} size={22} />
                </button>
            </Tip>
        </header>
    );
}
