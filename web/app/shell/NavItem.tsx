// The places of the application, and one of them as item of a navigation with its mark.
import { Link } from 'wouter';
import { Badge } from '@/components/Badge';
import { useModel } from '@/context/WebSocketContext';
import { useChatNotifications } from '@/hooks/useChatNotifications';
import { Icon, type IconName } from '@/ui/Icon';
import { useStore } from '../../react/state/store';

export interface Place {
    path: string;
    label: string;
    icon: IconName;
}
export const places: readonly Place[] = [
    { path: '/chat', label: 'Messages', icon: 'chat' },
    { path: '/notifications', label: 'Notifications', icon: 'bell' },
    { path: '/dashboard', label: 'Dashboard', icon: 'chart' },
    { path: '/settings', label: 'Settings', icon: 'gear' },
];

/** One item of the navigation, with the red dot while messages wait or the number of unread notifications. */
export function NavItem({ place, location }: { place: Place; location: string }) {
    const { hasUnreadMessages } = useChatNotifications();
    const { inbox } = useModel();
    const unread = useStore(inbox, (s) => s.unread);
    const isHere = location === place.path || location.startsWith(`${place.path}/`);
    return (
        <Link href={place.path} className="nav-item" aria-current={isHere ? 'page' : undefined}>
            <Icon name={place.icon} size={24} />
            <span>{place.label}</span>
            {place.path === '/chat' && hasUnreadMessages && <Badge label="(unread messages)" />}
            {place.path === '/notifications' && <Badge count={unread} label={`(${unread} unread)`} />}
        </Link>
    );
}
