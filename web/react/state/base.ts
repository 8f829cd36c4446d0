// A value that changes as a whole and tells who listens. Without any framework: Vue's parts build upon it, too.
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
