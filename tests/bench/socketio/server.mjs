// The npm package with its defaults and nothing else to do: everybody is in one room, and what is posted is sent to it.
// No database, no tokens: whatever Confab does beside sending counts against Confab.
import { createServer } from 'node:http';
import { Server } from 'socket.io';

const port = Number(process.argv[2]);
let id = 0;

const http = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (piece) => { body += piece; });
    request.on('end', () => {
        if (request.url === '/gc') {
            globalThis.gc?.();
        } else {
            id += 1;
            const { content } = JSON.parse(body);
            chat.to('conversation_1').emit('newMessage', {
                message: { id, conversation_id: 1, sender_id: 1, message: content, created_at: new Date().toISOString() },
                sender: { id: 1, username: 'user-1', name: 'user-1' },
            });
        }
        response.writeHead(201, { 'Content-Type': 'application/json', 'Content-Length': 2 });
        response.end('{}');
    });
});

const chat = new Server(http).of('/chat');
chat.on('connection', (socket) => {
    socket.on('joinConversation', ({ convId }) => {
        socket.join(`conversation_${convId}`);
        socket.emit('joinedConversation', { convId });
    });
});
http.listen(port, '127.0.0.1');
