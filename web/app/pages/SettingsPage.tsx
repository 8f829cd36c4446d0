// Profile, appearance, what may disturb and when, signing out.
import { useState } from 'react';
import { Link } from 'wouter';
import { idNumber, type Preferences } from '@confab/client';
import { chatName } from '@/components/ChatList';
import { useModel } from '@/context/WebSocketContext';
import { useAuth } from '@/auth';
import { askPermission, permission } from '@/lib/desktop';
import { isMuted, usePreferences, withChatRule } from '@/lib/preferences';
import { settings, useSettings } from '@/lib/settings';
import { playSound } from '@/lib/sound';
import { useStore } from '../../react/state/store';
import { Avatar } from '@/ui/Avatar';
import { Failed } from '@/ui/Empty';
import { errorText } from '@/ui/errors';
import { Field, Select } from '@/ui/Field';
import { Loading } from '@/ui/Loading';
import { say } from '@/ui/notices';
import { Toggle } from '@/ui/Toggle';

const failed = (error: unknown) => say(errorText(error), true);

export default function SettingsPage() {
    return (
        <div className="page-scroll">
            <header className="page-head"><h1>Settings</h1></header>
            <div className="page-body cards">
                <Profile />
                <Appearance />
                <Notifying />
                <Keys />
                <Account />
            </div>
        </div>
    );
}

function Profile() {
    const { client } = useModel();
    const { me, rename } = useAuth();
    const [name, setName] = useState(me?.name ?? '');
    const [error, setError] = useState<string | null>(null);
    const save = async () => {
        try {
            const saved = await client.rest.saveMe({ name: name.trim() });
            rename(saved);
            setError(null);
            say('Saved');
        } catch (e) {
            setError(errorText(e));
        }
    };
    return (
        <section className="card" aria-labelledby="s-profile">
            <h2 id="s-profile">Profile</h2>
            <form
                className="profile"
                onSubmit={(event) => {
                    event.preventDefault();
                    void save();
                }}
            >
                <Avatar name={name || '?'} id={idNumber(me?.user_id)} size="large" />
                <div className="form">
                    <Field label="Your name" hint={`As others see it. Your user name is @${me?.username ?? ''}.`} value={name} error={error} maxLength={100} required dir="auto"
                        onChange={(event) => setName(event.target.value)}
                    />
                    <div><button type="submit" className="button button-main" disabled={!name.trim() || name.trim() === me?.name}>Save</button></div>
                </div>
            </form>
        </section>
    );
}

function Appearance() {
    const { theme } = useSettings();
    return (
        <section className="card" aria-labelledby="s-look">
            <h2 id="s-look">Appearance</h2>
            <Select
                label="Theme" value={theme} options={[['system', 'Like the system'], ['light', 'Light'], ['dark', 'Dark']]}
                onChange={(next) => settings.patch({ theme: next })}
            />
        </section>
    );
}

function Notifying() {
    const { prefs, error, reload, save } = usePreferences();
    const change = (part: Partial<Preferences>) => void save(part).catch(failed);
    return (
        <section className="card" aria-labelledby="s-notify">
            <h2 id="s-notify">Notifications</h2>
            <ThisBrowser />
            {error && !prefs && <Failed error={error} onRetry={() => void reload()} />}
            {!error && !prefs && <Loading rows={3} />}
            {prefs && (
                <>
                    <Select
                        label="Notify me of" value={prefs.level} hint="Large groups notify of mentions only, unless you choose otherwise there."
                        options={[['all', 'All messages'], ['mentions', 'Mentions'], ['none', 'Nothing']]} onChange={(level) => change({ level })}
                    />
                    <Select
                        label="Notifications show" value={prefs.preview} options={[['full', 'Sender and text'], ['sender', 'The sender'], ['none', 'Neither']]}
                        onChange={(preview) => change({ preview })}
                    />
                    <Kinds prefs={prefs} onChange={change} />
                    <Quiet prefs={prefs} onChange={change} />
                    <MutedChats prefs={prefs} onChange={change} />
                </>
            )}
        </section>
    );
}

function ThisBrowser() {
    const { sound, desktop } = useSettings();
    const [allowed, setAllowed] = useState(permission);
    const isOn = allowed === 'granted' && desktop;
    const hint = allowed === 'denied' ? 'Forbidden in the browser. Allow it in the site settings beside the address.'
        : allowed === 'unsupported' ? 'This browser has none. Notices in the page appear all the same.' : 'While this page is in the background. In this browser.';
    const toggle = async (on: boolean) => {
        settings.patch({ desktop: on });
        if (on) {
            setAllowed(await askPermission());
        }
    };
    return (
        <>
            <Toggle label="Desktop notifications" hint={hint} isOn={isOn} isDisabled={allowed === 'denied' || allowed === 'unsupported'} onChange={(on) => void toggle(on)} />
            <Toggle
                label="Sound" hint="Two short notes when something comes. In this browser." isOn={sound}
                onChange={(on) => {
                    settings.patch({ sound: on });
                    if (on) {
                        playSound();
                    }
                }}
            />
        </>
    );
}

