// Who is in a chat, loaded once per chat and page of the application, kept up to date by events.
import { useEffect, useMemo } from 'react';
import { idNumber, RestError, type Chat, type Member } from '@confab/client';
import { useModel } from '@/context/WebSocketContext';
import { Store, useStore, withEntry } from '../../react/state/store';
import type { Model } from '../../react/state/model';

export interface MembersState {
    members: readonly Member[];
    phase: 'idle' | 'loading' | 'ready' | 'failed';
    error: string | null;
    hasMore: boolean;
}
const NONE: MembersState = { members: [], phase: 'idle', error: null, hasMore: false };
const PAGE = 100;
const PAGES = 5;

class MembersOf extends Store<ReadonlyMap<number, MembersState>> {
    constructor(private readonly model: Model) {
        super(new Map());
        const { client } = model;
        client.on('member_added', ({ chatId, member }) => this.change(chatId, (all) => [...all.filter((m) => m.user_id !== member.user_id), member]));
        client.on('member_removed', ({ chatId, userId }) => this.change(chatId, (all) => all.filter((m) => idNumber(m.user_id) !== idNumber(userId))));
        client.on('member_role', ({ chatId, userId, role }) => this.change(chatId, (all) => all.map((m) => (idNumber(m.user_id) === idNumber(userId) ? { ...m, role } : m))));
        client.on('gap', () => this.set(new Map()));
    }

    async load(chatId: string, isAgain = false): Promise<void> {
        const n = idNumber(chatId);
        const known = this.get().get(n);
        if (known && (known.phase === 'loading' || (known.phase === 'ready' && !isAgain))) {
            return;
        }
        this.put(n, { ...(known ?? NONE), phase: 'loading' });
        try {
            const members: Member[] = [];
            let cursor: string | undefined;
            for (let page = 0; page < PAGES; page += 1) {
                const answer = await this.model.client.rest.members(chatId, { limit: PAGE, cursor });
                members.push(...answer.members);
                cursor = answer.next_cursor ?? undefined;
                if (!cursor) {
                    break;
                }
            }
            this.put(n, { members, phase: 'ready', error: null, hasMore: cursor !== undefined });
            this.learnReads(n, members);
        } catch (error) {
            this.put(n, { ...NONE, phase: 'failed', error: error instanceof RestError ? error.detail : String(error) });
        }
    }

    private learnReads(n: number, members: readonly Member[]): void {
        for (const m of members) {
            if (m.read_seq) {
                this.model.people.onRead(n, idNumber(m.user_id), m.read_seq);
            }
        }
    }

    private put(n: number, state: MembersState): void {
        this.set((all) => withEntry(all, n, state));
    }

    private change(chatId: string, how: (members: readonly Member[]) => readonly Member[]): void {
        const n = idNumber(chatId);
        const known = this.get().get(n);
        if (known) {
            this.put(n, { ...known, members: how(known.members) });
        }
    }
}

const stores = new WeakMap<Model, MembersOf>();

function useMembersStore(): MembersOf {
    const model = useModel();
    return useMemo(() => {
        const made = stores.get(model) ?? new MembersOf(model);
        stores.set(model, made);
        return made;
    }, [model]);
}

export function useMembers(chat: Chat): MembersState & { reload: () => void } {
    const store = useMembersStore();
    const state = useStore(store, (s) => s.get(idNumber(chat.chat_id))) ?? NONE;
    const isIdle = state.phase === 'idle';
    useEffect(() => {
        if (isIdle) {
            void store.load(chat.chat_id);
        }
    }, [store, chat.chat_id, isIdle]);
    return { ...state, reload: () => void store.load(chat.chat_id, true) };
}

const NAMED = 5;

/** Names of some users (numbers with commas) of a chat, as far as they are known. */
export function useMemberNames(chat: Chat, users: string): string {
    const { members } = useMembers(chat);
    return useMemo(() => {
        const ids = users ? users.split(',').map(Number) : [];
        const names = ids.map((id) => members.find((m) => idNumber(m.user_id) === id)?.name).filter((name) => name !== undefined);
        const more = ids.length - Math.min(names.length, NAMED);
        return names.length === 0 ? `${ids.length}` : names.slice(0, NAMED).join(', ') + (more > 0 ? ` and ${more} more` : '');
    }, [members, users]);
}
