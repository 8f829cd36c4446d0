// The state of both sockets, of the server, and whether more connections are open than there should be.
import { useEffect, useState } from 'react';
import type { Client, SocketName, Status } from '@confab/client';
import { useStoreless } from './useStoreless';
import { opened, type Opened } from './socketWatch';

const NAMES: Record<SocketName, string> = { rooms: 'Chat socket (/ws)', inbox: 'Notification socket (/ws/notifications)' };
const TEXTS: Record<Status, string> = {
    offline: 'closed', connecting: 'connecting', catching_up: 'catching up', live: 'connected', waiting: 'waiting to reconnect', signed_out: 'signed out',
};

export function Connections({ client }: { client: Client }) {
    const sockets = useStoreless(() => ({ ...client.sockets }), (again) => client.on('sockets', again));
    const isLeader = useStoreless(() => client.isLeader, (again) => client.on('leader', again));
    const own = useStoreless(() => opened.get(), (again) => opened.subscribe(again));
    const server = useServer();
    const doubles = duplicates(own);
    return (
        <section className="card" aria-labelledby="t-conn">
            <h2 id="t-conn">Connections</h2>
            <dl className="facts">
                {(Object.keys(NAMES) as SocketName[]).map((name) => (
                    <div key={name}><dt>{NAMES[name]}</dt><dd><Lamp isOn={sockets[name] === 'live'} text={TEXTS[sockets[name]]} /></dd></div>
                ))}
                <div><dt>Held by</dt><dd>{isLeader ? 'this tab' : 'another tab of this browser, which passes everything on'}</dd></div>
                <div><dt>Server</dt><dd><Lamp isOn={server === 'ready'} text={server} /></dd></div>
                <div><dt>Sockets of this tab</dt><dd>{own.length === 0 ? 'none' : own.map((s) => s.path).join(', ')}</dd></div>
            </dl>
            {doubles.length > 0 ? (
                <p className="callout callout-error" role="alert">
                    Duplicate connections: {doubles.map(([path, n]) => `${n} × ${path}`).join(', ')}. Something connects twice or does not close; each notification may be shown more than once.
                </p>
            ) : <p className="callout callout-ok">No duplicate connections.</p>}
        </section>
    );
}

/** More than one socket of this tab to the same path. Panels that open more on purpose are not counted. */
function duplicates(sockets: readonly Opened[]): [string, number][] {
    const counts = new Map<string, number>();
    sockets.filter((s) => !s.onPurpose).forEach((s) => counts.set(s.path, (counts.get(s.path) ?? 0) + 1));
    return [...counts].filter(([, n]) => n > 1);
}

export function Lamp({ isOn, text }: { isOn: boolean; text: string }) {
    return <span className={isOn ? 'lamp is-on' : 'lamp'}>{text}</span>;
}

/** Asks the server itself, so that "not connected" and "no server" can be told apart. */
function useServer(): string {
    const [state, setState] = useState('asking');
    useEffect(() => {
        const ask = async () => {
            try {
                const answer = await fetch('/readyz', { credentials: 'omit' });
                const { status } = (await answer.json()) as { status?: string };
                setState(status === 'ready' ? 'ready' : `answers, but is ${status ?? answer.status}`);
            } catch {
                setState('does not answer');
            }
        };
        void ask();
        const timer = setInterval(() => void ask(), 5000);
        return () => clearInterval(timer);
    }, []);
    return state;
}
