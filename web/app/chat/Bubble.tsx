// One message with its menu.
import { memo } from 'react';
import { idNumber, unquote, type Chat, type Message } from '@confab/client';
import { useModel } from '@/context/WebSocketContext';
import { copy } from '@/lib/browser';
import { caption, isEmojiOnly } from '@/lib/text';
import { clockTime, fullTime } from '@/lib/time';
import { Avatar } from '@/ui/Avatar';
import { Icon } from '@/ui/Icon';
import { Menu, type MenuItem } from '@/ui/Menu';
import { say } from '@/ui/notices';
import { Tip } from '@/ui/Tip';
import { AttachmentView } from './AttachmentView';
import { useMemberNames } from './members';
import { goToQuoted } from './quotes';
import type { Row } from './rows';
import { Quote, Text } from './Text';

export interface MessageActions {
    reply: (message: Message) => void;
    edit: (message: Message) => void;
    remove: (message: Message) => void;
}

interface Props {
    row: Extract<Row, { kind: 'message' }>;
    chat: Chat;
    actions: MessageActions;
    /** Numbers of users, with commas between them. */
    readBy: string;
}

export const Bubble = memo(function Bubble({ row, chat, actions, readBy }: Props) {
    const { message, isOwn, isFirst, isLast } = row;
    const showsSender = chat.kind === 'group' && !isOwn;
    const { quote, text } = message.is_deleted ? { quote: null, text: '' } : unquote(caption(message));
    const model = useModel();
    const open = async (quoted: { name: string; text: string }) => {
        if (!(await goToQuoted(model, message, quoted))) {
            say('That message is not here any more.', true);
        }
    };
    const isBig = !quote && !message.attachment && isEmojiOnly(text);
    return (
        <li className={`message ${isOwn ? 'is-own' : 'is-other'}${isFirst ? ' is-first' : ''}${isLast ? ' is-last' : ''}`} data-message-id={message.message_id}>
            {showsSender && <span className="message-avatar">{isLast && <Avatar name={message.sender_name} id={idNumber(message.sender_id)} size="small" />}</span>}
            <div className="message-body">
                {isFirst && showsSender && <span className="message-sender" dir="auto">{message.sender_name}</span>}
                {(!isFirst || !showsSender) && <span className="visually-hidden">{isOwn ? 'You' : message.sender_name}:</span>}
                <div className={`bubble${isBig ? ' bubble-emoji' : ''}${message.is_deleted ? ' bubble-deleted' : ''}`}>
                    {quote && <Quote name={quote.name} text={quote.text} onOpen={() => void open(quote)} />}
                    {message.attachment && <AttachmentView attachment={message.attachment} />}
                    <div className="bubble-line">
                        {message.is_deleted ? <em>Message deleted</em> : text && <Text text={text} />}
                        <span className="message-meta">
                            {message.is_edited && !message.is_deleted && <span>edited</span>}
                            <time dateTime={message.created_at} title={fullTime(message.created_at)}>{clockTime(message.created_at)}</time>
                            {isOwn && !message.is_deleted && <Ticks chat={chat} readBy={readBy} />}
                        </span>
                    </div>
                </div>
            </div>
            {!message.is_deleted && <MessageMenu message={message} chat={chat} isOwn={isOwn} actions={actions} text={text} />}
        </li>
    );
});

function MessageMenu({ message, chat, isOwn, actions, text }: { message: Message; chat: Chat; isOwn: boolean; actions: MessageActions; text: string }) {
    const items: MenuItem[] = [{ label: 'Reply', icon: 'reply', onSelect: () => actions.reply(message) }];
    if (text) {
        items.push({
            label: 'Copy text', icon: 'copy',
            onSelect: () => void copy(text).then(() => say('Copied'), () => say('The browser does not allow copying here.', true)),
        });
    }
    if (isOwn && !message.attachment) {
        items.push({ label: 'Edit', icon: 'edit', onSelect: () => actions.edit(message) });
    }
    if (isOwn || (chat.kind === 'group' && chat.role !== 'member')) {
        items.push({ label: 'Delete', icon: 'trash', isDanger: true, onSelect: () => actions.remove(message) });
    }
    return (
        <span className="message-menu">
            <Menu label={`Actions for the message of ${clockTime(message.created_at)}`} className="icon-button icon-button-small" trigger={<Icon name="more" />} items={items} />
        </span>
    );
}

/** One tick: the server has it for good. Two: somebody has read it. */
function Ticks({ chat, readBy }: { chat: Chat; readBy: string }) {
    const names = useMemberNames(chat, readBy);
    if (!readBy) {
        return <span className="ticks"><Icon name="check" size={15} /><span className="visually-hidden">sent</span></span>;
    }
    const text = chat.kind === 'group' ? `Read by ${names}` : 'Read';
    return (
        <Tip text={text} side="top">
            <span className="ticks is-read"><Icon name="checks" size={17} /><span className="visually-hidden">{text}</span></span>
        </Tip>
    );
}
