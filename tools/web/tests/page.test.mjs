// The page in Chromium, from its file: node --test, after node build.mjs. CHROMIUM names the browser where it is not /usr/bin/chromium.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { rates } from '../page/overview.js';
import { nativeProgram, page as file, program, root, screenshots } from './where.mjs';

const golden = join(root, 'tests/golden');
const demo = join(root, 'tools/demo');
let browser;
let folder;
/** Of each page that was opened: what it complained of, and what it asked of a network. */
const complaints = [];
const requests = [];

before(async () => {
  mkdirSync(screenshots, { recursive: true });
  folder = mkdtempSync(join(tmpdir(), 'efficientecg-page-'));
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
});

after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function opened(options = {}) {
  const context = await browser.newContext({ acceptDownloads: true, viewport: { width: 1360, height: 900 }, ...options });
  await context.setOffline(true);
  const page = await context.newPage();
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => /^(file|blob|data):/.test(request.url()) || requests.push(request.url()));
  await page.goto(pathToFileURL(file).href);
  await page.waitForFunction(() => document.documentElement.dataset.ready, undefined, { timeout: 60_000 });
  return page;
}

/** Waits for classes, a question or a problem. */
async function settled(page) {
  await page.waitForFunction(
    () => document.body.getAttribute('aria-busy') === 'false' || document.getElementById('ask').open || !document.getElementById('problem').hidden,
    undefined,
    { timeout: 120_000 },
  );
}

/** What the page saves in a form. */
async function saved(page, form) {
  const [download] = await Promise.all([page.waitForEvent('download'), page.click(`[data-form="${form}"]`)]);
  return readFileSync(await download.path());
}

/** What the page says of files: its findings, or why there are none. */
async function said(page, paths) {
  await page.evaluate(() => delete document.documentElement.dataset.classified);
  await page.evaluate(() => document.body.setAttribute('aria-busy', 'true'));
  await page.setInputFiles('#files', paths);
  await settled(page);
  if (await page.evaluate(() => document.getElementById('ask').open)) {
    const leads = await page.locator('#ask-leads select').count();
    await page.click('#ask button[value="cancel"]');
    await page.waitForFunction(() => !document.getElementById('problem').hidden);
    return { asked: leads, problem: await page.textContent('#problem') };
  }
  if (await page.isVisible('#problem')) return { problem: await page.textContent('#problem') };
  return JSON.parse((await saved(page, 'json')).toString());
}

/** What the program says of a record. */
function known(...args) {
  try {
    return JSON.parse(program('--format', 'json', ...args));
  } catch (error) {
    if (!error.stderr) throw error;
    // Without an ECG the findings are written, and the program says so.
    return error.stdout?.trim() ? JSON.parse(error.stdout) : { problem: error.stderr };
  }
}

const classes = (found) => found.findings.map((finding) => [finding.sample, finding.class, finding.reason]);

function assertSame(page, native, what) {
  if (native.problem) {
    assert.ok(page.problem, `${what}: the program refuses it (${native.problem.trim()}), the page does not`);
    return;
  }
  assert.ok(!page.problem, `${what}: ${page.problem}`);
  assert.deepEqual(classes(page), classes(native), what);
  page.findings.forEach((finding, i) => {
    finding.probabilities.forEach((p, c) => {
      assert.ok(Number.isFinite(p), `${what}: finding ${i}`);
      assert.ok(Math.abs(p - native.findings[i].probabilities[c]) <= 2e-5, `${what}: finding ${i}, class ${c}`);
    });
  });
}

test('the demo record has the program’s classes with every model', async () => {
  const page = await opened();
  await page.click('#demo');
  for (const model of ['beats', 'beats-1lead', 'mitbih-beats']) {
    await page.evaluate(() => delete document.documentElement.dataset.classified);
    await page.selectOption('#model', model);
    await page.waitForFunction(() => document.documentElement.dataset.classified, undefined, { timeout: 60_000 });
    const found = JSON.parse((await saved(page, 'json')).toString());
    assertSame(found, known('--model', model, join(demo, 'demo')), model);
  }
  assert.equal((await saved(page, 'csv')).toString().split('\n')[0], 'sample,seconds,class,N,S,V,F,Q');
  assert.equal((await saved(page, 'annotations')).subarray(-2).readUInt16LE(), 0);
  // The rhythm model's lead has a name that the record lacks: it is asked for, and nothing is chosen beforehand.
  await page.selectOption('#model', 'cinc2017-rhythm');
  await page.waitForSelector('#ask[open]');
  assert.equal(await page.inputValue('#ask-leads select'), '');
  await page.screenshot({ path: join(screenshots, 'leads.png') });
  await page.selectOption('#ask-leads select', { label: 'MLII' });
  await page.click('#ask button[value="ok"]');
  await page.waitForFunction(() => document.body.getAttribute('aria-busy') === 'false', undefined, { timeout: 60_000 });
  const found = JSON.parse((await saved(page, 'json')).toString());
  assertSame(found, known('--model', 'cinc2017-rhythm', '--lead', 'ECG=MLII', join(demo, 'demo')), 'rhythm');
  await page.context().close();
});

