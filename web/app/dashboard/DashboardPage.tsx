// The live page of one event: how many are here, who came when, and for hosts and staff the means to check people in.
import { useCallback, useEffect, useState } from 'react';
import { Link } from 'wouter';
import type { Checkin, EventSession } from '@confab/client';
import { useModelOrNull } from '@/context/WebSocketContext';
import { useAuth } from '@/auth';
import { copy } from '@/lib/browser';
import { clockTime, fullTime } from '@/lib/time';
import { Avatar } from '@/ui/Avatar';
import { Empty } from '@/ui/Empty';
import { Icon } from '@/ui/Icon';
import { say } from '@/ui/notices';
import { Attendees } from './Attendees';
import { Chart } from './Chart';
import { CheckInForm } from './CheckInForm';
import { useLive } from './live';
import { SessionSettings } from './SessionSettings';

export default function DashboardPage({ session: id }: { session: string }) {
    const model = useModelOrNull();
    const { me } = useAuth();
    const live = useLive(id);
    const [session, setSession] = useState<EventSession | null>(null);
    const now = useNow(15000);
    const load = useCallback(() => {
        // Whoever has no role gets 403 and sees the live part alone.
        model?.client.rest.session(id).then(setSession, () => setSession(null));
    }, [model, id]);
    const newest = live.checkins[0];
    useEffect(load, [load, newest]);

    if (live.refused) {
        return <Empty icon="chart" title="No dashboard" isPage><p>{live.refused}</p>{me ? <Link href="/dashboard">All events</Link> : <Link href="/sign-in">Sign in</Link>}</Empty>;
    }
    const here = session?.checked_in_count ?? live.checkins.filter((c) => c.success).length;
    return (
        <div className="page-scroll">
            <header className="page-head">
                {me && <Link href="/dashboard" className="icon-button" aria-label="All events"><Icon name="back" size={24} /></Link>}
                <h1 className="page-title" dir="auto">{session?.title ?? 'Live dashboard'}</h1>
                <LiveMark status={live.status} />
                <button type="button" className="button button-small" aria-label="Copy link" onClick={() => copyAddress()}><Icon name="link" size={18} /> <span className="only-wide">Copy link</span></button>
            </header>
            <div className="page-body dashboard">
                <section className="card count-card" aria-label="Present">
                    <p className="count"><strong>{here}</strong>{session && <span> of {session.attendees_count}</span>}</p>
                    <p className="hint">{session ? 'checked in' : 'checked in lately'}</p>
                    {session && <progress value={here} max={Math.max(1, session.attendees_count)} aria-label="Checked in" />}
                </section>
                <section className="card" aria-label="Chart"><Chart checkins={live.checkins} now={now} /></section>
                {session && <CheckInForm session={session} />}
                <section className="card stream-card" aria-labelledby="d-stream">
                    <h2 id="d-stream">Latest</h2>
                    {live.checkins.length === 0 && <p className="hint">Nobody has been checked in yet. It appears here at once.</p>}
                    <ol className="stream">{live.checkins.slice(0, 60).map((c) => <Line key={`${c.checkin_time} ${c.user_id ?? ''}`} checkin={c} />)}</ol>
                </section>
                {session && <Attendees session={session} changed={newest} />}
                {session?.role === 'host' && <SessionSettings session={session} onChange={setSession} />}
            </div>
            <div className="visually-hidden" aria-live="polite">{newest && `${newest.user_name || 'Unknown'}: ${newest.message}`}</div>
        </div>
    );
}

function copyAddress(): void {
    copy(window.location.href).then(() => say('Copied'), () => say(window.location.href));
}

function LiveMark({ status }: { status: string }) {
    const isLive = status === 'live';
    return <span className={isLive ? 'live-mark is-live' : 'live-mark'} role="status">{isLive ? 'Live' : 'Connecting…'}</span>;
}

function Line({ checkin: c }: { checkin: Checkin }) {
    const name = c.user_name || 'Unknown';
    return (
        <li className={c.success ? 'stream-line' : 'stream-line is-refused'}>
            <Avatar name={name} id={c.user_id ? parseInt(c.user_id.slice(-6), 16) : 0} size="small" />
            <span className="stream-name" dir="auto">{name}</span>
            <span className="stream-what">{!c.success && <Icon name="alert" size={16} />}{c.message}</span>
            <time className="stream-time" dateTime={c.checkin_time} title={fullTime(c.checkin_time)}>{clockTime(c.checkin_time)}</time>
        </li>
    );
}

function useNow(everyMs: number): number {
    const [now, setNow] = useState(Date.now);
    useEffect(() => {
        const timer = setInterval(() => setNow(Date.now()), everyMs);
        return () => clearInterval(timer);
    }, [everyMs]);
    return now;
}
