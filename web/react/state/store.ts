// A value that components read and that changes as a whole: the smallest thing useSyncExternalStore can work with.
import { useRef, useSyncExternalStore } from 'react';

export class Store<S> {
    private readonly listeners = new Set<() => void>();
    constructor(private state: S) {}

    get = (): S => this.state;

    set(next: S | ((state: S) => S)): void {
        const value = typeof next === 'function' ? (next as (state: S) => S)(this.state) : next;
        if (value !== this.state) {
            this.state = value;
            this.listeners.forEach((listener) => listener());
        }
    }

    patch(part: Partial<S>): void {
        this.set((state) => ({ ...state, ...part }));
    }

    subscribe = (listener: () => void): (() => void) => {
        this.listeners.add(listener);
        return () => this.listeners.delete(listener);
    };
}

/** What `pick` makes of the state; the component renders again only when that is another value. */
export function useStore<S, T>(store: Store<S>, pick: (state: S) => T): T {
    const seen = useRef<{ state: S; pick: (state: S) => T; value: T } | null>(null);
    const read = () => {
        const state = store.get();
        const last = seen.current;
        if (!last || last.state !== state || last.pick !== pick) {
            const value = pick(state);
            seen.current = { state, pick, value: last && same(last.value, value) ? last.value : value };
        }
        return seen.current!.value;
    };
    return useSyncExternalStore(store.subscribe, read, read);
}

/** Picks may make a new list each time; lists with the same members are the same. */
function same(a: unknown, b: unknown): boolean {
    if (Array.isArray(a) && Array.isArray(b)) {
        return a.length === b.length && a.every((item, i) => Object.is(item, b[i]));
    }
    return Object.is(a, b);
}

/** Maps in states are never changed in place. */
export function withEntry<K, V>(map: ReadonlyMap<K, V>, key: K, value: V | undefined): ReadonlyMap<K, V> {
    const next = new Map(map);
    if (value === undefined) {
        next.delete(key);
    } else {
        next.set(key, value);
    }
    return next;
}
