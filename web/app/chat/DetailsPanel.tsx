// Who is in the chat and how it may disturb: mute, members and their roles, renaming, leaving, ending.
import { useState } from 'react';
import { useLocation } from 'wouter';
import { idNumber, sameId, type Chat, type Member, type Role, type User } from '@confab/client';
import { chatName } from '@/components/ChatList';
import { useModel } from '@/context/WebSocketContext';
import { usePresence } from '@/lib/presence';
import { ago } from '@/lib/time';
import { Avatar } from '@/ui/Avatar';
import { Confirm, Dialog } from '@/ui/Dialog';
import { Failed } from '@/ui/Empty';
import { errorText } from '@/ui/errors';
import { Field } from '@/ui/Field';
import { Icon } from '@/ui/Icon';
import { Loading } from '@/ui/Loading';
import { Menu, type MenuItem } from '@/ui/Menu';
import { say } from '@/ui/notices';
import { MuteSelect } from './MuteSelect';
import { PeoplePicker } from './PeoplePicker';
import { useMembers } from './members';

const RANK: Record<Role, number> = { member: 0, admin: 1, owner: 2 };
const ROLE_NAMES: Record<Role, string> = { member: '', admin: 'Admin', owner: 'Owner' };

export function DetailsPanel({ chat, onClose }: { chat: Chat; onClose: () => void }) {
    const isGroup = chat.kind === 'group';
    const [isRenaming, setRenaming] = useState(false);
    return (
        <aside
            className="details" aria-label="Details"
            onKeyDown={(event) => event.key === 'Escape' && !event.defaultPrevented && onClose()}
        >
            <header className="pane-head">
                <h2>Details</h2>
                <button type="button" className="icon-button" aria-label="Close details" onClick={onClose}><Icon name="close" size={22} /></button>
            </header>
            <div className="pane-scroll details-scroll">
                <div className="details-top">
                    <Avatar name={chatName(chat)} id={idNumber(chat.peer?.user_id ?? chat.chat_id)} isGroup={isGroup} size="large" />
                    <p className="details-name" dir="auto">{chatName(chat)}</p>
                    {chat.peer && <PeerLine peer={chat.peer} />}
                    {isGroup && chat.role !== 'member' && (
                        <button type="button" className="button button-quiet button-small" onClick={() => setRenaming(true)}><Icon name="edit" size={16} /> Rename</button>
                    )}
                </div>
                <MuteSelect chatId={chat.chat_id} />
                {isGroup && <Members chat={chat} />}
                {isGroup && <Leaving chat={chat} />}
            </div>
            <Dialog isOpen={isRenaming} onClose={() => setRenaming(false)} title="Rename the group" className="dialog-small">
                <Rename chat={chat} onDone={() => setRenaming(false)} />
            </Dialog>
        </aside>
    );
}

function PeerLine({ peer }: { peer: User }) {
    const presence = usePresence(peer.user_id);
    return <p className="hint">@{peer.username}{presence && ` · ${presence.online ? 'online' : ago(presence.lastSeen)}`}</p>;
}

function Rename({ chat, onDone }: { chat: Chat; onDone: () => void }) {
    const { client, chats } = useModel();
    const [name, setName] = useState(chat.chat_name);
    const [error, setError] = useState<string | null>(null);
    const save = async () => {
        try {
            chats.put(await client.rest.rename(chat.chat_id, name.trim()));
            onDone();
        } catch (e) {
            setError(errorText(e));
        }
    };
    return (
        <form
            className="form"
            onSubmit={(event) => {
                event.preventDefault();
                void save();
            }}
        >
            <Field label="Name" value={name} error={error} maxLength={100} required dir="auto" onChange={(event) => setName(event.target.value)} />
            <div className="dialog-buttons">
                <button type="button" className="button" onClick={onDone}>Cancel</button>
                <button type="submit" className="button button-main" disabled={!name.trim()}>Rename</button>
            </div>
        </form>
    );
}

