// /test-notifications: whether the connections work, what came over them, and what to look at when something is missing.
import { useModel, useWebSocket } from '@/context/WebSocketContext';
import { listTime } from '@/lib/time';
import { Icon } from '@/ui/Icon';
import { Connections } from './Connections';
import { DialectPanel } from './DialectPanel';
import { FrameLog } from './FrameLog';
import { Instructions } from './Instructions';
import { TokenCard } from './TokenCard';

export default function TestNotifications() {
    const { client } = useModel();
    return (
        <div className="page-scroll">
            <header className="page-head"><h1>Test notifications</h1></header>
            <div className="page-body cards cards-wide">
                <div className="column">
                    <Connections client={client} />
                    <TokenCard />
                    <Current />
                </div>
                <div className="column"><Instructions /></div>
                <DialectPanel />
                <FrameLog client={client} />
            </div>
        </div>
    );
}

function Current() {
    const { notifications, clearNotifications } = useWebSocket();
    return (
        <section className="card" aria-labelledby="t-current">
            <div className="details-row">
                <h2 id="t-current">Current notifications ({notifications.length})</h2>
                <button type="button" className="button button-small" onClick={clearNotifications} disabled={notifications.length === 0}><Icon name="trash" size={16} /> Clear</button>
            </div>
            {notifications.length === 0 && <p className="hint">None. Those that come while this page is open are listed here.</p>}
            <ul className="test-list">
                {notifications.map((n) => (
                    <li key={n.key}>
                        <code>{n.type}</code> <span dir="auto">{n.message}</span> {n.content_preview && <q dir="auto">{n.content_preview}</q>}
                        <span className="hint"> · chat {n.chat_id ?? '–'} · {listTime(n.timestamp)}{n.isMine ? '' : ' · shown by another tab'}</span>
                    </li>
                ))}
            </ul>
        </section>
    );
}
