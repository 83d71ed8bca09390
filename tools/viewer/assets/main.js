function drawAll() {
  drawWhere();
  drawPicture();
  drawPoses();
  return Promise.all([drawScene(), drawProfile()]);
}

function goTo(place) {
  if (!place) return;
  [state.picture, state.person] = place;
  drawAll();
}

function toggle(key) {
  const who = person();
  const there = who && (key === 'truth' ? truthOf()
    : key < who.hypotheses_3d.length && isThere(who, key));
  if (!there) return;
  if (!state.hidden.delete(key)) state.hidden.add(key);
  byId('poses').querySelector(`[data-pose="${key}"]`)
    .setAttribute('aria-pressed', isShown(key));
  drawScene();
  drawProfile();
}

function chooseJoint(k) {
  state.joint = k;
  drawPicture();
  drawScene();
  drawProfile();
}

function stepJoint(step) {
  const count = names().length;
  chooseJoint((state.joint + step + count) % count);
}

function switchWhole() {
  state.whole = !state.whole;
  drawPicture();
}

function setScheme(scheme) {
  document.documentElement.dataset.scheme = scheme;
}

function switchScheme() {
  setScheme(isDark() ? 'light' : 'dark');
  drawAll();
}

/** Say what made the poses. */
function originOf({ model, pictures, failed }) {
  let words = `Found by ${model.config ?? 'a model'} with `
    + `${model.checkpoint ?? 'weights of no name'}, xas_mmpose `
    + `${model.xas_mmpose}; ${pictures.length} pictures.`;
  if (failed?.length) {
    words += ` Not shown, as they could not be used: ${
      failed.map(({ name, error }) => `${name} (${error})`).join('; ')}.`;
  }
  return words;
}

/** Fit a chart into its panel, and the first view of the poses, too. */
async function resized(target) {
  await Plotly.Plots.resize(target);
  if (target === scene() && !turned) showFrom('start');
}

async function start() {
  const dark = matchMedia('(prefers-color-scheme: dark)');
  setScheme(dark.matches ? 'dark' : 'light');
  page = JSON.parse(await unpack('packed-data'));
  document.head.append(make('script', {}, await unpack('packed-plotly')));
  state.joint = doubtfulJoint();
  byId('origin').textContent = originOf(meta());
  listenToControls();
  makeThumbs();
  await drawAll();
  listenToScene();
  dark.addEventListener('change', () => {
    setScheme(dark.matches ? 'dark' : 'light');
    drawAll();
  });
  // Panels grow and shrink with the window and with each other.
  const sizes = new ResizeObserver((changed) => changed.forEach(
    ({ target }) => (target.id === 'picture' ? drawPicture()
      : target.data && resized(target))));
  ['picture', 'scene', 'profile'].forEach((id) => sizes.observe(byId(id)));
  // Tells whoever waits that all is drawn.
  document.documentElement.dataset.ready = 'yes';
}

start().catch((error) => complain(error.message));
