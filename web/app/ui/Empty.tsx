// What stands where nothing is, or where something failed.
import type { ReactNode } from 'react';
import { Icon, type IconName } from './Icon';

export function Empty({ icon, title, children }: { icon: IconName; title: string; children?: ReactNode }) {
    return (
        <div className="empty">
            <span className="empty-icon"><Icon name={icon} size={28} /></span>
            <h2>{title}</h2>
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
