// Toasts for what comes while one looks at something else: several at once, gone after a while but not while the
// pointer or the focus is on them, and a click leads to where it happened.
import { useCallback, useEffect, useRef, useState } from 'react';
import { useWebSocket, type ChatNotification } from '../context/WebSocketContext';
import { chatPath, goTo } from '../navigate';

export interface NotificationToastProps {
    /** ms until a toast goes by itself. */
    duration?: number;
    /** More than that: the oldest goes. */
    max?: number;
    /** Called instead of going to the chat or the link. */
    onOpen?: (notification: ChatNotification) => void;
    /** Called for each toast that this tab shows, e.g. for a sound. */
    onShow?: (notification: ChatNotification) => void;
}

/** Where a notification leads: its chat, or a link within this site. */
export function pathOf({ chat_id: chat, link }: Pick<ChatNotification, 'chat_id' | 'link'>): string | null {
    if (chat) {
        return chatPath(chat);
    }
    return link && /^\/(?![/\\])/.test(link) ? link : null;
}

export function NotificationToast({ duration = 6000, max = 4, onOpen, onShow }: NotificationToastProps) {
    const { setOnNewMessage, notifications } = useWebSocket();
    const [shown, setShown] = useState<readonly ChatNotification[]>([]);
    const section = useRef<HTMLElement>(null);
    const [hasPointer, setPointer] = useState(false);
    const [hasFocus, setFocus] = useState(false);
    const show = useRef(onShow);
    useEffect(() => {
        show.current = onShow;
    });

    useEffect(() => {
        setOnNewMessage((notification) => {
            if (notification.isMine) {
                setShown((all) => [...all, notification].slice(-max));
                show.current?.(notification);
            }
        });
    }, [setOnNewMessage, max]);
    // What was read elsewhere, or cleared, needs no toast.
    useEffect(() => {
        setShown((all) => (all.every((n) => notifications.includes(n)) ? all : all.filter((n) => notifications.includes(n))));
    }, [notifications]);

    // No event tells that pointer or focus are gone when what they were on is taken away.
    useEffect(() => {
        setFocus(!!section.current?.contains(document.activeElement));
        if (shown.length === 0) {
            setPointer(false);
        }
    }, [shown]);
    useEffect(() => {
        if (!hasPointer) {
            return undefined;
        }
        const look = (event: PointerEvent) => setPointer(!!section.current?.contains(event.target as Node));
        document.addEventListener('pointermove', look);
        return () => document.removeEventListener('pointermove', look);
    }, [hasPointer]);

    const dismiss = useCallback((key: string) => setShown((all) => all.filter((n) => n.key !== key)), []);
    const open = (notification: ChatNotification) => {
        dismiss(notification.key);
        if (onOpen) {
            onOpen(notification);
            return;
        }
        const path = pathOf(notification);
        if (path) {
            goTo(path);
        }
    };
    return (
        <section
            ref={section} className="toasts" aria-label="New notifications" aria-live="polite" aria-relevant="additions"
            onPointerEnter={() => setPointer(true)} onPointerLeave={() => setPointer(false)}
            onFocus={() => setFocus(true)} onBlur={() => setFocus(false)}
        >
            {shown.map((n) => (
                <Toast key={n.key} notification={n} duration={duration} paused={hasPointer || hasFocus} onOpen={open} onDismiss={dismiss} />
            ))}
        </section>
    );
}

interface ToastProps {
    notification: ChatNotification;
    duration: number;
    paused: boolean;
    onOpen: (notification: ChatNotification) => void;
    onDismiss: (key: string) => void;
}

function Toast({ notification: n, duration, paused, onOpen, onDismiss }: ToastProps) {
    const left = useRef(duration);
    useEffect(() => {
        if (paused) {
            return undefined;
        }
        const from = performance.now();
        const timer = setTimeout(() => onDismiss(n.key), left.current);
        return () => {
            clearTimeout(timer);
            left.current = Math.max(1000, left.current - (performance.now() - from));
        };
    }, [paused, n.key, onDismiss]);
    const isMessage = n.type === 'new_message';
    return (
        <div className="toast" data-kind={n.type}>
            <button type="button" className="toast-open" onClick={() => onOpen(n)}>
                <span className="toast-title" dir="auto">{isMessage ? n.message : n.title || n.message}</span>
                <span className="toast-text" dir="auto">{isMessage ? n.content_preview : n.title && n.message}</span>
            </button>
            <button type="button" className="toast-close" aria-label="Dismiss" onClick={() => onDismiss(n.key)}>
                <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M4 4l8 8M12 4l-8 8" /></svg>
            </button>
        </div>
    );
}
