// plotly turns the poses by one finger; two fingers zoom.
function listenToPinch() {
  let start = null;
  const apart = ([a, b]) => Math.hypot(a.clientX - b.clientX,
    a.clientY - b.clientY);
  const pinching = (event) => event.touches.length === 2;
  const options = { capture: true, passive: false };
  scene().addEventListener('touchstart', (event) => {
    start = pinching(event)
      ? { apart: apart(event.touches), view: anglesOf(camera) } : null;
    if (start) event.stopPropagation();
  }, options);
  scene().addEventListener('touchmove', (event) => {
    if (!start || !pinching(event)) return;
    event.preventDefault();
    event.stopPropagation();
    const far = start.view.far * start.apart / apart(event.touches);
    setView({ ...start.view, far: Math.max(0.4, Math.min(6, far)) });
  }, options);
  scene().addEventListener('touchend', () => { start = null; }, options);
}
