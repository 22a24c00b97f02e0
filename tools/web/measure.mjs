// Measures the page and the package in Chromium, beside the native program and, where they are given, beside peers:
//
//   node measure.mjs RECORD.hea [MODEL]                  the page: start, first classes, a long record
//   node measure.mjs --network FOLDER/NAME PEERS         a network: NAME.npz, NAME.b1.onnx and NAME.b1.tflite of benches/peers, and
//                                                              a folder with the packages onnxruntime-web and @litertjs/core of npm
//
// Runs are interleaved, and compared by their medians and minima: other processes cost each as much.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { basename, dirname, extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { packageFolder, page as file, program } from './tests/where.mjs';

const RUNS = Number(process.env.RUNS ?? 7);
const median = (all) => [...all].sort((a, b) => a - b)[all.length >> 1];
const told = (all, unit = 'ms') => `${median(all).toFixed(1)} ${unit} (least ${Math.min(...all).toFixed(1)})`;
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
console.log(`Chromium ${browser.version()}, ${RUNS} runs`);

async function opened() {
  const page = await (await browser.newContext()).newPage();
  const start = performance.now();
  await page.goto(pathToFileURL(file).href);
  await page.waitForFunction(() => document.documentElement.dataset.ready);
  return [page, performance.now() - start];
}

/** Milliseconds from a wish to the classes. */
async function classified(page, wish) {
  await page.evaluate(() => {
    delete document.documentElement.dataset.classified;
    globalThis.begun = undefined;
    const note = () => (globalThis.begun ??= performance.now());
    document.getElementById('demo').addEventListener('click', note, { once: true, capture: true });
    document.getElementById('files').addEventListener('change', note, { once: true, capture: true });
  });
  await wish();
  await page.waitForFunction(() => document.documentElement.dataset.classified, undefined, { timeout: 300_000 });
  return page.evaluate(() => performance.getEntriesByName('classified').at(-1).startTime - globalThis.begun);
}

async function pageAnd(header, model) {
  const [starts, firsts, cold, warm, native] = [[], [], [], [], []];
  for (let run = 0; run < RUNS; run++) {
    const [page, start] = await opened();
    starts.push(start);
    firsts.push(await classified(page, () => page.click('#demo')));
    await page.context().close();
    const [long] = await opened();
    // As after a person has chosen files.
    await long.waitForFunction(() => document.documentElement.dataset.warm);
    await long.selectOption('#model', model);
    const paths = [header, header.replace(/\.hea$/, '.dat')];
    cold.push(await classified(long, () => long.setInputFiles('#files', paths)));
    warm.push(await classified(long, () => long.setInputFiles('#files', paths)));
    const begun = performance.now();
    program('--format', 'csv', '--model', model, header.replace(/\.hea$/, ''));
    native.push(performance.now() - begun);
    await long.context().close();
  }
  console.log(`page to be ready: ${told(starts)}`);
  console.log(`from Demo to its classes: ${told(firsts)}`);
  console.log(`${basename(header)}, model ${model}: first ${told(cold)}, again ${told(warm)}; the program on one thread ${told(native)}`);
  const times = (all) => `${(median(all) / median(native)).toFixed(2)} (least by least ${(Math.min(...all) / Math.min(...native)).toFixed(2)})`;
  console.log(`the page takes ${times(cold)} times as long at first, ${times(warm)} again`);
}

/** An empty page, and where a package that names another finds it. */
const PEERS = '<!doctype html><script type="importmap">{"imports":{"@litertjs/wasm-utils":"/peers/@litertjs/wasm-utils/dist/index.js"}}</script>';

