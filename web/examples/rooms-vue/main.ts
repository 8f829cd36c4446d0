import { createApp } from 'vue';
import ChatList from './ChatList.vue';

const app = createApp(ChatList);
// The sample goes to /chat/{id} by the router of its application; here that is another page.
app.config.globalProperties.$router = { push: (path: string) => location.assign(path) };
app.mount('#root');
document.getElementById('remove')!.addEventListener('click', () => app.unmount()); // closes its socket
