// Elements without markup: a text is only ever a text, and no name of a file becomes an element.

const SVG = "http://www.w3.org/2000/svg";

/** Make an element: on… are listeners, other attributes are set; false and null leave them out. */
export const h = (tag, attributes, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat(2).filter((child) => child !== null && child !== undefined));
  return element;
};

/** An icon of those that stand in the page. */
export const icon = (name) => {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", "#icon-" + name);
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
};

export const byId = (id) => document.getElementById(id);

/** Text that only a screen reader says. */
export const unseen = (text) => h("span", { class: "unseen" }, text);

/** A bar as long as a share of 1; the number beside it is what is read aloud. */
export const bar = (share) => {
  const filled = h("span");
  filled.style.inlineSize = Math.max(0, Math.min(1, share)) * 100 + "%";
  return h("span", { class: "bar", "aria-hidden": "true" }, filled);
};
