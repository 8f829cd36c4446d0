// What a component needs to show that messages wait: a mark, the list, and "clear".
import { useEffect, useMemo, useRef } from 'react';
import { useModelOrNull, useWebSocket, type ChatNotification } from '../context/WebSocketContext';
import { waiting, type ChatsState } from '../state/chats';
import { Store, useStore } from '../state/store';

export interface ChatNotificationsOptions {
    /** Called once per message that one is not looking at. */
    onNewMessage?: (notification: ChatNotification) => void;
}
export interface ChatNotifications {
    /** Some chat has messages that were neither read nor cleared. */
    hasUnreadMessages: boolean;
    /** Those about messages, newest first. */
    notifications: ChatNotification[];
    clearNotifications: () => void;
}

const noChats: Store<ChatsState> = new Store<ChatsState>({ phase: 'loading', error: null, byId: new Map(), order: [], cleared: new Map() });

export function useChatNotifications({ onNewMessage }: ChatNotificationsOptions = {}): ChatNotifications {
    const { notifications, clearNotifications, setOnNewMessage } = useWebSocket();
    const chats = useModelOrNull()?.chats ?? noChats;
    const hasUnreadChats = useStore(chats, (state) => waiting(state) > 0);

    const latest = useRef(onNewMessage);
    useEffect(() => {
        latest.current = onNewMessage;
    });
    useEffect(() => {
        setOnNewMessage((notification) => {
            if (notification.type === 'new_message') {
                latest.current?.(notification);
            }
        });
    }, [setOnNewMessage]);

    const ours = useMemo(() => notifications.filter((n) => n.type === 'new_message'), [notifications]);
    return { hasUnreadMessages: hasUnreadChats || ours.length > 0, notifications: ours, clearNotifications };
}
