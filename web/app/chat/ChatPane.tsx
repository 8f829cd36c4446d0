// The list of chats with its search.
import { useDeferredValue, useState } from 'react';
import { useLocation } from 'wouter';
import { idNumber, type Chat } from '@confab/client';
import { ChatList, chatName } from '@/components/ChatList';
import { Badge } from '@/components/Badge';
import { useModel } from '@/context/WebSocketContext';
import { isMuted, usePreferences } from '@/lib/preferences';
import { usePresence } from '@/lib/presence';
import { summary } from '@/lib/text';
import { fullTime, listTime } from '@/lib/time';
import { chatPath } from '../../react/navigate';
import { useStore } from '../../react/state/store';
import { Avatar } from '@/ui/Avatar';
import { Empty, Failed } from '@/ui/Empty';
import { Icon } from '@/ui/Icon';
import { Loading } from '@/ui/Loading';
import { Tip } from '@/ui/Tip';

export function ChatPane({ current, onNew }: { current: string | undefined; onNew: () => void }) {
    const { chats } = useModel();
    const [, navigate] = useLocation();
    const [search, setSearch] = useState('');
    const wanted = useDeferredValue(search.trim().toLowerCase());
    const phase = useStore(chats, (s) => s.phase);
    const error = useStore(chats, (s) => s.error);
    const matches = (chat: Chat) =>
        !wanted || `${chatName(chat)} ${chat.peer?.username ?? ''} ${chat.last_message?.content ?? ''}`.toLowerCase().includes(wanted);
    return (
        <section className="chat-pane" aria-label="Chats">
            <header className="pane-head">
                <h1>Messages</h1>
                <Tip text="New chat">
                    <button type="button" className="icon-button" aria-label="New chat" onClick={onNew}><Icon name="plus" size={22} /></button>
                </Tip>
            </header>
            <div className="pane-search">
                <label className="search">
                    <span className="visually-hidden">Search chats</span>
                    <Icon name="search" size={18} />
                    <input type="search" value={search} placeholder="Search chats" onChange={(event) => setSearch(event.target.value)} />
                </label>
            </div>
            <div className="pane-scroll">
                {phase === 'loading' && <Loading rows={8} />}
                {phase === 'failed' && <Failed error={error} onRetry={() => void chats.load()} />}
                {phase === 'ready' && (
                    <ChatList
                        current={current} filter={matches} onOpen={(id) => navigate(chatPath(id))} renderItem={(chat) => <Item chat={chat} />}
                        empty={wanted ? <p className="hint pane-none">No chat matches “{search.trim()}”.</p> : (
                            <Empty icon="chat" title="No chats yet">
                                <p>Find somebody by name and say hello.</p>
                                <button type="button" className="button button-main" onClick={onNew}><Icon name="plus" size={18} /> New chat</button>
                            </Empty>
                        )}
                    />
                )}
            </div>
        </section>
    );
}

function Item({ chat }: { chat: Chat }) {
    const { me, people } = useModel();
    const { prefs } = usePreferences();
    const peer = chat.peer && idNumber(chat.peer.user_id);
    const isOnline = usePresence(chat.peer?.user_id)?.online;
    const typing = useStore(people, (s) => s.typing.get(idNumber(chat.chat_id)));
    const last = chat.last_message;
    const isOwn = last && idNumber(last.sender_id) === idNumber(me.user_id);
    const who = !last ? '' : isOwn ? 'You: ' : chat.kind === 'group' ? `${last.sender_name}: ` : '';
    const name = chatName(chat);
    const muted = isMuted(prefs, chat.chat_id);
    return (
        <>
            <Avatar name={name} id={peer ?? idNumber(chat.chat_id)} isGroup={chat.kind === 'group'} isOnline={isOnline} />
            <span className="chat-name" dir="auto">{name}</span>
            <time className="chat-time" dateTime={chat.last_updated} title={fullTime(chat.last_updated)}>{listTime(last?.created_at ?? chat.last_updated)}</time>
            <span className="chat-last" dir="auto">
                {typing ? <span className="chat-typing">{chat.kind === 'group' ? `${typing[0]!.name} is typing…` : 'typing…'}</span>
                    : last ? <>{who}{summary(last)}</> : <em>No messages yet</em>}
            </span>
            <span className="chat-marks">
                {muted && <><Icon name="mute" size={16} /><span className="visually-hidden">muted</span></>}
                <Badge count={chat.unread_count} label={`${chat.unread_count} unread`} />
            </span>
        </>
    );
}
