// A value of something that tells by event when it changes.
import { useEffect, useState } from 'react';

export function useStoreless<T>(read: () => T, listen: (again: () => void) => () => void): T {
    const [value, setValue] = useState(read);
    useEffect(() => {
        setValue(read);
        return listen(() => setValue(read));
        // Both are made anew with each rendering and mean the same.
        // eslint-disable-next-line react-hooks/exhaustive-deps
    }, []);
    return value;
}
