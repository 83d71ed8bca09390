// The picture with the 2D pose. Pixel centres are at integers, so that the
// picture begins at -0.5.
function drawPicture() {
  const holder = byId('picture');
  byId('whole').hidden = !person();
  byId('whole').setAttribute('aria-pressed', state.whole);
  // Without a size nothing can be placed; it is drawn when it gets one.
  if (!holder.clientWidth || !holder.clientHeight) return;
  const who = person();
  const [width, height] = picture().size ?? sizeFromPoses();
  const shape = holder.clientWidth / holder.clientHeight;
  const view = who && !state.whole
    ? around(who.box, width, height, shape) : [-0.5, -0.5, width, height];
  const svg = make('svg:svg', {
    viewBox: view.join(' '), preserveAspectRatio: 'xMidYMid meet',
    role: 'group', 'aria-label': `2D pose in ${picture().name}`,
  });
  const source = page.images[state.picture];
  const frame = { x: -0.5, y: -0.5, width, height };
  if (source) {
    svg.append(make('svg:image', { ...frame, preserveAspectRatio: 'none',
      href: `data:image/jpeg;base64,${source}` }));
  } else {
    svg.append(make('svg:rect', { ...frame, class: 'none' }));
  }
  // Everything is as large on the screen, however large the picture is.
  const pixel = view[2] / Math.min(holder.clientWidth,
    holder.clientHeight * view[2] / view[3]);
  if (state.whole) {
    picture().people.forEach((one) => svg.append(boxOf(one)));
  }
  if (who) svg.append(...skeletonOf(who, pixel));
  holder.replaceChildren(svg);
}

/** The part of the picture around a box, of the shape of its panel. */
function around([left, top, right, bottom], width, height, shape) {
  const room = 1.3 * Math.max(right - left, bottom - top);
  const wanted = [room * Math.max(1, shape), room * Math.max(1, 1 / shape)];
  const size = [Math.min(width, wanted[0]), Math.min(height, wanted[1])];
  const low = [(left + right) / 2, (top + bottom) / 2].map((middle, i) => (
    Math.min(Math.max(middle - size[i] / 2, -0.5),
      [width, height][i] - 0.5 - size[i])));
  return [...low, ...size];
}

/** The size of a picture that nobody knows: all boxes are in it. */
function sizeFromPoses() {
  const boxes = picture().people.map((one) => one.box);
  return [2, 3].map((i) => Math.max(1, ...boxes.map((box) => box[i])));
}

function boxOf({ box: [left, top, right, bottom] }) {
  return make('svg:rect', { class: 'box', x: left, y: top,
    width: right - left, height: bottom - top });
}

function skeletonOf(who, pixel) {
  const color = (k) => `rgb(${meta().keypoint_colors[k].join(',')})`;
  const bones = meta().skeleton_links.map(([a, b]) => ({
    x1: who.keypoints[a][0], y1: who.keypoints[a][1],
    x2: who.keypoints[b][0], y2: who.keypoints[b][1], child: b,
  }));
  const lines = [
    ...bones.map(({ child, ...ends }) => make(
      'svg:line', { ...ends, class: 'rim' })),
    ...bones.map(({ child, ...ends }) => make(
      'svg:line', { ...ends, class: 'bone', stroke: color(child) })),
  ];
  const dots = who.keypoints.map(([cx, cy], k) => make('svg:circle', {
    cx, cy, r: 4.5 * pixel, class: 'dot', fill: color(k) }));
  const [cx, cy] = who.keypoints[state.joint];
  const ring = make('svg:circle', { cx, cy, r: 9 * pixel, class: 'ring' });
  return [...lines, ...dots, ring,
    ...who.keypoints.map((point, k) => touchOf(point, k, pixel))];
}

/** What is pointed at and clicked, larger than the dot. */
function touchOf([cx, cy], k, pixel) {
  const target = make('svg:circle', { cx, cy, r: 13 * pixel, class: 'touch',
    'data-joint': k, 'aria-label': names()[k], role: 'img' });
  target.addEventListener('click', () => chooseJoint(k));
  target.addEventListener('pointerenter', () => {
    const inside = byId('picture').getBoundingClientRect();
    const at = target.getBoundingClientRect();
    byId('tip')?.remove();
    byId('picture').append(make('span', { id: 'tip',
      style: `left:${at.x + at.width / 2 - inside.x}px;`
        + `top:${at.y + at.height / 2 - inside.y}px` }, names()[k]));
  });
  target.addEventListener('pointerleave', () => byId('tip')?.remove());
  return target;
}
