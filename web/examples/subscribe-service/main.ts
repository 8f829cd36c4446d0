// The subscribe dialect in an application: connect when somebody has signed in, subscribe when a chat is opened, show
// what comes, say when one types.
import { connect, onNotification, sendTypingIndicator, subscribe, unsubscribe, type SubscribeNotification } from '@/services/websocket';
import { tokens } from '../tokens';

const find = <T extends HTMLElement>(id: string) => document.getElementById(id) as T;
const [connection, typing, messages, text] = [find('connection'), find('typing'), find('messages'), find<HTMLInputElement>('text')];
let chat = '';

function show(notification: SubscribeNotification): void {
    switch (notification.type) {
    case 'connected':
        connection.textContent = notification.message;
        break;
    case 'subscription_confirmed':
        typing.textContent = notification.message;
        break;
    case 'new_message': {
        const item = document.createElement('li');
        item.textContent = `${notification.message.sender}: ${notification.message.text}`;
        messages.prepend(item);
        break;
    }
    case 'user_typing':
        typing.textContent = notification.isTyping ? `${notification.username} is typing` : '';
        break;
    case 'chat_update':
        document.title = `(${notification.unreadCount}) ${notification.lastMessage}`;
        break;
    }
}

const user = tokens.user();
if (user) {
    const socket = connect({ userId: user.username, tokens });
    socket.onclose = ({ code }) => { connection.textContent = `Connection lost (${code}), trying again`; };
    socket.onerror = ({ details }) => { connection.textContent = details; };
    onNotification(show);
} else {
    connection.textContent = 'Sign in first.';
}

find<HTMLFormElement>('open').addEventListener('submit', (event) => {
    event.preventDefault();
    if (chat) {
        unsubscribe(chat);
    }
    chat = String(new FormData(event.target as HTMLFormElement).get('chat'));
    subscribe(chat);
});
text.addEventListener('input', () => sendTypingIndicator(chat, text.value !== ''));
