"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const CORNERS = {
    3: [[0, 0, 0], [1, 0, 0], [0.5, Math.sqrt(0.75), 0]],
    4: [[0, 0, 0], [1, 0, 0], [0.5, Math.sqrt(0.75), 0], [0.5, Math.sqrt(1 / 12), Math.sqrt(2 / 3)]],
  };
  const COLUMNS = [
    ["formula", "formula", String],
    ["space_group", "space group", String],
    ["atoms", "atoms", String],
    ["above_hull_meV_per_atom", "above hull (meV/atom)", (x) => x.toFixed(1)],
    ["formation_meV_per_atom", "formation (meV/atom)", (x) => x.toFixed(1)],
    ["volume_A3_per_atom", "volume (Å³/atom)", (x) => x.toFixed(3)],
    ["origin", "origin", String],
  ];
  const PLASMA = ["#44039e", "#b12a90", "#e16462", "#fca636"].map((c, i) => [i / 3, c]);
  const TEXT_COLUMNS = ["formula", "space_group", "origin"];
  // What is shown: which method, the phase that was chosen, and how the table is sorted and filtered.
  const state = { method: 0, chosen: 0, sort: "above_hull_meV_per_atom", up: true, filter: "" };

  // -- small things -------------------------------------------------------------------------------------------

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const phases = () => data.methods[state.method].phases;
  const subscripts = (formula) => formula.replace(/(\d+)/g, "<sub>$1</sub>");

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
    for (const name of ["xaxis", "yaxis"]) merged[name] = { ...axis, ...(extra[name] || {}) };
    return merged;
  }

  const CONFIG = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["select2d", "lasso2d"] };

  // -- the hull -----------------------------------------------------------------------------------------------

  /** Where a phase is drawn: by volume, by composition and enthalpy, in a triangle or in a tetrahedron. */
  function place(phase) {
    const n = data.endpoints.length;
    if (n === 2) return [phase.shares[1], phase.formation_meV_per_atom, 0];
    if (n in CORNERS) return [0, 1, 2].map((k) => phase.shares.reduce((sum, s, i) => sum + s * CORNERS[n][i][k], 0));
    return [phase.volume_A3_per_atom, phase.above_hull_meV_per_atom, 0];
  }

  function drawHull() {
    const n = data.endpoints.length, shown = phases(), solid = n === 4, kind = solid ? "scatter3d" : "scattergl";
    const places = shown.map(place);
    const points = (xyz) => ({ x: xyz.map((p) => p[0]), y: xyz.map((p) => p[1]), ...(solid ? { z: xyz.map((p) => p[2]) } : {}) });
    const trace = (chosen, marker) => ({
      type: kind, mode: "markers", ...points(chosen.map((i) => places[i])), customdata: chosen, marker, hoverinfo: "text",
      text: chosen.map((i) => hover(shown[i])),
    });
    const all = shown.map((_, i) => i), stable = all.filter((i) => shown[i].stable), others = all.filter((i) => !shown[i].stable);
    const ends = data.methods[state.method].edges.flatMap(([a, b]) => [places[a], places[b], [null, null, null]]);
    const frame = n in CORNERS ? CORNERS[n].flatMap((a) => CORNERS[n].flatMap((b) => [a, b, [null, null, null]])) : [];
    const line = (xyz, width, name) => ({
      type: solid ? "scatter3d" : "scatter", mode: "lines", ...points(xyz), line: { color: colour(name), width }, hoverinfo: "skip",
    });
    const above = others.map((i) => shown[i].above_hull_meV_per_atom);
    const near = {
      size: solid ? 4 : 7, color: above, colorscale: PLASMA, cmin: 0, cmax: Math.max(10, ...above.filter((x) => x <= 100)),
      colorbar: { title: { text: "above hull<br>meV/atom" }, thickness: 10, len: 0.7 },
    };
    const traces = [line(frame, 1, "far"), line(ends, 2, "stable"), trace(others, near),
      trace(stable, { size: solid ? 7 : 12, color: colour("stable"), line: { color: colour("paper"), width: 1 } })];
    Plotly.react("hull", traces, layout(hullLayout(n, places, shown)), CONFIG);
    $("hull").removeAllListeners("plotly_click");
    $("hull").on("plotly_click", (event) => choose(event.points[0].customdata));
  }

  function hullLayout(n, places, shown) {
    const names = stableNames(n, places, shown);
    if (n === 2) {
      const low = Math.min(0, ...shown.map((p) => p.formation_meV_per_atom));
      return {
        annotations: names, xaxis: { title: { text: `atomic fraction of ${data.endpoints[1]}` }, range: [-0.05, 1.05] },
        yaxis: { title: { text: "formation enthalpy (meV/atom)" }, range: [1.3 * low - 10, Math.max(0.35 * -low, 30)] },
      };
    }
    if (n === 3) {
      const hidden = { visible: false };
      return { annotations: names, xaxis: { ...hidden, range: [-0.1, 1.1] }, yaxis: { ...hidden, scaleanchor: "x", range: [-0.1, 1] } };
    }
    if (n === 4) {
      const hidden = { visible: false };
      return { scene: { xaxis: hidden, yaxis: hidden, zaxis: hidden, aspectmode: "data", annotations: names } };
    }
    return {
      annotations: names, xaxis: { title: { text: "volume (Å³/atom)" } },
      yaxis: { title: { text: "enthalpy above the hull (meV/atom)" } },
    };
  }

  function stableNames(n, places, shown) {
    return shown.flatMap((p, i) => (p.stable ? [{
      x: places[i][0], y: places[i][1], ...(n === 4 ? { z: places[i][2] } : {}),
      text: subscripts(p.formula), showarrow: false, yshift: n === 2 ? -18 : 16, font: { color: colour("ink") },
    }] : []));
  }

  function hover(p) {
    return `<b>${subscripts(p.formula)}</b> ${p.space_group}<br>${p.above_hull_meV_per_atom.toFixed(1)} meV/atom above the hull` +
      `<br>${p.volume_A3_per_atom.toFixed(3)} Å³/atom, ${p.atoms} atoms`;
  }

  // -- one phase ----------------------------------------------------------------------------------------------

  function choose(index) {
    state.chosen = index;
    const phase = phases()[index];
    for (const row of $("phases").tBodies[0].rows) row.classList.toggle("chosen", Number(row.dataset.index) === index);
    if (!phase) return;
    $("name").replaceChildren(formula(phase.formula), ` ${phase.space_group}`);
    const facts = { ...Object.fromEntries(COLUMNS.slice(2).map(([key, title, text]) => [title, text(phase[key])])), ...phase.facts };
    $("facts").replaceChildren(...Object.entries(facts).flatMap(([k, v]) => [element("dt", {}, k), element("dd", {}, v)]));
    drawStructure(phase.drawn || phase.structure);
  }

  const cartesian = (cell, f) => [0, 1, 2].map((k) => f[0] * cell[0][k] + f[1] * cell[1][k] + f[2] * cell[2][k]);

  /** The atoms of a cell with their images on its faces, edges and corners: [symbol, position]. */
  function atomsShown({ cell_A: cell, fractional, symbols }) {
    const images = (x) => (x < 0.02 ? [x, x + 1] : x > 0.98 ? [x - 1, x] : [x]);
    return fractional.flatMap((f, i) => images(f[0]).flatMap((a) => images(f[1]).flatMap((b) =>
      images(f[2]).map((c) => [symbols[i], cartesian(cell, [a, b, c])]))));
  }

  /** A unit sphere as vertices and triangles. */
  function sphere(rings = 10, sectors = 16) {
    const vertices = [], faces = [];
    for (let i = 0; i <= rings; i++) for (let j = 0; j < sectors; j++) {
      const theta = (Math.PI * i) / rings, phi = (2 * Math.PI * j) / sectors;
      vertices.push([Math.sin(theta) * Math.cos(phi), Math.sin(theta) * Math.sin(phi), Math.cos(theta)]);
      const next = i * sectors + ((j + 1) % sectors), here = i * sectors + j;
      if (i < rings) faces.push([here, next, here + sectors], [next, next + sectors, here + sectors]);
    }
    return { vertices, faces };
  }
  const SPHERE = sphere();

  function spheres(symbol, centres) {
    const radius = 0.2 + 0.3 * data.elements[symbol].radius_A, n = SPHERE.vertices.length;
    const mesh = { type: "mesh3d", x: [], y: [], z: [], i: [], j: [], k: [], color: data.elements[symbol].colour, hoverinfo: "text",
      text: symbol, flatshading: false, lighting: { ambient: 0.55, diffuse: 0.7, specular: 0.25 } };
    centres.forEach((c, m) => {
      for (const v of SPHERE.vertices) ["x", "y", "z"].forEach((axis, k) => mesh[axis].push(c[k] + radius * v[k]));
      for (const f of SPHERE.faces) ["i", "j", "k"].forEach((corner, k) => mesh[corner].push(m * n + f[k]));
    });
    return mesh;
  }

  function drawStructure(structure) {
    $("structure").hidden = !structure;
    if (!structure) return;
    const atoms = atomsShown(structure);
    const traces = [...new Set(structure.symbols)].map((s) => spheres(s, atoms.filter((a) => a[0] === s).map((a) => a[1])));
    const edges = [[0, 0, 0], [0, 0, 1], [0, 1, 0], [0, 1, 1], [1, 0, 0], [1, 0, 1], [1, 1, 0], [1, 1, 1]].flatMap((a) =>
      [0, 1, 2].filter((k) => !a[k]).flatMap((k) => [a, a.map((x, m) => (m === k ? 1 : x)), null]));
    const line = edges.map((e) => (e ? cartesian(structure.cell_A, e) : [null, null, null]));
    traces.push({ type: "scatter3d", mode: "lines", hoverinfo: "skip", line: { color: colour("soft"), width: 3 },
      x: line.map((p) => p[0]), y: line.map((p) => p[1]), z: line.map((p) => p[2]) });
    const hidden = { visible: false };
    const camera = { eye: { x: 0.95, y: 1.65, z: 0.6 } };
    Plotly.react("structure", traces, layout({ margin: { l: 0, r: 0, t: 0, b: 0 }, showlegend: false,
      scene: { xaxis: hidden, yaxis: hidden, zaxis: hidden, aspectmode: "data", camera } }), CONFIG);
  }

  function cif(phase) {
    const { cell_A: cell, fractional, symbols } = phase.structure;
    const length = (v) => Math.hypot(...v), dot = (a, b) => a.reduce((s, x, i) => s + x * b[i], 0);
    const angle = (a, b) => (180 / Math.PI) * Math.acos(dot(a, b) / (length(a) * length(b)));
    const [a, b, c] = cell;
    const numbers = { length_a: length(a), length_b: length(b), length_c: length(c), angle_alpha: angle(b, c), angle_beta: angle(a, c), angle_gamma: angle(a, b) };
    return [`data_${phase.formula}`, ...Object.entries(numbers).map(([k, v]) => `_cell_${k} ${v.toFixed(6)}`),
      "_symmetry_space_group_name_H-M 'P 1'", "_symmetry_Int_Tables_number 1", "loop_", "_atom_site_label", "_atom_site_type_symbol",
      "_atom_site_fract_x", "_atom_site_fract_y", "_atom_site_fract_z",
      ...fractional.map((f, i) => `${symbols[i]}${i + 1} ${symbols[i]} ${f.map((x) => x.toFixed(6)).join(" ")}`), ""].join("\n");
  }

  // -- the table ----------------------------------------------------------------------------------------------

  function rowsShown() {
    const words = state.filter.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (p) => words.every((w) => [p.formula, p.space_group, p.origin].some((t) => t.toLowerCase().includes(w)));
    const order = (a, b) => (typeof a === "string" ? a.localeCompare(b) : a - b) * (state.up ? 1 : -1);
    return phases().map((p, i) => [p, i]).filter(([p]) => fits(p)).sort((a, b) => order(a[0][state.sort], b[0][state.sort]));
  }

  function drawTable() {
    const head = $("phases").tHead, body = $("phases").tBodies[0], rows = rowsShown();
    const arrow = (key) => (key === state.sort ? (state.up ? " ▲" : " ▼") : "");
    head.replaceChildren(element("tr", {}, ...COLUMNS.map(([key, title]) => element("th", {
      className: TEXT_COLUMNS.includes(key) ? "text" : "",
      onclick: () => { state.up = key === state.sort ? !state.up : true; state.sort = key; drawTable(); },
    }, title + arrow(key)))));
    body.replaceChildren(...rows.map(([p, i]) => {
      const row = element("tr", { className: `${p.stable ? "stable" : ""} ${i === state.chosen ? "chosen" : ""}`, onclick: () => choose(i) },
        ...COLUMNS.map(([key, , text]) => element("td", { className: TEXT_COLUMNS.includes(key) ? "text" : "" },
          key === "formula" ? formula(p.formula) : text(p[key]))));
      row.dataset.index = i;
      return row;
    }));
    $("count").textContent = `${rows.length} of ${phases().length}`;
  }

  function csv() {
    const quoted = (x) => (typeof x === "string" ? `"${x.replaceAll('"', '""')}"` : x);
    return [COLUMNS.map(([key]) => key), ...rowsShown().map(([p]) => COLUMNS.map(([key]) => quoted(p[key])))].map((r) => r.join(",")).join("\n") + "\n";
  }

  // -- the search ---------------------------------------------------------------------------------------------

  function drawProgress() {
    const { relaxations, deficits_meV_per_atom } = data.story;
    $("story").hidden = !relaxations.length;
    if (!relaxations.length) return;
    Plotly.react("progress", [{ x: relaxations, y: deficits_meV_per_atom, mode: "lines", type: "scatter", line: { shape: "hv", color: colour("stable"), width: 2 },
      fill: "tozeroy" }], layout({ xaxis: { title: { text: "relaxations started" } }, yaxis: { title: { text: "hull deficit (meV/atom)" }, rangemode: "tozero" } }), CONFIG);
  }

  function drawCounts() {
    const share = (x) => (x === null ? "–" : `${(100 * x).toFixed(0)} %`);
    $("operators").append(table(["operator", "candidates", "gain", "drawn with"], data.operators.map((o) =>
      [o.name, o.candidates, o.gain === null ? "–" : o.gain.toFixed(1), share(o.probability)])));
    $("times").append(table(["part", "s", "share"], data.times.map((t) => [t.name, t.seconds.toFixed(1), share(t.share)])),
      table(["failure", "candidates"], data.failures.map((f) => [f.name, f.candidates])));
  }

  /** One candidate, opened to its parents when asked: the tree of a long search is large. */
  function ancestor(id) {
    const a = data.ancestors[id];
    const text = [formula(a.formula), ` ${a.operator}, candidate ${id}`];
    if (!a.parents.length) return element("div", { style: "margin-left: 2rem" }, ...text);
    const node = element("details", {}, element("summary", {}, ...text));
    node.addEventListener("toggle", () => node.append(...a.parents.map(ancestor)), { once: true });
    return node;
  }

  // -- all of it ----------------------------------------------------------------------------------------------

  function drawMethods() {
    $("methods").replaceChildren(...data.methods.map((m, i) => {
      const button = element("button", { onclick: () => { state.method = i; draw(); } }, m.name);
      button.setAttribute("role", "radio");
      button.setAttribute("aria-checked", i === state.method);
      return button;
    }));
  }

  function draw() {
    drawMethods();
    drawHull();
    drawTable();
    const best = phases().findIndex((p) => p.stable && Math.max(...p.shares) < 1);
    choose(Math.max(best, 0));
  }

  $("title").innerHTML = data.endpoints.map(subscripts).join("–") + ` at ${data.pressure_GPa} GPa`;
  $("state").textContent = data.state;
  $("footer").textContent = data.footer;
  $("filter").oninput = (event) => { state.filter = event.target.value; drawTable(); };
  const stem = () => `${data.endpoints.join("-")}-${data.pressure_GPa}GPa`.toLowerCase();
  $("csv").onclick = () => download(`${stem()}.csv`, "text/csv", csv());
  $("json").onclick = () => download(`${stem()}.json`, "application/json", JSON.stringify(data.methods[state.method], null, 1));
  $("cif").onclick = () => download(`${phases()[state.chosen].formula}.cif`, "chemical/x-cif", cif(phases()[state.chosen]));
  drawCounts();
  $("ancestry").append(...data.on_hull.map(ancestor));
  $("texts").append(...data.texts.map((t) => element("details", {}, element("summary", {}, t.title), element("pre", {}, t.text))));
  draw();
  drawProgress();
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { draw(); drawProgress(); });
})();
