// Finding people by name and choosing one or several.
import { useState } from 'react';
import { idNumber, sameId, type User } from '@confab/client';
import { Avatar } from '@/ui/Avatar';
import { Icon } from '@/ui/Icon';
import { usePeople } from './usePeople';

interface Props {
    label: string;
    chosen: readonly User[];
    /** Nobody to choose: those who are in already. */
    without?: readonly string[];
    onChoose: (user: User) => void;
    onRemove?: (user: User) => void;
}

export function PeoplePicker({ label, chosen, without = [], onChoose, onRemove }: Props) {
    const [text, setText] = useState('');
    const { users, isBusy } = usePeople(text);
    const open = users.filter((user) => !without.some((id) => sameId(id, user.user_id)) && !chosen.some((u) => sameId(u.user_id, user.user_id)));
    const choose = (user: User) => {
        setText('');
        onChoose(user);
    };
    return (
        <div className="picker">
            {chosen.length > 0 && (
                <ul className="chips" aria-label="Chosen">
                    {chosen.map((user) => (
                        <li key={user.user_id} className="chip">
                            <bdi>{user.name}</bdi>
                            <button type="button" aria-label={`Remove ${user.name}`} onClick={() => onRemove?.(user)}><Icon name="close" size={14} /></button>
                        </li>
                    ))}
                </ul>
            )}
            <label className="search">
                <span className="visually-hidden">{label}</span>
                <Icon name="search" size={18} />
                <input
                    type="search" value={text} placeholder={label} autoComplete="off" onChange={(event) => setText(event.target.value)}
                    onKeyDown={(event) => {
                        if (event.key === 'Enter') {
                            event.preventDefault();
                            if (open[0] && !isBusy) {
                                choose(open[0]);
                            }
                        }
                    }}
                />
            </label>
            <ul className="pick-list" aria-label="People">
                {open.map((user) => (
                    <li key={user.user_id}>
                        <button type="button" className="pick" onClick={() => choose(user)}>
                            <Avatar name={user.name} id={idNumber(user.user_id)} size="small" />
                            <span className="pick-name" dir="auto">{user.name}</span>
                            <span className="pick-note">@{user.username}</span>
                        </button>
                    </li>
                ))}
            </ul>
            <p className="hint" role="status">
                {!text.trim() ? 'Type the beginning of a name.' : isBusy ? 'Searching…' : open.length === 0 ? 'Nobody else is called that.' : ''}
            </p>
        </div>
    );
}