/** Serves folders to a page, each under its name. */
async function served(folders) {
  const types = { '.js': 'text/javascript', '.mjs': 'text/javascript', '.wasm': 'application/wasm', '.html': 'text/html' };
  const server = createServer((request, response) => {
    const [, name, ...path] = new URL(request.url, 'http://x').pathname.split('/');
    try {
      const bytes = name ? readFileSync(join(folders[name], ...path)) : PEERS;
      response.writeHead(200, { 'content-type': types[extname(request.url)] ?? (name ? 'application/octet-stream' : 'text/html') });
      response.end(bytes);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return [server, `http://127.0.0.1:${server.address().port}`];
}

async function network(prefix, peers) {
  const [server, url] = await served({ ecg: packageFolder, files: dirname(prefix), peers: join(peers, 'node_modules') });
  const page = await (await browser.newContext()).newPage();
  page.on('pageerror', (error) => console.log(error.message));
  await page.goto(`${url}/`);
  const found = await page.evaluate(async ([name, runs]) => {
    const bytes = async (path) => new Uint8Array(await (await fetch(path)).arrayBuffer());
    let seed = 1;
    const noise = () => ((seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647 - 0.5) * 3.4;
    const [, leads, samples] = name.match(/-(\d+)x(\d+)/).map(Number);
    const signal = Float32Array.from({ length: leads * samples }, noise);
    const contestants = {};
    const { Ecg, levels } = await import('/ecg/index.js');
    for (const level of levels().filter((level) => level !== 'scalar')) {
      const ecg = await Ecg.start({ level });
      const model = await ecg.load(await bytes(`/files/${name}.npz`));
      const features = { age: [63], sex: ['female'] };
      contestants[`efficientecg ${level}`] = async () => (await model.run(signal, { shape: [1, leads, samples], features })).logits;
    }
    const failed = {};
    try {
      const ort = await import('/peers/onnxruntime-web/dist/ort.wasm.min.mjs');
      ort.env.wasm.numThreads = 1;
      ort.env.wasm.wasmPaths = '/peers/onnxruntime-web/dist/';
      const session = await ort.InferenceSession.create(await bytes(`/files/${name}.b1.onnx`), { executionProviders: ['wasm'] });
      const feeds = { signal: new ort.Tensor('float32', signal, [1, leads, 1, samples]) };
      for (const input of session.inputNames.filter((input) => input !== 'signal')) {
        feeds[input] = input.includes('sex') ? new ort.Tensor('int32', Int32Array.of(0), [1]) : new ort.Tensor('float32', Float32Array.of(63), [1]);
      }
      contestants['ONNX Runtime Web'] = async () => (await session.run(feeds))[session.outputNames[0]].data;
      await contestants['ONNX Runtime Web']();
    } catch (error) {
      delete contestants['ONNX Runtime Web'];
      failed['ONNX Runtime Web'] = String(error);
    }
    try {
      const lite = await import('/peers/@litertjs/core/dist/index.js');
      await lite.loadLiteRt('/peers/@litertjs/core/wasm/');
      const model = await lite.loadAndCompile(`/files/${name}.b1.tflite`, { accelerator: 'wasm' });
      const inputs = model.getInputDetails().map(({ name: input, shape, dtype }) => {
        const size = shape.reduce((a, b) => a * b, 1);
        if (size === leads * samples) {
          // Its files have the leads last.
          const turned = Float32Array.from({ length: size }, (_, i) => signal[(i % leads) * samples + Math.floor(i / leads)]);
          return new lite.Tensor(turned, [...shape]);
        }
        return new lite.Tensor(/int/.test(dtype) ? Int32Array.of(0) : Float32Array.of(63), [...shape]);
      });
      contestants['LiteRT.js'] = async () => {
        const outputs = await model.run(inputs);
        const data = await outputs[0].data();
        outputs.forEach((output) => output.delete());
        return data;
      };
      await contestants['LiteRT.js']();
    } catch (error) {
      delete contestants['LiteRT.js'];
      failed['LiteRT.js'] = String(error);
    }
    const times = Object.fromEntries(Object.keys(contestants).map((key) => [key, []]));
    const logits = {};
    for (let run = -10; run < 4 * runs; run++) {
      for (const [key, infer] of Object.entries(contestants)) {
        const begun = performance.now();
        logits[key] = [...(await infer())];
        if (run >= 0) times[key].push(performance.now() - begun);
      }
    }
    return { times, logits, failed };
  }, [basename(prefix), RUNS]);
  server.close();
  const own = Object.keys(found.times)[0];
  for (const [key, all] of Object.entries(found.times)) {
    const off = Math.max(...found.logits[key].map((x, i) => Math.abs(x - found.logits[own][i])));
    console.log(`${key}: ${told(all)}, ${(median(all) / median(found.times[own])).toFixed(2)} times as long; logits within ${off.toExponential(1)}`);
    if (!(off < 1e-3)) throw new Error(`${key}: its logits are others: ${found.logits[key]}`);
  }
  for (const [key, why] of Object.entries(found.failed)) console.log(`${key}: not measured: ${why}`);
}

try {
  const [first, ...rest] = process.argv.slice(2);
  if (first === '--network') await network(...rest);
  else await pageAnd(first, rest[0] ?? 'beats');
} finally {
  await browser.close();
}
