// Says that the connection is lost, when it is tried again, and how many messages wait for it.
import { useEffect, useState } from 'react';
import { useModel, useWebSocket } from '@/context/WebSocketContext';
import { useStore } from '../../react/state/store';
import { Icon } from '@/ui/Icon';

/** A reconnect that takes less than this is nobody's business. */
const PATIENCE_MS = 1500;

export function OfflineBanner() {
    const { status, retryAt } = useWebSocket();
    const { threads } = useModel();
    const queued = useStore(threads, (s) => s.pending.filter((p) => p.state !== 'failed').length);
    const [isLate, setLate] = useState(false);
    const hasNetwork = useNetwork();
    // Without a network the sockets may take a while to notice.
    const isAway = status !== 'signed_out' && (status !== 'live' || !hasNetwork);
    const [, tick] = useState(0);

    useEffect(() => {
        const timer = setTimeout(() => setLate(isAway), isAway ? PATIENCE_MS : 0);
        return () => clearTimeout(timer);
    }, [isAway]);
    useEffect(() => {
        if (!isLate || !retryAt) {
            return undefined;
        }
        const timer = setInterval(() => tick((n) => n + 1), 1000);
        return () => clearInterval(timer);
    }, [isLate, retryAt]);

    if (!isAway || !isLate) {
        return null;
    }
    const seconds = retryAt ? Math.max(0, Math.ceil((retryAt - Date.now()) / 1000)) : 0;
    return (
        <div className="banner">
            <Icon name="wifi" />
            <span role="status">
                {hasNetwork ? 'No connection to the server.' : 'You are offline.'}
                {queued > 0 && ` ${queued} ${queued === 1 ? 'message waits' : 'messages wait'} to be sent.`}
            </span>
            {hasNetwork && <span>{status === 'waiting' && seconds > 0 ? `Next try in ${seconds} s` : 'Connecting…'}</span>}
        </div>
    );
}

function useNetwork(): boolean {
    const [isThere, setThere] = useState(navigator.onLine);
    useEffect(() => {
        const look = () => setThere(navigator.onLine);
        window.addEventListener('online', look);
        window.addEventListener('offline', look);
        return () => {
            window.removeEventListener('online', look);
            window.removeEventListener('offline', look);
        };
    }, []);
    return isThere;
}
