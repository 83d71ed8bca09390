// The 3D poses. Axes of the scene are x, depth and y; y grows downward, so
// that up in the picture is up on the screen and depth goes away from us.
const VIEWS = {
  // A little from above: edge on the walls with the numbers would be gone.
  front: { turn: 0, lift: 5 },
  side: { turn: 90, lift: 5 },
  start: { turn: 35, lift: 14 },
};
const scene = () => byId('scene');
const radians = (degrees) => degrees * Math.PI / 180;
// None as long as the first view is as it was.
let turned = null;
const camera = () => turned ?? cameraOf({ ...VIEWS.start, far: farEnough() });

/** How far all numbers at the axes are seen from, in any panel. */
function farEnough() {
  const { clientWidth, clientHeight } = scene();
  const least = Math.min(clientWidth, clientHeight, 1.1 * clientWidth);
  return least > 0 ? 2.25 * Math.min(1.4, Math.max(1, 420 / least)) : 2.25;
}

/** Camera `turn` degrees to the right of the front, `lift` above it. */
function cameraOf({ turn, lift, far }) {
  const flat = far * Math.cos(radians(lift));
  return {
    eye: {
      x: flat * Math.sin(radians(turn)), y: -flat * Math.cos(radians(turn)),
      z: far * Math.sin(radians(lift)),
    },
    center: { x: 0, y: 0, z: 0 },
    up: { x: 0, y: 0, z: 1 },
  };
}

function anglesOf({ eye }) {
  const far = Math.hypot(eye.x, eye.y, eye.z);
  return {
    turn: Math.atan2(eye.x, -eye.y) * 180 / Math.PI,
    lift: Math.asin(eye.z / far) * 180 / Math.PI, far,
  };
}

function showFrom(name) {
  return setView({ ...VIEWS[name], far: farEnough() });
}

function setView({ turn, lift, far }) {
  // Straight from above left and right would jump.
  turned = cameraOf({ turn, lift: Math.max(-85, Math.min(85, lift)),
    far: Math.max(0.4, Math.min(6, far)) });
  return Plotly.relayout(scene(), { 'scene.camera': turned });
}

function turnBy(turn, lift) {
  const now = anglesOf(camera());
  return setView({ ...now, turn: now.turn + turn, lift: now.lift + lift });
}

function zoomBy(factor) {
  const now = anglesOf(camera());
  return setView({ ...now, far: now.far / factor });
}

/** Columns of joints for plotly; null is not drawn. */
const columns = (joints) => ({
  x: joints.map((joint) => joint && joint[0]),
  y: joints.map((joint) => joint && joint[2]),
  z: joints.map((joint) => joint && joint[1]),
});

/** The bones one after another, with gaps; a bone has its child's colour. */
function boneTrace(joints, colors) {
  const drawn = meta().skeleton_links.filter(
    ([a, b]) => joints[a] && joints[b]);
  return {
    type: 'scatter3d', mode: 'lines', hoverinfo: 'skip', showlegend: false,
    ...columns(drawn.flatMap(([a, b]) => [joints[a], joints[b], null])),
    line: { color: drawn.flatMap(([, b]) => Array(3).fill(colors[b])) },
  };
}

function jointTrace(joints, texts, marker) {
  return {
    type: 'scatter3d', mode: 'markers', showlegend: false, text: texts,
    hovertemplate: '%{text}<extra></extra>', customdata: joints.map((_, k) => k),
    ...columns(joints), marker,
  };
}

const millimetres = (joint) => `x ${joint[0].toFixed(0)}, y `
  + `${joint[1].toFixed(0)}, depth ${joint[2].toFixed(0)} mm`;

function poseTraces(who, m, truth) {
  const joints = who.hypotheses_3d[m].map(
    (joint, k) => (hasJoint(who, m, k) ? joint : null));
  const colors = joints.map((_, k) => tint(k, certainty(who, m, k)));
  const texts = joints.map((joint, k) => {
    if (!joint) return '';
    const lines = [`<b>${names()[k]}</b>`, poseName(who, m),
      millimetres(joint)];
    if (!isMean(who, m)) {
      lines[1] += `, confidence ${who.hypothesis_scores[m][k].toFixed(2)}`;
    }
    const real = truth?.keypoints_3d[k];
    if (real) lines.push(`${distance(joint, real).toFixed(0)} mm off`);
    return lines.join('<br>');
  });
  const bones = boneTrace(joints, colors);
  bones.line.width = m === 0 ? 8 : 5;
  const dots = jointTrace(joints, texts, {
    size: m === 0 ? 5.5 : 4, color: colors,
    line: { color: css('--panel'), width: 1 },
  });
  return [[bones, `bones ${m + 1}`], [dots, `joints ${m + 1}`]].map(
    ([trace, name]) => ({ ...trace, name, visible: isShown(m) }));
}

