import { useChatNotifications } from '@/hooks/useChatNotifications';

function MyComponent() {
  const { hasUnreadMessages, notifications, clearNotifications } = useChatNotifications({
    onNewMessage: (notification) => {
      console.log('New message received:', notification);
    }
  });

  return (
    <div>
      {hasUnreadMessages && <span className="notification-badge" />}
      <button onClick={clearNotifications}>Clear All</button>
    </div>
  );
}
