// Where things are: the repository, what was built, the program to compare with, records.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
export const root = resolve(here, '../../..');
const target = resolve(root, process.env.CARGO_TARGET_DIR ?? 'target');
export const packageFolder = join(target, 'web/efficientecg');
export const page = join(target, 'web/efficientecg.html');
/** For people to look at. */
export const screenshots = join(target, 'web/screenshots');

/** The native program: EFFICIENTECG, or the release build. */
const native = process.env.EFFICIENTECG ?? ['release', 'debug'].map((profile) => join(target, profile, 'efficientecg')).find(existsSync);

/** What the program writes to standard output. */
export function nativeProgram(...args) {
  if (!native) throw new Error('no native program: cargo build --release -p efficientecg-cli, or name it in EFFICIENTECG');
  return execFileSync(native, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 1 << 28 });
}

/** What `efficientecg classify --output -` writes, on one thread. */
export const program = (...args) => nativeProgram('classify', '--threads', '1', '--output', '-', ...args);

/** A record of the repository, by name and bytes. */
export const filesOf = (folder, names) => names.map((name) => ({ name, bytes: new Uint8Array(readFileSync(join(folder, name))) }));

export const demoFiles = () => filesOf(join(root, 'tools/demo'), ['demo.hea', 'demo.dat']);
