// The text of a message: shown as it is, with web addresses to click on, one's own name marked, and long ones folded.
import { useState } from 'react';
import { useModel } from '@/context/WebSocketContext';
import { isEmojiOnly, mentions, pieces } from '@/lib/text';

const FOLD_CHARACTERS = 1500;
const FOLD_LINES = 24;

export function Text({ text }: { text: string }) {
    const { me } = useModel();
    const [isOpen, setOpen] = useState(false);
    const isLong = text.length > FOLD_CHARACTERS || text.split('\n').length > FOLD_LINES;
    return (
        <>
            <div className={`message-text${isLong && !isOpen ? ' is-folded' : ''}${isEmojiOnly(text) ? ' is-emoji' : ''}`} dir="auto">
                {pieces(text).map((piece, i) => (piece.href
                    ? <a key={i} href={piece.href} target="_blank" rel="noopener noreferrer nofollow">{piece.text}</a>
                    : mentions(piece.text, me.username).map((part, j) => (part.isMe ? <mark key={`${i} ${j}`} className="mention">{part.text}</mark> : part.text))))}
            </div>
            {isLong && (
                <button type="button" className="fold" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>{isOpen ? 'Show less' : 'Show all'}</button>
            )}
        </>
    );
}

/** What a message answers. */
export function Quote({ name, text, onOpen }: { name: string; text: string; onOpen?: () => void }) {
    const inside = <><strong dir="auto">{name}</strong><span dir="auto">{text}</span></>;
    return (
        <blockquote className="quote">
            {onOpen ? <button type="button" className="quote-open" title="Go to the message" onClick={onOpen}>{inside}</button> : inside}
        </blockquote>
    );
}
