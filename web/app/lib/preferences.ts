// What the user wants to be notified of, kept by the server, shared by all components of the page.
import { useEffect } from 'react';
import { sameId, type Preferences } from '@confab/client';
import { useModel } from '@/context/WebSocketContext';
import { errorText } from '@/ui/errors';
import { Store, useStore } from '../../react/state/store';
import type { Model } from '../../react/state/model';

interface State {
    prefs: Required<Preferences> | null;
    error: string | null;
}

const stores = new WeakMap<Model, Store<State>>();
const loading = new WeakMap<Store<State>, Promise<void>>();

/** Many components ask at once; one request answers all. */
function load(model: Model, store: Store<State>): Promise<void> {
    const known = loading.get(store);
    if (known) {
        return known;
    }
    const made = model.client.rest.preferences()
        .then((prefs) => store.set({ prefs, error: null }), (error) => store.patch({ error: errorText(error) }))
        .finally(() => loading.delete(store));
    loading.set(store, made);
    return made;
}

/** save() shows the change at once and takes it back when the server refuses it. */
export function usePreferences() {
    const model = useModel();
    let store = stores.get(model);
    if (!store) {
        store = new Store<State>({ prefs: null, error: null });
        stores.set(model, store);
        const made = store;
        model.client.on('gap', ({ socket }) => void (socket === 'rooms' && load(model, made)));
    }
    const ours = store;
    const state = useStore(ours, (s) => s);
    const isEmpty = !state.prefs && !state.error;
    useEffect(() => {
        if (isEmpty) {
            void load(model, ours);
        }
    }, [model, ours, isEmpty]);
    return {
        ...state,
        reload: () => load(model, ours),
        async save(change: Partial<Preferences>): Promise<void> {
            const before = ours.get().prefs;
            if (!before) {
                return;
            }
            ours.patch({ prefs: { ...before, ...change } as Required<Preferences> });
            try {
                ours.patch({ prefs: await model.client.rest.savePreferences({ ...before, ...change }) });
            } catch (error) {
                ours.patch({ prefs: before });
                throw error;
            }
        },
    };
}

export type ChatRule = NonNullable<Preferences['chats']>[string];

export function chatRule(prefs: Preferences | null, chatId: string): ChatRule | undefined {
    return Object.entries(prefs?.chats ?? {}).find(([id]) => sameId(id, chatId))?.[1];
}

export function withChatRule(prefs: Preferences, chatId: string, rule: ChatRule | null): NonNullable<Preferences['chats']> {
    const others = Object.entries(prefs.chats ?? {}).filter(([id]) => !sameId(id, chatId));
    return Object.fromEntries(rule ? [...others, [chatId, rule]] : others);
}

export function isMuted(prefs: Preferences | null, chatId: string): boolean {
    const rule = chatRule(prefs, chatId);
    return !!rule && (rule.level === 'none' || (!!rule.muted_until && Date.parse(rule.muted_until) > Date.now()));
}
