// Every frame of both sockets as it went over the wire.
import { useEffect, useRef, useState } from 'react';
import type { Client, Events } from '@confab/client';
import { Icon } from '@/ui/Icon';

type Entry = Events['frame'] & { id: number };
const KEPT = 200;

export function FrameLog({ client }: { client: Client }) {
    const [frames, setFrames] = useState<readonly Entry[]>([]);
    const [isPaused, setPaused] = useState(false);
    const count = useRef(0);
    useEffect(() => {
        if (isPaused) {
            return undefined;
        }
        return client.on('frame', (frame) => {
            count.current += 1;
            const id = count.current;
            setFrames((all) => [{ ...frame, id }, ...all].slice(0, KEPT));
        });
    }, [client, isPaused]);
    return (
        <section className="card card-wide" aria-labelledby="t-frames">
            <div className="details-row">
                <h2 id="t-frames">Frame log</h2>
                <div className="row-buttons">
                    <button type="button" className="button button-small" aria-pressed={isPaused} onClick={() => setPaused(!isPaused)}>{isPaused ? 'Go on' : 'Pause'}</button>
                    <button type="button" className="button button-small" onClick={() => setFrames([])}><Icon name="trash" size={16} /> Clear</button>
                </div>
            </div>
            {frames.length === 0 && <p className="hint">Frames of both sockets appear here, newest first. The tab that holds the connection sees them.</p>}
            <ol className="frames" tabIndex={0} aria-label="Frames">
                {frames.map((f) => (
                    <li key={f.id} className="frame">
                        <span className={`frame-way frame-${f.direction}`}>{f.direction === 'in' ? '↓' : '↑'}<span className="visually-hidden">{f.direction === 'in' ? 'received' : 'sent'}</span></span>
                        <span className="frame-socket">{f.socket}</span>
                        <time className="frame-time">{new Date(f.at).toLocaleTimeString()}</time>
                        <code className="frame-text">{f.text}</code>
                    </li>
                ))}
            </ol>
        </section>
    );
}
