import { createRoot } from 'react-dom/client';
import { WebSocketProvider } from '@/context/WebSocketContext';
import { tokens } from '../tokens';
import HookSample from './HookSample.tsx?export=MyComponent';
import ContextSample from './ContextSample.tsx?export=MyComponent&react=useEffect';

const user = tokens.user();
createRoot(document.getElementById('root')!).render(
    <WebSocketProvider tokens={user && tokens} user={user}>
        {user ? null : <p>Sign in first.</p>}
        <HookSample />
        <ContextSample />
    </WebSocketProvider>,
);
