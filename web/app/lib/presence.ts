// Whether somebody is there: asked for once it is shown, told by events from then on.
import { useEffect } from 'react';
import { idNumber } from '@confab/client';
import { useModel } from '@/context/WebSocketContext';
import type { PresenceView } from '../../react/state/people';
import { useStore } from '../../react/state/store';

/** undefined while it is not known. */
export function usePresence(userId: string | undefined): PresenceView | undefined {
    const { people } = useModel();
    useEffect(() => {
        if (userId) {
            people.watch([userId]);
        }
    }, [people, userId]);
    return useStore(people, (s) => s.presence.get(idNumber(userId)));
}
