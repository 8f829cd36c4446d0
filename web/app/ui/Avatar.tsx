// A disc with initials; its hue belongs to the person or group.
import { hueOf, initials } from '@/lib/text';

export interface AvatarProps {
    name: string;
    /** Number of the user or chat. */
    id: number;
    size?: 'small' | 'medium' | 'large';
    isGroup?: boolean;
    /** Absent: unknown, and nothing is shown. */
    isOnline?: boolean;
}

export function Avatar({ name, id, size = 'medium', isGroup = false, isOnline }: AvatarProps) {
    return (
        <span className={`avatar avatar-${size}${isGroup ? ' avatar-group' : ''}`} data-hue={hueOf(id)}>
            <span aria-hidden="true">{initials(name)}</span>
            {isOnline && <span className="avatar-online"><span className="visually-hidden">online</span></span>}
        </span>
    );
}
