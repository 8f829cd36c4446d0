// What is said when a request failed: the server's own sentence where there is one.
import { RestError } from '@confab/client';

export function errorText(error: unknown): string {
    if (error instanceof RestError) {
        if (error.status === 0) {
            return error.code === 'aborted' ? 'Cancelled.' : 'The server cannot be reached at the moment.';
        }
        return error.status === 429 ? 'That was too much at once. Wait a moment and try again.' : error.detail;
    }
    return error instanceof Error ? error.message : String(error);
}
