// Types of efficientecg. Signals are Float32Arrays; times are in seconds, positions in samples of the record.

/** What could not be done: one line that names the item and the fix. */
export class EcgError extends Error {
  /** Leads of the model that the record does not name, where a mapping of leads is all that is missing. */
  readonly leads: string[];
}

/** The builds of the module. */
export type Level = 'relaxed' | 'simd128' | 'scalar';

/** The builds that this engine runs, fastest first. */
export function levels(): Level[];

/** A file by name and bytes: a browser's `File`, or the two. */
export type FileLike = File | { name: string; bytes: ArrayBuffer | Uint8Array } | { name: string; arrayBuffer(): Promise<ArrayBuffer> };

export interface StartOptions {
  /** The build; without it the fastest that the engine runs. */
  level?: Level;
  /** False for the smaller module: records of arrays alone, no files and no pages. It classifies the same, at half the speed or more. */
  files?: boolean;
  /** The module, in place of the file beside the package. */
  module?: WebAssembly.Module | BufferSource;
  /** A worker that runs `worker.js`, in place of a new one. */
  worker?: Worker;
}

/** What a file does not say itself, as some tables do not. */
export interface ReadOptions {
  /** Samples a second. */
  rate?: number;
  /** Unit of the samples. */
  unit?: string;
  /** Names of the leads, of a file without a header. */
  names?: string[];
}

/** A record of arrays. */
export interface GivenRecord {
  name?: string;
  /** Samples a second of every lead. */
  sampleRate: number;
  /** Samples of all leads are as many; NaN where one is missing. Their unit is mV unless said. */
  leads: { name: string; units?: string; samples: Float32Array }[];
  age?: number;
  sex?: 'female' | 'male';
}

export interface MatchOptions {
  /** Pairs of a lead of the model and the record's that stands for it; `#2` is the record's second. */
  leads?: [string, string][];
  /** Whether leads that are no ECG by name or unit may stand for the model's. */
  anyLead?: boolean;
}

export interface ClassifyOptions extends MatchOptions {
  /** In years, over what the record says. */
  age?: number;
  sex?: 'female' | 'male';
  per?: 'beat' | 'record';
  /** Ascending positions of beats, in place of those that would be found. */
  beats?: number[];
  /** Classifies whatever the quality of the signal: to compare networks, not to learn of a patient. */
  anyQuality?: boolean;
  /** Hears of findings done, of all. */
  progress?: (done: number, all: number) => void;
}

export interface Finding {
  sample: number;
  seconds: number;
  /** Several labels are joined by `+`; null where the signal could not be assessed. */
  class: string | null;
  /** Why there is no class. */
  reason: string | null;
  found: string[];
  logits: number[];
  probabilities: number[];
}

/** What the program writes with `--format json`. */
export interface Findings {
  record: string;
  sample_rate: number;
  seconds: number;
  age: number | null;
  sex: 'female' | 'male' | null;
  unit: 'beat' | 'record';
  classes: string[];
  counts: Record<string, number>;
  heart_rate: { median: number; mean: number; min: number; max: number } | null;
  /** Features that the model takes and the record does not give. */
  missing: string[];
  /** Why nothing of the record could be assessed. */
  reason: string | null;
  not_assessed: { onset: number; end: number; reason: string }[];
  warnings: string[];
  findings: Finding[];
  /** Of long records and a model of rhythms alone. */
  episodes?: { kind: string; onset_seconds: number; end_seconds: number }[];
  burden?: number;
}

export interface RunOptions {
  /** Batch, leads, samples. */
  shape: [number, number, number];
  /** By name, a value for each record: numbers, names of categories, or rows. What is not here is missing. */
  features?: Record<string, (number | null)[] | (string | null)[] | number[][][]>;
}

export type Form = 'json' | 'csv' | 'text' | 'annotations' | 'svg' | 'html';

export interface WriteOptions {
  /** Pages from here on, in seconds. */
  from?: number;
  to?: number;
  /** What the model gets wrong, for pages. */
  limits?: string;
}

/** The library, in a worker of its own. */
export class Ecg {
  static start(options?: StartOptions): Promise<Ecg>;
  /** Loads a weight file: `.ecgw`, or `.npz` where the module reads files. */
  load(weights: ArrayBuffer | Uint8Array): Promise<Model>;
  /** Takes files in place of those before, all of a record together; paths of the records that they hold. Those before stay where it fails. */
  give(files: Iterable<FileLike>): Promise<string[]>;
  /** Reads a record of the files that were given last. */
  open(path: string, options?: ReadOptions): Promise<EcgRecord>;
  /** Makes a record of arrays. */
  record(given: GivenRecord): Promise<EcgRecord>;
  /** Stops the worker and frees all that it held. */
  stop(): Promise<void>;
}

/** A network that is ready to run. */
export interface Model {
  readonly id: number;
  readonly name: string;
  readonly unit: 'beat' | 'record';
  readonly classes: string[];
  /** A line for each class that is known, and what results are for. */
  readonly meanings: string[];
  /** Names of leads; `*` is any ECG lead. */
  readonly leads: string[];
  readonly sampleRate: number;
  readonly samples: number;
  readonly parameters: number;
  readonly device: string;
  readonly features: { name: string; kind: string; categories?: string[]; inputs?: number }[];
  /** Runs it on a batch, row by row: logits and probabilities are `[batch, classes]`. */
  run(signal: Float32Array, options: RunOptions): Promise<{ logits: Float32Array; probabilities: Float32Array }>;
  /** Classifies the beats of a record, or the record. */
  classify(record: EcgRecord, options?: ClassifyOptions): Promise<Findings>;
  /** Places of the leads that it would take of a record. */
  match(record: EcgRecord, options?: MatchOptions): Promise<number[]>;
  /** The findings of a record that it classified. */
  write(record: EcgRecord, form: 'annotations', options?: WriteOptions): Promise<Uint8Array>;
  write(record: EcgRecord, form: Exclude<Form, 'annotations'>, options?: WriteOptions): Promise<string>;
  free(): Promise<void>;
}

/** A record that was read. */
export interface EcgRecord {
  readonly id: number;
  readonly name: string;
  readonly sampleRate: number;
  readonly seconds: number;
  readonly age: number | null;
  readonly sex: 'female' | 'male' | null;
  readonly leads: {
    name: string;
    units: string;
    /** Millivolts of one unit; null of what is no voltage. */
    millivolts: number | null;
    sampleRate: number;
    samples: number;
    isEcg: boolean;
  }[];
  readonly comments: string[];
  readonly warnings: string[];
  /** Samples of a lead, in its own unit and at its own rate; NaN where one is missing. */
  samples(lead: number): Promise<Float32Array>;
  free(): Promise<void>;
}
