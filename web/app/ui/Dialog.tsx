// A modal dialog: keeps the focus, closes by Esc or a click beside it, gives the focus back.
import * as Radix from '@radix-ui/react-dialog';
import type { ReactNode } from 'react';
import { Icon } from './Icon';

export interface DialogProps {
    isOpen: boolean;
    onClose: () => void;
    title: string;
    /** One sentence below the title. */
    description?: string;
    className?: string;
    children: ReactNode;
}

export function Dialog({ isOpen, onClose, title, description, className = '', children }: DialogProps) {
    return (
        <Radix.Root open={isOpen} onOpenChange={(open) => !open && onClose()}>
            <Radix.Portal>
                {/* Not Radix.Overlay: it locks scrolling by a style element, which the content security policy forbids. */}
                <div className="dialog-backdrop" />
                <Radix.Content
                    className={`dialog ${className}`} {...(description ? {} : { 'aria-describedby': undefined })}
                    onOpenAutoFocus={(event) => {
                        const field = (event.target as HTMLElement).querySelector<HTMLElement>('input, textarea');
                        if (field) { // rather than the button that closes it, which comes first
                            event.preventDefault();
                            field.focus();
                        }
                    }}
                >
                    <header className="dialog-head">
                        <Radix.Title className="dialog-title">{title}</Radix.Title>
                        <Radix.Close className="icon-button" aria-label="Close"><Icon name="close" /></Radix.Close>
                    </header>
                    {description && <Radix.Description className="dialog-text">{description}</Radix.Description>}
                    {children}
                </Radix.Content>
            </Radix.Portal>
        </Radix.Root>
    );
}

export interface ConfirmProps {
    isOpen: boolean;
    title: string;
    text: string;
    /** What the button says. */
    action: string;
    onConfirm: () => void;
    onClose: () => void;
}

/** For what cannot be undone. */
export function Confirm({ isOpen, title, text, action, onConfirm, onClose }: ConfirmProps) {
    return (
        <Dialog isOpen={isOpen} onClose={onClose} title={title} description={text} className="dialog-small">
            <div className="dialog-buttons">
                <button type="button" className="button" onClick={onClose}>Cancel</button>
                <button
                    type="button" className="button button-danger"
                    onClick={() => {
                        onClose();
                        onConfirm();
                    }}
                >
                    {action}
                </button>
            </div>
        </Dialog>
    );
}
