// A file in a message: images are shown, everything else can be saved.
import { useState } from 'react';
import type { Attachment } from '@confab/client';
import { useModel } from '@/context/WebSocketContext';
import { sizeText } from '@/lib/text';
import { Dialog } from '@/ui/Dialog';
import { errorText } from '@/ui/errors';
import { Icon } from '@/ui/Icon';
import { say } from '@/ui/notices';
import { PREVIEW_BYTES, save, usePreview } from './files';

/** Narrower images are not blown up. */
const SMALL = 200;
const IMAGE = /^image\/(png|jpeg|gif|webp|avif)$/;

export function AttachmentView({ attachment }: { attachment: Attachment }) {
    const isImage = IMAGE.test(attachment.mime_type) && attachment.size <= PREVIEW_BYTES;
    const { url, failed } = usePreview(attachment, isImage);
    return isImage && !failed ? <Image attachment={attachment} url={url} /> : <File attachment={attachment} />;
}

function Image({ attachment, url }: { attachment: Attachment; url: string | null }) {
    const [isOpen, setOpen] = useState(false);
    const [isSmall, setSmall] = useState(false);
    return (
        <>
            <button type="button" className={isSmall ? 'image is-small' : 'image'} aria-label={`Image ${attachment.name}, enlarge`} disabled={!url} onClick={() => setOpen(true)}>
                {url ? <img src={url} alt={attachment.name} onLoad={(event) => setSmall(event.currentTarget.naturalWidth < SMALL)} /> : <span className="image-wait" aria-hidden="true"><span className="spinner" /></span>}
            </button>
            <Dialog isOpen={isOpen} onClose={() => setOpen(false)} title={attachment.name} className="dialog-image">
                {url && <img className="image-large" src={url} alt={attachment.name} />}
                <div className="dialog-buttons"><Save attachment={attachment} /></div>
            </Dialog>
        </>
    );
}

function Save({ attachment }: { attachment: Attachment }) {
    const { client } = useModel();
    return (
        <button type="button" className="button" onClick={() => void save(client, attachment).catch((e) => say(errorText(e), true))}>
            <Icon name="download" size={18} /> Save ({sizeText(attachment.size)})
        </button>
    );
}

function File({ attachment }: { attachment: Attachment }) {
    const { client } = useModel();
    const [isBusy, setBusy] = useState(false);
    const load = async () => {
        setBusy(true);
        await save(client, attachment).catch((e) => say(errorText(e), true));
        setBusy(false);
    };
    return (
        <button type="button" className="file" onClick={() => void load()} disabled={isBusy}>
            <span className="visually-hidden">Save</span>
            <span className="file-icon">{isBusy ? <span className="spinner" /> : <Icon name="file" size={22} />}</span>
            <span className="file-text">
                <span className="file-name" dir="auto">{attachment.name}</span>
                <span className="file-size">{sizeText(attachment.size)}</span>
            </span>
            <Icon name="download" size={18} />
        </button>
    );
}
