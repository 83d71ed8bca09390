// Buttons, thumbnails and keys.
function drawPoses() {
  const who = person();
  const truth = truthOf();
  const list = byId('poses');
  list.classList.toggle('with-truth', Boolean(truth));
  if (!who) {
    list.replaceChildren('Nobody was found in this picture.');
    byId('facts').textContent = '';
    return;
  }
  const metrics = truth ? Object.keys(truth.errors) : [];
  const heads = make('div', { class: 'row heads', 'aria-hidden': true },
    ...['', '', '', 'conf.', ...metrics].map(
      (head) => make('span', {}, head)));
  byId('poses-title').textContent = truth ? 'Poses, errors in mm' : 'Poses';
  const rows = posesOf(who).map((m) => poseButton(who, m, truth, metrics));
  if (truth) {
    rows.push(rowButton('truth', 't', make('span', { class: 'swatch dashed' }),
      'truth', [], 'truth'));
  }
  list.replaceChildren(heads, ...rows);
  byId('facts').textContent = factsOf(who);
}

function poseButton(who, m, truth, metrics) {
  const swatch = make('span', { class: 'swatch' }, ...swatchJoints().map(
    (k) => make('i', { style: `background:${tint(k,
      certainty(who, m, k))}` })));
  const sure = isMean(who, m) ? '' : confidence(who, m).toFixed(2);
  const errors = metrics.map((metric) => {
    const all = truth.errors[metric];
    const least = Math.min(...all.filter((error) => error !== null));
    return make(all[m] === least ? 'b' : 'span', {}, all[m].toFixed(0));
  });
  const spoken = [poseName(who, m), ...(sure ? [`confidence ${sure}`] : []),
    ...metrics.map((metric) => `${metric} ${
      truth.errors[metric][m].toFixed(0)} mm`)].join(', ');
  return rowButton(m, m < 9 ? String(m + 1) : '', swatch, poseName(who, m),
    [make('span', {}, sure || '\u2013'), ...errors], spoken);
}

/** One joint of each colour, for the swatches. */
function swatchJoints() {
  const seen = new Map(meta().keypoint_colors.map(
    (color, k) => [color.join(), k]));
  return [...seen.values()].slice(0, 3);
}

function rowButton(key, letter, swatch, name, cells, spoken) {
  const button = make('button', { type: 'button', class: 'row',
    'aria-pressed': isShown(key), 'aria-label': spoken, 'data-pose': key },
  letter ? make('kbd', { 'aria-hidden': true }, letter) : make('span'),
  swatch, make('span', {}, name), ...cells);
  button.addEventListener('click', () => toggle(key));
  return button;
}

function factsOf(who) {
  const facts = [{
    given: 'the box was given', mask: 'the mask gave the box',
    detector: `a detector found the box (${who.box_score.toFixed(2)})`,
    picture: 'the whole picture was taken for the person',
  }[who.box_source], who.mask_used ? 'the background was removed'
    : 'the background stayed: no mask'];
  if (who.hypotheses_3d.length > 1 && posesOf(who).length === 1) {
    facts.push('the depths leave one pose');
  }
  if (who.root_3d) {
    facts.push(`the root is ${(who.root_3d[2] / 1000).toFixed(1)} m away`);
  }
  return `${facts.join('; ')}.`.replace(/^./, (c) => c.toUpperCase());
}

function drawWhere() {
  const { pictures } = meta();
  const { people, name } = picture();
  let line = `${state.picture + 1} of ${pictures.length}`;
  if (people.length > 1) {
    line += `, person ${state.person + 1} of ${people.length}`;
  }
  byId('where').replaceChildren(make('b', {}, line), name.split('/').pop());
  byId('where').title = name;
  byId('previous').disabled = !neighbour(-1);
  byId('next').disabled = !neighbour(1);
  [...byId('thumbs').children].forEach((button, index) => {
    button.setAttribute('aria-current', index === state.picture);
    if (index === state.picture) {
      // Only the strip scrolls, not the page.
      byId('thumbs').scrollLeft = button.offsetLeft
        - byId('thumbs').clientWidth / 2;
    }
  });
}

/** The person, or the picture, before (-1) or behind (1) this one. */
function neighbour(step) {
  const at = state.person + step;
  if (at >= 0 && at < picture().people.length) return [state.picture, at];
  const next = meta().pictures[state.picture + step];
  if (!next) return null;
  return [state.picture + step,
    step < 0 ? Math.max(0, next.people.length - 1) : 0];
}

function makeThumbs() {
  if (meta().pictures.length < 2) return;
  byId('thumbs').append(...meta().pictures.map(({ name }, index) => {
    const source = page.images[index];
    const button = make('button', { type: 'button', 'aria-label': name,
      title: name }, source ? make('img', { alt: '', loading: 'lazy',
      src: `data:image/jpeg;base64,${source}` }) : String(index + 1));
    button.addEventListener('click', () => goTo([index, 0]));
    return button;
  }));
}

function listenToControls() {
  byId('joint').append(...names().map(
    (name, k) => make('option', { value: k }, readable(name))));
  byId('joint').addEventListener('change',
    (event) => chooseJoint(Number(event.target.value)));
  byId('previous').addEventListener('click', () => goTo(neighbour(-1)));
  byId('next').addEventListener('click', () => goTo(neighbour(1)));
  byId('whole').addEventListener('click', switchWhole);
  byId('scheme').addEventListener('click', switchScheme);
  byId('help').addEventListener('click', () => byId('keys').showModal());
  document.querySelectorAll('[data-view]').forEach((button) => button
    .addEventListener('click', () => showFrom(button.dataset.view)));
  document.querySelectorAll('[data-zoom]').forEach((button) => button
    .addEventListener('click', () => zoomBy(Number(button.dataset.zoom))));
  document.addEventListener('keydown', onKey);
}

const KEYS = {
  ArrowLeft: () => turnBy(-10, 0), ArrowRight: () => turnBy(10, 0),
  ArrowUp: () => turnBy(0, 10), ArrowDown: () => turnBy(0, -10),
  '+': () => zoomBy(1.2), '=': () => zoomBy(1.2), '-': () => zoomBy(1 / 1.2),
  f: () => showFrom('front'), s: () => showFrom('side'),
  r: () => showFrom('start'), n: () => goTo(neighbour(1)),
  p: () => goTo(neighbour(-1)), t: () => toggle('truth'),
  j: () => stepJoint(1), k: () => stepJoint(-1), w: switchWhole,
  d: switchScheme, '?': () => byId('keys').showModal(),
};

function onKey(event) {
  const busy = event.ctrlKey || event.metaKey || event.altKey
    || byId('keys').open || event.target.closest?.('select');
  if (busy) return;
  const number = /^[1-9]$/.test(event.key) ? Number(event.key) - 1 : null;
  if (number !== null) toggle(number);
  else if (KEYS[event.key]) KEYS[event.key]();
  else return;
  event.preventDefault();
}
