// Settings of this browser. Where storage is blocked or full they last as long as the page.
import { Store, useStore } from '../../react/state/store';

export interface Settings {
    theme: 'system' | 'light' | 'dark';
    sound: boolean;
    /** The browser's own notifications while the page is hidden. */
    desktop: boolean;
}

const KEY = 'confab.settings';
const defaults: Settings = { theme: 'system', sound: true, desktop: true };

function load(): Settings {
    try {
        return { ...defaults, ...(JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Settings>) };
    } catch {
        return defaults;
    }
}

export const settings = new Store<Settings>(load());

settings.subscribe(() => {
    apply();
    try {
        localStorage.setItem(KEY, JSON.stringify(settings.get()));
    } catch {
        // blocked or full
    }
});
window.addEventListener('storage', (event) => {
    if (event.key === KEY) {
        settings.set(load());
    }
});

function apply(): void {
    const { theme } = settings.get();
    if (theme === 'system') {
        delete document.documentElement.dataset.theme;
    } else {
        document.documentElement.dataset.theme = theme;
    }
}
apply();

export const useSettings = (): Settings => useStore(settings, (s) => s);