function Members({ chat }: { chat: Chat }) {
    const { client } = useModel();
    const { members, phase, error, hasMore, reload } = useMembers(chat);
    const [isAdding, setAdding] = useState(false);
    const canManage = chat.role !== 'member';
    const run = (work: Promise<unknown>, done: string) => {
        work.then(() => {
            say(done);
            reload();
        }, (e) => say(errorText(e), true));
    };
    const sorted = [...members].sort((a, b) => RANK[b.role] - RANK[a.role] || a.name.localeCompare(b.name));
    return (
        <section aria-label="Members" className="details-part">
            <div className="details-row">
                <h3>{chat.members_count} {chat.members_count === 1 ? 'member' : 'members'}</h3>
                {canManage && <button type="button" className="button button-quiet button-small" onClick={() => setAdding(true)}><Icon name="plus" size={16} /> Add people</button>}
            </div>
            {phase === 'loading' && members.length === 0 && <Loading rows={3} />}
            {phase === 'failed' && <Failed error={error} onRetry={reload} />}
            <ul className="member-list">
                {sorted.map((member) => (
                    <MemberItem
                        key={member.user_id} member={member} chat={chat}
                        onRole={(role) => run(client.rest.setRole(chat.chat_id, member.user_id, role), `${member.name}: ${role}`)}
                        onRemove={() => run(client.rest.removeMember(chat.chat_id, member.user_id), `${member.name} was removed`)}
                    />
                ))}
            </ul>
            {hasMore && <p className="hint">The first {members.length} of {chat.members_count}.</p>}
            <Dialog isOpen={isAdding} onClose={() => setAdding(false)} title="Add people">
                <AddPeople
                    without={members.map((m) => m.user_id)}
                    onAdd={(users) => {
                        setAdding(false);
                        run(client.rest.addMembers(chat.chat_id, users.map((u) => u.user_id)), users.length === 1 ? `${users[0]!.name} was added` : `${users.length} people were added`);
                    }}
                />
            </Dialog>
        </section>
    );
}

function AddPeople({ without, onAdd }: { without: readonly string[]; onAdd: (users: readonly User[]) => void }) {
    const [chosen, setChosen] = useState<readonly User[]>([]);
    return (
        <div className="form">
            <PeoplePicker
                label="Name of the person" chosen={chosen} without={without} onChoose={(user) => setChosen([...chosen, user])}
                onRemove={(user) => setChosen(chosen.filter((u) => u !== user))}
            />
            <div className="dialog-buttons">
                <button type="button" className="button button-main" disabled={chosen.length === 0} onClick={() => onAdd(chosen)}>Add</button>
            </div>
        </div>
    );
}

function MemberItem({ member, chat, onRole, onRemove }: { member: Member; chat: Chat; onRole: (role: Role) => void; onRemove: () => void }) {
    const { me, client } = useModel();
    const [, navigate] = useLocation();
    const isMe = sameId(member.user_id, me.user_id);
    const isOnline = usePresence(member.user_id)?.online;
    const items: MenuItem[] = [];
    if (!isMe) {
        items.push({
            label: 'Write', icon: 'chat',
            onSelect: () => void client.rest.createPersonal(member.user_id).then((room) => navigate(`/chat/${room.chat_id}`), (e) => say(errorText(e), true)),
        });
    }
    if (chat.role === 'owner' && !isMe) {
        for (const role of ['owner', 'admin', 'member'] as const) {
            if (role !== member.role) {
                items.push({ label: `Make ${role}`, icon: 'user', onSelect: () => onRole(role) });
            }
        }
    }
    if (!isMe && RANK[chat.role] > RANK[member.role]) {
        items.push({ label: 'Remove', icon: 'trash', isDanger: true, onSelect: onRemove });
    }
    return (
        <li className="member">
            <Avatar name={member.name} id={idNumber(member.user_id)} size="small" isOnline={isOnline} />
            <span className="member-text">
                <span dir="auto" className="member-name">{member.name}{isMe && ' (you)'}</span>
                <span className="hint">@{member.username}</span>
            </span>
            {ROLE_NAMES[member.role] && <span className="role">{ROLE_NAMES[member.role]}</span>}
            {items.length > 0 && <Menu label={`Actions for ${member.name}`} className="icon-button icon-button-small" trigger={<Icon name="more" />} items={items} />}
        </li>
    );
}

function Leaving({ chat }: { chat: Chat }) {
    const { client, chats } = useModel();
    const [, navigate] = useLocation();
    const [asks, setAsks] = useState<'leave' | 'end' | null>(null);
    const go = async () => {
        try {
            await (asks === 'end' ? client.rest.endChat(chat.chat_id) : client.rest.leave(chat.chat_id));
            chats.forget(chat.chat_id);
            navigate('/chat');
        } catch (e) {
            say(errorText(e), true);
        }
    };
    return (
        <div className="details-part details-end">
            <button type="button" className="button button-quiet is-danger" onClick={() => setAsks('leave')}><Icon name="leave" size={18} /> Leave the group</button>
            {chat.role === 'owner' && <button type="button" className="button button-quiet is-danger" onClick={() => setAsks('end')}><Icon name="trash" size={18} /> End for everybody</button>}
            <Confirm
                isOpen={asks !== null} title={asks === 'end' ? 'End this group?' : 'Leave this group?'} action={asks === 'end' ? 'End it' : 'Leave'}
                text={asks === 'end' ? `“${chatName(chat)}” and its messages disappear for all members.` : 'You get no more messages of it until somebody adds you again.'}
                onClose={() => setAsks(null)} onConfirm={() => void go()}
            />
        </div>
    );
}
