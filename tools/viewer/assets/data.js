// What is shown: `page` holds what make_viewer.py has put in, `state` what
// the user chose.
let page = null;
const state = {
  picture: 0, person: 0, joint: 0, hidden: new Set(), whole: false,
};

const meta = () => page.results;
const names = () => meta().keypoint_names;
const picture = () => meta().pictures[state.picture];
const person = () => picture().people[state.person] ?? null;
const truthOf = () => page.truth?.[state.picture]?.[state.person] ?? null;
const isShown = (key) => !state.hidden.has(key);

/** A pose lacks a joint of score 0; one that lacks all is not there. */
const hasJoint = (who, m, k) => who.hypothesis_scores[m][k] > 0;
const isThere = (who, m) => who.hypothesis_scores[m].some((s) => s > 0);
const posesOf = (who) => who.hypotheses_3d.map((_, m) => m)
  .filter((m) => isThere(who, m));

const mean = (numbers) => numbers.reduce((a, b) => a + b, 0) / numbers.length;
const confidence = (who, m) => mean(who.hypothesis_scores[m]);

/** The first pose may be the mean of all: its score 1 is no probability. */
const isMean = (who, m) => m === 0 && who.ranking.first === 'mean';
const poseName = (who, m) => (isMean(who, m) ? 'mean of all' : `pose ${m + 1}`);

/** How sure each pose is of a joint; the mean of all has no say in it. */
const surenesses = (who, k) => posesOf(who).filter((m) => !isMean(who, m))
  .map((m) => who.hypothesis_scores[m][k]);

/** How sure a pose is of a joint against the surest pose, 0 to 1. */
function certainty(who, m, k) {
  if (isMean(who, m)) return 1;
  const best = Math.max(...surenesses(who, k));
  return best > 0 ? who.hypothesis_scores[m][k] / best : 0;
}

const distance = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
const isDark = () => document.documentElement.dataset.scheme === 'dark';
const css = (name) => getComputedStyle(document.documentElement)
  .getPropertyValue(name).trim();
const readable = (name) => name.replaceAll('_', ' ');

/** Colour of a joint, paler the less sure a pose is of it. */
function tint(k, sure) {
  const back = isDark() ? [26, 30, 36] : [255, 255, 255];
  const share = 0.28 + 0.72 * Math.min(1, sure);
  const deep = isDark() ? 1 : 0.74;
  const mixed = meta().keypoint_colors[k].map((value, i) => Math.round(
    share * value * deep + (1 - share) * back[i]));
  return `rgb(${mixed.join(',')})`;
}

/** A round number not above `value`: 1, 2 or 5 times a power of ten. */
function roundStep(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [5, 2, 1].find((n) => n * power <= value) * power;
}

/** The joint whose depth the first person's poses agree least on. */
function doubtfulJoint() {
  const who = person();
  if (!who) return meta().root_index;
  const spread = names().map((_, k) => {
    const depths = posesOf(who).map((m) => who.hypotheses_3d[m][k][2]);
    return Math.max(...depths) - Math.min(...depths);
  });
  return spread.indexOf(Math.max(...spread));
}

/** All joints of a person's poses and the truth, whether shown or not. */
function allJoints() {
  const who = person();
  const joints = posesOf(who).flatMap((m) => who.hypotheses_3d[m]
    .filter((_, k) => hasJoint(who, m, k)));
  return joints.concat((truthOf()?.keypoints_3d ?? []).filter(Boolean));
}

/** Low and high end of each of x, y, z in mm, and the step of their ticks. */
function extents() {
  const joints = allJoints();
  const ends = [0, 1, 2].map((axis) => {
    const values = joints.map((joint) => joint[axis]);
    return [Math.min(...values), Math.max(...values)];
  });
  const longest = Math.max(...ends.map(([low, high]) => high - low), 1);
  const step = roundStep(longest / 5);
  return { step, ends: ends.map(([low, high]) => {
    // Thin poses get some room, too: their box is turned as well.
    const room = Math.max(0.05 * longest, (0.45 * longest - high + low) / 2);
    return [low - room, high + room];
  }) };
}
