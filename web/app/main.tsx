import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import './styles/tokens.css';
import './styles/base.css';
import './styles/controls.css';
import './styles/shell.css';
import './styles/chat.css';
import './styles/pages.css';
import { App } from './App';
import { watchSockets } from './testpage/socketWatch';

watchSockets();
createRoot(document.getElementById('root')!).render(<StrictMode><App /></StrictMode>);