interface PrefsProps {
    prefs: Required<Preferences>;
    onChange: (part: Partial<Preferences>) => void;
}

const KIND_NAMES: Record<string, string> = { new_message: 'Messages', maintenance: 'Maintenance', announcement: 'Announcements' };

/** Messages, and every other kind that was switched off once. */
function Kinds({ prefs, onChange }: PrefsProps) {
    const kinds = [...new Set(['new_message', ...Object.keys(prefs.kinds)])];
    return kinds.map((kind) => (
        <Toggle
            key={kind} label={KIND_NAMES[kind] ?? kind} hint={kind === 'new_message' ? 'Whether messages notify at all.' : undefined} isOn={prefs.kinds[kind] ?? true}
            onChange={(on) => onChange({ kinds: { ...prefs.kinds, [kind]: on } })}
        />
    ));
}

/** Minutes east of UTC, now. */
const offset = () => -new Date().getTimezoneOffset();

function Quiet({ prefs, onChange }: PrefsProps) {
    const quiet = prefs.do_not_disturb;
    const set = (part: { from?: string; to?: string }) => {
        const next = { from: '22:00', to: '07:00', ...quiet, ...part, utc_offset_minutes: offset() };
        if (/^\d\d:\d\d$/.test(next.from) && /^\d\d:\d\d$/.test(next.to)) {
            onChange({ do_not_disturb: next });
        }
    };
    return (
        <>
            <Toggle
                label="Do not disturb" hint="No notifications during these hours. Messages wait, unread." isOn={quiet !== null}
                onChange={(on) => (on ? set({}) : onChange({ do_not_disturb: null }))}
            />
            {quiet && (
                <div className="row">
                    <div className="times">
                        <label>From <input className="input" type="time" required value={quiet.from} onChange={(event) => set({ from: event.target.value })} /></label>
                        <label>to <input className="input" type="time" required value={quiet.to} onChange={(event) => set({ to: event.target.value })} /></label>
                    </div>
                </div>
            )}
        </>
    );
}

function MutedChats({ prefs, onChange }: PrefsProps) {
    const { chats } = useModel();
    const byId = useStore(chats, (s) => s.byId);
    const muted = [...byId.values()].filter((chat) => isMuted(prefs, chat.chat_id));
    return muted.length === 0 ? null : (
        <div className="row row-top">
            <div className="row-text">
                <h3>Muted chats</h3>
                <ul className="chips">
                    {muted.map((chat) => (
                        <li key={chat.chat_id} className="chip">
                            <bdi>{chatName(chat)}</bdi>
                            <button type="button" className="chip-text" onClick={() => onChange({ chats: withChatRule(prefs, chat.chat_id, null) })}>Unmute<span className="visually-hidden"> {chatName(chat)}</span></button>
                        </li>
                    ))}
                </ul>
            </div>
        </div>
    );
}

const KEYS: readonly (readonly [keys: readonly string[], what: string])[] = [
    [['Ctrl', 'K'], 'Go to a chat or a person'], [['Enter'], 'Send'], [['Shift', 'Enter'], 'New line'],
    [['↑'], 'Edit your last message, in an empty field'], [['Esc'], 'Close, or give up editing and replying'],
];

function Keys() {
    return (
        <section className="card" aria-labelledby="s-keys">
            <h2 id="s-keys">Keyboard</h2>
            <dl className="keys">
                {KEYS.map(([keys, what]) => (
                    <div key={what}><dt>{keys.map((key) => <kbd key={key}>{key}</kbd>)}</dt><dd>{what}</dd></div>
                ))}
            </dl>
        </section>
    );
}

function Account() {
    const { signOut } = useAuth();
    return (
        <section className="card" aria-labelledby="s-account">
            <h2 id="s-account">Account</h2>
            <div className="row">
                <div className="row-text"><h3>Trouble with notifications?</h3><p className="hint">The test page shows the connections and what comes over them.</p></div>
                <Link className="button" href="/test-notifications">Test page</Link>
            </div>
            <div className="row">
                <div className="row-text"><h3>Sign out</h3><p className="hint">Messages that were not sent yet stay in this browser.</p></div>
                <div className="row-buttons">
                    <button type="button" className="button" onClick={() => void signOut()}>Sign out</button>
                    <button type="button" className="button button-quiet is-danger" onClick={() => void signOut(true)}>On all devices</button>
                </div>
            </div>
        </section>
    );
}
