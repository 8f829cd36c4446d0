import { useEffect, useState } from "react";

function ChatList() {
  const [chatRooms, setChatRooms] = useState([]);
  const [ws, setWs] = useState(null);

  useEffect(() => {
    // Connect to WebSocket
    const websocket = new WebSocket("ws://localhost:8000/ws");

    websocket.onmessage = (event) => {
      const data = JSON.parse(event.data);

      if (data.type === "new_chat_room") {
        // Add new chat room to the beginning of the list
        setChatRooms((prev) => [data.chat_room, ...prev]);

        // Show notification
        if (Notification.permission === "granted") {
          new Notification("New Chat Room", {
            body: data.chat_room.chat_name || "Unnamed Chat",
          });
        }
      }
    };

    setWs(websocket);

    return () => {
      websocket.close();
    };
  }, []);

  return (
    <div className="chat-list">
      {chatRooms.map((chat) => (
        <div key={chat.chat_id} className="chat-item">
          <div className="chat-name">{chat.chat_name || "Unnamed Chat"}</div>
          <div className="chat-time">
            {new Date(chat.last_updated).toLocaleString()}
          </div>
        </div>
      ))}
    </div>
  );
}
