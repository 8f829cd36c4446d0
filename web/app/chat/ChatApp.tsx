// Messages: the list of chats on the left, the open one in the middle, who is in it on the right. One of them at a
// time where the window is narrow.
import { useEffect, useState } from 'react';
import { useLocation } from 'wouter';
import { idNumber, sameId, type Chat } from '@confab/client';
import { useModel } from '@/context/WebSocketContext';
import { useStore } from '../../react/state/store';
import { Empty, Failed } from '@/ui/Empty';
import { errorText } from '@/ui/errors';
import { Icon } from '@/ui/Icon';
import { Loading } from '@/ui/Loading';
import { ChatPane } from './ChatPane';
import { Conversation } from './Conversation';
import { DetailsPanel } from './DetailsPanel';
import { NewChatDialog } from './NewChatDialog';

export function ChatApp({ id }: { id: string | undefined }) {
    const [isNew, setNew] = useState(false);
    const [hasDetails, setDetails] = useState(false);
    return (
        <div className="chat-app" data-open={id ? 'conversation' : 'list'} data-details={(id && hasDetails) || undefined}>
            <ChatPane current={id} onNew={() => setNew(true)} />
            {id ? (
                <OpenChat key={idNumber(id) || id} id={id} hasDetails={hasDetails} onDetails={setDetails} />
            ) : (
                <section className="conversation conversation-none" aria-label="Conversation">
                    <Empty icon="chat" title="Choose a conversation">
                        <p>or start one. <kbd>Ctrl</kbd> <kbd>K</kbd> finds chats and people.</p>
                        <button type="button" className="button button-main" onClick={() => setNew(true)}><Icon name="plus" size={18} /> New chat</button>
                    </Empty>
                </section>
            )}
            <NewChatDialog isOpen={isNew} onClose={() => setNew(false)} />
        </div>
    );
}

function OpenChat({ id, hasDetails, onDetails }: { id: string; hasDetails: boolean; onDetails: (on: boolean) => void }) {
    const { chats } = useModel();
    const chat = useStore(chats, (s) => s.byId.get(idNumber(id)));
    const phase = useStore(chats, (s) => s.phase);
    const [error, setError] = useState<string | null>(null);
    const [isGone, setGone] = useState(false);
    const [attempt, setAttempt] = useState(0);

    // Not in the list: it may be beyond what was loaded, or not ours.
    useEffect(() => {
        let isOver = false;
        if (!chat && phase !== 'loading') {
            setError(null);
            chats.ensure(id).then((found) => !isOver && setGone(!found), (e) => !isOver && setError(errorText(e)));
        }
        return () => {
            isOver = true;
        };
    }, [chat, phase, chats, id, attempt]);

    if (chat) {
        return (
            <>
                <Shown chat={chat} />
                <Conversation chat={chat} hasDetails={hasDetails} onDetails={onDetails} />
                {hasDetails && <DetailsPanel chat={chat} onClose={() => onDetails(false)} />}
            </>
        );
    }
    return (
        <section className="conversation conversation-none" aria-label="Conversation">
            {isGone ? <Gone /> : error ? <Failed error={error} onRetry={() => setAttempt(attempt + 1)} /> : <Loading />}
        </section>
    );
}

function Gone() {
    const [, navigate] = useLocation();
    return (
        <Empty icon="chat" title="This conversation is not there">
            <p>It was ended, or you are not a member.</p>
            <button type="button" className="button" onClick={() => navigate('/chat')}>All conversations</button>
        </Empty>
    );
}

/** Tells everybody concerned that the chat is on the screen: the server (no notifications), the list (no counting). */
function Shown({ chat }: { chat: Chat }) {
    const { client, chats, me } = useModel();
    const id = chat.chat_id;
    useEffect(() => {
        const look = () => {
            chats.shown = document.visibilityState === 'visible' ? idNumber(id) : 0;
        };
        look();
        client.focus(id);
        document.addEventListener('visibilitychange', look);
        return () => {
            document.removeEventListener('visibilitychange', look);
            chats.shown = 0;
            client.focus(null);
        };
    }, [client, chats, id]);

    const isUnread = chat.read_seq < chat.last_seq && !sameId(chat.last_message?.sender_id, me.user_id);
    useEffect(() => {
        if (!isUnread) {
            return undefined;
        }
        const read = () => {
            if (document.visibilityState === 'visible') {
                client.read(id, chat.last_seq).then((now) => chats.read(id, now), () => {}); // the next message tries again
            }
        };
        const timer = setTimeout(read, 300);
        document.addEventListener('visibilitychange', read);
        return () => {
            clearTimeout(timer);
            document.removeEventListener('visibilitychange', read);
        };
    }, [client, chats, id, isUnread, chat.last_seq]);
    return null;
}
