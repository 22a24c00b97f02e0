// The module's other side: calls with bytes, text and numbers. Everything here is synchronous; `worker.js` keeps it off a page's thread.

import { Exit, Wasi } from './wasi.js';

/** What could not be done: one line that names the item and the fix. */
export class EcgError extends Error {
  /** Leads of the model that the record does not name, where a mapping of leads is all that is missing. */
  leads = [];

  constructor(message, leads = []) {
    super(message);
    this.name = 'EcgError';
    this.leads = leads;
  }
}

/** Forms of findings, and of pages, by the module's numbers. */
const FORMS = ['json', 'csv', 'text', 'annotations'];
const PAGES = ['svg', 'html'];
const FOLDER = 'records';

/** One vector instruction of each kind, in the smallest module that has it. */
const PROBES = {
  // i8x16.popcnt of a splat.
  simd128: [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11],
  // f32x4.relaxed_madd of three splats.
  relaxed: [
    0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 19, 1, 17, 0, 65, 0, 253, 17, 65, 0, 253, 17, 65, 0, 253, 17, 253, 133,
    2, 11,
  ],
};

/** The builds that this engine runs, fastest first. Plain WebAssembly runs wherever there is any. */
export function levels() {
  const runs = (probe) => typeof WebAssembly === 'object' && WebAssembly.validate(new Uint8Array(probe));
  return [...(runs(PROBES.relaxed) ? ['relaxed'] : []), ...(runs(PROBES.simd128) ? ['simd128'] : []), 'scalar'];
}

/** A module with its models and records. */
export class Runtime {
  #exports;
  #wasi = new Wasi();
  #heard = () => {};
  #ended;

  /** Makes a module of its bytes, or of what `WebAssembly.compile` gave. */
  static async create(source) {
    if (typeof WebAssembly !== 'object') {
      throw new EcgError('WebAssembly: expected an engine that has it, found none; use a browser of 2021 or newer');
    }
    const runtime = new Runtime();
    let made;
    try {
      const module = source instanceof WebAssembly.Module ? source : await WebAssembly.compile(source);
      made = await WebAssembly.instantiate(module, {
        wasi_snapshot_preview1: runtime.#wasi.imports(),
        efficientecg: { progress: (done, all) => runtime.#heard(done, all) },
      });
    } catch (error) {
      const level = levels()[0];
      throw new EcgError(`module: expected one that this engine runs, up to ${level}, found ${error.message}; load another build`);
    }
    runtime.#exports = made.exports;
    runtime.#wasi.attach(made.exports.memory);
    made.exports._initialize();
    return runtime;
  }

  /** The bytes that the last call made. */
  #made() {
    const { memory, ecg_made, ecg_made_length } = this.#exports;
    return new Uint8Array(memory.buffer, ecg_made(), ecg_made_length()).slice();
  }

