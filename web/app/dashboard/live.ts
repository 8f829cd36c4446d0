// The check-ins of an event session as they happen. Each connection begins with the last ones; what was seen is skipped.
import { useEffect, useState } from 'react';
import { Connection, Keeper, type Checkin, type Status } from '@confab/client';
import { tokens, useAuth } from '@/auth';

export interface Live {
    status: Status;
    /** Newest first. */
    checkins: readonly Checkin[];
    /** Why one may not look, or that there is no such session. */
    refused: string | null;
}

const REPLAY = 100;
const KEPT = 500;

const REASONS: Record<number, string> = {
    4403: 'Only hosts and staff of this event may look at its dashboard.',
    4404: 'There is no such event, or it has ended.',
};

export function useLive(session: string): Live {
    const { me } = useAuth();
    const [live, setLive] = useState<Live>({ status: 'connecting', checkins: [], refused: null });
    const user = me?.user_id;
    useEffect(() => {
        const seen = new Set<string>();
        const connection = new Connection({
            url: `${window.location.origin}/ws/dashboard/${encodeURIComponent(session)}?replay=${REPLAY}`,
            protocols: ['dashboard.v1'],
            token: user ? new Keeper(tokens) : undefined,
            resumes: false,
            ping: null,
            onFrame: (frame) => {
                const checkin = frame as unknown as Checkin;
                const mark = JSON.stringify(checkin);
                if (checkin.checkin_time && !seen.has(mark)) {
                    seen.add(mark);
                    setLive((l) => ({ ...l, checkins: [checkin, ...l.checkins].sort((a, b) => (a.checkin_time < b.checkin_time ? 1 : -1)).slice(0, KEPT) }));
                }
            },
            onStatus: (status, close) => {
                const refused = close ? REASONS[close.code] ?? null : null;
                if (refused) {
                    connection.stop();
                }
                setLive((l) => ({ ...l, status, refused }));
            },
        });
        setLive({ status: 'connecting', checkins: [], refused: null });
        connection.start();
        return () => connection.stop();
    }, [session, user]);
    return live;
}
