// The root connection of an application: one client for one signed-in user, what it knows, and the notifications that came.
//
// The client holds one pair of sockets per browser, signs in with the given tokens, reconnects, and resumes. Components
// below use useWebSocket() for notifications and the client itself, and useModel() for chats, messages and people.
import { createContext, useCallback, useContext, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { createClient, idNumber, type Client, type Status, type TokenProvider, type User } from '@confab/client';
import { createModel, type Model } from '../state/model';

/** As the notification socket sends it; other kinds have title, message and link. */
export interface ChatNotification {
    /** "new_message", or the kind that administration gave */
    type: string;
    message: string;
    chat_id: number | null;
    sender_id: number;
    sender_name: string;
    content_preview: string;
    message_type: string;
    timestamp: string;
    title?: string;
    link?: string | null;
    /** For lists: different for each. */
    key: string;
    /** Of all tabs this one shall make it seen and heard. */
    isMine: boolean;
}
export type NewMessageHandler = (notification: ChatNotification) => void;

interface Root {
    model: Model;
    notifications: readonly ChatNotification[];
    status: Status;
    retryAt: number | null;
    clearNotifications(): void;
    /** Returns how to end it. */
    addHandler(handler: NewMessageHandler): () => void;
}

export interface WebSocketValue {
    /** The connection; null while nobody is signed in. */
    socket: Client | null;
    status: Status;
    /** When the next attempt to connect is made, in ms of Date.now(), while status is "waiting". */
    retryAt: number | null;
    /** Those that came since the page was loaded and wait for attention, newest first. */
    notifications: readonly ChatNotification[];
    clearNotifications: () => void;
    /** Called for each notification from now on, instead of what this component set before; ends when it goes. */
    setOnNewMessage: (handler: NewMessageHandler | null) => void;
}

/** Notifications kept for the lists. */
const KEPT = 100;

const Context = createContext<Root | null>(null);

export interface WebSocketProviderProps {
    /** null: nobody is signed in. */
    tokens: TokenProvider | null;
    user: User | null;
    /** Where the API is, when not where the page is. */
    url?: string;
    fetch?: typeof fetch;
    children: ReactNode;
}

export function WebSocketProvider({ tokens, user, url, fetch, children }: WebSocketProviderProps) {
    const [model, setModel] = useState<Model | null>(null);
    const userId = user?.user_id;
    useEffect(() => {
        if (!tokens || !user) {
            return undefined;
        }
        const client = createClient({ url, token: tokens, fetch, events: ['typing', 'status', 'read', 'upload', 'group'] });
        const made = createModel(client, user);
        setModel(made);
        client.start();
        return () => {
            made.close();
            client.stop();
            setModel(null);
        };
        // A change of the display name is no reason to connect anew.
        // eslint-disable-next-line react-hooks/exhaustive-deps
    }, [tokens, userId, url, fetch]);
    return model ? <Connected key={userId} model={model}>{children}</Connected> : <Context.Provider value={null}>{children}</Context.Provider>;
}

function Connected({ model, children }: { model: Model; children: ReactNode }) {
    const { client, chats, inbox } = model;
    const [connection, setConnection] = useState({ status: client.status, retryAt: client.retryAt });
    const [notifications, setNotifications] = useState<readonly ChatNotification[]>([]);
    const handlers = useRef(new Set<NewMessageHandler>());
    const count = useRef(0);

    useEffect(() => client.on('status', setConnection), [client]);
    useEffect(() => client.on('notification', (event) => {
        count.current += 1;
        const { type, message, timestamp, title, link, chatId, isMine } = event;
        const notification: ChatNotification = {
            type, message, timestamp, title, link, isMine,
            chat_id: chatId ? idNumber(chatId) : null,
            sender_id: event.sender_id ?? 0, sender_name: event.sender_name ?? '',
            content_preview: event.content_preview ?? '', message_type: event.message_type ?? '',
            key: event.eventId || String(count.current),
        };
        setNotifications((all) => [notification, ...all].slice(0, KEPT));
        handlers.current.forEach((handler) => handler(notification));
    }), [client]);
    // A chat that was read, here or elsewhere, waits no more.
    useEffect(() => client.on('unread', ({ chatId, count: unread }) => {
        if (unread === 0) {
            setNotifications((all) => all.filter((n) => n.chat_id !== idNumber(chatId)));
        }
    }), [client]);

    const addHandler = useCallback((handler: NewMessageHandler) => {
        handlers.current.add(handler);
        return () => void handlers.current.delete(handler);
    }, []);
    const clearNotifications = useCallback(() => {
        setNotifications([]);
        chats.clear();
        inbox.readAll().catch(() => {}); // the lists here are empty all the same
    }, [chats, inbox]);

    const root = useMemo(
        () => ({ model, notifications, ...connection, clearNotifications, addHandler }),
        [model, notifications, connection, clearNotifications, addHandler],
    );
    return <Context.Provider value={root}>{children}</Context.Provider>;
}

const nothing: readonly ChatNotification[] = [];
const none = () => {};

export function useWebSocket(): WebSocketValue {
    const root = useContext(Context);
    const addHandler = root?.addHandler;
    // Each component has a place of its own, so that two do not displace each other, and none is left behind.
    const [handler, setHandler] = useState<{ call: NewMessageHandler } | null>(null);
    useEffect(() => (handler && addHandler ? addHandler(handler.call) : undefined), [handler, addHandler]);
    const setOnNewMessage = useCallback((call: NewMessageHandler | null) => setHandler(call && { call }), []);
    return {
        socket: root?.model.client ?? null,
        status: root?.status ?? 'signed_out',
        retryAt: root?.retryAt ?? null,
        notifications: root?.notifications ?? nothing,
        clearNotifications: root?.clearNotifications ?? none,
        setOnNewMessage,
    };
}

/** null while nobody is signed in. */
export function useModelOrNull(): Model | null {
    return useContext(Context)?.model ?? null;
}

/** For components that are shown to a signed-in user only. */
export function useModel(): Model {
    const model = useModelOrNull();
    if (!model) {
        throw new Error('useModel() needs a WebSocketProvider with a signed-in user above it');
    }
    return model;
}
