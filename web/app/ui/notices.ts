// Short notices about what the user just did ("Copied"), said aloud as well. Separate from toasts, which are news.
import { Store } from '../../react/state/store';

export interface Notice {
    text: string;
    isError: boolean;
    key: number;
}

export const notices = new Store<Notice | null>(null);

let count = 0;
let timer: ReturnType<typeof setTimeout> | undefined;

export function say(text: string, isError = false): void {
    count += 1;
    notices.set({ text, isError, key: count });
    clearTimeout(timer);
    timer = setTimeout(() => notices.set(null), isError ? 7000 : 3000);
}
