// In a worker: calls come as messages, one after another, and are answered by their number.

import { Runtime } from './runtime.js';

let runtime;

const calls = {
  async start(module) {
    runtime = await Runtime.create(module);
  },
  load: (bytes) => runtime.load(bytes),
  free: (id) => runtime.free(id),
  run: (model, signal, options) => runtime.run(model, signal, options),
  give: (files) => runtime.give(files),
  open: (path, options) => runtime.open(path, options),
  record: (given) => runtime.record(given),
  samples: (record, lead) => runtime.samples(record, lead),
  match: (model, record, options) => runtime.match(model, record, options),
  classify: (progress, model, record, options) => runtime.classify(model, record, options, progress),
  write: (model, record, form, options) => runtime.write(model, record, form, options),
};

/** Answers the messages of a port: a worker's scope, or one end of a channel. */
export function serve(port) {
  port.onmessage = async ({ data: { id, name, given } }) => {
    let told = 0;
    const progress = (done, all) => {
      const now = performance.now();
      // Not more often than a screen is drawn.
      if (done < all && now - told < 40) return;
      told = now;
      port.postMessage({ id, progress: [done, all] });
    };
    try {
      const made = await calls[name](...(name === 'classify' ? [progress] : []), ...given);
      const moved = [made, made?.logits, made?.probabilities].filter(ArrayBuffer.isView).map((array) => array.buffer);
      port.postMessage({ id, made }, [...new Set(moved)]);
    } catch (error) {
      port.postMessage({ id, error: { message: error.message, leads: error.leads ?? [] } });
    }
  };
}

if (typeof self !== 'undefined' && typeof self.postMessage === 'function' && typeof document === 'undefined') serve(self);
