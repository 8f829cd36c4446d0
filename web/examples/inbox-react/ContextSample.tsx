import { useWebSocket } from '@/context/WebSocketContext';

function MyComponent() {
  const { socket, notifications, setOnNewMessage } = useWebSocket();

  useEffect(() => {
    setOnNewMessage((notification) => {
      if (notification.type === 'new_message') {
        // Handle new message notification
      }
    });
  }, [setOnNewMessage]);
}