  /** Calls with what the arguments hold: numbers as they are, text and bytes in the module's memory. Returns number and bytes. */
  #call(name, ...given) {
    if (this.#ended) throw new EcgError(this.#ended);
    if (!this.#exports[name]) {
      throw new EcgError('files: expected a module that reads and prints them, found the one for arrays; start the library without `files: false`');
    }
    const { memory, ecg_take, ecg_give } = this.#exports;
    const taken = [];
    try {
      const numbers = given.flatMap((value) => {
        if (typeof value === 'number') return [value];
        const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value;
        const at = ecg_take(bytes.byteLength);
        taken.push([at, bytes.byteLength]);
        new Uint8Array(memory.buffer, at, bytes.byteLength).set(
          new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength),
        );
        return [at, bytes.length];
      });
      const number = this.#exports[name](...numbers);
      if (number === 0) {
        const { message, leads } = JSON.parse(new TextDecoder().decode(this.#made()));
        // Files are known by the names that they were given with.
        throw new EcgError(message.replaceAll(`/${FOLDER}/`, '').replaceAll(`/${FOLDER}:`, 'files:'), leads);
      }
      return [number, this.#made()];
    } catch (error) {
      // A RangeError is a stack that is full.
      if (error instanceof WebAssembly.RuntimeError || error instanceof RangeError || error instanceof Exit) {
        // The module is in no state to go on.
        const why = this.#wasi.complaints.trim().split('\n')[0] || error.message;
        this.#ended = `module: expected an answer, found that it ended (${why}); load the library again, and give smaller records if memory ran out`;
        throw new EcgError(this.#ended);
      }
      throw error;
    } finally {
      if (!this.#ended) for (const [at, length] of taken) ecg_give(at, length);
    }
  }

  #json(name, ...given) {
    const [number, bytes] = this.#call(name, ...given);
    return [number, JSON.parse(new TextDecoder().decode(bytes))];
  }

  /** Loads a weight file: its number, and what it is. */
  load(bytes) {
    const [id, about] = this.#json('ecg_load', bytes);
    return { id, ...about };
  }

  /** Frees a model or a record. */
  free(id) {
    if (!this.#ended) this.#exports.ecg_free(id);
  }

  /** Runs a model on `[batch, leads, samples]` numbers. */
  run(model, signal, { shape, features = {} } = {}) {
    if (!(signal instanceof Float32Array)) {
      throw new EcgError(`signal: expected a Float32Array, found ${signal?.constructor.name ?? signal}; give the samples as one`);
    }
    const [, bytes] = this.#call('ecg_run', model, JSON.stringify({ shape, features }), signal);
    const all = new Float32Array(bytes.buffer);
    return { logits: all.slice(0, all.length / 2), probabilities: all.slice(all.length / 2) };
  }

  /** Puts files in the place of those that were there, unless they hold no record. Paths of the records that they hold. */
  give(files) {
    if (files.length === 0) throw new EcgError('files: expected at least one, found none; give the files of a record');
    const before = this.#wasi.files;
    this.#wasi.files = new Map();
    for (const { name, bytes } of files) {
      const path = name.split('/').filter((part) => part !== '' && part !== '.' && part !== '..').join('/');
      this.#wasi.files.set(`${FOLDER}/${path}`, bytes);
    }
    try {
      const [, paths] = this.#json('ecg_records', `/${FOLDER}`);
      return paths.map((path) => path.slice(FOLDER.length + 2));
    } catch (error) {
      // Whoever gives one file means it: to read it says what is wrong with it.
      if (this.#wasi.files.size !== 1) {
        this.#wasi.files = before;
        throw error;
      }
      return [...this.#wasi.files.keys()].map((path) => path.slice(FOLDER.length + 1));
    }
  }

  /** Reads a record of the files: its number, and what it says of itself. */
  open(path, options = {}) {
    const [id, about] = this.#json('ecg_open', `/${FOLDER}/${path}`, JSON.stringify(options));
    return { id, ...about };
  }

  /** Takes a record of arrays: its number, and what it says of itself. */
  record({ leads = [], ...about } = {}) {
    const wrong = leads.find(({ samples }) => !(samples instanceof Float32Array) || samples.length !== leads[0].samples.length);
    if (wrong) {
      throw new EcgError(`leads: expected each with a Float32Array of the same length, found ${wrong.name} with another; give samples as such arrays`);
    }
    const all = new Float32Array(leads.reduce((sum, { samples }) => sum + samples.length, 0));
    leads.forEach(({ samples }, i) => all.set(samples, i * samples.length));
    const given = { ...about, leads: leads.map(({ name, units = 'mV' }) => ({ name, units })) };
    const [id, told] = this.#json('ecg_record', JSON.stringify(given), all);
    return { id, ...told };
  }

  /** Samples of a record's lead. */
  samples(record, lead) {
    return new Float32Array(this.#call('ecg_samples', record, lead)[1].buffer);
  }

  /** Places of the leads that a model would take of a record. */
  match(model, record, options = {}) {
    return this.#json('ecg_match', model, record, JSON.stringify(options))[1];
  }

  /** Classifies a record; `progress` hears of findings done, of all. */
  classify(model, record, options = {}, progress = () => {}) {
    this.#heard = progress;
    return this.#json('ecg_classify', model, record, JSON.stringify(options))[1];
  }

  /** Findings in a form, as bytes; pages of them, for which the options are. */
  write(model, record, form, { from = NaN, to = NaN, limits = 'Research only.' } = {}) {
    if (PAGES.includes(form)) return this.#call('ecg_pages', model, record, PAGES.indexOf(form), from, to, limits)[1];
    const number = FORMS.indexOf(form);
    if (number < 0) throw new EcgError(`form: expected one of ${[...FORMS, ...PAGES].join(', ')}, found ${form}; name one of these`);
    return this.#call('ecg_written', model, record, number)[1];
  }
}
