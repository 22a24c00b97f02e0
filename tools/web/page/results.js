// What was found, in words and tables.

import { clock, element, glyph, told } from './classes.js';

const ROWS = 100;
const percent = (share) => `${(100 * share).toFixed(1)} %`;

/** The summary of a record. */
export function summary(section, found, model, record, { go }) {
  const made = [element('h2', { text: found.record })];
  const patient = [clock(found.seconds), `${found.sample_rate} Hz`, found.age && `age ${found.age}`, found.sex].filter(Boolean);
  made.push(element('p', { class: 'note', text: patient.join(', ') }));
  if (found.reason) made.push(element('p', { class: 'warn', text: `Not assessed: ${found.reason}. No class is given without a signal that can be assessed.` }));
  const meaning = new Map(model.meanings.map((line) => line.split(': ')));
  if (found.unit === 'beat') {
    const rate = found.heart_rate;
    if (rate) {
      const text = `${Math.round(rate.median)}/min`;
      made.push(element('p', {}, element('span', { class: 'big', text }), ` heart rate, ${Math.round(rate.min)} to ${Math.round(rate.max)}`));
    }
    made.push(element('p', { text: `${found.findings.length} beats` }));
    const refused = found.findings.filter((finding) => finding.reason).length;
    const classes = [...found.classes.map((name) => [name, found.counts[name] ?? 0]), ...(refused > 0 ? [['-', refused]] : [])];
    const row = ([name, count]) =>
      element(
        'tr',
        {},
        element('td', {}, glyph(name), ` ${name}`),
        element('td', { text: name === '-' ? 'not assessed' : (meaning.get(name) ?? '') }),
        element('td', { text: count }),
        element('td', {}, count > 0 ? element('button', { type: 'button', text: 'Next', 'aria-label': `Next beat ${name}`, onclick: () => go(name) }) : ''),
      );
    made.push(element('table', { class: 'counts' }, element('tbody', {}, ...classes.map(row))));
  } else if (found.findings[0] && !found.reason) {
    made.push(element('p', {}, element('span', { class: 'big', text: told(found.findings[0]) })));
    made.push(probabilities(found.findings[0], found.classes, meaning));
    if (found.burden !== undefined) {
      made.push(element('p', { text: `${found.episodes.length} episodes of fibrillation, ${found.burden.toFixed(1)} % of the time` }));
    }
  }
  for (const part of found.not_assessed.slice(0, 8)) {
    made.push(element('p', { class: 'note', text: `– ${clock(part.onset)} to ${clock(part.end)}: ${part.reason}` }));
  }
  if (found.not_assessed.length > 8) made.push(element('p', { class: 'note', text: `– and ${found.not_assessed.length - 8} more parts` }));
  if (found.missing.length > 0) made.push(element('p', { class: 'note', text: `Not known: ${found.missing.join(', ')}` }));
  made.push(...found.warnings.map((text) => element('p', { class: 'warn', text })));
  if (found.unit === 'beat' && !found.reason) {
    made.push(element('p', { class: 'note', text: `Signal quality: ${found.not_assessed.length === 0 ? 'all of the record could be assessed' : `${found.not_assessed.length} parts could not be assessed`}.` }));
  }
  section.replaceChildren(...made);
}

/** A model's leads in words. */
function byLeads(leads) {
  const any = leads.filter((lead) => lead === '*').length;
  if (any > 0) return any === 1 ? 'any one lead' : `any ${any === 2 ? 'two' : any} leads`;
  return leads.length === 1 ? `one lead, called ${leads[0]}` : leads.join(', ');
}

/** Which model it was, and what it gets wrong. */
export function about(section, model, limits) {
  section.replaceChildren(
    element('h2', { text: `Model ${model.name}` }),
    element('p', { text: `${model.unit === 'beat' ? 'Classifies each beat' : 'Classifies the record'} by ${byLeads(model.leads)}.` }),
    element('p', { class: 'warn', text: limits }),
    element('p', { class: 'note', text: `Research only: not a medical device. No result may be used for diagnosis, monitoring or any decision about a person. Runs on ${model.device}, on this machine.` }),
  );
}

function probabilities(finding, classes, meaning) {
  const rows = classes.flatMap((name, i) => {
    const bar = element('i');
    bar.style.width = `${100 * finding.probabilities[i]}%`;
    return [
      element('span', { title: meaning.get(name) ?? '' }, glyph(name), ` ${name}`),
      element('span', { class: 'meter', 'aria-hidden': 'true' }, bar),
      element('span', { text: percent(finding.probabilities[i]) }),
    ];
  });
  return element('div', { class: 'probabilities' }, ...rows);
}

/** One beat. */
export function finding(section, found, index, model) {
  const beat = found.findings[index];
  const meaning = new Map(model.meanings.map((line) => line.split(': ')));
  const name = told(beat);
  const interval = index > 0 ? beat.seconds - found.findings[index - 1].seconds : NaN;
  const made = [
    element('h2', {}, glyph(name), ` ${name === '-' ? 'Not assessed' : name} `, element('span', { class: 'note', text: meaning.get(name) ?? '' })),
    element('p', { class: 'note', text: `Beat ${index + 1} of ${found.findings.length} at ${clock(beat.seconds, 3)}${Number.isFinite(interval) ? `, ${Math.round(1000 * interval)} ms after the one before` : ''}` }),
  ];
  if (beat.reason) made.push(element('p', { class: 'warn', text: `Why there is no class: ${beat.reason}` }));
  else made.push(probabilities(beat, found.classes, meaning));
  section.hidden = false;
  section.replaceChildren(...made);
}

/** The findings as a table, a page of them at a time. */
export class Listing {
  constructor(details, choose) {
    this.details = details;
    this.choose = choose;
    this.first = 0;
    details.querySelector('#page-back').addEventListener('click', () => this.page(-ROWS));
    details.querySelector('#page-on').addEventListener('click', () => this.page(ROWS));
    details.addEventListener('toggle', () => details.open && this.page(0));
  }

  show(found) {
    this.found = found;
    this.first = 0;
    this.details.hidden = found.findings.length === 0;
    if (this.details.open) this.page(0);
  }

  page(by) {
    const { findings, classes } = this.found;
    const last = Math.floor(Math.max(0, findings.length - 1) / ROWS) * ROWS;
    this.first = Math.max(0, Math.min(last, this.first + by));
    const heads = ['Time', 'Class', ...classes];
    this.details.querySelector('thead').replaceChildren(element('tr', {}, ...heads.map((text) => element('th', { text, scope: 'col' }))));
    const rows = findings.slice(this.first, this.first + ROWS).map((beat, i) => {
      const time = element('button', { type: 'button', text: clock(beat.seconds, 2), onclick: () => this.choose(this.first + i) });
      const cells = beat.reason ? [element('td', { colspan: classes.length, text: beat.reason })] : beat.probabilities.map((p) => element('td', { text: p.toFixed(3) }));
      return element('tr', {}, element('td', {}, time), element('td', {}, glyph(told(beat)), ` ${told(beat)}`), ...cells);
    });
    this.details.querySelector('tbody').replaceChildren(...rows);
    this.details.querySelector('#page-place').textContent = `${this.first + 1} to ${this.first + rows.length} of ${findings.length}`;
  }
}
