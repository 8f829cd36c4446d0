// Files on their way to the server. A file whose upload is complete becomes a message of the outbox.
import { useMemo } from 'react';
import { RestError, type Chat } from '@confab/client';
import { useModel } from '@/context/WebSocketContext';
import { errorText } from '@/ui/errors';
import { Store } from '../../react/state/store';
import type { Model } from '../../react/state/model';

export interface Upload {
    key: number;
    chatId: string;
    name: string;
    size: number;
    sent: number;
    state: 'running' | 'failed';
    error: string | null;
    /** Address of the image while it is only here. */
    preview: string | null;
}

const reason = (error: unknown): string =>
    (error instanceof RestError && error.code === 'too_large' ? 'This file is larger than the server accepts.' : errorText(error));

export class Uploads extends Store<readonly Upload[]> {
    private readonly files = new Map<number, { file: File; abort: AbortController }>();
    private readonly queues = new Map<string, Promise<void>>();
    private count = 0;

    constructor(private readonly model: Model) {
        super([]);
    }

    add(chat: Chat, files: readonly File[]): void {
        for (const file of files) {
            this.count += 1;
            const preview = /^image\/(png|jpeg|gif|webp|avif)$/.test(file.type) ? URL.createObjectURL(file) : null;
            this.files.set(this.count, { file, abort: new AbortController() });
            const upload: Upload = { key: this.count, chatId: chat.chat_id, name: file.name, size: file.size, sent: 0, state: 'running', error: null, preview };
            this.set((all) => [...all, upload]);
            this.enqueue(upload);
        }
    }

    retry(upload: Upload): void {
        this.change(upload.key, { state: 'running', error: null, sent: 0 });
        this.enqueue(upload);
    }

    discard(upload: Upload): void {
        this.files.get(upload.key)?.abort.abort();
        this.done(upload);
    }

    /** One file of a chat after the other, so that they arrive in the order in which they were chosen. */
    private enqueue(upload: Upload): void {
        const before = this.queues.get(upload.chatId) ?? Promise.resolve();
        this.queues.set(upload.chatId, before.then(() => this.run(upload)));
    }

    private async run(upload: Upload): Promise<void> {
        const kept = this.files.get(upload.key);
        if (!kept) {
            return;
        }
        if (kept.file.size === 0) {
            this.change(upload.key, { state: 'failed', error: 'This file is empty.' });
            return;
        }
        const { client } = this.model;
        try {
            const attachment = await client.rest.upload(upload.chatId, kept.file, {
                signal: kept.abort.signal, onProgress: (sent) => this.change(upload.key, { sent }),
            });
            const { done } = client.send({ chatId: upload.chatId, content: '', attachmentId: attachment.id });
            this.done(upload);
            await done.catch(() => {}); // the outbox shows what became of it
        } catch (error) {
            if (!(error instanceof RestError && error.code === 'aborted')) {
                this.change(upload.key, { state: 'failed', error: reason(error) });
            }
        }
    }

    private done(upload: Upload): void {
        this.files.delete(upload.key);
        if (upload.preview) {
            URL.revokeObjectURL(upload.preview);
        }
        this.set((all) => all.filter((u) => u.key !== upload.key));
    }

    private change(key: number, part: Partial<Upload>): void {
        this.set((all) => all.map((u) => (u.key === key ? { ...u, ...part } : u)));
    }
}

const stores = new WeakMap<Model, Uploads>();

/** They go on while one looks at another chat. */
export function useUploads(): Uploads {
    const model = useModel();
    return useMemo(() => {
        const made = stores.get(model) ?? new Uploads(model);
        stores.set(model, made);
        return made;
    }, [model]);
}
