// People whose name begins with what is typed, asked for when the typing pauses.
import { useEffect, useState } from 'react';
import { sameId, type User } from '@confab/client';
import { useModel } from '@/context/WebSocketContext';

const PAUSE_MS = 200;
const SHOWN = 12;

export function usePeople(text: string): { users: readonly User[]; isBusy: boolean } {
    const { client, me } = useModel();
    const [found, setFound] = useState<{ text: string; users: readonly User[] }>({ text: '', users: [] });
    const wanted = text.trim().replace(/^@/, '');
    useEffect(() => {
        if (!wanted) {
            setFound({ text: '', users: [] });
            return undefined;
        }
        let isOver = false;
        const timer = setTimeout(() => {
            client.rest.findUsers(wanted.slice(0, 64), SHOWN).then(
                ({ users }) => !isOver && setFound({ text: wanted, users: users.filter((u) => !sameId(u.user_id, me.user_id)) }),
                () => !isOver && setFound({ text: wanted, users: [] }),
            );
        }, PAUSE_MS);
        return () => {
            isOver = true;
            clearTimeout(timer);
        };
    }, [wanted, client, me]);
    return { users: found.users, isBusy: found.text !== wanted };
}
