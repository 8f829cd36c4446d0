// The browser's own notification for a new chat room: only with the permission that the user gave before, never asked for here.
// The tag makes one of those of several tabs.
export function notifyNewRoom(name: string, id: string): void {
    if (typeof Notification === 'undefined' || Notification.permission !== 'granted') {
        return;
    }
    try {
        new Notification('New Chat Room', { body: name, tag: `confab-room-${id}` });
    } catch {
        // Some mobile browsers have the constructor and forbid it.
    }
}
