// Builds the package and the page into target/web: node build.mjs [LEVEL ...]
//
//   target/web/efficientecg/       the npm package, each level as a module that reads files and as a smaller one that takes arrays alone
//   target/web/efficientecg.html   the page, in one file
//
// LEVEL is scalar, simd128 or relaxed; without any, all three. The page needs simd128 and relaxed. Cargo does its part first.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const root = resolve(here, '../..');
const target = resolve(root, process.env.CARGO_TARGET_DIR ?? 'target');
const out = join(target, 'web');
const FEATURES = { scalar: '', simd128: '+simd128', relaxed: '+simd128,+relaxed-simd' };
const MODELS = ['beats', 'beats-1lead', 'mitbih-beats', 'cinc2017-rhythm', 'ptbxl-8lead'];
const kilobytes = (bytes) => `${(bytes.length / 1000).toFixed(0)} kB`;

/** Compiles the module for a level, with what reads files and prints pages or without; its path. */
function compile(level, files) {
  const cargo = process.env.CARGO ?? 'cargo';
  const folder = join(target, 'web', level);
  // No name of this machine's folders goes out.
  const paths = [`--remap-path-prefix=${root}=`, `--remap-path-prefix=${join(process.env.CARGO_HOME ?? join(homedir(), '.cargo'), 'registry/src')}=`];
  const features = FEATURES[level] ? ['-C', `target-feature=${FEATURES[level]}`] : [];
  // Numbers in as few bytes as they need: a tenth of the module is padding otherwise.
  const flags = [...features, ...paths, '-C', 'link-arg=--compress-relocations'].join('\x1f');
  const without = files ? [] : ['--no-default-features'];
  execFileSync(cargo, ['build', '--quiet', '--locked', '-p', 'efficientecg-web', ...without, '--profile', 'web', '--target', 'wasm32-wasip1'], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, CARGO_TARGET_DIR: folder, CARGO_ENCODED_RUSTFLAGS: flags },
  });
  // The other one takes its place.
  const made = join(folder, `${files ? 'efficientecg' : 'arrays'}.wasm`);
  copyFileSync(join(folder, 'wasm32-wasip1/web/efficientecg_web.wasm'), made);
  return made;
}

/** JavaScript in one piece. */
async function bundle(entry, format) {
  const made = await build({
    entryPoints: [join(here, entry)],
    bundle: true,
    write: false,
    minify: true,
    format,
    target: 'es2022',
    platform: 'browser',
    external: ['node:*'],
    // Of no use in one file: the page brings module and worker.
    define: { 'import.meta.url': '""' },
    legalComments: 'none',
  });
  return made.outputFiles[0].text;
}

/** The npm package. */
function makePackage(modules, arrays) {
  const folder = join(out, 'efficientecg');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, 'models'), { recursive: true });
  for (const name of ['wasi', 'runtime', 'worker', 'worker-node', 'index']) {
    copyFileSync(join(here, `js/${name}.js`), join(folder, `${name}.js`));
  }
  copyFileSync(join(here, 'js/index.d.ts'), join(folder, 'index.d.ts'));
  for (const name of ['README.md', 'LICENSE-MIT', 'LICENSE-APACHE']) copyFileSync(join(here, name), join(folder, name));
  for (const [level, path] of modules) copyFileSync(path, join(folder, `efficientecg-${level}.wasm`));
  for (const [level, path] of arrays) copyFileSync(path, join(folder, `arrays-${level}.wasm`));
  for (const model of MODELS) copyFileSync(join(root, `model/weights/${model}.npz`), join(folder, `models/${model}.npz`));
  const { scripts, devDependencies, private: _, ...about } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'));
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(about, null, 2)}\n`);
  return folder;
}

/** The page: everything it needs, modules and models compressed, as text in base64. */
async function makePage(modules) {
  const limits = readFileSync(join(root, 'model/src/models.rs'), 'utf8');
  const limitsOf = (model) => {
    // The card's two sentences that reports print.
    const found = limits.match(new RegExp(`"${model}" => \\{\\s*"((?:[^"\\\\]|\\\\[\\s\\S])*)"`));
    if (!found) throw new Error(`model/src/models.rs: expected the limits of ${model}, found none`);
    return found[1].replace(/\\\n\s*/g, '');
  };
  const base64 = (bytes) => Buffer.from(bytes).toString('base64');
  const packed = (path) => base64(gzipSync(readFileSync(path), { level: 9 }));
  const parts = {
    modules: Object.fromEntries(modules.map(([level, path]) => [level, packed(path)])),
    models: MODELS.map((name) => ({
      name,
      limits: limitsOf(name),
      bytes: packed(join(root, `model/weights/${name}.npz`)),
    })),
    demo: ['demo.hea', 'demo.dat'].map((name) => ({ name, bytes: base64(readFileSync(join(root, 'tools/demo', name))) })),
    worker: base64(await bundle('js/worker.js', 'iife')),
  };
  const script = (await bundle('page/main.js', 'iife')).replaceAll('</script', '<\\/script');
  // One script runs, and it can reach nothing. A report that is printed brings styles of its own.
  const policy = [
    "default-src 'none'",
    "connect-src 'none'",
    `script-src 'sha256-${createHash('sha256').update(script).digest('base64')}' 'wasm-unsafe-eval'`,
    'worker-src blob:',
    "style-src 'unsafe-inline'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const page = readFileSync(join(here, 'page/index.html'), 'utf8');
  // By functions, as `$` in what is put in would mean something.
  const made = page
    .replace('/* style.css */', () => readFileSync(join(here, 'page/style.css'), 'utf8'))
    .replace('/* parts */', () => JSON.stringify(parts))
    .replace('POLICY', () => policy)
    .replace('/* main.js */', () => script);
  const path = join(out, 'efficientecg.html');
  writeFileSync(path, made);
  return path;
}

const wanted = process.argv.slice(2);
const unknown = wanted.find((level) => !(level in FEATURES));
if (unknown) throw new Error(`levels: expected some of ${Object.keys(FEATURES).join(', ')}, found ${unknown}; name one of these`);
const levels = Object.keys(FEATURES).filter((level) => wanted.length === 0 || wanted.includes(level));
const modules = levels.map((level) => [level, compile(level, true)]);
const arrays = levels.map((level) => [level, compile(level, false)]);
for (const [what, all] of [['', modules], [', arrays alone', arrays]]) {
  for (const [level, path] of all) {
    const bytes = readFileSync(path);
    console.log(`${level}${what}: ${kilobytes(bytes)}, ${kilobytes(gzipSync(bytes, { level: 9 }))} compressed`);
  }
}
console.log(`package: ${makePackage(modules, arrays)}`);
const inPage = modules.filter(([level]) => level !== 'scalar');
if (inPage.length > 0) {
  const page = await makePage(inPage);
  console.log(`page: ${page}, ${(statSync(page).size / 1e6).toFixed(1)} MB`);
}
