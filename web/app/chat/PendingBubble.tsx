// What was typed or chosen here and is not stored yet: a message of the outbox, a file on its way.
import { useState } from 'react';
import { unquote, type Pending } from '@confab/client';
import { useModel } from '@/context/WebSocketContext';
import { sizeText } from '@/lib/text';
import { Icon } from '@/ui/Icon';
import { Quote, Text } from './Text';
import { useUploads, type Upload } from './uploads';

export function PendingBubble({ pending: p }: { pending: Pending }) {
    const { client } = useModel();
    const { quote, text } = unquote(p.content);
    return (
        <li className="message is-own is-first is-last is-pending" data-state={p.state}>
            <div className="message-body">
                <span className="visually-hidden">You:</span>
                <div className="bubble">
                    {quote && <Quote name={quote.name} text={quote.text} />}
                    <div className="bubble-line">
                        {text ? <Text text={text} /> : p.attachmentId && <span className="message-text"><Icon name="clip" size={16} /> Attachment</span>}
                        <span className="message-meta">
                            {p.state === 'failed' ? <Icon name="alert" size={15} /> : <Icon name="clock" size={14} />}
                            <span className={p.state === 'failed' ? '' : 'visually-hidden'}>{p.state === 'failed' ? 'Not sent' : 'sending'}</span>
                        </span>
                    </div>
                </div>
                {p.state === 'failed' && (
                    <p className="pending-error" role="alert">
                        <span>{p.error?.detail ?? 'It could not be sent.'}</span>
                        <button type="button" onClick={() => client.retry(p.clientMsgId)}>Send again</button>
                        <button type="button" onClick={() => client.discard(p.clientMsgId)}>Discard</button>
                    </p>
                )}
            </div>
        </li>
    );
}

export function UploadBubble({ upload: u }: { upload: Upload }) {
    const uploads = useUploads();
    const [isBroken, setBroken] = useState(false);
    const percent = u.size ? Math.floor((u.sent * 100) / u.size) : 0;
    return (
        <li className="message is-own is-first is-last is-pending" data-state={u.state}>
            <div className="message-body">
                <div className="bubble bubble-upload">
                    {u.preview && !isBroken ? <img className="upload-preview" src={u.preview} alt="" onError={() => setBroken(true)} /> : <span className="file-icon"><Icon name="file" size={22} /></span>}
                    <span className="file-text">
                        <span className="file-name" dir="auto">{u.name}</span>
                        <span className="file-size">{u.state === 'failed' ? 'Not sent' : `${sizeText(u.sent)} of ${sizeText(u.size)}`}</span>
                        {u.state === 'running' && <progress value={percent} max={100} aria-label={`Upload of ${u.name}`}>{percent} %</progress>}
                    </span>
                    <button type="button" className="icon-button icon-button-small" aria-label={`Cancel ${u.name}`} onClick={() => uploads.discard(u)}><Icon name="close" size={18} /></button>
                </div>
                {u.state === 'failed' && (
                    <p className="pending-error" role="alert">
                        <span>{u.error}</span>
                        <button type="button" onClick={() => uploads.retry(u)}>Send again</button>
                        <button type="button" onClick={() => uploads.discard(u)}>Discard</button>
                    </p>
                )}
            </div>
        </li>
    );
}
