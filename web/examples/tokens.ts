// Who has signed in on the examples' first page. The login also sets the cookie, which is all that samples with a bare
// `new WebSocket(url)` have.
import { sessionTokens } from '@confab/client';

export const tokens = sessionTokens();
