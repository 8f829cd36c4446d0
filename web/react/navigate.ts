// Going to a page without a router of our own: every router listens to the history.
export function goTo(path: string): void {
    window.history.pushState(null, '', path);
    window.dispatchEvent(new PopStateEvent('popstate', { state: null }));
}

export const chatPath = (chatId: string | number): string => `/chat/${chatId}`;
