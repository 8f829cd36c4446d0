// The list of chats, newest on top, kept up to date: unread counts, last messages, new rooms.
import { useEffect, type ReactNode } from 'react';
import { idNumber, type Chat } from '@confab/client';
import { useModel } from '../context/WebSocketContext';
import { chatPath, goTo } from '../navigate';
import { notifyNewRoom } from '../newRoom';
import { useStore } from '../state/store';

export interface ChatListProps {
    /** The chat that is open. */
    current?: string;
    /** Shows only chats for which this is true. */
    filter?: (chat: Chat) => boolean;
    /** Called instead of going to /chat/{id}. */
    onOpen?: (chatId: string) => void;
    /** Instead of name, time and unread count. */
    renderItem?: (chat: Chat) => ReactNode;
    empty?: ReactNode;
}

export const chatName = (chat: { chat_name: string }): string => chat.chat_name || 'Unnamed Chat';

export function ChatList({ current, filter, onOpen, renderItem, empty }: ChatListProps) {
    const { client, chats } = useModel();
    const { order, byId } = useStore(chats, (state) => state);
    useEffect(() => client.on('chat', ({ chat }) => notifyNewRoom(chatName(chat), chat.chat_id)), [client]);

    const shown = order.map((id) => byId.get(id)!).filter((chat) => !filter || filter(chat));
    const open = onOpen ?? ((id: string) => goTo(chatPath(id)));
    return (
        <ul className="chat-list">
            {shown.map((chat) => (
                <li key={chat.chat_id}>
                    <a
                        className="chat-item" href={chatPath(chat.chat_id)}
                        aria-current={idNumber(chat.chat_id) === idNumber(current) ? 'page' : undefined}
                        onClick={(event) => {
                            if (!event.metaKey && !event.ctrlKey && !event.shiftKey && event.button === 0) {
                                event.preventDefault();
                                open(chat.chat_id);
                            }
                        }}
                    >
                        {renderItem ? renderItem(chat) : <PlainItem chat={chat} />}
                    </a>
                </li>
            ))}
            {shown.length === 0 && empty && <li className="chat-list-empty">{empty}</li>}
        </ul>
    );
}

function PlainItem({ chat }: { chat: Chat }) {
    return (
        <>
            <span className="chat-name" dir="auto">{chatName(chat)}</span>
            <span className="chat-time">{new Date(chat.last_updated).toLocaleString()}</span>
            {chat.unread_count > 0 && <span className="chat-unread">{chat.unread_count}</span>}
        </>
    );
}
