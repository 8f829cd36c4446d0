// One socket of each dialect, opened by hand: what arrives is shown as it is.
import { idNumber } from '@confab/client';
import { ChatSocket } from '@/services/websocket';
import { tokens } from '@/auth';
import { onPurpose } from './socketWatch';

export type DialectName = 'rooms' | 'subscribe' | 'socketio' | 'conversations' | 'inbox';

export interface DialectInfo {
    name: DialectName;
    title: string;
    path: string;
    /** What one should know to understand what comes. */
    note: string;
}

export const DIALECTS: readonly DialectInfo[] = [
    { name: 'rooms', title: 'rooms', path: '/ws', note: 'Events of all chats one is in.' },
    { name: 'subscribe', title: 'subscribe', path: '/api/ws?userId=', note: 'Chats that were subscribed to. Not told of what the same user sends.' },
    { name: 'socketio', title: 'socketio', path: '/socket.io/ (namespace /chat)', note: 'Socket.IO packets; rooms that were joined.' },
    { name: 'conversations', title: 'conversations', path: '/ws?dialect=conversations', note: 'Objects without a type.' },
    { name: 'inbox', title: 'inbox', path: '/ws/chat', note: 'Messages of the chat page.' },
];

export interface Listener {
    onState: (state: 'connecting' | 'ready' | 'closed', detail?: string) => void;
    onFrame: (text: string) => void;
}

export interface Who {
    token: string;
    username: string;
    chatId: string;
}

/** Returns how to close it. */
export function openDialect(name: DialectName, who: Who, listener: Listener): () => void {
    return name === 'subscribe' ? openService(who, listener) : openSocket(name, who, listener);
}

/** This dialect has a service of its own. */
function openService({ username, chatId }: Who, { onState, onFrame }: Listener): () => void {
    onState('connecting');
    const socket = new ChatSocket({
        userId: username, tokens,
        open: (url, protocols) => onPurpose(() => new WebSocket(url, protocols)),
        onText: (direction, text) => {
            if (direction === 'in' && !/"type":"(connected|subscription_confirmed)"/.test(text)) {
                onFrame(text);
            }
        },
    });
    socket.onclose = ({ code, reason }) => onState('closed', reason || String(code));
    socket.onNotification((notification) => {
        if (notification.type === 'subscription_confirmed') {
            onState('ready');
        }
    });
    socket.subscribe(`chat_${idNumber(chatId)}`);
    return () => {
        socket.onclose = null;
        socket.close();
        onState('closed');
    };
}

function openSocket(name: Exclude<DialectName, 'subscribe'>, who: Who, listener: Listener): () => void {
    const base = window.location.origin.replace(/^http/, 'ws');
    const { url, protocols, begin, receive } = kinds[name](who, listener);
    listener.onState('connecting');
    const socket = onPurpose(() => new WebSocket(base + url, protocols));
    const send = (text: string) => socket.readyState === WebSocket.OPEN && socket.send(text);
    socket.onopen = () => begin(send);
    socket.onmessage = ({ data }) => receive(String(data), send);
    socket.onclose = ({ code, reason }) => listener.onState('closed', reason || String(code));
    return () => {
        socket.onclose = null;
        socket.close();
        listener.onState('closed');
    };
}

type Send = (text: string) => void;
interface Kind {
    url: string;
    protocols: string[];
    begin: (send: Send) => void;
    receive: (text: string, send: Send) => void;
}

const bearer = (protocol: string, { token }: Who) => [protocol, `bearer.${token}`];

/** A dialect that is ready when it is open and shows every frame. */
const plain = (url: string, protocols: string[], { onState, onFrame }: Listener): Kind => ({
    url, protocols, begin: () => onState('ready'), receive: (text) => onFrame(text),
});

const kinds: Record<Exclude<DialectName, 'subscribe'>, (who: Who, listener: Listener) => Kind> = {
    rooms: (who, listener) => plain('/ws', bearer('rooms.v1', who), listener),
    conversations: (who, listener) => plain('/ws?dialect=conversations', bearer('conversations.v1', who), listener),
    inbox: (who, listener) => plain('/ws/chat?events=group', bearer('inbox_chat.v1', who), listener),
    // Engine.IO 4: 0 open, 2 ping, 3 pong, 4 a packet of Socket.IO: 40 connect, 42 event, 43 answer.
    socketio: (who, { onState, onFrame }) => ({
        url: '/socket.io/?EIO=4&transport=websocket',
        protocols: [],
        begin: () => {},
        receive: (text, send) => {
            if (text.startsWith('0')) {
                send(`40/chat,${JSON.stringify({ token: who.token })}`);
            } else if (text === '2') {
                send('3');
            } else if (text.startsWith('40/chat')) {
                send(`42/chat,1${JSON.stringify(['joinConversation', { convId: idNumber(who.chatId) }])}`);
            } else if (text.startsWith('43/chat')) {
                onState(text.includes('"ok":true') ? 'ready' : 'closed', text.includes('"ok":true') ? '' : text);
            } else if (!text.includes('"joinedConversation"')) {
                onFrame(text);
            }
        },
    }),
};
