// Makes elements. Text becomes text and nothing else: there is no way from a string to markup here, and no attribute
// that could run one.

const SAFE_HREF = /^(\/(?!\/)|#)/;

function setAttribute(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name === "on") {
    for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
  } else if (name === "value") {
    element.value = value;
  } else if (/^(on|style$|srcdoc$)/.test(name)) {
    throw new Error(`${name} is not set here`);
  } else if (name === "href" && !SAFE_HREF.test(value)) {
    throw new Error("links lead to this server only");
  } else {
    element.setAttribute(name, value === true ? "" : value);
  }
}

/** An element: h("a", { href, class, on: { click } }, "text", child, [children]). */
export function h(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) setAttribute(element, key, value);
  add(element, children);
  return element;
}

/** Appends nodes and texts; what is null or false is left out. */
export function add(element, ...children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
}

/** Puts these in the place of all that an element holds. */
export function fill(element, ...children) {
  element.replaceChildren();
  add(element, ...children);
}

let count = 0;
/** An id that nothing else on the page has. */
export const freshId = () => `id-${++count}`;

/** A name as a segment of a path. */
export const segment = (name) => encodeURIComponent(name);

/** A text of many parts, such as an address, which a narrow column breaks between them and not within a word. */
export const parted = (text) => text.split(/(?<=[._@])/).map((part) => [part, h("wbr")]);
