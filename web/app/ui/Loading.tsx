// Grey shapes while something loads; a screen reader hears one word.
export function Loading({ rows = 6 }: { rows?: number }) {
    return (
        <div className="skeletons" role="status">
            <span className="visually-hidden">Loading</span>
            {Array.from({ length: rows }, (_, i) => (
                <div key={i} className="skeleton" aria-hidden="true"><span /><span /></div>
            ))}
        </div>
    );
}
