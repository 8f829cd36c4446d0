// Shows the console in the page, and types through the sample's own function.
const shown = document.getElementById('console');
for (const level of ['log', 'error']) {
    const print = console[level];
    console[level] = (...args) => {
        print.apply(console, args);
        shown.textContent += `${args.map((a) => (typeof a === 'string' ? a : JSON.stringify(a))).join(' ')}\n`;
    };
}

let stops;
document.getElementById('text').addEventListener('input', () => {
    sendTypingIndicator('chat_1', true);
    clearTimeout(stops);
    stops = setTimeout(() => sendTypingIndicator('chat_1', false), 3000);
});
