// Which WebSockets this tab has open, whoever opened them: the page finds connections that should not be there. The
// constructor is wrapped once, when the application starts.
import { Store } from '../../react/state/store';

export interface Opened {
    id: number;
    path: string;
    since: number;
    /** By the panel that opens one of each dialect. */
    onPurpose: boolean;
}

export const opened = new Store<readonly Opened[]>([]);

let count = 0;
let purpose = false;

/** What is opened meanwhile is not taken for a mistake. */
export function onPurpose<T>(open: () => T): T {
    purpose = true;
    try {
        return open();
    } finally {
        purpose = false;
    }
}

export function watchSockets(): void {
    const Real = window.WebSocket;
    window.WebSocket = class extends Real {
        constructor(url: string | URL, protocols?: string | string[]) {
            super(url, protocols);
            count += 1;
            const entry: Opened = { id: count, path: new URL(url, window.location.href).pathname, since: Date.now(), onPurpose: purpose };
            opened.set((all) => [...all, entry]);
            const gone = () => opened.set((all) => all.filter((o) => o.id !== entry.id));
            this.addEventListener('close', gone);
        }
    };
}
