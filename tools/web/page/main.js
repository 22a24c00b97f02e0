// The page: files in, paper and findings out. All that computes is in the worker.

import { clock, element, told } from './classes.js';
import { Overview } from './overview.js';
import { Paper } from './paper.js';
import * as parts from './parts.js';
import { Listing, about, finding, summary } from './results.js';

const get = (id) => document.getElementById(id);
const started = parts.start();
started.catch(() => {});
const loaded = new Map();
let paths = [];
let record = null;
let model = null;
let found = null;
/** Counts what was asked for: what comes late of an earlier wish is dropped. */
let wish = 0;

const paper = new Paper(get('paper'), {
  moved() {
    get('place').textContent = clock(paper.start, 1);
    get('scale').textContent = `${paper.percent} %`;
    get('calipers').setAttribute('aria-pressed', paper.calipers);
    get('caption').textContent = paper.calipers ? `Calipers: ${paper.measured || 'drag on the paper'}` : caption();
    overview.draw();
  },
  picked(index) {
    // While a record is read, the paper still has the one before.
    if (found) finding(get('finding'), found, index, model);
  },
});
const overview = new Overview(get('overview'), paper);
const listing = new Listing(get('listing'), (index) => paper.choose(index));

const caption = () =>
  `${paper.speed} mm/s, ${paper.gain} mm/mV, a millimetre as this screen has it at 100 %; each lead lies about its own median. Below: heart rate, and beats that are not N.`;

/** Shows what is wrong, in one line; nothing where all is well. */
function problem(text = '') {
  get('problem').hidden = text === '';
  get('problem').textContent = text;
}

function busy(text, done, all) {
  get('busy').hidden = text === '';
  get('doing').textContent = text;
  if (all) get('progress').value = done / all;
  else get('progress').removeAttribute('value');
  document.body.setAttribute('aria-busy', text !== '');
}

async function chosenModel(ecg) {
  const name = get('model').value;
  if (!loaded.has(name)) loaded.set(name, parts.weights(name).then((bytes) => ecg.load(bytes)));
  return loaded.get(name);
}

/** Asks for leads that names do not tell. Pairs of the model's lead and the record's; null where nobody says. */
function ask(error, of) {
  return new Promise((resolve) => {
    const dialog = get('ask');
    get('ask-why').textContent = error.message;
    const options = () => [
      element('option', { value: '', text: 'choose…' }),
      ...of.leads.map((lead, i) => element('option', { value: `#${i + 1}`, text: lead.name || `lead ${i + 1}` })),
    ];
    const selects = error.leads.map((lead) => [lead, element('select', { required: true }, ...options())]);
    get('ask-leads').replaceChildren(...selects.map(([lead, select]) => element('label', {}, `The model's ${lead === '*' ? 'lead' : lead} is`, select)));
    dialog.onclose = () => {
      const pairs = selects.map(([lead, select]) => [lead, select.value]);
      resolve(dialog.returnValue === 'ok' && pairs.every(([, value]) => value) ? pairs : null);
    };
    dialog.returnValue = '';
    dialog.showModal();
  });
}

/** Classifies, and asks for leads as long as they are what is missing. */
async function classified(by, of, late, leads = []) {
  const progress = (done, all) => busy(`Classifying: ${done} of ${all}`, done, all);
  try {
    return await by.classify(of, { leads, progress });
  } catch (error) {
    const known = new Set(leads.map(([lead]) => lead));
    if (!late() && error.leads?.length > 0 && !error.leads.some((lead) => known.has(lead))) {
      const pairs = await ask(error, of);
      if (pairs) return classified(by, of, late, [...leads, ...pairs]);
    }
    throw error;
  }
}

/** Reads and classifies the record that is chosen. */
async function run() {
  const mine = ++wish;
  const late = () => mine !== wish;
  problem();
  found = null;
  get('exports').hidden = true;
  get('finding').hidden = true;
  try {
    busy('Reading');
    const ecg = await started;
    await record?.free();
    record = null;
    const read = await ecg.open(get('record').value);
    if (late()) return await read.free();
    record = read;
    const reading = Promise.all(read.leads.map(async (lead, i) => ({ ...lead, samples: await read.samples(i) })));
    // It classifies while the page draws the leads.
    const making = chosenModel(ecg).then((by) => classified(by, read, late));
    making.catch(() => {});
    const leads = await reading;
    if (late()) return;
    get('empty').hidden = true;
    get('view').hidden = false;
    const shown = { leads, seconds: record.seconds, beats: [], parts: [] };
    // The leads are seen before they are classified.
    paper.show(shown);
    get('layout-label').hidden = !paper.standard;
    get('layout').value = paper.layout;
    get('summary').replaceChildren(element('h2', { text: record.name }), element('p', { class: 'note', text: `Leads: ${record.leads.map((lead) => lead.name).join(', ')}` }));
    listing.details.hidden = true;
    overview.show([]);
    model = await chosenModel(ecg);
    about(get('about'), model, parts.models.find(({ name }) => name === get('model').value).limits);
    const made = await making;
    if (late()) return;
    found = made;
    paper.show({ ...shown, beats: found.unit === 'beat' ? found.findings : [], parts: found.not_assessed });
    overview.show(found.episodes ?? []);
    summary(get('summary'), found, model, record, { go: (name) => paper.next(1, (beat) => told(beat) === name) });
    listing.show(found);
    get('exports').hidden = false;
    paper.moved();
    document.documentElement.dataset.classified = found.record;
    performance.mark('classified');
  } catch (error) {
    if (late()) return;
    problem(error.message);
    if (!record) {
      get('view').hidden = true;
      get('empty').hidden = false;
    }
  } finally {
    if (!late()) busy('');
  }
}

