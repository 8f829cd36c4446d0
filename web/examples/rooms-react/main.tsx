import { createRoot } from 'react-dom/client';
import ChatList from './ChatList.jsx?export=ChatList';

const root = createRoot(document.getElementById('root')!);
root.render(<ChatList />);
document.getElementById('remove')!.addEventListener('click', () => root.unmount()); // closes its socket
