// Connect to WebSocket
const ws = new WebSocket("ws://localhost:8000/ws");

// Handle incoming messages
ws.onmessage = function (event) {
  const data = JSON.parse(event.data);

  switch (data.type) {
    case "new_chat_room":
      // Add the new chat room to the UI
      addNewChatRoom(data.chat_room);
      break;

    case "personal_message":
      // Handle personal message
      handlePersonalMessage(data.data);
      break;

    case "group_message":
      // Handle group message
      handleGroupMessage(data.chat_id, data.data);
      break;
  }
};

// Function to add new chat room to UI
function addNewChatRoom(chatRoom) {
  const chatList = document.getElementById("chat-list");

  const chatElement = document.createElement("div");
  chatElement.className = "chat-item";
  chatElement.innerHTML = `
    <div class="chat-name">${chatRoom.chat_name || "Unnamed Chat"}</div>
    <div class="chat-time">${new Date(
      chatRoom.last_updated
    ).toLocaleString()}</div>
  `;

  // Add click handler to open chat
  chatElement.onclick = () => openChat(chatRoom.chat_id);

  // Insert at the top of the list (newest first)
  chatList.insertBefore(chatElement, chatList.firstChild);

  // Optional: Show notification
  showNotification(`New chat room: ${chatRoom.chat_name || "Unnamed Chat"}`);
}

function showNotification(message) {
  // Implementation depends on your UI framework
  // Example with browser notifications:
  if (Notification.permission === "granted") {
    new Notification("New Chat Room", { body: message });
  }
}
