// A store's state as a ref, for as long as the component is there.
import { onScopeDispose, shallowReadonly, shallowRef, type Ref } from 'vue';
import type { Store } from '../react/state/base';

export function useStore<S>(store: Store<S>): Readonly<Ref<S>> {
    const state = shallowRef(store.get());
    onScopeDispose(store.subscribe(() => { state.value = store.get(); }));
    return shallowReadonly(state);
}
