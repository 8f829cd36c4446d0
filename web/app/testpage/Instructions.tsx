// How to test by hand, and what to look at when something is missing.
export function Instructions() {
    return (
        <section className="card prose" aria-labelledby="t-how">
            <h2 id="t-how">How to test</h2>
            <ol>
                <li>Open two browser windows with different accounts (the second one in a private window).</li>
                <li>Send a message from user A to user B.</li>
                <li>In user B's window, while B does not look at that chat: a toast appears, there is a red dot on Messages, and the notification stands in the list on this page.</li>
                <li>Click the toast: the chat opens.</li>
                <li>The red dot is gone as soon as the chat is viewed.</li>
            </ol>
            <h3>Not connected?</h3>
            <ul>
                <li>“Server” above says whether it is running and has its database.</li>
                <li>“Token” says whether it is valid. If not, sign in again.</li>
                <li>The browser's console and its network tab (WS) show refused connections; the close reason is the code of the error.</li>
            </ul>
            <h3>Connected, but no notifications?</h3>
            <ul>
                <li>None comes for a chat that some tab or device of yours shows, for muted chats, and in the hours of “Do not disturb”.</li>
                <li>The frame log below shows what the server sent. A frame without a toast: another tab has shown it.</li>
                <li>The operator can ask why: <code>GET /api/admin/notifications/explain?message_id=&amp;user_id=</code></li>
            </ul>
            <h3>Twice?</h3>
            <ul>
                <li>“Connections” says when this tab has opened a socket twice: some component connects without closing.</li>
                <li>The server logs each connection with its user; two of one tab are two lines.</li>
            </ul>
        </section>
    );
}
