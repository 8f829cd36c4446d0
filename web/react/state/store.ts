// Reading a store in a component: the smallest thing useSyncExternalStore can work with.
import { useRef, useSyncExternalStore } from 'react';
import type { Store } from './base';

export { Store, withEntry } from './base';

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
