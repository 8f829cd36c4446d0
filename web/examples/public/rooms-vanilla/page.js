// What the sample leaves to the page around it: where messages go, and how a chat is opened.
const last = document.getElementById('last');

function openChat(chatId) {
    location.assign(`/chat/${chatId}`);
}

function handlePersonalMessage(message) {
    last.textContent = `${message.sender_name}: ${message.content}`;
}

function handleGroupMessage(chatId, message) {
    last.textContent = `${message.sender_name} in a group: ${message.content}`;
}
