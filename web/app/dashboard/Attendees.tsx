// Who is expected and who is there, with the codes to check them in.
import { useCallback, useEffect, useState } from 'react';
import { idNumber, type Attendee, type Checkin, type EventSession, type User } from '@confab/client';
import { useModel } from '@/context/WebSocketContext';
import { PeoplePicker } from '@/chat/PeoplePicker';
import { clockTime } from '@/lib/time';
import { Avatar } from '@/ui/Avatar';
import { Dialog } from '@/ui/Dialog';
import { errorText } from '@/ui/errors';
import { Icon } from '@/ui/Icon';
import { say } from '@/ui/notices';

const PAGE = 100;

export function Attendees({ session, changed }: { session: EventSession; changed: Checkin | undefined }) {
    const { client } = useModel();
    const [attendees, setAttendees] = useState<readonly Attendee[]>([]);
    const [next, setNext] = useState<string | null>(null);
    const [isAdding, setAdding] = useState(false);
    const id = session.session_id;
    const load = useCallback(async (cursor?: string) => {
        try {
            const page = await client.rest.attendees(id, { limit: PAGE, cursor });
            setAttendees((before) => [...(cursor ? before : []), ...page.attendees]);
            setNext(page.next_cursor);
        } catch (e) {
            say(errorText(e), true);
        }
    }, [client, id]);
    useEffect(() => void load(), [load, changed]);
    return (
        <section className="card" aria-labelledby="d-people">
            <div className="details-row">
                <h2 id="d-people">People</h2>
                {session.role === 'host' && <button type="button" className="button button-quiet button-small" onClick={() => setAdding(true)}><Icon name="plus" size={16} /> Register people</button>}
            </div>
            {attendees.length === 0 && <p className="hint">Nobody is registered yet.</p>}
            <ul className="member-list">
                {attendees.map((a) => (
                    <li key={a.user_id} className="member">
                        <Avatar name={a.name} id={idNumber(a.user_id)} size="small" />
                        <span className="member-text">
                            <span className="member-name" dir="auto">{a.name}</span>
                            <span className="hint">{a.code ? <code>{a.code.replace(/(.{4})(?=.)/g, '$1 ')}</code> : 'without code'}</span>
                        </span>
                        {a.checked_in_at ? <span className="role role-ok"><Icon name="check" size={14} /> {clockTime(a.checked_in_at)}</span> : <span className="hint">expected</span>}
                    </li>
                ))}
            </ul>
            {next && <button type="button" className="button button-small" onClick={() => void load(next)}>More</button>}
            <Dialog isOpen={isAdding} onClose={() => setAdding(false)} title="Register people" description="Each gets a code to be checked in with.">
                <Register
                    onAdd={async (users) => {
                        setAdding(false);
                        try {
                            await client.rest.addAttendees(id, users.map((u) => u.user_id));
                            await load();
                        } catch (e) {
                            say(errorText(e), true);
                        }
                    }}
                />
            </Dialog>
        </section>
    );
}

function Register({ onAdd }: { onAdd: (users: readonly User[]) => Promise<void> }) {
    const [chosen, setChosen] = useState<readonly User[]>([]);
    return (
        <div className="form">
            <PeoplePicker
                label="Name of the person" chosen={chosen} onChoose={(user) => setChosen([...chosen, user])}
                onRemove={(user) => setChosen(chosen.filter((u) => u !== user))}
            />
            <div className="dialog-buttons">
                <button type="button" className="button button-main" disabled={chosen.length === 0} onClick={() => void onAdd(chosen)}>Register</button>
            </div>
        </div>
    );
}
