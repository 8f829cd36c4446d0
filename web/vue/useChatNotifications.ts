// What a component needs to show that messages wait: a mark, the list, and "clear".
import { computed, onScopeDispose, type ComputedRef } from 'vue';
import { waiting } from '../react/state/chats';
import { useConfab, type ChatNotification } from './confab';
import { useStore } from './useStore';

export interface ChatNotificationsOptions {
    /** Called once per message that one is not looking at. */
    onNewMessage?: (notification: ChatNotification) => void;
}
export interface ChatNotifications {
    /** Some chat has messages that were neither read nor cleared. */
    hasUnreadMessages: ComputedRef<boolean>;
    /** Those about messages, newest first. */
    notifications: ComputedRef<ChatNotification[]>;
    clearNotifications: () => void;
}

export function useChatNotifications({ onNewMessage }: ChatNotificationsOptions = {}): ChatNotifications {
    const confab = useConfab();
    const chats = useStore(confab.model.chats);
    const notifications = computed(() => confab.notifications.value.filter((n) => n.type === 'new_message'));
    onScopeDispose(confab.onNewMessage((notification) => {
        if (notification.type === 'new_message') {
            onNewMessage?.(notification);
        }
    }));
    return {
        hasUnreadMessages: computed(() => waiting(chats.value) > 0 || notifications.value.length > 0),
        notifications,
        clearNotifications: () => confab.clearNotifications(),
    };
}
