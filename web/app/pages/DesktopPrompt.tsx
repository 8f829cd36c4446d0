// Offers the browser's own notifications. The browser is asked only after a click, and toasts are there in any case.
import { useState } from 'react';
import { askPermission, permission } from '@/lib/desktop';
import { Icon } from '@/ui/Icon';

export function DesktopPrompt() {
    const [state, setState] = useState(permission);
    if (state !== 'default') {
        return null;
    }
    return (
        <div className="callout callout-row">
            <Icon name="bell" />
            <span>Get told of messages while this page is in the background.</span>
            <button type="button" className="button button-small button-main" onClick={() => void askPermission().then(setState)}>Allow notifications</button>
        </div>
    );
}
