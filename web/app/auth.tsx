// Who is signed in, in every tab: tokens are kept by the library, this turns them into something to render by.
import { createContext, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from 'react';
import { sessionTokens, type Me, type SessionTokens } from '@confab/client';

/**
 * No cookies: with them a page would be two users at once when another account signs in in this browser, which the
 * server refuses. Everything is asked with the token.
 */
export const plainFetch: typeof fetch = (input, init) => fetch(input, { ...init, credentials: 'omit' });

export const tokens: SessionTokens = sessionTokens({ fetch: plainFetch });

interface Auth {
    me: Me | null;
    /** Why the sign-in page is shown, when the user did not ask for it. */
    notice: string | null;
    signIn(username: string, password: string): Promise<void>;
    signUp(username: string, password: string, name: string): Promise<void>;
    signOut(everywhere?: boolean): Promise<void>;
    /** The server takes our tokens no more. */
    expired(): void;
    rename(me: Me): void;
}

const Context = createContext<Auth | null>(null);

export function AuthProvider({ children }: { children: ReactNode }) {
    const [me, setMe] = useState<Me | null>(() => tokens.user());
    const [notice, setNotice] = useState<string | null>(null);

    // Another tab signed in or out.
    useEffect(() => {
        const look = () => setMe((before) => {
            const now = tokens.user();
            return before?.user_id === now?.user_id ? before : now;
        });
        window.addEventListener('storage', look);
        return () => window.removeEventListener('storage', look);
    }, []);

    const expired = useCallback(() => {
        setMe((before) => {
            if (before) {
                setNotice('You have been signed out. Sign in again to go on; what you wrote is kept.');
                tokens.logout().catch(() => {});
            }
            return null;
        });
    }, []);
    const auth = useMemo<Auth>(() => ({
        me, notice, expired,
        async signIn(username, password) {
            setMe(await tokens.login(username, password));
            setNotice(null);
        },
        async signUp(username, password, name) {
            setMe(await tokens.register(username, password, name || undefined));
            setNotice(null);
        },
        async signOut(everywhere = false) {
            await tokens.logout(everywhere).catch(() => {}); // the tokens here are gone in any case
            setNotice(null);
            setMe(null);
        },
        rename: setMe,
    }), [me, notice, expired]);
    return <Context.Provider value={auth}>{children}</Context.Provider>;
}

export function useAuth(): Auth {
    const auth = useContext(Context);
    if (!auth) {
        throw new Error('useAuth() needs an AuthProvider above it');
    }
    return auth;
}
