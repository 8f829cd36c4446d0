// A mark on a navigation item: a dot, or a number.
export interface BadgeProps {
    /** Absent: a dot. 0: nothing. */
    count?: number;
    /** What a screen reader says. */
    label: string;
    max?: number;
}

export function Badge({ count, label, max = 99 }: BadgeProps) {
    if (count === 0) {
        return null;
    }
    return (
        <span className={count === undefined ? 'badge badge-dot notification-badge' : 'badge notification-badge'}>
            <span aria-hidden="true">{count === undefined ? '' : count > max ? `${max}+` : count}</span>
            <span className="visually-hidden">{label}</span>
        </span>
    );
}
