// Who else types, as text for everybody and dots for the eye.
import { idNumber, type Chat } from '@confab/client';
import { useModel } from '@/context/WebSocketContext';
import { useStore } from '../../react/state/store';

export function TypingLine({ chat }: { chat: Chat }) {
    const { people } = useModel();
    const typists = useStore(people, (s) => s.typing.get(idNumber(chat.chat_id)));
    const names = typists?.map((t) => t.name) ?? [];
    const text = names.length === 0 ? '' : names.length === 1 ? `${names[0]} is typing` : names.length === 2 ? `${names[0]} and ${names[1]} are typing`
        : `${names.length} people are typing`;
    return (
        <p className="typing-line" role="status">
            {text && <><span className="typing-dots" aria-hidden="true"><i /><i /><i /></span><bdi>{text}</bdi></>}
        </p>
    );
}
