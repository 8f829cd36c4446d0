// Everything that is known of one signed-in user, fed by one client.
import { idNumber, type Client, type Message, type User } from '@confab/client';
import { Chats } from './chats';
import { Inbox } from './inbox';
import { People } from './people';
import { Threads } from './threads';

export interface Model {
    client: Client;
    me: User;
    chats: Chats;
    threads: Threads;
    people: People;
    inbox: Inbox;
    /** Stops listening; the client is its maker's. */
    close(): void;
}

export function createModel(client: Client, me: User): Model {
    const mine = () => idNumber(me.user_id);
    const chats = new Chats(client, mine);
    const threads = new Threads(client);
    const people = new People(client, mine);
    const inbox = new Inbox(client);
    const ends = [chats, threads, people, inbox].flatMap((part) => part.listen());
    // Frames do not say what file a message is about.
    const complete = ({ message }: { message: Message }) => {
        if (isFile(message) && !message.attachment) {
            client.rest.message(message.chat_id, message.message_id).then((whole) => {
                threads.replace(whole);
                chats.change(whole);
            }, () => {}); // shown without the file until the chat is loaded again
        }
    };
    ends.push(client.on('message', complete), client.on('sent', complete));
    return { client, me, chats, threads, people, inbox, close: () => ends.forEach((end) => end()) };
}

const isFile = ({ message_type: type }: Message): boolean => type === 'image' || type === 'video' || type === 'audio' || type === 'file';
