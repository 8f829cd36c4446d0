// Access tokens: when to exchange one (whatever the clock of this machine says), and a provider that logs in by HTTP.
import { type Fetch, RestError, request, surroundings } from './rest.js';
import type { KeyValue, Me, TokenProvider, Tokens, User } from './types.js';
import { now, uniqueId } from './util.js';

interface Claims {
    sub?: string;
    exp?: number;
    iat?: number;
}

/** What a JWT says, unchecked: the server checks. */
export function claims(token: string): Claims {
    try {
        const part = token.split('.')[1]!.replace(/-/g, '+').replace(/_/g, '/');
        return JSON.parse(atob(part)) as Claims;
    } catch {
        return {};
    }
}

/**
 * Holds the present token for all that need it, and exchanges it once for all. How long a token lives is exp - iat,
 * both by the server's clock, counted from when it was first seen here, unless the provider knows better.
 */
export class Keeper {
    private token = '';
    private endsAt = Infinity; // by now()
    private margin = 0;
    private renewing: Promise<string> | null = null;
    private readonly listeners = new Set<(token: string) => unknown>();

    constructor(private readonly provider: TokenProvider) {}

    /** A token that is good for a while. bad: one that the server has refused. */
    async get(bad?: string): Promise<string> {
        this.take(await this.provider.get());
        if (this.token !== bad && this.dueIn() > 0) {
            return this.token;
        }
        try {
            return await this.renew();
        } catch (error) {
            if (this.token !== bad && this.endsAt > now() && (error as RestError).status !== 401) {
                return this.token; // still good
            }
            throw error;
        }
    }

    /** ms until the token should be exchanged: a fifth of its life (and what it takes) before its end, at most five minutes. */
    dueIn(): number {
        return this.endsAt - this.margin - now();
    }

    private renew(): Promise<string> {
        this.renewing ??= this.provider.refresh().then((token) => this.take(token)).finally(() => { this.renewing = null; });
        return this.renewing;
    }

    /** Called with every new token; ends by what is returned. */
    onChange(listener: (token: string) => unknown): () => void {
        this.listeners.add(listener);
        return () => this.listeners.delete(listener);
    }

    /** The id in the token, as decimal number. */
    get subject(): string {
        return claims(this.token).sub ?? '';
    }

    user(): User | null {
        return this.provider.user?.() ?? null;
    }

    private take(token: string): string {
        if (token !== this.token) {
            const first = !this.token;
            const { exp, iat } = claims(token);
            const known = this.provider.expiresAt?.();
            const life = exp && iat ? (exp - iat) * 1000 : Infinity;
            const left = known === undefined ? life : Math.min(life, known - Date.now());
            this.token = token;
            this.endsAt = now() + left;
            this.margin = Math.min(Math.min(life, Math.max(left, 0)) / 2, life / 5 + 2000, 300000);
            if (!first) {
                this.listeners.forEach((listener) => listener(token));
            }
        }
        return token;
    }
}

/** A provider for a token that lives as long as the page, as a server-side template or a test may give it. */
export function fixedToken(token: string): TokenProvider {
    return {
        get: async () => token,
        refresh: async () => {
            throw new RestError({ status: 401, code: 'token_expired', detail: 'It cannot be exchanged.' });
        },
    };
}

interface Kept extends Tokens {
    /** By this machine's clock, wrong or not. */
    gotAt: number;
    /**
     * Idempotency-Key of the exchanges of this login. A refresh token works once; with the key the same exchange gives the
     * same token: when its answer is lost the next attempt gets it, and tabs that do it at the same time agree.
     */
    mark: string;
}

export interface SessionTokens extends TokenProvider {
    login(username: string, password: string): Promise<Me>;
    register(username: string, password: string, name?: string): Promise<Me>;
    logout(all?: boolean): Promise<void>;
    user(): Me | null;
    readonly isSignedIn: boolean;
}

/** Signing in by name and password; tokens are kept in storage and shared by all tabs. */
export function sessionTokens(
    options: { url?: string; storage?: KeyValue | null; fetch?: Fetch; key?: string } = {},
): SessionTokens {
    const [base, store, fetcher] = surroundings(options);
    const key = options.key ?? 'confab.tokens';
    const load = (): Kept | null => {
        try {
            return JSON.parse(store.get(key) ?? 'null') as Kept | null;
        } catch {
            return null;
        }
    };
    const post = <T>(path: string, body: unknown, token: string | null = null, key?: string) =>
        request<T>(fetcher, base, token, 'POST', path, { body, key });
    const keep = (t: Tokens, mark = uniqueId()): Me => {
        store.set(key, JSON.stringify({ ...t, gotAt: Date.now(), mark } satisfies Kept));
        return t.user;
    };
    const signedOut = () => new RestError({ status: 401, code: 'unauthenticated', detail: 'Nobody is signed in.' });

    return {
        async get() {
            const kept = load();
            if (!kept) {
                throw signedOut();
            }
            return kept.access_token;
        },
        async refresh() {
            const before = load();
            const exchange = async () => {
                const kept = load();
                if (!kept) {
                    throw signedOut();
                }
                if (kept.refresh_token !== before?.refresh_token) {
                    return kept.access_token; // another tab was quicker
                }
                try {
                    keep(await post<Tokens>('/api/auth/refresh', { refresh_token: kept.refresh_token }, null, kept.mark), kept.mark);
                } catch (error) {
                    if ((error as RestError).status === 401 && load()?.refresh_token === kept.refresh_token) {
                        store.remove(key);
                    }
                    throw error;
                }
                return load()!.access_token;
            };
            const locks = globalThis.navigator?.locks; // saves the other tabs the trouble
            return locks ? locks.request(key, exchange) : exchange();
        },
        expiresAt() {
            const kept = load();
            const now = Date.now();
            // A token from the future: the clock was set back since. It may be as new as it says, not newer.
            return kept ? Math.min(kept.gotAt, now) + kept.expires_in * 1000 : now;
        },
        user: () => load()?.user ?? null,
        get isSignedIn() {
            return load() !== null;
        },
        async login(username, password) {
            return keep(await post<Tokens>('/api/auth/login', { username, password }));
        },
        async register(username, password, name) {
            return keep(await post<Tokens>('/api/auth/register', { username, password, name }));
        },
        async logout(all = false) {
            const kept = load();
            store.remove(key);
            if (kept) {
                await post('/api/auth/logout', { all }, kept.access_token).catch((error: RestError) => {
                    if (error.status !== 401) {
                        throw error;
                    }
                });
            }
        },
    };
}
