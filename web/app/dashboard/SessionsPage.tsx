// The event sessions in which one is host or staff, and a new one.
import { useCallback, useEffect, useRef, useState } from 'react';
import { Link, useLocation } from 'wouter';
import type { EventSession, Visibility } from '@confab/client';
import { useModel } from '@/context/WebSocketContext';
import { newKey } from '@/lib/browser';
import { listTime } from '@/lib/time';
import { Dialog } from '@/ui/Dialog';
import { Empty, Failed } from '@/ui/Empty';
import { errorText } from '@/ui/errors';
import { Field, Select } from '@/ui/Field';
import { Icon } from '@/ui/Icon';
import { Loading } from '@/ui/Loading';

export const VISIBILITY: readonly (readonly [Visibility, string])[] = [
    ['link', 'Whoever has the address'], ['public', 'The same, names as initials'], ['host', 'Hosts and staff only'],
];

export default function SessionsPage() {
    const { client } = useModel();
    const [sessions, setSessions] = useState<readonly EventSession[] | null>(null);
    const [next, setNext] = useState<string | null>(null);
    const [error, setError] = useState<string | null>(null);
    const [isNew, setNew] = useState(false);
    const load = useCallback(async (cursor?: string) => {
        try {
            const page = await client.rest.sessions({ limit: 50, cursor });
            setSessions((before) => [...(cursor ? before ?? [] : []), ...page.sessions]);
            setNext(page.next_cursor);
            setError(null);
        } catch (e) {
            setError(errorText(e));
        }
    }, [client]);
    useEffect(() => void load(), [load]);
    return (
        <div className="page-scroll">
            <header className="page-head">
                <h1>Dashboard</h1>
                <button type="button" className="button button-main" onClick={() => setNew(true)}><Icon name="plus" size={18} /> New event</button>
            </header>
            <div className="page-body">
                {!sessions && !error && <Loading />}
                {error && <Failed error={error} onRetry={() => void load()} />}
                {sessions?.length === 0 && (
                    <Empty icon="chart" title="No events yet">
                        <p>An event has a list of people, codes to check them in with, and a live page that shows who has come.</p>
                    </Empty>
                )}
                <ul className="session-list">
                    {sessions?.map((session) => <Item key={session.session_id} session={session} />)}
                </ul>
                {next && <button type="button" className="button note-more" onClick={() => void load(next)}>Older events</button>}
            </div>
            <Dialog isOpen={isNew} onClose={() => setNew(false)} title="New event"><NewSession /></Dialog>
        </div>
    );
}

function Item({ session: s }: { session: EventSession }) {
    const percent = s.attendees_count ? Math.round((s.checked_in_count * 100) / s.attendees_count) : 0;
    return (
        <li>
            <Link className="session" href={`/dashboard/${s.session_id}`}>
                <span className="session-title" dir="auto">{s.title}</span>
                <span className="hint">{s.role === 'host' ? 'Host' : 'Staff'} · {listTime(s.created_at)} · {VISIBILITY.find(([v]) => v === s.visibility)?.[1]}</span>
                <span className="session-count"><strong>{s.checked_in_count}</strong> of {s.attendees_count} here</span>
                <progress value={percent} max={100} aria-label="Checked in" />
            </Link>
        </li>
    );
}

function NewSession() {
    const { client } = useModel();
    const [, navigate] = useLocation();
    const [title, setTitle] = useState('');
    const [visibility, setVisibility] = useState<Visibility>('link');
    const [error, setError] = useState<string | null>(null);
    const [isBusy, setBusy] = useState(false);
    const key = useRef(newKey());
    const make = async () => {
        setBusy(true);
        try {
            const session = await client.rest.createSession({ title: title.trim(), visibility }, key.current);
            navigate(`/dashboard/${session.session_id}`);
        } catch (e) {
            setError(errorText(e));
            setBusy(false);
        }
    };
    return (
        <form
            className="form"
            onSubmit={(event) => {
                event.preventDefault();
                void make();
            }}
        >
            <Field label="Title" value={title} error={error} maxLength={100} required dir="auto" onChange={(event) => setTitle(event.target.value)} />
            <Select label="Who may watch" value={visibility} options={VISIBILITY} onChange={setVisibility} />
            <div className="dialog-buttons"><button type="submit" className="button button-main" disabled={isBusy || !title.trim()}>Create</button></div>
        </form>
    );
}
