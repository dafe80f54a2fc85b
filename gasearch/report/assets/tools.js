"use strict";
// Small things that all parts of the page use.

const $ = (id) => document.getElementById(id);
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const subscripts = (formula) => formula.replace(/(\d+)/g, "<sub>$1</sub>");
const CONFIG = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["select2d", "lasso2d"] };

function element(tag, attributes = {}, ...children) {
  const made = Object.assign(document.createElement(tag), attributes);
  made.append(...children);
  return made;
}

function formula(text) {
  return element("span", { innerHTML: subscripts(text) });
}

function table(head, rows) {
  const cells = (tag, values) =>
    element("tr", {}, ...values.map((v, i) => element(tag, { className: i ? "" : "text" }, v)));
  return element("table", {}, element("thead", {}, cells("th", head)), element("tbody", {}, ...rows.map((r) => cells("td", r))));
}

/** Terms and their values, as a <dl> has them. */
function terms(pairs) {
  return pairs.flatMap(([term, value]) => [element("dt", {}, term), element("dd", {}, value)]);
}

function download(name, type, text) {
  const link = element("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  URL.revokeObjectURL(link.href);
}

function layout(extra) {
  const axis = { gridcolor: colour("line"), zerolinecolor: colour("line"), linecolor: colour("soft") };
  const base = {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: colour("ink") },
    margin: { l: 60, r: 12, t: 12, b: 46 }, showlegend: false, hovermode: "closest",
  };
  const merged = { ...base, ...extra };
  for (const name of new Set(["xaxis", "yaxis", ...Object.keys(extra).filter((k) => /^[xy]axis/.test(k))]))
    merged[name] = { ...axis, ...(extra[name] || {}) };
  return merged;
}
