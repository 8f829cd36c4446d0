// A word about a control that shows only an icon, for pointer and keyboard; its name for screen readers is the control's own.
import * as Radix from '@radix-ui/react-tooltip';
import type { ReactElement } from 'react';

export const TipProvider = Radix.Provider;

export function Tip({ text, side = 'bottom', children }: { text: string; side?: 'top' | 'right' | 'bottom' | 'left'; children: ReactElement }) {
    return (
        <Radix.Root>
            <Radix.Trigger asChild>{children}</Radix.Trigger>
            <Radix.Portal>
                <Radix.Content className="tip" side={side} sideOffset={6} collisionPadding={8} aria-hidden="true">{text}</Radix.Content>
            </Radix.Portal>
        </Radix.Root>
    );
}
