// The inbox: everything that was notified of, kept by the server.
import { useEffect, useState } from 'react';
import { useLocation } from 'wouter';
import type { StoredNotification } from '@confab/client';
import { useModel, useWebSocket } from '@/context/WebSocketContext';
import { pathOf } from '@/components/NotificationToast';
import { fullTime, listTime } from '@/lib/time';
import { chatPath } from '../../react/navigate';
import { useStore } from '../../react/state/store';
import { Empty, Failed } from '@/ui/Empty';
import { errorText } from '@/ui/errors';
import { Icon } from '@/ui/Icon';
import { Loading } from '@/ui/Loading';
import { say } from '@/ui/notices';
import { DesktopPrompt } from './DesktopPrompt';

const failed = (error: unknown) => say(errorText(error), true);

export default function NotificationsPage() {
    const { inbox } = useModel();
    const { clearNotifications } = useWebSocket();
    const { phase, error, items, unread, next, onlyUnread } = useStore(inbox, (s) => s);
    const [isBusy, setBusy] = useState(false);
    useEffect(() => void inbox.load(), [inbox]);
    const more = async () => {
        setBusy(true);
        await inbox.more().catch(failed);
        setBusy(false);
    };
    return (
        <div className="page-scroll">
            <header className="page-head">
                <h1>Notifications</h1>
                <div className="row-buttons">
                    <div className="segments" role="group" aria-label="Which ones">
                        <button type="button" aria-pressed={!onlyUnread} onClick={() => void inbox.load(false)}>All</button>
                        <button type="button" aria-pressed={onlyUnread} onClick={() => void inbox.load(true)}>Unread{unread > 0 && ` (${unread})`}</button>
                    </div>
                    <button type="button" className="button button-small" disabled={unread === 0} onClick={clearNotifications}><Icon name="checks" size={18} /> Mark all read</button>
                </div>
            </header>
            <div className="page-body">
                <DesktopPrompt />
                {phase === 'loading' && <Loading />}
                {phase === 'failed' && <Failed error={error} onRetry={() => void inbox.load()} />}
                {phase === 'ready' && items.length === 0 && (
                    <Empty icon="bell" title={onlyUnread ? 'Nothing unread' : 'Nothing yet'}>
                        <p>Messages you have missed and other news appear here.</p>
                    </Empty>
                )}
                <ul className="note-list">
                    {items.map((item) => <Item key={item.id} item={item} />)}
                </ul>
                {next && <button type="button" className="button note-more" disabled={isBusy} onClick={() => void more()}>Older notifications</button>}
            </div>
        </div>
    );
}

function Item({ item }: { item: StoredNotification }) {
    const { inbox } = useModel();
    const [, navigate] = useLocation();
    const isMessage = item.type === 'new_message';
    const path = item.chat_id ? chatPath(item.chat_id) : pathOf({ chat_id: null, link: item.link });
    const outside = !path && item.link && /^https?:\/\//.test(item.link) ? item.link : null;
    const open = () => {
        if (!item.is_read) {
            inbox.read(item.id).catch(failed);
        }
        if (path) {
            navigate(path);
        }
    };
    return (
        <li className={item.is_read ? 'note' : 'note is-unread'}>
            <span className="note-icon"><Icon name={isMessage ? 'chat' : 'bell'} /></span>
            <button type="button" className="note-open" onClick={open}>
                <span className="note-title" dir="auto">{!item.is_read && <span className="visually-hidden">Unread: </span>}{item.title}</span>
                {item.message && <span className="note-text" dir="auto">{item.message}</span>}
            </button>
            {outside && <a className="note-link" href={outside} target="_blank" rel="noopener noreferrer">Open link</a>}
            <time className="note-time" dateTime={item.created_at} title={fullTime(item.created_at)}>{listTime(item.created_at)}</time>
            <button type="button" className="icon-button icon-button-small" aria-label={`Remove: ${item.title}`} onClick={() => void inbox.remove(item.id).catch(failed)}>
                <Icon name="close" size={18} />
            </button>
        </li>
    );
}
