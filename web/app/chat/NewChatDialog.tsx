// A new chat: with one person, or a group with a name.
import * as Tabs from '@radix-ui/react-tabs';
import { useRef, useState } from 'react';
import { useLocation } from 'wouter';
import type { ChatRoom, User } from '@confab/client';
import { useModel } from '@/context/WebSocketContext';
import { newKey } from '@/lib/browser';
import { chatPath } from '../../react/navigate';
import { Dialog } from '@/ui/Dialog';
import { errorText } from '@/ui/errors';
import { Field } from '@/ui/Field';
import { PeoplePicker } from './PeoplePicker';

export function NewChatDialog({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
    return (
        <Dialog isOpen={isOpen} onClose={onClose} title="New chat">
            <Choice onClose={onClose} />
        </Dialog>
    );
}

function Choice({ onClose }: { onClose: () => void }) {
    const { client, chats } = useModel();
    const [, navigate] = useLocation();
    const [error, setError] = useState<string | null>(null);
    const [isBusy, setBusy] = useState(false);
    const [name, setName] = useState('');
    const [people, setPeople] = useState<readonly User[]>([]);
    const key = useRef(newKey()); // pressing twice, or again after a lost answer, makes one group

    const make = async (create: () => Promise<ChatRoom>) => {
        setBusy(true);
        setError(null);
        try {
            const room = await create();
            await chats.ensure(room.chat_id);
            onClose();
            navigate(chatPath(room.chat_id));
        } catch (e) {
            setError(errorText(e));
            setBusy(false);
        }
    };
    return (
        <Tabs.Root defaultValue="direct" className="tabs" onValueChange={() => setError(null)}>
            <Tabs.List className="tab-list" aria-label="Kind of chat">
                <Tabs.Trigger className="tab" value="direct">One person</Tabs.Trigger>
                <Tabs.Trigger className="tab" value="group">Group</Tabs.Trigger>
            </Tabs.List>
            {error && <p className="error-text" role="alert">{error}</p>}
            <Tabs.Content value="direct" tabIndex={-1}>
                <PeoplePicker label="Name of the person" chosen={[]} onChoose={(user) => !isBusy && void make(() => client.rest.createPersonal(user.user_id))} />
            </Tabs.Content>
            <Tabs.Content value="group" tabIndex={-1}>
                <form
                    className="form"
                    onSubmit={(event) => {
                        event.preventDefault();
                        void make(() => client.rest.createGroup(name.trim(), people.map((u) => u.user_id), key.current));
                    }}
                >
                    <Field label="Name of the group" value={name} maxLength={100} required dir="auto" onChange={(event) => setName(event.target.value)} />
                    <PeoplePicker
                        label="Add people" chosen={people} onChoose={(user) => setPeople([...people, user])}
                        onRemove={(user) => setPeople(people.filter((u) => u !== user))}
                    />
                    <div className="dialog-buttons">
                        <button type="submit" className="button button-main" disabled={isBusy || !name.trim() || people.length === 0}>Create group</button>
                    </div>
                </form>
            </Tabs.Content>
        </Tabs.Root>
    );
}
