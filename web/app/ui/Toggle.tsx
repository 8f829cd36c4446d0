// A labelled switch.
import * as Radix from '@radix-ui/react-switch';
import { useId } from 'react';

export interface ToggleProps {
    label: string;
    hint?: string;
    isOn: boolean;
    isDisabled?: boolean;
    onChange: (isOn: boolean) => void;
}

export function Toggle({ label, hint, isOn, isDisabled = false, onChange }: ToggleProps) {
    const id = useId();
    return (
        <div className="row">
            <div className="row-text">
                <label htmlFor={id}>{label}</label>
                {hint && <p id={`${id}-hint`} className="hint">{hint}</p>}
            </div>
            <Radix.Root
                id={id} className="switch" checked={isOn} disabled={isDisabled} onCheckedChange={onChange}
                aria-describedby={hint ? `${id}-hint` : undefined}
            >
                <Radix.Thumb className="switch-thumb" />
            </Radix.Root>
        </div>
    );
}
