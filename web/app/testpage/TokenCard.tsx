// Who one is for the server: the token, how long it is good for, and whether the server takes it.
import { useCallback, useEffect, useState } from 'react';
import { tokens, useAuth } from '@/auth';
import { useModel } from '@/context/WebSocketContext';
import { copy } from '@/lib/browser';
import { errorText } from '@/ui/errors';
import { say } from '@/ui/notices';
import { Lamp } from './Connections';

interface Claims {
    sub?: string;
    exp?: number;
    iat?: number;
}

function claimsOf(token: string): Claims {
    try {
        return JSON.parse(atob(token.split('.')[1]!.replace(/-/g, '+').replace(/_/g, '/'))) as Claims;
    } catch {
        return {};
    }
}

export function TokenCard() {
    const { me } = useAuth();
    const { client } = useModel();
    const [token, setToken] = useState('');
    const [taken, setTaken] = useState<{ ok: boolean; text: string }>({ ok: false, text: 'not asked yet' });
    const [, tick] = useState(0);
    const ask = useCallback(async () => {
        try {
            setToken(await tokens.get());
            const user = await client.rest.me();
            setTaken({ ok: true, text: `valid, for @${user.username}` });
            setToken(await tokens.get());
        } catch (error) {
            setTaken({ ok: false, text: errorText(error) });
        }
    }, [client]);
    useEffect(() => {
        void ask();
        const timer = setInterval(() => tick((n) => n + 1), 1000);
        return () => clearInterval(timer);
    }, [ask]);
    const renew = async () => {
        try {
            setToken(await tokens.refresh());
            say('There is a new token');
            await ask();
        } catch (error) {
            say(errorText(error), true);
        }
    };
    const seconds = Math.round(((tokens.expiresAt?.() ?? 0) - Date.now()) / 1000);
    const { sub } = claimsOf(token);
    return (
        <section className="card" aria-labelledby="t-token">
            <h2 id="t-token">Token</h2>
            <dl className="facts">
                <div><dt>User</dt><dd>{me?.name} (@{me?.username}), id {sub ?? '–'}</dd></div>
                <div><dt>Server says</dt><dd><Lamp isOn={taken.ok} text={taken.text} /></dd></div>
                <div><dt>Good for</dt><dd>{seconds > 0 ? `${Math.floor(seconds / 60)} min ${seconds % 60} s` : 'expired, the next request exchanges it'}</dd></div>
                <div><dt>Access token</dt><dd><code className="token">{token ? `${token.slice(0, 24)}…${token.slice(-8)}` : '–'}</code></dd></div>
            </dl>
            <div className="row-buttons">
                <button type="button" className="button button-small" onClick={() => void ask()}>Check again</button>
                <button type="button" className="button button-small" onClick={() => void renew()}>Exchange it now</button>
                <button
                    type="button" className="button button-small" disabled={!token}
                    onClick={() => void copy(token).then(() => say('Copied'), () => say('The browser does not allow copying here.', true))}
                >
                    Copy token
                </button>
            </div>
        </section>
    );
}
