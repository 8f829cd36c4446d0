// A tab of a browser as a worker thread: a client that shares its connection; commands come and events go as messages.
import { parentPort, workerData } from 'node:worker_threads';
import { clientOf, library } from './client.mjs';

const { origin, token, since, limits } = workerData;
Object.defineProperty(globalThis, 'navigator', { value: {}, configurable: true }); // no Web Locks, whatever node has
const client = clientOf({ origin }, token, { share: true, limits });
for (const name of ['message', 'sent', 'gap', 'notification', 'leader', 'status']) {
    client.on(name, (event) => parentPort.postMessage([name, event]));
}
parentPort.on('message', ([method, ...args]) => {
    const result = client[method](...args);
    result?.done?.catch(() => {});
});
client.start(since);
parentPort.postMessage(['loaded', library.idNumber('1')]);
