// How many came when: bars over equal pieces of time. A screen reader gets it in a sentence.
import { useMemo } from 'react';
import type { Checkin } from '@confab/client';
import { clockTime } from '@/lib/time';

const BARS = 24;
const STEPS_MIN = [1, 2, 5, 10, 15, 30, 60, 120, 240, 480, 1440, 2880, 10080];
const WIDTH = 480;
const HEIGHT = 120;

interface Bar {
    from: number;
    count: number;
}

/** The shortest step with which everything fits, so that the last bar is now. */
export function barsOf(times: readonly number[], now: number): { bars: Bar[]; stepMin: number } {
    const first = Math.min(now, ...times);
    const stepMin = STEPS_MIN.find((step) => (now - first) / 60000 < step * (BARS - 1)) ?? STEPS_MIN.at(-1)!;
    const step = stepMin * 60000;
    const end = Math.floor(now / step) * step;
    const bars = Array.from({ length: BARS }, (_, i) => ({ from: end - (BARS - 1 - i) * step, count: 0 }));
    for (const time of times) {
        const bar = bars[Math.floor((time - bars[0]!.from) / step)];
        if (bar) {
            bar.count += 1;
        }
    }
    return { bars, stepMin };
}

export function Chart({ checkins, now }: { checkins: readonly Checkin[]; now: number }) {
    const { bars, stepMin } = useMemo(() => barsOf(checkins.filter((c) => c.success).map((c) => Date.parse(c.checkin_time)), now), [checkins, now]);
    const top = Math.max(1, ...bars.map((bar) => bar.count));
    const total = bars.reduce((sum, bar) => sum + bar.count, 0);
    const width = WIDTH / BARS;
    const per = stepMin === 1 ? 'minute' : stepMin < 60 ? `${stepMin} minutes` : stepMin === 60 ? 'hour' : stepMin < 1440 ? `${stepMin / 60} hours` : `${stepMin / 1440} days`;
    const label = `Check-ins per ${per}: ${total} since ${clockTime(new Date(bars[0]!.from).toISOString())}, at most ${total ? top : 0} at once, ${bars.at(-1)!.count} in the last one.`;
    return (
        <figure className="chart">
            <figcaption>Check-ins per {per}</figcaption>
            <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label} preserveAspectRatio="none">
                {bars.map((bar, i) => {
                    const height = bar.count ? Math.max(3, (bar.count / top) * (HEIGHT - 6)) : 2;
                    return <rect key={bar.from} className={bar.count ? 'bar' : 'bar bar-none'} x={i * width + 2} y={HEIGHT - height} width={width - 4} height={height} rx={2} />;
                })}
            </svg>
            <div className="chart-axis" aria-hidden="true">
                <span>{clockTime(new Date(bars[0]!.from).toISOString())}</span>
                <span>{clockTime(new Date(bars[BARS / 2]!.from).toISOString())}</span>
                <span>now</span>
            </div>
        </figure>
    );
}
