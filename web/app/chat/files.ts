// Downloads: with the token of whoever looks, so as blobs instead of addresses of the server.
import { useEffect, useState } from 'react';
import { RestError, type Attachment, type Client } from '@confab/client';
import { plainFetch, tokens } from '@/auth';
import { useModel } from '@/context/WebSocketContext';

/** Images above this are shown when asked for. */
export const PREVIEW_BYTES = 8 << 20;
const KEPT = 60;

async function load(client: Client, attachment: Attachment): Promise<Blob> {
    const get = async (token: string) => plainFetch(client.rest.attachmentUrl(attachment.id), { headers: { authorization: `Bearer ${token}` } });
    let answer = await get(await tokens.get());
    if (answer.status === 401) {
        answer = await get(await tokens.refresh());
    }
    if (!answer.ok) {
        throw new RestError({ status: answer.status, code: 'download', detail: answer.status === 404 ? 'The file is not there any more.' : 'The file could not be loaded.' });
    }
    return answer.blob();
}

// The newest previews, by content, so that scrolling back and forth does not load them again.
const shown = new Map<string, Promise<string>>();

function preview(client: Client, attachment: Attachment): Promise<string> {
    const known = shown.get(attachment.sha256);
    if (known) {
        return known;
    }
    const made = load(client, attachment).then((blob) => URL.createObjectURL(new Blob([blob], { type: attachment.mime_type })));
    made.catch(() => shown.delete(attachment.sha256));
    shown.set(attachment.sha256, made);
    const [oldest] = shown.keys();
    if (shown.size > KEPT && oldest) {
        void shown.get(oldest)!.then((url) => URL.revokeObjectURL(url), () => {});
        shown.delete(oldest);
    }
    return made;
}

/** Address of the image for an img element. */
export function usePreview(attachment: Attachment, isWanted: boolean): { url: string | null; failed: boolean } {
    const { client } = useModel();
    const [state, setState] = useState<{ url: string | null; failed: boolean }>({ url: null, failed: false });
    const { sha256 } = attachment;
    useEffect(() => {
        if (!isWanted) {
            return undefined;
        }
        let isOver = false;
        preview(client, attachment).then((url) => !isOver && setState({ url, failed: false }), () => !isOver && setState({ url: null, failed: true }));
        return () => {
            isOver = true;
        };
        // The content decides, not the object.
        // eslint-disable-next-line react-hooks/exhaustive-deps
    }, [client, sha256, isWanted]);
    return state;
}

export async function save(client: Client, attachment: Attachment): Promise<void> {
    const url = URL.createObjectURL(await load(client, attachment));
    const link = document.createElement('a');
    link.href = url;
    link.download = attachment.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 60000);
}
