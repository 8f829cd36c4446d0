// The first page: sign in for all examples.
import { RestError } from '@confab/client';
import { tokens } from './tokens';

const form = document.querySelector<HTMLFormElement>('#sign-in')!;
const who = document.querySelector<HTMLElement>('#who')!;

function show(): void {
    const user = tokens.user();
    who.textContent = user ? `Signed in as ${user.name}.` : '';
}

form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const fields = new FormData(form);
    try {
        await tokens.login(String(fields.get('username')), String(fields.get('password')));
        form.reset();
        show();
    } catch (error) {
        who.textContent = error instanceof RestError ? error.detail : String(error);
    }
});
show();
