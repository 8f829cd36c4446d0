// A menu behind a button.
import * as Radix from '@radix-ui/react-dropdown-menu';
import type { ReactNode } from 'react';
import { Icon, type IconName } from './Icon';

export interface MenuItem {
    label: string;
    icon?: IconName;
    isDanger?: boolean;
    onSelect: () => void;
}

export function Menu({ label, trigger, items, className = 'icon-button' }: { label: string; trigger: ReactNode; items: MenuItem[]; className?: string }) {
    return (
        <Radix.Root modal={false}>
            <Radix.Trigger className={className}>{trigger}<span className="visually-hidden">{label}</span></Radix.Trigger>
            <Radix.Portal>
                <Radix.Content className="menu" align="end" sideOffset={4} collisionPadding={8}>
                    {items.map((item) => (
                        <Radix.Item key={item.label} className={item.isDanger ? 'menu-item menu-danger' : 'menu-item'} onSelect={item.onSelect}>
                            {item.icon && <Icon name={item.icon} size={18} />}
                            {item.label}
                        </Radix.Item>
                    ))}
                </Radix.Content>
            </Radix.Portal>
        </Radix.Root>
    );
}
