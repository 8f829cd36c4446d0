// The subscribe dialect: one hears of the chats one has subscribed to, and of who types in them.
//
//     connect({ userId: 'user123', tokens });           when the user has signed in
//     subscribe('chat_1');                              when a chat is opened; unsubscribe() when it is left
//     sendTypingIndicator('chat_1', true);              while the user types
//     const end = onNotification((n) => ...);           what comes
//
// Reconnects by itself and subscribes again to what was subscribed to.
import { Connection, Keeper, type Frame, type Socket, type SocketClass, type Status, type TokenProvider } from '@confab/client';

export type SubscribeNotification =
    | { type: 'connected'; userId: string; message: string; timestamp: string }
    | { type: 'subscription_confirmed'; action: 'subscribe' | 'unsubscribe'; chatId: string; message: string }
    | {
        type: 'new_message'; chatId: string; timestamp: string;
        message: { id: string; text: string; sender: string; timestamp: string; isOwnMessage: boolean };
    }
    | { type: 'chat_update'; chatId: string; lastMessage: string; lastMessageTime: string; unreadCount: number; timestamp: string }
    | { type: 'user_typing'; chatId: string; userId: string; username: string; isTyping: boolean; timestamp: string }
    | { type: 'error'; error: string; details: string; timestamp: string };

export interface ServiceOptions {
    /** The id or name of the user who has signed in. */
    userId: string;
    tokens: TokenProvider;
    /** Where the API is, when not where the page is. */
    url?: string;
    /** Makes the WebSocket, where `new WebSocket()` shall not. */
    open?: (url: string, protocols?: string[]) => Socket;
    /** Every frame as text, both ways. */
    onText?: (direction: 'in' | 'out', text: string) => void;
}

type Handler = (notification: SubscribeNotification) => void;

/** A lost connection is silent for a while: this is how often a page that shows "typing" says so again. */
const TYPING_EVERY_MS = 2500;

export class ChatSocket {
    status: Status = 'offline';
    /** Why the last connection ended. */
    onclose: ((close: { code: number; reason: string }) => void) | null = null;
    /** Something is wrong with a frame of ours, or with the connection. */
    onerror: ((error: { error: string; details: string }) => void) | null = null;
    private readonly connection: Connection;
    private readonly handlers = new Set<Handler>();
    private readonly chats = new Set<string>();
    private typed = { chatId: '', at: -Infinity };

    constructor({ userId, tokens, url = window.location.origin, open, onText }: ServiceOptions) {
        this.connection = new Connection({
            url: `${url}/api/ws?userId=${encodeURIComponent(userId)}`,
            protocols: ['subscribe.v1'],
            token: new Keeper(tokens),
            resumes: false,
            ping: null, // the dialect has no such frame; the server pings
            onText,
            WebSocket: open && (function opened(at: string, protocols?: string[]) { return open(at, protocols); } as unknown as SocketClass),
            onFrame: (frame) => this.receive(frame),
            onStatus: (status, close) => this.changed(status, close),
        });
        this.connection.start();
    }

    subscribe(chatId: string): void {
        this.chats.add(chatId);
        this.connection.send({ action: 'subscribe', chatId });
    }

    unsubscribe(chatId: string): void {
        this.chats.delete(chatId);
        this.connection.send({ action: 'unsubscribe', chatId });
    }

    /** Call it with every key; the same signal is sent once in a while. */
    sendTypingIndicator(chatId: string, isTyping: boolean): void {
        const now = performance.now();
        if (isTyping && this.typed.chatId === chatId && now < this.typed.at + TYPING_EVERY_MS) {
            return;
        }
        this.typed = { chatId, at: isTyping ? now : -Infinity };
        this.connection.send({ type: 'typing', chatId, isTyping });
    }

    /** Returns how to end it. */
    onNotification(handler: Handler): () => void {
        this.handlers.add(handler);
        return () => void this.handlers.delete(handler);
    }

    close(): void {
        this.connection.stop();
        this.handlers.clear();
        this.chats.clear();
    }

    private receive(frame: Frame): void {
        const notification = frame as unknown as SubscribeNotification;
        if (notification.type === 'error') {
            this.onerror?.(notification);
        }
        this.handlers.forEach((handler) => handler(notification));
    }

    private changed(status: Status, close?: { code: number; reason: string }): void {
        this.status = status;
        if (close) {
            this.onclose?.(close);
        }
        if (status === 'live') {
            this.chats.forEach((chatId) => this.connection.send({ action: 'subscribe', chatId }));
        }
    }
}

let current: ChatSocket | null = null;

export function connect(options: ServiceOptions): ChatSocket {
    current?.close();
    current = new ChatSocket(options);
    return current;
}
export function disconnect(): void {
    current?.close();
    current = null;
}
export const subscribe = (chatId: string): void => current?.subscribe(chatId);
export const unsubscribe = (chatId: string): void => current?.unsubscribe(chatId);
export const sendTypingIndicator = (chatId: string, isTyping: boolean): void => current?.sendTypingIndicator(chatId, isTyping);
export const onNotification = (handler: Handler): (() => void) => current?.onNotification(handler) ?? (() => {});
