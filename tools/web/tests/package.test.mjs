// The package in Node: node --test, after node build.mjs.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { demoFiles, nativeProgram, packageFolder, program, root } from './where.mjs';

const { Ecg, EcgError, levels } = await import(join(packageFolder, 'index.js'));
const weights = (name) => readFileSync(join(packageFolder, `models/${name}.npz`));

/** A model as the program packs it. */
function packed(name) {
  const folder = mkdtempSync(join(tmpdir(), 'efficientecg-'));
  try {
    const path = join(folder, `${name}.ecgw`);
    nativeProgram('pack', '--weights', join(packageFolder, `models/${name}.npz`), '--output', path);
    return readFileSync(path);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Runs a test with the library, in each build that is here and that this Node runs. */
for (const level of ['scalar', 'simd128', 'relaxed']) {
  const here = statSync(join(packageFolder, `efficientecg-${level}.wasm`), { throwIfNoEntry: false });
  const skip = !here ? `${level} is not built` : !levels().includes(level) ? `this Node does not run ${level}` : false;
  test(`${level}: the demo record has the program's classes`, { skip }, async () => {
    const ecg = await Ecg.start({ level });
    try {
      const model = await ecg.load(weights('mitbih-beats'));
      assert.deepEqual(model.classes, ['N', 'S', 'V', 'F', 'Q']);
      assert.match(model.device, new RegExp(`\\b${level === 'relaxed' ? 'simd128_relaxed' : level}\\b`));
      assert.deepEqual(await ecg.give(demoFiles()), ['demo.hea']);
      const record = await ecg.open('demo.hea');
      assert.equal(record.leads[0].name, 'MLII');
      const samples = await record.samples(0);
      assert.equal(samples.length, record.leads[0].samples);
      assert.ok(samples.every(Number.isFinite));
      let heard = 0;
      const found = await model.classify(record, { progress: (done, all) => (heard = done / all) });
      assert.equal(heard, 1);
      const native = JSON.parse(program('--format', 'json', '--model', 'mitbih-beats', join(root, 'tools/demo/demo')));
      assert.deepEqual(found.findings.map(({ sample, class: name }) => [sample, name]), native.findings.map(({ sample, class: name }) => [sample, name]));
      found.findings.forEach((finding, i) => {
        finding.logits.forEach((logit, c) => {
          assert.ok(Number.isFinite(logit));
          assert.ok(Math.abs(logit - native.findings[i].logits[c]) <= 2e-5 * Math.max(1, Math.abs(logit)), `beat ${i}, class ${c}`);
        });
      });
      const csv = await model.write(record, 'csv');
      assert.equal(csv.split('\n').length, found.findings.length + 2);
      assert.match(await model.write(record, 'html', { limits: 'It errs.' }), /It errs\./);
      const annotations = await model.write(record, 'annotations');
      assert.ok(annotations.length > 2 * found.findings.length);
    } finally {
      await ecg.stop();
    }
  });
}

test('a record of arrays has the classes of its files, in the smaller module too', async () => {
  const [files, arrays] = [await Ecg.start(), await Ecg.start({ files: false })];
  try {
    await files.give(demoFiles());
    const read = await files.open('demo.hea');
    const leads = await Promise.all(read.leads.map(async ({ name, units }, i) => ({ name, units, samples: await read.samples(i) })));
    const { name, sampleRate } = read;
    const want = await (await files.load(weights('beats'))).classify(read);
    assert.equal(want.findings.length, 110);
    await assert.rejects(arrays.load(weights('beats')), /expected packed weights, found other bytes at its start; name a file that `efficientecg pack` wrote/);
    for (const [ecg, bytes] of [[files, weights('beats')], [arrays, packed('beats')]]) {
      const record = await ecg.record({ name, sampleRate, leads, age: 63, sex: 'female' });
      assert.deepEqual([record.age, record.sex, record.seconds], [63, 'female', read.seconds]);
      const model = await ecg.load(bytes);
      const found = await model.classify(record);
      const classes = ({ findings }) => findings.map(({ sample, class: label }) => [sample, label]);
      assert.deepEqual(classes(found), classes(want));
      found.findings.forEach((finding, i) => {
        finding.logits.forEach((logit, c) => assert.ok(Math.abs(logit - want.findings[i].logits[c]) <= 2e-5 * Math.max(1, Math.abs(logit)), `beat ${i}, class ${c}`));
      });
      assert.equal((await model.write(record, 'csv')).split('\n').length, 112);
      for (const [given, why] of [
        [{ sampleRate, leads: [] }, /^EcgError: leads: expected one or more/],
        [{ sampleRate: 0, leads }, /^EcgError: sampleRate: /],
        [{ sampleRate: null, leads }, /^EcgError: options: /],
        [{ sampleRate, leads: [leads[0], { ...leads[1], samples: new Float32Array(7) }] }, /^EcgError: leads: expected each/],
        [{ sampleRate, leads: [{ ...leads[0], samples: [1, 2] }] }, /^EcgError: leads: expected each/],
      ]) {
        await assert.rejects(ecg.record(given), why);
      }
    }
    await assert.rejects(arrays.give(demoFiles()), /^EcgError: files: expected a module/);
    await assert.rejects(arrays.open('demo.hea'), /^EcgError: files: expected a module/);
  } finally {
    await files.stop();
    await arrays.stop();
  }
});

test('arrays run in batches, and rows do not depend on one another', async () => {
  const ecg = await Ecg.start();
  try {
    const model = await ecg.load(weights('ptbxl-8lead'));
    const signal = new Float32Array(2 * 8 * 5000).map((_, i) => Math.sin(i / 37) * Math.cos(i / 1013));
    const both = await model.run(signal, { shape: [2, 8, 5000], features: { age: [63, null], sex: ['female', null] } });
    assert.equal(both.probabilities.length, 2 * model.classes.length);
    const second = await model.run(signal.slice(8 * 5000), { shape: [1, 8, 5000] });
    assert.deepEqual([...second.logits], [...both.logits.slice(model.classes.length)]);
    assert.ok(both.probabilities.every((p) => p >= 0 && p <= 1));
    // All of a feature missing is as the feature not given.
    const missing = await model.run(signal.slice(8 * 5000), { shape: [1, 8, 5000], features: { age: [null], sex: [null] } });
    assert.deepEqual(missing.logits, second.logits);
    await assert.rejects(model.run(signal, { shape: [3, 8, 5000] }), EcgError);
    for (const other of [new Float64Array(signal), [...signal], undefined]) {
      await assert.rejects(model.run(other, { shape: [2, 8, 5000] }), /^EcgError: signal: expected a Float32Array, found/);
    }
  } finally {
    await ecg.stop();
  }
});

test('what is wrong is one line, and the library goes on', async () => {
  const ecg = await Ecg.start();
  try {
    const oneLine = (pattern) => (error) => error instanceof EcgError && !error.message.includes('\n') && pattern.test(error.message);
    await assert.rejects(ecg.load(new Uint8Array([1, 2, 3])), oneLine(/<memory>/));
    await ecg.give([{ name: 'notes.txt', bytes: new TextEncoder().encode('nothing') }]);
    await assert.rejects(ecg.open('notes.txt'), oneLine(/^notes\.txt: format/));
    await assert.rejects(ecg.give([]), oneLine(/^files: expected at least one/));
    await assert.rejects(ecg.give([{ bytes: new Uint8Array(1) }]), oneLine(/^files: expected each with a name/));
    await ecg.give(demoFiles().filter(({ name }) => name.endsWith('.hea')));
    await assert.rejects(ecg.open('demo.hea'), oneLine(/demo\.dat/));
    await ecg.give(demoFiles());
    await assert.rejects(ecg.open('../../etc/passwd'), oneLine(/passwd/));
    const notes = ['a.txt', 'b.txt'].map((name) => ({ name, bytes: new TextEncoder().encode('nothing') }));
    await assert.rejects(ecg.give(notes), oneLine(/./));
    const record = await ecg.open('demo.hea');
    await assert.rejects(record.samples(2), oneLine(/^lead: expected the place of one of 2 leads/));
    await assert.rejects(record.samples(-1), oneLine(/^lead: expected .* found -1/));
    const rhythm = await ecg.load(weights('cinc2017-rhythm'));
    await assert.rejects(rhythm.classify(record), (error) => oneLine(/lead ECG/)(error) && error.leads.join() === 'ECG');
    assert.equal((await rhythm.classify(record, { leads: [['ECG', 'MLII']] })).unit, 'record');
    await assert.rejects(rhythm.classify(record, { lead: [] }), oneLine(/unknown field/));
    await record.free();
    await assert.rejects(record.samples(0), oneLine(/record/));
  } finally {
    await ecg.stop();
  }
  await assert.rejects(ecg.give([]), /stopped/);
});

test('a module that does not run leaves no worker behind', () => {
  const code = `
    import { Ecg } from 'efficientecg';
    await Ecg.start({ module: new Uint8Array(8) }).catch((error) => console.log(error.message));
  `;
  const told = execFileSync(process.execPath, ['--input-type=module', '--eval', code], { cwd: packageFolder, encoding: 'utf8', timeout: 60_000 });
  assert.match(told, /^module: expected one that this engine runs/);
});

test('what the README shows runs', () => {
  const [shown, arrays] = [...readFileSync(join(packageFolder, 'README.md'), 'utf8').matchAll(/```js\n([\s\S]*?)```/g)].map(([, code]) => code);
  const code = `
    const read = (await import('node:fs')).readFileSync;
    const files = ['demo.hea', 'demo.dat'].map((name) => ({ name, bytes: read(${JSON.stringify(`${root}/tools/demo/`)} + name) }));
    const signal = new Float32Array(2 * 720).map((_, i) => Math.sin(i / 20));
    ${shown}
    const [samples, others] = [new Float32Array(720), new Float32Array(720)];
    ${arrays}
    console.log(JSON.stringify([findings.length, heart_rate.median, not_assessed.length, [...probabilities], live.seconds]));
    await small.stop();
  `;
  const told = execFileSync(process.execPath, ['--input-type=module', '--eval', code], { cwd: packageFolder, encoding: 'utf8', timeout: 60_000 });
  const [beats, rate, parts, probabilities, seconds] = JSON.parse(told);
  assert.equal(seconds, 2);
  assert.deepEqual([beats, parts, probabilities.length], [110, 0, 5]);
  assert.ok(rate > 40 && rate < 150, `${rate}`);
  assert.ok(Math.abs(probabilities.reduce((a, b) => a + b) - 1) < 1e-5, `${probabilities}`);
});

test('a signal without an ECG has no class', async () => {
  const ecg = await Ecg.start();
  try {
    const rows = ['time,II,V1', ...Array.from({ length: 3600 }, (_, i) => `${i / 360},0,0`)].join('\n');
    await ecg.give([{ name: 'flat.csv', bytes: new TextEncoder().encode(rows) }]);
    const record = await ecg.open('flat.csv', { unit: 'mV' });
    const model = await ecg.load(weights('beats'));
    const found = await model.classify(record);
    assert.equal(found.reason, 'flat');
    assert.ok(found.findings.every((finding) => finding.class === null));
  } finally {
    await ecg.stop();
  }
});

test('sizes: what is sent to a browser stays within its limits', () => {
  for (const name of ['beats', 'beats-1lead', 'mitbih-beats', 'ptbxl-8lead', 'cinc2017-rhythm']) {
    const size = gzipSync(weights(name), { level: 9 }).length;
    assert.ok(size <= 600_000, `${name}: ${size} bytes`);
  }
  for (const level of ['scalar', 'simd128', 'relaxed']) {
    const path = join(packageFolder, `efficientecg-${level}.wasm`);
    if (!statSync(path, { throwIfNoEntry: false })) continue;
    const size = gzipSync(readFileSync(path), { level: 9 }).length;
    assert.ok(size <= 815_000, `${level}: ${size} bytes`);
    const small = gzipSync(readFileSync(join(packageFolder, `arrays-${level}.wasm`)), { level: 9 }).length;
    assert.ok(small <= (level === 'scalar' ? 406_000 : 400_000), `${level}, arrays alone: ${small} bytes`);
  }
});

test('the package has what it names, and no path of the machine that built it', () => {
  const about = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8'));
  for (const path of [about.main, about.types, 'worker.js', 'README.md', 'LICENSE-MIT']) assert.ok(statSync(join(packageFolder, path)).isFile());
  assert.equal(about.devDependencies, undefined);
  for (const name of readdirSync(packageFolder).filter((name) => name.endsWith('.wasm'))) {
    assert.ok(!readFileSync(join(packageFolder, name)).includes(root), name);
  }
});
