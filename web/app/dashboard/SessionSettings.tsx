// What a host may change: who may watch, who may be checked in, the end.
import { useState } from 'react';
import { useLocation } from 'wouter';
import type { EventSession } from '@confab/client';
import { useModel } from '@/context/WebSocketContext';
import { Confirm } from '@/ui/Dialog';
import { errorText } from '@/ui/errors';
import { Select } from '@/ui/Field';
import { say } from '@/ui/notices';
import { Toggle } from '@/ui/Toggle';
import { VISIBILITY } from './SessionsPage';

export function SessionSettings({ session, onChange }: { session: EventSession; onChange: (session: EventSession) => void }) {
    const { client } = useModel();
    const [, navigate] = useLocation();
    const [asks, setAsks] = useState(false);
    const save = (change: Parameters<typeof client.rest.saveSession>[1]) =>
        void client.rest.saveSession(session.session_id, change).then(onChange, (e) => say(errorText(e), true));
    const end = () => void client.rest.endSession(session.session_id).then(() => navigate('/dashboard'), (e) => say(errorText(e), true));
    return (
        <section className="card" aria-labelledby="d-settings">
            <h2 id="d-settings">Settings</h2>
            <Select label="Who may watch" value={session.visibility} options={VISIBILITY} onChange={(visibility) => save({ visibility })} />
            <Toggle label="Open registration" hint="People who are not registered may be checked in by user name." isOn={session.open_registration} onChange={(on) => save({ open_registration: on })} />
            <div className="row">
                <div className="row-text"><h3>End the event</h3><p className="hint">Its list and its dashboard disappear.</p></div>
                <button type="button" className="button button-quiet is-danger" onClick={() => setAsks(true)}>End</button>
            </div>
            <Confirm isOpen={asks} title="End this event?" text={`“${session.title}”, its people and check-ins are removed.`} action="End it" onClose={() => setAsks(false)} onConfirm={end} />
        </section>
    );
}
