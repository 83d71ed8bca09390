// One finger turns, two zoom. plotly would turn as well, but would not tell
// where to, and does not zoom.
function listenToTouch() {
  let start = null;
  const apart = ([a, b]) => Math.hypot(a.x - b.x, a.y - b.y);
  const fingers = ({ touches }) => [...touches].map(
    ({ clientX, clientY }) => ({ x: clientX, y: clientY }));
  const begin = (event) => {
    start = { at: fingers(event), view: anglesOf(camera()) };
  };
  const move = (event) => {
    event.preventDefault();
    event.stopPropagation();
    const now = fingers(event);
    const { at, view } = start;
    if (now.length === 1) {
      setView({ ...view, turn: view.turn - 0.5 * (now[0].x - at[0].x),
        lift: view.lift + 0.5 * (now[0].y - at[0].y) });
    } else if (now.length === 2 && at.length === 2) {
      setView({ ...view, far: view.far * apart(at) / apart(now) });
    }
  };
  // plotly hears where a finger comes down: it may be on a joint.
  const options = { capture: true, passive: false };
  scene().addEventListener('touchstart', begin, options);
  scene().addEventListener('touchmove', move, options);
  scene().addEventListener('touchend', begin, options);
}

/** Choose the joint that is clicked or tapped. */
function listenToClicks() {
  let pointed = null;
  let down = null;
  let wanted = 0;
  scene().on('plotly_hover', ({ points: [point] }) => {
    pointed = point.customdata ?? null;
    // A finger is seen above a joint only after its tap.
    if (performance.now() < wanted) choose();
  });
  scene().on('plotly_unhover', () => { pointed = null; });
  const choose = () => {
    if (typeof pointed !== 'number') return;
    wanted = 0;
    if (pointed !== state.joint) chooseJoint(pointed);
  };
  scene().addEventListener('pointerdown', ({ clientX, clientY }) => {
    down = [clientX, clientY];
  }, true);
  scene().addEventListener('click', ({ clientX, clientY }) => {
    if (!down || Math.hypot(clientX - down[0], clientY - down[1]) > 6) return;
    wanted = performance.now() + 600;
    choose();
  }, true);
}
