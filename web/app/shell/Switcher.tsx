// Ctrl+K: go to a chat or a person by typing a few letters.
import { useEffect, useMemo, useState } from 'react';
import { useLocation } from 'wouter';
import { idNumber, type User } from '@confab/client';
import { chatName } from '@/components/ChatList';
import { useModel } from '@/context/WebSocketContext';
import { chatPath } from '../../react/navigate';
import { useStore } from '../../react/state/store';
import { Avatar } from '@/ui/Avatar';
import { Dialog } from '@/ui/Dialog';
import { errorText } from '@/ui/errors';
import { Icon } from '@/ui/Icon';
import { say } from '@/ui/notices';
import { usePeople } from '@/chat/usePeople';

const CHATS_SHOWN = 8;

export const openSwitcher = (): void => void window.dispatchEvent(new CustomEvent('confab:switcher'));

export function Switcher() {
    const [isOpen, setOpen] = useState(false);
    useEffect(() => {
        const onKey = (event: KeyboardEvent) => {
            if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === 'k') {
                event.preventDefault();
                setOpen((open) => !open);
            }
        };
        const onCall = () => setOpen(true);
        window.addEventListener('keydown', onKey);
        window.addEventListener('confab:switcher', onCall);
        return () => {
            window.removeEventListener('keydown', onKey);
            window.removeEventListener('confab:switcher', onCall);
        };
    }, []);
    return (
        <Dialog isOpen={isOpen} onClose={() => setOpen(false)} title="Go to" className="switcher">
            <Choices onDone={() => setOpen(false)} />
        </Dialog>
    );
}

interface Choice {
    key: string;
    name: string;
    note: string;
    id: number;
    isGroup: boolean;
    go: () => void;
}

function Choices({ onDone }: { onDone: () => void }) {
    const { client, chats } = useModel();
    const { order, byId } = useStore(chats, (s) => s);
    const [, navigate] = useLocation();
    const [text, setText] = useState('');
    const [at, setAt] = useState(0);
    const wanted = text.trim().toLowerCase();
    const people = usePeople(text);

    const choices = useMemo<Choice[]>(() => {
        const found = order.map((n) => byId.get(n)!)
            .filter((chat) => !wanted || `${chatName(chat)} ${chat.peer?.username ?? ''}`.toLowerCase().includes(wanted)).slice(0, CHATS_SHOWN);
        const known = new Set(found.map((chat) => chat.peer?.user_id));
        return [
            ...found.map((chat) => ({
                key: chat.chat_id, name: chatName(chat), isGroup: chat.kind === 'group', id: idNumber(chat.peer?.user_id ?? chat.chat_id),
                note: chat.unread_count ? `${chat.unread_count} unread` : chat.kind === 'group' ? `${chat.members_count} members` : `@${chat.peer?.username ?? ''}`,
                go: () => navigate(chatPath(chat.chat_id)),
            })),
            // Of an answer to fewer letters only who fits still: Enter takes what is shown for what was typed.
            ...people.users.filter((user) => !known.has(user.user_id) && `${user.name} ${user.username}`.toLowerCase().includes(wanted)).map((user: User) => ({
                key: user.user_id, name: user.name, isGroup: false, id: idNumber(user.user_id), note: `@${user.username} · new chat`,
                go: () => client.rest.createPersonal(user.user_id)
                    .then((room) => navigate(chatPath(room.chat_id)), (error) => say(errorText(error), true)),
            })),
        ];
    }, [order, byId, wanted, people.users, client, navigate]);
    const chosen = Math.min(at, choices.length - 1);
    const choose = (choice: Choice | undefined) => {
        if (choice) {
            onDone();
            void choice.go();
        }
    };
    return (
        <>
            <label className="search">
                <span className="visually-hidden">Chat or person</span>
                <Icon name="search" size={18} />
                <input
                    value={text} placeholder="Chat or person" autoComplete="off" role="combobox" aria-expanded="true"
                    aria-controls="switcher-list" aria-activedescendant={choices[chosen] ? `switcher-${chosen}` : undefined}
                    onChange={(event) => {
                        setText(event.target.value);
                        setAt(0);
                    }}
                    onKeyDown={(event) => {
                        if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
                            event.preventDefault();
                            const step = event.key === 'ArrowDown' ? 1 : choices.length - 1;
                            setAt((chosen + step) % Math.max(1, choices.length));
                        } else if (event.key === 'Enter') {
                            event.preventDefault();
                            choose(choices[chosen]);
                        }
                    }}
                />
            </label>
            <ul className="pick-list" id="switcher-list" role="listbox" aria-label="Chats and people">
                {choices.map((choice, i) => (
                    <li
                        key={choice.key} id={`switcher-${i}`} role="option" aria-selected={i === chosen} className="pick"
                        ref={i === chosen ? (node) => node?.scrollIntoView({ block: 'nearest' }) : undefined}
                        onClick={() => choose(choice)} onPointerMove={() => setAt(i)}
                    >
                        <Avatar name={choice.name} id={choice.id} size="small" isGroup={choice.isGroup} />
                        <span className="pick-name" dir="auto">{choice.name}</span>
                        <span className="pick-note">{choice.note}</span>
                    </li>
                ))}
            </ul>
            {choices.length === 0 && <p className="hint">{people.isBusy ? 'Searching…' : 'Nobody and nothing with that name.'}</p>}
        </>
    );
}
