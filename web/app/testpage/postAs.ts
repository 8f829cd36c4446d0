// A message of another account, without touching who is signed in here: its login is not kept and ended afterwards.
import { createClient, sessionTokens } from '@confab/client';
import { newKey } from '@/lib/browser';

export async function postAs(fetcher: typeof fetch, { name, password, chatId, content }: { name: string; password: string; chatId: string; content: string }): Promise<void> {
    const other = sessionTokens({ storage: null, fetch: fetcher });
    await other.login(name, password);
    try {
        await createClient({ token: other, storage: null, share: false, fetch: fetcher }).rest
            .sendMessage(chatId, { content, client_msg_id: newKey() });
    } finally {
        await other.logout();
    }
}
