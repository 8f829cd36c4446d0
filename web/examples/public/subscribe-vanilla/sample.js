// Connect to WebSocket
const userId = 'user123';
const ws = new WebSocket(`ws://localhost:8000/api/ws?userId=${userId}`);

// Handle connection open
ws.onopen = () => {
  console.log('WebSocket connected');

  // Subscribe to a chat
  ws.send(JSON.stringify({
    action: 'subscribe',
    chatId: 'chat_1'
  }));
};

// Handle incoming messages
ws.onmessage = (event) => {
  const data = JSON.parse(event.data);

  switch(data.type) {
    case 'connected':
      console.log('Connection acknowledged:', data.message);
      break;

    case 'new_message':
      console.log('New message in chat', data.chatId, ':', data.message);
      // Update UI with new message
      break;

    case 'chat_update':
      console.log('Chat updated:', data);
      // Update chat list UI
      break;

    case 'user_typing':
      console.log(data.username, 'is typing in', data.chatId);
      // Show typing indicator
      break;

    case 'subscription_confirmed':
      console.log('Subscription confirmed:', data);
      break;

    case 'error':
      console.error('WebSocket error:', data.error, data.details);
      break;
  }
};

// Send typing indicator
function sendTypingIndicator(chatId, isTyping) {
  ws.send(JSON.stringify({
    type: 'typing',
    chatId: chatId,
    isTyping: isTyping
  }));
}

// Handle connection close
ws.onclose = () => {
  console.log('WebSocket disconnected');
};

// Handle errors
ws.onerror = (error) => {
  console.error('WebSocket error:', error);
};
