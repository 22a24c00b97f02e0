// In a worker thread of Node.

import { parentPort } from 'node:worker_threads';
import { serve } from './worker.js';

const port = { postMessage: (...message) => parentPort.postMessage(...message) };
parentPort.on('message', (data) => port.onmessage({ data }));
serve(port);
