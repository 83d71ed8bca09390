// How likely each depth of the chosen joint is, and where the poses have it.
function drawProfile() {
  const who = person();
  const k = state.joint;
  byId('joint').value = k;
  if (!who) {
    byId('profile-words').textContent = '';
    return Plotly.purge(byId('profile'));
  }
  const profiles = who.depth_profiles;
  const marks = marksOf(who, k);
  const row = profiles?.probabilities[k];
  const shares = row ?? surenesses(who, k);
  const top = 1.12 * Math.max(0.01, ...shares);
  const traces = row ? [profileTrace(profiles.depths, row)] : [];
  // Labels stand one below the other: poses often agree.
  const tall = marks.filter((mark) => row || mark.score === null).reverse();
  traces.push(...marks.map((mark) => markTrace(mark, tall.includes(mark)
    ? top * (1 - 0.09 * tall.indexOf(mark)) : mark.score)));
  byId('profile-words').textContent = wordsOf(k, profiles, marks);
  const axis = { color: css('--ink'), gridcolor: css('--line'),
    zerolinecolor: css('--soft'), fixedrange: true, tickfont: { size: 11 } };
  return Plotly.react(byId('profile'), traces, {
    margin: { l: 46, r: 8, t: 10, b: 40 }, showlegend: false,
    paper_bgcolor: css('--panel'), plot_bgcolor: css('--panel'),
    font: { color: css('--ink'), size: 12 }, hovermode: 'closest',
    dragmode: false, bargap: 0.08,
    xaxis: { ...axis, title: { text: 'depth (mm, away from the camera)',
      standoff: 6 }, ...(row ? {} : { range: extents().ends[2] }) },
    yaxis: { ...axis, title: { text: row ? 'probability' : 'confidence',
      standoff: 4 }, range: [0, top], nticks: 5,
    showticklabels: shares.length > 0 },
    hoverlabel: { bgcolor: css('--panel'), font: { color: css('--ink') } },
  }, { displayModeBar: false });
}

/** Where each pose that is shown, and the truth, has the joint; the truth and
 * the mean of all have no score. */
function marksOf(who, k) {
  const marks = posesOf(who).filter((m) => isShown(m) && hasJoint(who, m, k))
    .map((m) => ({
      name: isMean(who, m) ? 'mean' : String(m + 1), dash: 'solid',
      depth: who.hypotheses_3d[m][k][2],
      score: isMean(who, m) ? null : who.hypothesis_scores[m][k],
      color: tint(k, certainty(who, m, k)), label: poseName(who, m),
    })).reverse();
  const real = isShown('truth') && truthOf()?.keypoints_3d[k];
  if (real) {
    marks.push({ name: 'truth', depth: real[2], score: null, dash: 'dash',
      color: css('--truth'), label: 'truth' });
  }
  return marks;
}

function profileTrace(depths, row) {
  return {
    type: 'bar', x: depths, y: row, name: 'profile',
    marker: { color: css('--accent'), opacity: 0.45 },
    hovertemplate: '%{x:.0f} mm: %{y:.3f}<extra></extra>',
  };
}

function markTrace(mark, height) {
  return {
    type: 'scatter', mode: 'lines+text', name: mark.label,
    x: [mark.depth, mark.depth], y: [0, height], text: ['', mark.name],
    textposition: 'middle right', cliponaxis: false,
    textfont: { size: 11, color: css('--ink') },
    line: { color: mark.color, width: 3, dash: mark.dash },
    hovertemplate: `${mark.label}: %{x:.0f} mm<extra></extra>`,
  };
}

function wordsOf(k, profiles, marks) {
  const places = marks.map((m) => `${m.label} ${m.depth.toFixed(0)} mm`)
    .reverse().join(', ');
  let words = `${readable(names()[k])}: ${places || 'no pose is shown'}.`;
  if (profiles) {
    const row = profiles.probabilities[k];
    const best = row.indexOf(Math.max(...row));
    words += ` Likeliest depth ${profiles.depths[best].toFixed(0)} mm `
      + `(${row[best].toFixed(2)}).`;
  } else {
    words += ' For how likely each depth is, run tools/infer.py with '
      + '--depth-profiles.';
  }
  return words;
}