test('each format has the program’s classes, or its refusal', async () => {
  const page = await opened();
  const converted = ['edf', 'bdf', 'csv', 'tsv'].map((ending) => {
    const path = join(folder, `demo.${ending}`);
    nativeProgram('convert', join(demo, 'demo'), path);
    return path;
  });
  const files = [
    ['aecg/sets.xml'], ['dicom/deflated.dcm'], ['dicom/explicit.dcm'], ['dicom/implicit.dcm'], ['edf/gaps.edf'], ['edf/plus.bdf'], ['edf/plus.edf'],
    ['muse/made.xml'], ['philips/made.xml'], ['scp/averaged.scp'], ['scp/huffman.scp'], ['scp/plain.scp'], ['scp/subtracted.scp'],
  ].map((paths) => paths.map((path) => join(golden, path)));
  const archive = join(folder, 'demo.zip');
  execFileSync('python3', ['-m', 'zipfile', '-c', archive, join(demo, 'demo.hea'), join(demo, 'demo.dat')]);
  let classified = 0;
  for (const paths of [[join(demo, 'demo.hea'), join(demo, 'demo.dat')], ...converted.map((path) => [path]), ...files]) {
    const path = paths[0].endsWith('.hea') ? paths[0].slice(0, -4) : paths[0];
    const native = known('--model', 'beats', path);
    if (paths[0].endsWith('demo.hea')) assertSame(await said(page, [archive]), native, archive);
    assertSame(await said(page, paths), native, path);
    classified += native.problem ? 0 : 1;
  }
  assert.ok(classified >= 15, `${classified} were classified`);
  const refused = await said(page, [join(root, 'README.md')]);
  assert.match(refused.problem, /README\.md/);
  assert.match((await said(page, [join(demo, 'demo.hea')])).problem, /demo\.dat/);
  await page.context().close();
});

// Half an hour each: in all some 23,000 beats.
const TEN = ['100', '101', '103', '105', '106', '108', '119', '200', '208', '233'];
const mitbih = process.env.EFFICIENTECG_MITBIH ?? join(root, 'target/mitbih');
const absent = existsSync(join(mitbih, '233.dat')) ? false : `there are no records of MIT-BIH in ${mitbih}`;

test('ten records of MIT-BIH have the program’s class for every beat', { skip: absent }, async () => {
  const page = await opened();
  let beats = 0;
  for (const name of TEN) {
    const found = await said(page, [`${name}.hea`, `${name}.dat`].map((path) => join(mitbih, path)));
    assertSame(found, known('--model', 'beats', join(mitbih, name)), name);
    beats += found.findings.length;
  }
  console.log(`${beats} beats`);
  assert.ok(beats > 20_000);
  await page.context().close();
});

