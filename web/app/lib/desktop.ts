// The browser's own notifications. Permission is asked for only from a click.
import type { ChatNotification } from '@/context/WebSocketContext';

export type Permission = NotificationPermission | 'unsupported';

export const permission = (): Permission => (typeof Notification === 'undefined' ? 'unsupported' : Notification.permission);

/** Call it from a click and from nowhere else. */
export async function askPermission(): Promise<Permission> {
    if (permission() !== 'default') {
        return permission();
    }
    try {
        return await Notification.requestPermission();
    } catch {
        return permission();
    }
}

export function showDesktop(notification: ChatNotification, open: () => void): void {
    if (permission() !== 'granted' || document.visibilityState === 'visible') {
        return;
    }
    try {
        const isMessage = notification.type === 'new_message';
        const shown = new Notification(isMessage ? notification.message : notification.title || notification.message, {
            body: isMessage ? notification.content_preview : notification.message,
            tag: notification.chat_id ? `confab-chat-${notification.chat_id}` : `confab-${notification.key}`,
        });
        shown.onclick = () => {
            window.focus();
            open();
            shown.close();
        };
    } catch {
        // Some mobile browsers have the constructor and forbid it; the toast is there.
    }
}
