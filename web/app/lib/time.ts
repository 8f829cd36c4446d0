// Times as people say them, in their own language and zone.
const DAY = 86400000;

const clock = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: 'long' });
const shortWeekday = new Intl.DateTimeFormat(undefined, { weekday: 'short' });
const dayOfYear = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long' });
const date = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long', year: 'numeric' });
const shortDate = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const numericDate = new Intl.DateTimeFormat(undefined, { dateStyle: 'short' });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'short' });

const midnight = (time: Date): number => new Date(time.getFullYear(), time.getMonth(), time.getDate()).getTime();
/** Days between then and today by the calendar, not by hours. */
const daysAgo = (time: Date): number => Math.round((midnight(new Date()) - midnight(time)) / DAY);

export const clockTime = (time: string): string => clock.format(new Date(time));
export const fullTime = (time: string): string => full.format(new Date(time));

/** A line between the days of a conversation. */
export function dayName(time: string): string {
    const when = new Date(time);
    const days = daysAgo(when);
    if (days === 0) {
        return 'Today';
    }
    if (days === -1) {
        return 'Tomorrow';
    }
    if (days === 1) {
        return 'Yesterday';
    }
    if (days > 1 && days < 7) {
        return weekday.format(when);
    }
    return when.getFullYear() === new Date().getFullYear() ? dayOfYear.format(when) : date.format(when);
}

/** As short as in a list. */
export function listTime(time: string): string {
    const when = new Date(time);
    const days = daysAgo(when);
    if (days <= 0) {
        return clock.format(when);
    }
    if (days < 7) {
        return shortWeekday.format(when);
    }
    return when.getFullYear() === new Date().getFullYear() ? shortDate.format(when) : numericDate.format(when);
}

export function ago(time: string | null): string {
    if (!time) {
        return 'not seen yet';
    }
    const minutes = Math.floor((Date.now() - Date.parse(time)) / 60000);
    if (minutes < 1) {
        return 'last seen just now';
    }
    if (minutes < 60) {
        return `last seen ${minutes} min ago`;
    }
    const when = new Date(time);
    const days = daysAgo(when);
    return `last seen ${days === 0 ? 'at' : days === 1 ? 'yesterday at' : `${listTime(time)},`} ${clock.format(when)}`;
}

/** A day and a time, as short as it can be said. */
export const momentName = (time: string): string => {
    const day = dayName(time);
    return day === 'Today' ? clockTime(time) : `${day}, ${clockTime(time)}`;
};

export const sameDay = (a: string, b: string): boolean => midnight(new Date(a)) === midnight(new Date(b));