test('files are dropped; keyboard and labels', async () => {
  const page = await opened();
  const given = ['demo.hea', 'demo.dat'].map((name) => [name, readFileSync(join(demo, name)).toString('base64')]);
  await page.evaluate((all) => {
    const transfer = new DataTransfer();
    for (const [name, text] of all) transfer.items.add(new File([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], name));
    document.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }));
  }, given);
  await page.waitForFunction(() => document.documentElement.dataset.classified === 'demo', undefined, { timeout: 60_000 });
  const unnamed = await page.evaluate(() => {
    const named = (of) => of.getAttribute('aria-label') || of.labels?.length > 0 || of.textContent.trim() || of.title;
    return [...document.querySelectorAll('button, select, input, canvas, progress, [role]:not([role="alert"])')].filter((of) => !named(of)).map((of) => of.outerHTML);
  });
  assert.deepEqual(unnamed, []);
  assert.equal(await page.getAttribute('html', 'lang'), 'en');
  assert.equal(await page.locator('h1').count(), 1);
  // A bar is as long as its probability.
  await page.locator('#paper').press('n');
  const bars = await page.locator('.probabilities .meter i').evaluateAll((all) => all.map((bar) => bar.getBoundingClientRect().width / bar.parentElement.getBoundingClientRect().width));
  assert.ok(Math.abs(bars.reduce((a, b) => a + b) - 1) < 0.02, `${bars}`);
  await page.locator('#paper').press('Home');
  // By the keyboard alone: to the paper, on, to the next beat, in.
  await page.focus('#paper');
  const place = await page.textContent('#place');
  await page.keyboard.press('ArrowRight');
  assert.notEqual(await page.textContent('#place'), place);
  await page.keyboard.press('n');
  await page.waitForSelector('#finding:not([hidden])');
  assert.match(await page.textContent('#finding'), /Beat \d+ of 110/);
  await page.keyboard.press('+');
  assert.equal(await page.textContent('#scale'), '125 %');
  await page.keyboard.press('c');
  assert.equal(await page.getAttribute('#calipers', 'aria-pressed'), 'true');
  const box = await page.locator('#paper').boundingBox();
  await page.mouse.move(box.x + 100, box.y + 60);
  await page.mouse.down();
  await page.mouse.move(box.x + 200, box.y + 80);
  await page.mouse.up();
  const measured = await page.textContent('#caption');
  // 100 pixels to the right and 20 down at 125 %, 25 mm/s and 10 mm/mV.
  assert.equal(measured, 'Calipers: 847 ms, 71/min, -0.42 mV');
  await page.keyboard.press('+');
  assert.equal(await page.textContent('#caption'), measured, 'a zoom changes nothing');
  await page.keyboard.press('-');
  await page.selectOption('#gain', '20');
  assert.equal(await page.textContent('#caption'), 'Calipers: drag on the paper');
  await page.selectOption('#gain', '10');
  await page.focus('#paper');
  await page.keyboard.press('Escape');
  await page.focus('#overview');
  await page.keyboard.press('End');
  assert.match(await page.getAttribute('#overview', 'aria-valuetext'), /1:2\d of 1:30/);
  const next = page.getByRole('button', { name: 'Next beat V' });
  await next.focus();
  await page.keyboard.press('Home');
  await page.locator('#paper').press('Home');
  await next.press('Enter');
  assert.match(await page.textContent('#finding'), /V ventricular ectopic beat.*Beat \d+ of 110/);
  await page.click('#listing summary');
  await page.locator('#listing tbody tr').first().waitFor();
  assert.equal(await page.locator('#listing tbody tr').count(), 100);
  await page.click('#page-on');
  assert.equal(await page.textContent('#page-place'), '101 to 110 of 110');
  // A beat that is chosen while the next record is read has nothing to show.
  await page.evaluate(() => {
    delete document.documentElement.dataset.classified;
    document.getElementById('record').dispatchEvent(new Event('change'));
    document.getElementById('paper').dispatchEvent(new KeyboardEvent('keydown', { key: 'n' }));
  });
  await page.waitForFunction(() => document.documentElement.dataset.classified, undefined, { timeout: 60_000 });
  assert.ok(await page.isHidden('#finding'));
  // Files without a record leave the one that is there.
  await page.setInputFiles('#files', ['a.txt', 'b.txt'].map((name) => ({ name, mimeType: 'text/plain', buffer: Buffer.from('nothing') })));
  await page.waitForFunction(() => !document.getElementById('problem').hidden);
  await page.evaluate(() => delete document.documentElement.dataset.classified);
  await page.selectOption('#model', 'mitbih-beats');
  await page.waitForFunction(() => document.documentElement.dataset.classified === 'demo', undefined, { timeout: 60_000 });
  await page.context().close();
});

test('beside a signal that is no voltage, calipers measure time alone', async () => {
  const page = await opened();
  const wave = (t) => Math.exp(-(((t % 0.8) - 0.3) ** 2) / 0.0002) + 0.25 * Math.exp(-(((t % 0.8) - 0.55) ** 2) / 0.003);
  const rows = ['time,II,V1,RESP', ...Array.from({ length: 10_800 }, (_, i) => [i / 360, ...[1, 0.5, 3].map((gain) => (gain * wave(i / 360)).toFixed(4))].join())];
  rows[0] = 'time,II [mV],V1 [mV],RESP [l]';
  await page.setInputFiles('#files', { name: 'breath.csv', mimeType: 'text/csv', buffer: Buffer.from(rows.join('\n')) });
  await settled(page);
  assert.equal(await page.textContent('#problem'), '');
  await page.locator('#paper').press('c');
  const box = await page.locator('#paper').boundingBox();
  await page.mouse.move(box.x + 100, box.y + 60);
  await page.mouse.down();
  await page.mouse.move(box.x + 200, box.y + 80);
  await page.mouse.up();
  assert.equal(await page.textContent('#caption'), 'Calipers: 1058 ms, 57/min');
  await page.context().close();
});

