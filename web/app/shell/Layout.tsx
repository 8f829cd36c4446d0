// The frame around every page of a signed-in user: navigation with its marks, banner, toasts, notices, quick switcher.
import { useEffect, useState, type ReactNode } from 'react';
import { useLocation } from 'wouter';
import { idNumber } from '@confab/client';
import { NotificationToast, pathOf } from '@/components/NotificationToast';
import { useModelOrNull, useWebSocket, type ChatNotification } from '@/context/WebSocketContext';
import { useAuth } from '@/auth';
import { showDesktop } from '@/lib/desktop';
import { useSettings } from '@/lib/settings';
import { playSound } from '@/lib/sound';
import { chatPath } from '../../react/navigate';
import { unreadMessages } from '../../react/state/chats';
import type { Model } from '../../react/state/model';
import { useStore } from '../../react/state/store';
import { Avatar } from '@/ui/Avatar';
import { Loading } from '@/ui/Loading';
import { Menu } from '@/ui/Menu';
import { notices } from '@/ui/notices';
import { TipProvider } from '@/ui/Tip';
import { NavItem, places } from './NavItem';
import { OfflineBanner } from './OfflineBanner';
import { Sidebar } from './Sidebar';
import { Switcher } from './Switcher';

export function Layout({ children }: { children: ReactNode }) {
    const model = useModelOrNull();
    return model ? <Frame model={model}>{children}</Frame> : <Loading />;
}

function Frame({ model, children }: { model: Model; children: ReactNode }) {
    const [location, navigate] = useLocation();
    const { me, signOut, expired } = useAuth();
    const { status } = useWebSocket();
    const unread = useStore(model.chats, unreadMessages);
    const inConversation = /^\/chat\/./.test(location);

    useEffect(() => {
        if (status === 'signed_out') {
            expired();
        }
    }, [status, expired]);
    useEffect(() => {
        document.title = unread ? `(${unread > 99 ? '99+' : unread}) Confab` : 'Confab';
    }, [unread]);

    return (
        <TipProvider delayDuration={400}>
            <div className="shell" data-full={inConversation || undefined}>
                <a className="skip-link" href="#page">Skip to the page</a>
                <OfflineBanner />
                <nav className="rail" aria-label="Main">
                    <img className="logo" src="/favicon.svg" alt="" />
                    {places.map((place) => <NavItem key={place.path} place={place} location={location} />)}
                    <div className="rail-end">
                        <Menu
                            label={`Account of ${me?.name ?? ''}`} className="account"
                            trigger={<Avatar name={me?.name ?? ''} id={idNumber(me?.user_id)} isOnline={status === 'live'} />}
                            items={[
                                { label: 'Settings', icon: 'gear', onSelect: () => navigate('/settings') },
                                { label: 'Test page', icon: 'info', onSelect: () => navigate('/test-notifications') },
                                { label: 'Sign out', icon: 'leave', onSelect: () => void signOut() },
                            ]}
                        />
                    </div>
                </nav>
                <main className="page" id="page" tabIndex={-1}>{children}</main>
                <Sidebar location={location} />
            </div>
            <Toasts model={model} />
            <Switcher />
            <NoticeLine />
        </TipProvider>
    );
}

function Toasts({ model }: { model: Model }) {
    const [, navigate] = useLocation();
    const { sound, desktop } = useSettings();
    const open = (notification: ChatNotification) => {
        const chat = model.chats.find(notification.chat_id);
        const path = chat ? chatPath(chat.chat_id) : pathOf(notification);
        if (path) {
            navigate(path);
        }
    };
    const show = (notification: ChatNotification) => {
        if (sound) {
            playSound();
        }
        if (desktop) {
            showDesktop(notification, () => open(notification));
        }
    };
    return <NotificationToast onOpen={open} onShow={show} />;
}

function NoticeLine() {
    const notice = useStore(notices, (n) => n);
    const [said, setSaid] = useState('');
    useEffect(() => setSaid(notice?.text ?? ''), [notice]);
    return (
        <>
            <div className="visually-hidden" role="status">{said}</div>
            {notice && <div key={notice.key} className={notice.isError ? 'notice notice-error' : 'notice'} aria-hidden="true">{notice.text}</div>}
        </>
    );
}
