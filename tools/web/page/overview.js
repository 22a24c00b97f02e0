// The whole record in one row: heart rate over time, beats that are not N, what could not be assessed, and the part that is on the paper.

import { clock, colour, style, told } from './classes.js';

/** Heart rates between beats that follow one another, each at its time; none over a part that could not be assessed. Parts are in order. */
export function rates(beats, parts) {
  const found = [];
  let next = 0;
  for (let i = 1; i < beats.length; i++) {
    const [from, to] = [beats[i - 1].seconds, beats[i].seconds];
    while (next < parts.length && parts[next].end <= from) next++;
    if (next < parts.length && parts[next].onset < to) continue;
    if (to - from > 0.2 && to - from < 3) found.push({ seconds: to, rate: 60 / (to - from) });
  }
  return found;
}

export class Overview {
  #queued = false;

  constructor(canvas, paper) {
    this.canvas = canvas;
    this.paper = paper;
    this.rates = [];
    this.episodes = [];
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.draw());
    const go = (event) => {
      const box = canvas.getBoundingClientRect();
      paper.go(((event.clientX - box.left) / box.width) * paper.seconds - paper.seen / 2);
    };
    canvas.addEventListener('pointerdown', (event) => {
      canvas.setPointerCapture(event.pointerId);
      go(event);
    });
    canvas.addEventListener('pointermove', (event) => event.buttons & 1 && go(event));
    canvas.addEventListener('keydown', (event) => {
      const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageUp: 10, PageDown: -10 }[event.key];
      if (event.key === 'Home') paper.go(0);
      else if (event.key === 'End') paper.go(paper.seconds);
      else if (by) paper.go(paper.start + by * paper.seen);
      else return;
      event.preventDefault();
    });
  }

  show(episodes) {
    this.rates = rates(this.paper.beats, this.paper.parts);
    this.episodes = episodes;
    this.base = null;
    this.draw();
  }

  /** Says where the paper is, and draws with the next frame, once. */
  draw() {
    const { canvas, paper } = this;
    if (!paper.seconds) return;
    canvas.setAttribute('aria-valuemax', Math.max(0, Math.floor(paper.seconds - paper.seen)));
    canvas.setAttribute('aria-valuenow', Math.round(paper.start));
    canvas.setAttribute('aria-valuetext', `${clock(paper.start)} of ${clock(paper.seconds)}`);
    if (this.#queued) return;
    this.#queued = true;
    requestAnimationFrame(() => {
      this.#queued = false;
      this.#draw();
    });
  }

  #draw() {
    const { canvas, paper } = this;
    if (canvas.clientWidth === 0) return;
    const ratio = devicePixelRatio || 1;
    const [w, h] = [canvas.clientWidth, canvas.clientHeight];
    canvas.width = Math.round(w * ratio);
    canvas.height = Math.round(h * ratio);
    const to = canvas.getContext('2d');
    to.scale(ratio, ratio);
    to.fillStyle = style('paper');
    to.fillRect(0, 0, w, h);
    const x = (seconds) => (seconds / paper.seconds) * w;
    const foot = h - 16;
    to.fillStyle = style('hatch');
    for (const { onset, end } of paper.parts) to.fillRect(x(onset), 0, Math.max(1, x(end) - x(onset)), foot);
    to.fillStyle = style('mark');
    for (const { onset_seconds: onset, end_seconds: end } of this.episodes) to.fillRect(x(onset), 0, Math.max(1, x(end) - x(onset)), foot);
    const all = this.rates.map(({ rate }) => rate);
    const [low, high] = [Math.min(50, ...bounds(all, 0.01)), Math.max(110, ...bounds(all, 0.99))];
    const y = (rate) => foot - 12 - ((Math.min(high, Math.max(low, rate)) - low) / (high - low)) * (foot - 18);
    to.strokeStyle = style('accent');
    to.lineWidth = 1.3;
    to.beginPath();
    let [column, sum, count] = [-1, 0, 0];
    const point = () => count > 0 && to.lineTo(column, y(sum / count));
    for (const { seconds, rate } of this.rates) {
      const next = Math.floor(x(seconds));
      if (next !== column) {
        point();
        [column, sum, count] = [next, 0, 0];
      }
      sum += rate;
      count += 1;
    }
    point();
    to.stroke();
    for (const beat of paper.beats) {
      const name = told(beat);
      if (name === 'N') continue;
      to.fillStyle = colour(name);
      to.fillRect(x(beat.seconds) - 0.5, foot - 9, 1.5, 8);
    }
    to.fillStyle = style('soft');
    to.font = '11px system-ui, sans-serif';
    if (all.length > 0) {
      to.fillText(`${Math.round(high)}/min`, 3, 11);
      to.fillText(`${Math.round(low)}`, 3, foot - 12);
    }
    to.textAlign = 'right';
    to.fillText(clock(paper.seconds), w - 3, h - 4);
    to.textAlign = 'left';
    to.fillText('0:00', 3, h - 4);
    to.strokeStyle = style('ink');
    to.lineWidth = 1.5;
    to.strokeRect(x(paper.start) + 0.75, 1, Math.max(3, x(Math.min(paper.seen, paper.seconds)) - 1.5), foot - 1);
  }
}

/** A quantile of some numbers, or none of none. */
function bounds(numbers, share) {
  if (numbers.length === 0) return [];
  return [[...numbers].sort((a, b) => a - b)[Math.floor(share * (numbers.length - 1))]];
}
