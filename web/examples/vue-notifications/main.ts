import { createApp, h } from 'vue';
import { createConfab } from '../../vue/confab';
import { tokens } from '../tokens';
import Page from './Page.vue';

const user = tokens.user();
if (user) {
    const app = createApp(Page).use(createConfab({ tokens, user }));
    app.mount('#root');
    document.getElementById('remove')!.addEventListener('click', () => app.unmount()); // closes its sockets
} else {
    createApp(() => h('p', 'Sign in first.')).mount('#root');
}
