// Signing in and signing up. Whatever page was asked for comes afterwards: the address stays.
import { useState, type FormEvent } from 'react';
import { Link } from 'wouter';
import { RestError } from '@confab/client';
import { useAuth } from '@/auth';
import { errorText } from '@/ui/errors';
import { Field } from '@/ui/Field';

export function SignIn({ isNew = false }: { isNew?: boolean }) {
    const { signIn, signUp, notice } = useAuth();
    const [name, setName] = useState('');
    const [username, setUsername] = useState('');
    const [password, setPassword] = useState('');
    const [error, setError] = useState<{ field?: string; text: string } | null>(null);
    const [isBusy, setBusy] = useState(false);

    const submit = async (event: FormEvent) => {
        event.preventDefault();
        setBusy(true);
        setError(null);
        try {
            await (isNew ? signUp(username.trim(), password, name.trim()) : signIn(username.trim(), password));
        } catch (e) {
            const code = e instanceof RestError ? e.code : '';
            const field = code === 'username_taken' ? 'username' : e instanceof RestError ? e.field : undefined;
            setError({ field, text: code === 'bad_credentials' ? 'The user name or the password is wrong.' : errorText(e) });
            setBusy(false);
        }
    };
    const mistake = (field: string) => (error?.field === field ? error.text : null);
    const isElsewhere = error && !['username', 'password', 'name'].includes(error.field ?? '');
    return (
        <main className="sign-in">
            <form className="card form" onSubmit={(event) => void submit(event)}>
                <div className="sign-in-head">
                    <img src="/favicon.svg" alt="" width="52" height="52" />
                    <h1>{isNew ? 'Create an account' : 'Sign in to Confab'}</h1>
                </div>
                {notice && <p className="callout" role="status">{notice}</p>}
                {isElsewhere && <p className="callout callout-error" role="alert">{error.text}</p>}
                {isNew && (
                    <Field label="Your name" hint="As others see it." value={name} error={mistake('name')} maxLength={100} autoComplete="name" dir="auto"
                        onChange={(event) => setName(event.target.value)}
                    />
                )}
                <Field
                    label="User name" value={username} error={mistake('username')} required maxLength={32} autoComplete="username" autoCapitalize="none"
                    spellCheck={false} autoFocus onChange={(event) => setUsername(event.target.value)}
                />
                <Field
                    label="Password" type="password" value={password} error={mistake('password')} required minLength={isNew ? 8 : undefined}
                    hint={isNew ? 'At least 8 characters.' : undefined} autoComplete={isNew ? 'new-password' : 'current-password'}
                    onChange={(event) => setPassword(event.target.value)}
                />
                <button type="submit" className="button button-main button-wide" disabled={isBusy}>{isNew ? 'Create account' : 'Sign in'}</button>
                <p className="sign-in-other">
                    {isNew ? <>Have an account? <Link href="/sign-in">Sign in</Link></> : <>New here? <Link href="/sign-up">Create an account</Link></>}
                </p>
            </form>
        </main>
    );
}
