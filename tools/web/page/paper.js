// ECG paper on a canvas: 25 mm/s and 10 mm/mV unless told, a millimetre as the screen has it, times a zoom. Only what is seen is drawn,
// so that a long record moves as a short one does.

import { colour, shape, style, told } from './classes.js';

const PIXELS = 96 / 25.4;
const ZOOMS = [0.5, 0.67, 0.8, 1, 1.25, 1.5, 2, 3];
const TOP = 6;
const GRID = [['I', 'aVR', 'V1', 'V4'], ['II', 'aVL', 'V2', 'V5'], ['III', 'aVF', 'V3', 'V6']];
const plain = (name) => name.trim().toLowerCase().replace(/^(ecg|lead)[\s_:-]*/, '');

/** The place of the first beat at or after a time. */
export function firstFrom(beats, seconds) {
  let [low, high] = [0, beats.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (beats[middle].seconds < seconds) low = middle + 1;
    else high = middle;
  }
  return low;
}

export class Paper {
  start = 0;
  zoom = 3;
  speed = 25;
  gain = 10;
  layout = 'rows';
  leads = [];
  beats = [];
  parts = [];
  chosen = -1;
  calipers = false;
  #span = null;
  #queued = false;

  constructor(canvas, { moved, picked }) {
    this.canvas = canvas;
    this.moved = moved;
    this.picked = picked;
    new ResizeObserver(() => this.draw()).observe(canvas.parentElement);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.draw());
    this.#listen();
  }

  /** Pixels of a millimetre. */
  get mm() {
    return PIXELS * ZOOMS[this.zoom];
  }

  get percent() {
    return Math.round(100 * ZOOMS[this.zoom]);
  }

  /** Seconds that are seen. */
  get seen() {
    return Math.max(0.1, this.canvas.clientWidth / (this.mm * this.speed));
  }

  show({ leads, beats, parts, seconds }) {
    Object.assign(this, { leads, beats, parts, seconds, start: 0, chosen: -1 });
    this.#span = null;
    if (!this.standard) this.layout = 'rows';
    this.draw();
  }

  /** The twelve leads by name, where all are there. */
  get standard() {
    const by = new Map(this.leads.map((lead) => [plain(lead.name), lead]));
    const grid = GRID.map((row) => row.map((name) => by.get(name.toLowerCase())));
    return grid.flat().every(Boolean) ? grid : null;
  }

  go(start) {
    this.start = Math.max(0, Math.min(start, this.seconds - this.seen));
    this.draw();
    this.moved();
  }

  /** Sets speed, gain or layout. What the calipers span would be another thing by another gain or layout. */
  set(name, value) {
    this[name] = value;
    this.#span = null;
    this.go(this.start);
  }

  zoomBy(steps) {
    const middle = this.start + this.seen / 2;
    this.zoom = Math.max(0, Math.min(ZOOMS.length - 1, this.zoom + steps));
    this.go(middle - this.seen / 2);
  }

  choose(index) {
    this.chosen = index;
    const { seconds } = this.beats[index];
    if (seconds < this.start + 0.2 || seconds > this.start + this.seen - 0.2) this.go(seconds - this.seen / 2);
    else this.draw();
    this.picked(index);
  }

  draw() {
    if (this.#queued) return;
    this.#queued = true;
    requestAnimationFrame(() => {
      this.#queued = false;
      if (this.leads.length > 0 && this.canvas.clientWidth > 0) this.#draw();
    });
  }

  /** Panels: each a lead, the time that it begins at, and its place in millimetres. */
  #panels(width) {
    if (this.layout === 'grid' && this.standard) {
      const height = 24;
      const quarter = width / 4;
      const panels = this.standard.flatMap((row, y) =>
        row.map((lead, x) => ({
          lead, x: x * quarter, width: quarter, y: TOP + (y + 0.5) * height, start: this.start + (x * quarter) / this.speed,
        })),
      );
      const strip = this.standard[1][0];
      panels.push({ lead: strip, x: 0, width, y: TOP + 3.5 * height, start: this.start });
      return [panels, TOP + 4 * height];
    }
    const height = this.leads.length <= 3 ? 32 : this.leads.length <= 6 ? 24 : 17;
    const panels = this.leads.map((lead, i) => ({ lead, x: 0, width, y: TOP + (i + 0.5) * height, start: this.start }));
    return [panels, TOP + this.leads.length * height];
  }

  #draw() {
    const { canvas, mm } = this;
    const [panels, height] = this.#panels(canvas.clientWidth / mm);
    const [w, h] = [canvas.clientWidth, Math.round(height * mm)];
    const ratio = devicePixelRatio || 1;
    if (canvas.style.height !== `${h}px`) canvas.style.height = `${h}px`;
    if (canvas.width !== Math.round(w * ratio) || canvas.height !== Math.round(h * ratio)) {
      canvas.width = Math.round(w * ratio);
      canvas.height = Math.round(h * ratio);
    }
    const to = canvas.getContext('2d');
    to.setTransform(ratio, 0, 0, ratio, 0, 0);
    to.fillStyle = style('paper');
    to.fillRect(0, 0, w, h);
    this.#grid(to, w, h);
    this.#quality(to, h);
    this.#marks(to, h);
    for (const panel of panels) this.#trace(to, panel);
    this.#measure(to, h);
  }

  #grid(to, w, h) {
    const { mm } = this;
    // The squares move with the record.
    const shift = (this.start * this.speed) % 5;
    const lines = (step, name, width) => {
      to.beginPath();
      for (let x = -shift; x * mm < w; x += step) to.rect(Math.round(x * mm), 0, width, h);
      for (let y = TOP % 5; y * mm < h; y += step) to.rect(0, Math.round(y * mm), w, width);
      to.fillStyle = style(name);
      to.fill();
    };
    if (mm > 2.4) lines(1, 'fine', 1);
    lines(5, 'coarse', 1);
  }

  #x(seconds) {
    return (seconds - this.start) * this.speed * this.mm;
  }

  #quality(to, h) {
    for (const { onset, end, reason } of this.parts) {
      if (end < this.start || onset > this.start + this.seen) continue;
      const [from, until] = [Math.max(0, this.#x(onset)), Math.min(this.canvas.clientWidth, this.#x(end))];
      to.save();
      to.beginPath();
      to.rect(from, 0, until - from, h);
      to.clip();
      to.strokeStyle = style('hatch');
      to.lineWidth = 1.5;
      to.beginPath();
      for (let x = from - h - ((from - h) % 14); x < until; x += 14) {
        to.moveTo(x, h);
        to.lineTo(x + h, 0);
      }
      to.stroke();
      to.restore();
      this.#label(to, `not assessed: ${reason}`, from + 4, h - 6, style('none'));
    }
  }

  #label(to, text, x, y, ink, font = '600 12px system-ui, sans-serif') {
    to.font = font;
    to.lineWidth = 4;
    to.lineJoin = 'round';
    to.strokeStyle = style('paper');
    to.strokeText(text, x, y);
    to.fillStyle = ink;
    to.fillText(text, x, y);
  }

  #marks(to, h) {
    if (this.layout === 'grid') return;
    let free = -Infinity;
    for (let i = firstFrom(this.beats, this.start - 0.5); i < this.beats.length; i++) {
      const beat = this.beats[i];
      const x = this.#x(beat.seconds);
      if (x > this.canvas.clientWidth + 20) break;
      const name = told(beat);
      const ink = colour(name);
      if (i === this.chosen) {
        to.fillStyle = style('mark');
        to.fillRect(x - 0.12 * this.speed * this.mm, 0, 0.24 * this.speed * this.mm, h);
      }
      if (name !== 'N') {
        to.strokeStyle = ink;
        to.lineWidth = 1;
        to.setLineDash([2, 5]);
        to.beginPath();
        to.moveTo(x, 24);
        to.lineTo(x, h);
        to.stroke();
        to.setLineDash([]);
      }
      if (x < free) continue;
      to.textAlign = 'center';
      this.#label(to, `${shape(name)} ${name}`, x, 16, ink, `${i === this.chosen ? 800 : 600} 13px system-ui, sans-serif`);
      to.textAlign = 'left';
      free = x + 30;
    }
  }

  #trace(to, { lead, x: left, width, y, start }) {
    const { mm } = this;
    const { samples, sampleRate: rate } = lead;
    const first = Math.max(0, Math.floor(start * rate) - 1);
    const last = Math.min(samples.length, Math.ceil((start + width / this.speed) * rate) + 1);
    const middle = level(samples, first, last);
    // What is no voltage has a scale of its own.
    const unit = lead.millivolts ?? 2 / (spread(samples, first, last) || 1);
    const tall = unit * this.gain * mm;
    const step = (this.speed * mm) / rate;
    const at = (i) => left * mm + (i / rate - start) * this.speed * mm;
    const up = (value) => y * mm - (value - middle) * tall;
    to.save();
    to.beginPath();
    to.rect(left * mm, 0, width * mm, this.canvas.clientHeight + 1000);
    to.clip();
    to.strokeStyle = style('trace');
    to.lineWidth = Math.max(1.1, 0.28 * mm);
    to.lineJoin = 'round';
    to.beginPath();
    const many = Math.max(1, Math.floor(0.5 / step));
    let drawn = false;
    for (let i = first; i < last; i += many) {
      let [low, high] = [Infinity, -Infinity];
      for (let j = i; j < Math.min(last, i + many); j++) {
        low = Math.min(low, samples[j]);
        high = Math.max(high, samples[j]);
      }
      if (!(low <= high)) {
        drawn = false;
        continue;
      }
      if (drawn) to.lineTo(at(i), up(high));
      else to.moveTo(at(i), up(high));
      if (low < high) to.lineTo(at(i), up(low));
      drawn = true;
    }
    to.stroke();
    to.restore();
    const name = lead.millivolts ? lead.name : `${lead.name} (${lead.units || 'no unit'}, own scale)`;
    // Where one lead ends and the next begins.
    if (left > 0) {
      to.fillStyle = style('trace');
      to.fillRect(left * mm, (y - 3) * mm, 1.5, 6 * mm);
    }
    this.#label(to, name, left * mm + 5, (y - (this.leads.length > 6 && this.layout === 'rows' ? 4.5 : 7.5)) * mm + 6, style('trace'), '700 13px system-ui, sans-serif');
  }

  #measure(to, h) {
    if (!this.#span) return;
    const { from, until } = this.#span;
    const [a, b] = [this.#x(from.seconds), this.#x(until.seconds)];
    to.fillStyle = style('mark');
    to.fillRect(Math.min(a, b), 0, Math.abs(b - a), h);
    to.strokeStyle = style('accent');
    to.lineWidth = 1.5;
    to.beginPath();
    for (const x of [a, b]) {
      to.moveTo(x, 0);
      to.lineTo(x, h);
    }
    to.moveTo(a, from.y * this.mm);
    to.lineTo(b, until.y * this.mm);
    to.stroke();
    this.#label(to, this.measured, Math.min(a, b) + 6, Math.max(40, Math.min(from.y, until.y) * this.mm - 8), style('accent'), '700 14px system-ui, sans-serif');
  }

  /** What the calipers span, in millimetres of the paper from its top; no voltage where a lead has none. */
  get measured() {
    if (!this.#span) return '';
    const { from, until } = this.#span;
    const seconds = Math.abs(until.seconds - from.seconds);
    const rate = seconds > 0.2 ? `, ${Math.round(60 / seconds)}/min` : '';
    const voltage = this.leads.every((lead) => lead.millivolts) ? `, ${((from.y - until.y) / this.gain).toFixed(2)} mV` : '';
    return `${Math.round(1000 * seconds)} ms${rate}${voltage}`;
  }

  #listen() {
    const { canvas } = this;
    const place = (event) => {
      const box = canvas.getBoundingClientRect();
      return { seconds: this.start + (event.clientX - box.left) / (this.speed * this.mm), y: (event.clientY - box.top) / this.mm };
    };
    let held = null;
    canvas.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      canvas.setPointerCapture(event.pointerId);
      held = { x: event.clientX, start: this.start, from: place(event), far: false };
      if (this.calipers) this.#span = { from: held.from, until: held.from };
    });
    canvas.addEventListener('pointermove', (event) => {
      if (!held) return;
      held.far ||= Math.abs(event.clientX - held.x) > 4;
      if (this.calipers) {
        this.#span = { from: held.from, until: place(event) };
        this.draw();
        this.moved();
      } else if (held.far) {
        this.go(held.start - (event.clientX - held.x) / (this.speed * this.mm));
      }
    });
    canvas.addEventListener('pointerup', (event) => {
      if (held && !held.far && !this.calipers && this.layout === 'rows') this.#pick(place(event).seconds);
      held = null;
    });
    canvas.addEventListener('pointercancel', () => (held = null));
    canvas.addEventListener(
      'wheel',
      (event) => {
        if (event.ctrlKey) this.zoomBy(event.deltaY < 0 ? 1 : -1);
        else if (Math.abs(event.deltaX) > Math.abs(event.deltaY) || event.shiftKey) {
          this.go(this.start + (event.deltaX || event.deltaY) / (this.speed * this.mm));
        } else return;
        event.preventDefault();
      },
      { passive: false },
    );
    canvas.addEventListener('keydown', (event) => {
      const step = event.shiftKey ? this.seen : this.seen / 5;
      const does = {
        ArrowLeft: () => this.go(this.start - step),
        ArrowRight: () => this.go(this.start + step),
        PageUp: () => this.go(this.start - this.seen),
        PageDown: () => this.go(this.start + this.seen),
        Home: () => this.go(0),
        End: () => this.go(this.seconds),
        '+': () => this.zoomBy(1),
        '=': () => this.zoomBy(1),
        '-': () => this.zoomBy(-1),
        n: () => this.next(1),
        p: () => this.next(-1),
        Escape: () => this.measure(false),
      }[event.key];
      if (!does || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      does();
    });
  }

  /** Calipers on or off; off, what they span is gone. */
  measure(on) {
    this.calipers = on;
    if (!on) this.#span = null;
    this.canvas.classList.toggle('calipers', on);
    this.draw();
    this.moved();
  }

  /** Goes to the next beat, or the one before, of those that `fits` takes. */
  next(by, fits = () => true) {
    let index = this.chosen >= 0 ? this.chosen + by : by > 0 ? firstFrom(this.beats, this.start) : firstFrom(this.beats, this.start) - 1;
    while (this.beats[index] && !fits(this.beats[index])) index += by;
    if (this.beats[index]) this.choose(index);
  }

  #pick(seconds) {
    const after = firstFrom(this.beats, seconds);
    const distance = (i) => (this.beats[i] ? Math.abs(this.beats[i].seconds - seconds) : Infinity);
    const nearest = distance(after) < distance(after - 1) ? after : after - 1;
    if (distance(nearest) < 0.4) this.choose(nearest);
  }
}

/** The level that a trace lies about: the median of some of its samples. */
function level(samples, first, last) {
  const some = [];
  for (let i = first, step = Math.max(1, Math.floor((last - first) / 500)); i < last; i += step) {
    if (Number.isFinite(samples[i])) some.push(samples[i]);
  }
  return some.sort((a, b) => a - b)[some.length >> 1] ?? 0;
}

function spread(samples, first, last) {
  let [low, high] = [Infinity, -Infinity];
  for (let i = first; i < last; i++) {
    if (!Number.isFinite(samples[i])) continue;
    low = Math.min(low, samples[i]);
    high = Math.max(high, samples[i]);
  }
  return Math.max(0, high - low);
}