/** Takes files in place of those before. */
async function take(given) {
  if (given.length === 0) return;
  problem();
  try {
    busy('Reading');
    const ecg = await started;
    paths = await ecg.give(given);
    get('record').replaceChildren(...paths.map((path) => element('option', { value: path, text: path })));
    get('record-label').hidden = paths.length < 2;
  } catch (error) {
    busy('');
    return problem(error.message);
  }
  await run();
}

/** Files of a drop, those in folders too. */
async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (entries.length === 0) return [...transfer.files];
  const all = [];
  const walk = async (entry, folder) => {
    if (entry.isFile) {
      const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
      all.push({ name: folder + file.name, arrayBuffer: () => file.arrayBuffer() });
      return;
    }
    const reader = entry.createReader();
    for (;;) {
      const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (some.length === 0) return;
      for (const one of some) await walk(one, `${folder}${entry.name}/`);
    }
  };
  for (const entry of entries) await walk(entry, '');
  return all;
}

/** Gives a file to the person at the page. */
function save(name, bytes, type) {
  const url = URL.createObjectURL(new Blob([bytes], { type }));
  const link = element('a', { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

const limits = () => parts.models.find(({ name }) => name === get('model').value).limits;

async function write(form) {
  const ending = { csv: 'csv', json: 'json', annotations: 'eff' }[form];
  try {
    save(`${found.record}.${ending}`, await model.write(record, form, { limits: limits() }), form === 'json' ? 'application/json' : form === 'csv' ? 'text/csv' : 'application/octet-stream');
  } catch (error) {
    problem(error.message);
  }
}

/** Pages as devices print them, in a frame of their own, to the printer or into a PDF. */
async function print() {
  try {
    const report = await model.write(record, 'html', { limits: limits(), from: paper.start });
    get('report')?.remove();
    const frame = element('iframe', { id: 'report', title: 'Report to print', 'aria-hidden': 'true', tabindex: '-1' });
    frame.srcdoc = report;
    frame.onload = () => frame.contentWindow.print();
    document.body.append(frame);
  } catch (error) {
    problem(error.message);
  }
}

get('model').append(...parts.models.map(({ name }) => element('option', { text: name })));
get('open').onclick = () => get('files').click();
get('files').onchange = ({ target }) => {
  take([...target.files]);
  target.value = '';
};
get('demo').onclick = () => take(parts.demo());
get('model').onchange = () => paths.length > 0 && run();
get('record').onchange = run;
for (const button of document.querySelectorAll('[data-form]')) button.onclick = () => write(button.dataset.form);
get('print').onclick = print;
get('earlier').onclick = () => paper.go(paper.start - 0.8 * paper.seen);
get('later').onclick = () => paper.go(paper.start + 0.8 * paper.seen);
get('smaller').onclick = () => paper.zoomBy(-1);
get('larger').onclick = () => paper.zoomBy(1);
get('calipers').onclick = () => paper.measure(!paper.calipers);
for (const name of ['speed', 'gain', 'layout']) {
  get(name).onchange = ({ target }) => paper.set(name, name === 'layout' ? target.value : Number(target.value));
}
document.addEventListener('keydown', (event) => {
  if (event.key === 'c' && !get('view').hidden && !event.ctrlKey && !event.metaKey && !/SELECT|INPUT/.test(event.target.tagName)) paper.measure(!paper.calipers);
});
for (const kind of ['dragenter', 'dragover']) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    document.body.classList.add('dragging');
  });
}
for (const kind of ['dragleave', 'drop']) document.addEventListener(kind, () => document.body.classList.remove('dragging'));
document.addEventListener('drop', async (event) => {
  event.preventDefault();
  take(await dropped(event.dataTransfer));
});
/** How often the demo record is classified ahead, and milliseconds between, for the engine to compile in. */
const WARM = 8;
const PAUSE = 100;

/** Classifies the demo record unseen: an engine compiles well only what has run for a while. Files that come meanwhile end it. */
async function warmUp(ecg) {
  try {
    const [path] = await ecg.give(parts.demo());
    const model = await chosenModel(ecg);
    for (let time = 0; time < WARM; time++) {
      const ahead = await ecg.open(path);
      await model.classify(ahead);
      await ahead.free();
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  } catch {
    // Somebody was sooner.
  }
  document.documentElement.dataset.warm = 'yes';
}

started.then(
  (ecg) => {
    document.documentElement.dataset.ready = 'yes';
    warmUp(ecg);
  },
  (error) => problem(error.message),
);
