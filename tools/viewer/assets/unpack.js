/** Make an element; text is never read as HTML. */
function make(tag, attributes = {}, ...children) {
  const svg = tag.startsWith('svg:');
  const element = svg
    ? document.createElementNS('http://www.w3.org/2000/svg', tag.slice(4))
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

const byId = (id) => document.getElementById(id);

function complain(text) {
  byId('trouble').textContent = text;
  byId('trouble').hidden = false;
}

/** Return the text that was packed (gzip, base64) into a script element. */
async function unpack(id) {
  if (typeof DecompressionStream === 'undefined'
      || !CSS.supports('height', '1dvh')) {
    throw new Error('This browser is too old for this page. Firefox 113, '
      + 'Chrome 108, Safari 16.4 or later show it.');
  }
  const letters = atob(byId(id).textContent);
  const bytes = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(
    new DecompressionStream('gzip'))).text();
}
