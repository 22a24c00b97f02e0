// What the page carries: modules, models, the demo record, the worker.

import { Ecg } from '../js/index.js';
import { levels } from '../js/runtime.js';

const parts = JSON.parse(document.getElementById('parts').textContent);

/** Bytes of base64. */
function bytes(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

async function inflated(compressed) {
  const stream = new Blob([compressed]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Response(stream).arrayBuffer();
}

export const models = parts.models.map(({ name, limits }) => ({ name, limits }));

export const demo = () => parts.demo.map(({ name, bytes: text }) => ({ name, bytes: bytes(text) }));

export const weights = (name) => inflated(bytes(parts.models.find((model) => model.name === name).bytes));

/** Starts the library in a worker, in the fastest build that the browser runs. */
export async function start() {
  const level = levels().find((name) => parts.modules[name]);
  if (!level || typeof DecompressionStream === 'undefined') {
    const lack = level ? 'DecompressionStream' : 'WebAssembly SIMD';
    throw new Error(`This browser lacks ${lack}. Use Chrome or Edge 97, Firefox 113, Safari 16.4, or newer.`);
  }
  const module = await WebAssembly.compile(await inflated(bytes(parts.modules[level])));
  const url = URL.createObjectURL(new Blob([bytes(parts.worker)], { type: 'text/javascript' }));
  return Ecg.start({ level, module, worker: new Worker(url) });
}
