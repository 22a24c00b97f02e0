// efficientecg: the public API. The module runs in a worker, so that a page stays smooth; in Node in a worker thread.

import { EcgError, levels } from './runtime.js';

export { EcgError, levels };

const node = typeof process === 'object' && Boolean(process.versions?.node);

async function bytesOf(url) {
  if (node && url.protocol === 'file:') {
    const { readFile } = await import(/* webpackIgnore: true */ 'node:fs/promises');
    return readFile(url);
  }
  const response = await fetch(url);
  if (!response.ok) throw new EcgError(`${url}: expected a file, found ${response.status}; check where the package is served`);
  return response.arrayBuffer();
}

async function workerOf(url) {
  if (!node) return new Worker(url, { type: 'module' });
  const { Worker: Thread } = await import(/* webpackIgnore: true */ 'node:worker_threads');
  // Without the options of this process, such as --eval, which are no worker's.
  return new Thread(url, { execArgv: [] });
}

/** A file as name and bytes. A browser's has a method of the name `bytes`. */
async function fileOf(file) {
  if (typeof file?.name !== 'string') throw new EcgError(`files: expected each with a name, found ${file?.name}; give { name, bytes }`);
  if (typeof file.bytes === 'object') return { name: file.name, bytes: new Uint8Array(file.bytes) };
  return { name: file.webkitRelativePath || file.name, bytes: new Uint8Array(await file.arrayBuffer()) };
}

/** The library, in a worker of its own. */
export class Ecg {
  #worker;
  #next = 1;
  #waiting = new Map();
  #ended;

  /** Starts it. Without options the best build that the engine runs is loaded from beside this file; without `files` a smaller one. */
  static async start({ level, files = true, module, worker } = {}) {
    const ecg = new Ecg();
    const name = level ?? levels()[0];
    const source = module ?? (await bytesOf(new URL(`./${files ? 'efficientecg' : 'arrays'}-${name}.wasm`, import.meta.url)));
    const entry = node ? './worker-node.js' : './worker.js';
    ecg.#attach(worker ?? (await workerOf(new URL(entry, import.meta.url))));
    try {
      await ecg.#call('start', [source]);
    } catch (error) {
      await ecg.stop();
      throw error;
    }
    return ecg;
  }

  #attach(worker) {
    this.#worker = worker;
    const heard = (data) => {
      const waiting = this.#waiting.get(data.id);
      if (data.progress) return waiting?.progress?.(...data.progress);
      this.#waiting.delete(data.id);
      if (data.error) waiting?.reject(new EcgError(data.error.message, data.error.leads));
      else waiting?.resolve(data.made);
    };
    const failed = (error) => {
      this.#end(`worker: expected it to run, found ${error?.message ?? 'that it could not be started'}; start the library again`);
    };
    if (worker.on) {
      worker.on('message', heard);
      worker.on('error', failed);
    } else {
      worker.onmessage = ({ data }) => heard(data);
      worker.onerror = failed;
    }
  }

  #end(why) {
    this.#ended = why;
    for (const { reject } of this.#waiting.values()) reject(new EcgError(why));
    this.#waiting.clear();
  }

  #call(name, given, { moved = [], progress } = {}) {
    if (this.#ended) return Promise.reject(new EcgError(this.#ended));
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, progress });
      this.#worker.postMessage({ id, name, given }, moved);
    });
  }

  /** Loads a model from the bytes of a weight file: `.ecgw`, or `.npz` where the module reads files. */
  async load(weights) {
    const about = await this.#call('load', [new Uint8Array(weights)]);
    return new Model(about, (name, given, more) => this.#call(name, given, more));
  }

  /** Takes files, a record's together; paths of the records that they hold. */
  async give(files) {
    return this.#call('give', [await Promise.all([...files].map(fileOf))]);
  }

  /** Reads a record of the files that were given last. */
  async open(path, options = {}) {
    const about = await this.#call('open', [path, options]);
    return new Record(about, (name, given, more) => this.#call(name, given, more));
  }

  /** Makes a record of arrays. */
  async record(given) {
    const about = await this.#call('record', [given]);
    return new Record(about, (name, given, more) => this.#call(name, given, more));
  }

  /** Stops the worker and frees all that it held. */
  async stop() {
    this.#end('library: expected one that runs, found one that was stopped; start another');
    await this.#worker.terminate();
  }
}

/** A network that is ready to run. */
export class Model {
  #call;

  constructor(about, call) {
    Object.assign(this, about);
    this.#call = call;
  }

  /** Runs it on a batch. */
  run(signal, options) {
    return this.#call('run', [this.id, signal, options]);
  }

  /** Classifies the beats of a record, or the record. */
  classify(record, { progress, ...options } = {}) {
    return this.#call('classify', [this.id, record.id, options], { progress });
  }

  /** Places of the leads that it would take of a record. */
  match(record, options = {}) {
    return this.#call('match', [this.id, record.id, options]);
  }

  /** The findings of the record that it classified, in a form. */
  async write(record, form, options = {}) {
    const bytes = await this.#call('write', [this.id, record.id, form, options]);
    return form === 'annotations' ? bytes : new TextDecoder().decode(bytes);
  }

  /** Frees its memory. */
  free() {
    return this.#call('free', [this.id]);
  }
}

/** A record that was read. */
export class Record {
  #call;

  constructor(about, call) {
    Object.assign(this, about);
    this.#call = call;
  }

  /** Samples of a lead, in its own unit and at its own rate. */
  samples(lead) {
    return this.#call('samples', [this.id, lead]);
  }

  /** Frees its memory. */
  free() {
    return this.#call('free', [this.id]);
  }
}