test('no heart rate is told over a part that could not be assessed', () => {
  const beats = [0, 1, 1.5, 2.5, 3.5, 4.5].map((seconds) => ({ seconds }));
  const all = beats.slice(1).map(({ seconds }, i) => ({ seconds, rate: 60 / (seconds - beats[i].seconds) }));
  assert.deepEqual(rates(beats, []), all);
  assert.deepEqual(rates(beats, [{ onset: 0.2, end: 0.4 }, { onset: 1.5, end: 3 }]), [all[1], all[4]]);
});

test('a browser without WebAssembly is told what it lacks', async () => {
  const context = await browser.newContext();
  await context.addInitScript(() => delete globalThis.WebAssembly);
  const page = await context.newPage();
  await page.goto(pathToFileURL(file).href);
  await page.waitForSelector('#problem:not([hidden])');
  assert.match(await page.textContent('#problem'), /^This browser lacks WebAssembly SIMD\. Use Chrome/);
  await context.close();
});

test('what it looks like: nothing runs over the side, in light and dark, on a desk and on a phone', async () => {
  for (const [name, options] of [
    ['desktop', {}],
    ['desktop-dark', { colorScheme: 'dark' }],
    ['phone', { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true }],
    ['phone-dark', { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, colorScheme: 'dark' }],
  ]) {
    const page = await opened(options);
    await page.screenshot({ path: join(screenshots, `${name}-empty.png`) });
    await page.click('#demo');
    await page.waitForFunction(() => document.documentElement.dataset.classified, undefined, { timeout: 60_000 });
    await page.getByRole('button', { name: 'Next beat V' }).click();
    await page.waitForTimeout(300);
    await page.screenshot({ path: join(screenshots, `${name}.png`), fullPage: true });
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(over, 0, `${name}: ${over} pixels over the side`);
    await page.context().close();
  }
});

test('twelve leads stand as on paper; a report is made to print', async () => {
  const page = await opened();
  const rows = ['time,I,II,III,aVR,aVL,aVF,V1,V2,V3,V4,V5,V6'];
  const wave = (t) => Math.exp(-(((t % 0.8) - 0.3) ** 2) / 0.0002) + 0.25 * Math.exp(-(((t % 0.8) - 0.55) ** 2) / 0.003) + 0.12 * Math.exp(-(((t % 0.8) - 0.14) ** 2) / 0.0008);
  const gains = [0.6, 1, 0.4, -0.8, 0.1, 0.7, -0.4, 0.5, 0.9, 1.2, 1.1, 0.8];
  for (let i = 0; i < 5000; i++) rows.push([i / 500, ...gains.map((gain) => (gain * wave(i / 500)).toFixed(4))].join());
  await page.selectOption('#model', 'ptbxl-8lead');
  await page.setInputFiles('#files', { name: 'twelve.csv', mimeType: 'text/csv', buffer: Buffer.from(rows.join('\n')) });
  await settled(page);
  const problem = await page.textContent('#problem');
  if (!problem) {
    await page.selectOption('#layout', 'grid');
    await page.evaluate(() => {
      HTMLIFrameElement.prototype.printed = 0;
      Object.defineProperty(HTMLIFrameElement.prototype, 'contentWindow', { get: () => ({ print: () => (document.documentElement.dataset.printed = 'yes') }) });
    });
    await page.click('#print');
    await page.waitForFunction(() => document.documentElement.dataset.printed, undefined, { timeout: 30_000 });
    assert.match(await page.getAttribute('#report', 'srcdoc'), /<svg/);
  }
  await page.screenshot({ path: join(screenshots, 'twelve.png'), fullPage: true });
  assert.equal(problem, '');
  await page.context().close();
});

test('nothing was asked of a network, nothing could be, and nothing was complained of', async () => {
  const page = await opened();
  const blocked = await page.evaluate(() => fetch('https://example.org/').then(() => 'it went out', () => 'refused'));
  assert.equal(blocked, 'refused');
  const policy = await page.getAttribute('meta[http-equiv="Content-Security-Policy"]', 'content');
  assert.match(policy, /default-src 'none'; connect-src 'none'/);
  assert.deepEqual(requests, []);
  // The browser tells that it refused the one that the test made.
  assert.deepEqual(complaints.filter((line) => !/example\.org/.test(line)), []);
  await page.context().close();
});
