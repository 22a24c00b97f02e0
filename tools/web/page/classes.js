// What stands for a class: a letter, a shape and a colour, so that no class is told by its colour alone.

const SHAPES = { N: '●', S: '▲', V: '■', F: '◆', Q: '✚' };

/** The style that the theme gives. */
export const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** The class of a finding, or `-` without one. */
export const told = (finding) => (finding.reason ? '-' : finding.class === '' ? 'none' : finding.class);

/** The colour of a class. */
export const colour = (name) => style(SHAPES[name] ? name : name === '-' ? 'none' : 'accent') || style('accent');

/** The shape of a class. */
export const shape = (name) => SHAPES[name] ?? (name === '-' ? '?' : '●');

/** An element with its text and children. */
export function element(tag, { text, ...attributes } = {}, ...children) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else if (value !== false && value !== undefined) made.setAttribute(name, value === true ? '' : value);
  }
  made.append(...children);
  return made;
}

/** The shape of a class in its colour. */
export function glyph(name) {
  const made = element('span', { class: 'glyph', text: shape(name), 'aria-hidden': 'true' });
  made.style.color = colour(name);
  return made;
}

/** A time of a record: `1:02.3`, with hours where there are any. */
export function clock(seconds, digits = 0) {
  const scaled = Math.round(Math.max(0, seconds) * 10 ** digits);
  const whole = Math.floor(scaled / 10 ** digits);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const rest = digits > 0 ? `.${String(scaled % 10 ** digits).padStart(digits, '0')}` : '';
  return `${h > 0 ? `${h}:${String(m).padStart(2, '0')}` : m}:${String(s).padStart(2, '0')}${rest}`;
}
