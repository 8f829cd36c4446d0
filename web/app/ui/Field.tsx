// A labelled input with its hint and its mistake.
import { useId, type ComponentProps } from 'react';

export interface FieldProps extends ComponentProps<'input'> {
    label: string;
    hint?: string;
    error?: string | null;
}

export function Field({ label, hint, error, ...input }: FieldProps) {
    const id = useId();
    return (
        <div className="field">
            <label htmlFor={id}>{label}</label>
            <input {...input} id={id} aria-invalid={error ? true : undefined} aria-describedby={hint || error ? `${id}-hint` : undefined} />
            {(error || hint) && <p id={`${id}-hint`} className={error ? 'hint hint-error' : 'hint'}>{error || hint}</p>}
        </div>
    );
}

export interface SelectProps<T extends string> {
    label: string;
    hint?: string;
    value: T;
    options: readonly (readonly [value: T, text: string])[];
    isDisabled?: boolean;
    onChange: (value: T) => void;
}

export function Select<T extends string>({ label, hint, value, options, isDisabled = false, onChange }: SelectProps<T>) {
    const id = useId();
    return (
        <div className="row">
            <div className="row-text">
                <label htmlFor={id}>{label}</label>
                {hint && <p id={`${id}-hint`} className="hint">{hint}</p>}
            </div>
            <select id={id} className="select" value={value} disabled={isDisabled} aria-describedby={hint ? `${id}-hint` : undefined}
                onChange={(event) => onChange(event.target.value as T)}
            >
                {options.map(([v, text]) => <option key={v} value={v}>{text}</option>)}
            </select>
        </div>
    );
}
