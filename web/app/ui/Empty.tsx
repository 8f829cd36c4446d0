// What stands where nothing is, or where something failed.
import type { ReactNode } from 'react';
import { Icon, type IconName } from './Icon';

interface EmptyProps {
    icon: IconName;
    title: string;
    /** There is nothing else on the page. */
    isPage?: boolean;
    children?: ReactNode;
}

export function Empty({ icon, title, isPage = false, children }: EmptyProps) {
    const Title = isPage ? 'h1' : 'h2';
    return (
        <div className="empty">
            <span className="empty-icon"><Icon name={icon} size={28} /></span>
            <Title>{title}</Title>
            {children && <div className="empty-text">{children}</div>}
        </div>
    );
}

export function Failed({ error, onRetry }: { error: string | null; onRetry: () => void }) {
    return (
        <Empty icon="alert" title="That did not work">
            <p role="alert">{error ?? 'The server could not be reached.'}</p>
            <button type="button" className="button" onClick={onRetry}><Icon name="refresh" size={18} /> Try again</button>
        </Empty>
    );
}