function truthTraces(truth) {
  const joints = truth.keypoints_3d;
  const bones = boneTrace(joints, []);
  bones.line = { color: css('--truth'), width: 5, dash: 'dash' };
  const texts = joints.map((joint, k) => joint && [
    `<b>${names()[k]}</b>`, 'truth', millimetres(joint)].join('<br>'));
  const dots = jointTrace(joints, texts,
    { size: 3.5, color: css('--truth'), symbol: 'diamond' });
  return [[bones, 'bones truth'], [dots, 'joints truth']].map(
    ([trace, name]) => ({ ...trace, name, visible: isShown('truth') }));
}

/** A ring around the chosen joint of each pose that is shown. */
function chosenTrace(who, truth) {
  const k = state.joint;
  const joints = posesOf(who).filter(
    (m) => isShown(m) && hasJoint(who, m, k)).map(
    (m) => who.hypotheses_3d[m][k]);
  const real = isShown('truth') && truth?.keypoints_3d[k];
  if (real) joints.push(real);
  return {
    type: 'scatter3d', mode: 'markers', hoverinfo: 'skip', name: 'chosen',
    showlegend: false, ...columns(joints),
    marker: { symbol: 'circle-open', size: 13, color: css('--accent'),
      line: { width: 3, color: css('--accent') } },
  };
}

/** Points that nobody sees: without any, plotly takes the axes away. */
function cornerTrace({ ends }) {
  return {
    type: 'scatter3d', mode: 'markers', hoverinfo: 'skip', name: 'corners',
    showlegend: false, marker: { size: 1, opacity: 0 },
    ...columns([0, 1].map((side) => ends.map((end) => end[side]))),
  };
}

function axisOf(title, range, step) {
  return {
    title: { text: title, font: { size: 13 } }, range, dtick: step, tick0: 0,
    color: css('--ink'), gridcolor: css('--line'), zerolinecolor: css('--soft'),
    showbackground: true, backgroundcolor: css('--panel'), showspikes: false,
    tickfont: { size: 11 }, tickformat: 'd', tickangle: 0,
  };
}

function drawScene() {
  const who = person();
  const traces = [];
  const layout = {
    margin: { l: 0, r: 0, t: 0, b: 0 }, paper_bgcolor: css('--panel'),
    font: { color: css('--ink') }, uirevision: 'kept',
    hoverlabel: { bgcolor: css('--panel'), bordercolor: css('--accent'),
      font: { color: css('--ink'), size: 13 }, align: 'left' },
  };
  if (who) {
    const truth = truthOf();
    // The surest is drawn last, on top.
    for (const m of posesOf(who).reverse()) {
      traces.push(...poseTraces(who, m, truth));
    }
    if (truth) traces.push(...truthTraces(truth));
    const box = extents();
    traces.push(chosenTrace(who, truth), cornerTrace(box));
    const { step, ends: [x, y, z] } = box;
    const longest = Math.max(...[x, y, z].map(([low, high]) => high - low));
    const share = ([low, high]) => 1.25 * (high - low) / longest;
    layout.scene = {
      xaxis: axisOf('x, right (mm)', x, step),
      yaxis: axisOf('depth (mm)', z, step),
      zaxis: axisOf('y, down (mm)', [y[1], y[0]], step),
      // One mm is as long on all axes.
      aspectmode: 'manual',
      aspectratio: { x: share(x), y: share(z), z: share(y) },
      camera: camera(), dragmode: 'turntable',
    };
  } else {
    // Else plotly draws axes of a plane.
    Object.assign(layout, { xaxis: { visible: false },
      yaxis: { visible: false } });
  }
  return Plotly.react(scene(), traces, layout, {
    displaylogo: false, displayModeBar: false,
  });
}

/** Called once, when the first drawing stands. */
function listenToScene() {
  for (const event of ['plotly_relayout', 'plotly_relayouting']) {
    scene().on(event, (change) => {
      if (change['scene.camera']) turned = change['scene.camera'];
    });
  }
  listenToTouch();
  listenToClicks();
}
