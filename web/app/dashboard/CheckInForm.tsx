// Checking somebody in by the code they show, or by user name. Scanners that type like a keyboard end with Enter.
import { useRef, useState } from 'react';
import type { Checkin, EventSession } from '@confab/client';
import { useModel } from '@/context/WebSocketContext';
import { errorText } from '@/ui/errors';
import { Icon } from '@/ui/Icon';

const CODE = /^[0-9A-HJKMNP-TV-Z]{12}$/i;

export function CheckInForm({ session }: { session: EventSession }) {
    const { client } = useModel();
    const [text, setText] = useState('');
    const [result, setResult] = useState<{ checkin?: Checkin; error?: string } | null>(null);
    const field = useRef<HTMLInputElement>(null);
    const submit = async () => {
        const wanted = text.trim();
        const code = wanted.replace(/[\s-]/g, '');
        setText('');
        field.current?.focus();
        try {
            setResult({ checkin: await client.rest.checkIn(session.session_id, CODE.test(code) ? { code } : { username: wanted.replace(/^@/, '') }) });
        } catch (e) {
            setResult({ error: errorText(e) });
        }
    };
    const good = result?.checkin?.success;
    return (
        <section className="card" aria-labelledby="d-check">
            <h2 id="d-check">Check in</h2>
            <form
                className="inline-form"
                onSubmit={(event) => {
                    event.preventDefault();
                    if (text.trim()) {
                        void submit();
                    }
                }}
            >
                <input
                    ref={field} className="input" value={text} aria-label="Code or user name" placeholder="Code or user name" autoComplete="off" autoCapitalize="none"
                    spellCheck={false} onChange={(event) => setText(event.target.value)}
                />
                <button type="submit" className="button button-main" disabled={!text.trim()}><Icon name="scan" size={18} /> Check in</button>
            </form>
            <div role="status">
                {result && (
                    <p className={good ? 'callout callout-ok' : 'callout callout-error'}>
                        {result.checkin ? <><bdi>{result.checkin.user_name || 'Unknown'}</bdi>: {result.checkin.message}</> : result.error}
                    </p>
                )}
            </div>
        </section>
    );
}
