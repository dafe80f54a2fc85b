"use strict";
(() => {
  const page = JSON.parse(document.getElementById("data").textContent);
  const runs = page.runs;
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
  const ROWS = 300;
  const TEXT_COLUMNS = ["formula", "space_group", "origin"];
  // What is shown: which run and method, the phase that was chosen, and how the table is sorted and filtered.
  const state = { run: 0, method: 0, chosen: 0, sort: "above_hull_meV_per_atom", up: true, filter: "", phase: null };
  let data = runs[0];

  const phases = () => data.methods[state.method].phases;
  const sameSystem = (one) => one.endpoints.join() === data.endpoints.join();

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
    // The lowest phase of a composition lies on top of its others, and is the one that is clicked.
    others.sort((i, j) => shown[j].above_hull_meV_per_atom - shown[i].above_hull_meV_per_atom);
    const ends = data.methods[state.method].edges.flatMap(([a, b]) => [places[a], places[b], [null, null, null]]);
    const frame = n in CORNERS ? CORNERS[n].flatMap((a) => CORNERS[n].flatMap((b) => [a, b, [null, null, null]])) : [];
    const line = (xyz, width, name) => ({
      type: solid ? "scatter3d" : "scatter", mode: "lines", ...points(xyz), line: { color: colour(name), width }, hoverinfo: "skip",
    });
    const above = others.map((i) => shown[i].above_hull_meV_per_atom);
    const near = {
      size: solid ? 4 : 7, color: above, colorscale: PLASMA, cmin: 0, cmax: above.reduce((most, x) => (x <= 100 ? Math.max(most, x) : most), 10),
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
      // The same axis for all pressures: what moves then is the hull.
      const all = runs.filter(sameSystem).flatMap((run) => run.methods.flatMap((m) => m.phases));
      const low = all.reduce((least, p) => Math.min(least, p.formation_meV_per_atom), 0);
      // Where no compound is stable, what is near the hull lies above the line.
      const near = all.filter((p) => p.above_hull_meV_per_atom <= 100).reduce((most, p) => Math.max(most, p.formation_meV_per_atom), 0);
      const high = low > -30 ? 1.1 * near : 0.35 * -low;
      return {
        annotations: names, xaxis: { title: { text: `atomic fraction of ${data.endpoints[1]}` }, range: [-0.05, 1.05] },
        yaxis: { title: { text: "formation enthalpy (meV/atom)" }, range: [1.3 * low - 10, Math.max(high, 30)] },
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
      text: subscripts(p.formula), showarrow: false, yshift: n === 2 || (n === 3 && places[i][1] < 0.2) ? -18 : 16, font: { color: colour("ink") },
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
    $("facts").replaceChildren(...terms(Object.entries(facts)));
    state.phase = [phase.formula, phase.space_group];
    drawStructure(phase.drawn || phase.structure, data.elements);
    drawPhysics(phase, phases(), choose);
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
    const made = ([p, i]) => {
      const row = element("tr", { className: `${p.stable ? "stable" : ""} ${i === state.chosen ? "chosen" : ""}`, onclick: () => choose(i) },
        ...COLUMNS.map(([key, , text]) => element("td", { className: TEXT_COLUMNS.includes(key) ? "text" : "" },
          key === "formula" ? formula(p.formula) : text(p[key]))));
      row.dataset.index = i;
      return row;
    };
    // A browser needs seconds for thousands of rows: more of them come as one scrolls to their end.
    const box = $("phases").parentElement, more = () => body.append(...rows.slice(body.rows.length, body.rows.length + ROWS).map(made));
    body.replaceChildren();
    more();
    box.scrollTop = 0;
    box.onscroll = () => { if (box.scrollTop + box.clientHeight > box.scrollHeight - 300 && body.rows.length < rows.length) more(); };
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
    $("operators").replaceChildren(table(["operator", "candidates", "gain", "drawn with"], data.operators.map((o) =>
      [o.name, o.candidates, o.gain === null ? "–" : o.gain.toFixed(1), share(o.probability)])));
    $("times").replaceChildren(table(["part", "s", "share"], data.times.map((t) => [t.name, t.seconds.toFixed(1), share(t.share)])),
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

  /** The phase that was chosen, at another pressure too; else the compound that lies lowest. */
  function remembered() {
    const same = state.phase ? phases().findIndex((p) => p.formula === state.phase[0] && p.space_group === state.phase[1]) : -1;
    const best = phases().findIndex((p) => p.stable && Math.max(...p.shares) < 1);
    return same >= 0 ? same : Math.max(best, 0);
  }

  function draw() {
    drawMethods();
    drawHull();
    drawTable();
    choose(remembered());
  }

  // -- runs ---------------------------------------------------------------------------------------------------

  const systems = [...new Set(runs.map((run) => run.endpoints.join("–")))];
  const ofSystem = (name) => runs.map((_, i) => i).filter((i) => runs[i].endpoints.join("–") === name);

  /** Show a run: of another system, or at another pressure. */
  function show(index) {
    const name = data.methods[state.method].name;
    state.run = index;
    data = runs[index];
    state.method = Math.max(0, data.methods.findIndex((m) => m.name === name));
    $("title").innerHTML = data.endpoints.map(subscripts).join("–") + ` at ${data.pressure_GPa} GPa`;
    $("state").textContent = data.state;
    $("footer").textContent = data.footer;
    drawCounts();
    $("trust").replaceChildren(...terms(data.trust));
    $("ancestry").replaceChildren(...data.on_hull.map(ancestor));
    $("texts").replaceChildren(...data.texts.map((t) => element("details", {}, element("summary", {}, t.title), element("pre", {}, t.text))));
    drawChoice();
    draw();
    drawProgress();
  }

  function drawChoice() {
    const mine = ofSystem(data.endpoints.join("–")), place = mine.indexOf(state.run);
    $("choice").hidden = runs.length < 2;
    $("system").hidden = systems.length < 2;
    $("system").value = data.endpoints.join("–");
    $("pressures").hidden = mine.length < 2;
    Object.assign($("pressure"), { max: mine.length - 1, value: place });
    $("pressure").setAttribute("aria-valuetext", `${data.pressure_GPa} GPa`);
    $("pressure-text").textContent = `${data.pressure_GPa} GPa`;
    $("marks").replaceChildren(...mine.map((i) => element("button", {
      textContent: runs[i].pressure_GPa, onclick: () => show(i), className: i === state.run ? "here" : "",
    })));
  }

  /** Load the page again while the run goes on; what was chosen stays. */
  function keepLive() {
    const kept = history.state;
    if (kept && kept.gasearch) Object.assign(state, kept.gasearch);
    state.run = Math.min(state.run, runs.length - 1);
    data = runs[state.run];
    state.method = Math.min(state.method, data.methods.length - 1);
    $("filter").value = state.filter;
    if (!page.refresh_s) return;
    $("live").textContent = `live: read again every ${page.refresh_s} s`;
    const again = () => { history.replaceState({ gasearch: state }, ""); location.reload(); };
    // Counted from when all is drawn: a busy machine shall show it, too.
    window.addEventListener("load", () => setTimeout(again, 1000 * page.refresh_s));
  }

  $("system").replaceChildren(...systems.map((name) => element("option", { textContent: name, value: name })));
  $("system").onchange = (event) => {
    const found = ofSystem(event.target.value), same = found.find((i) => runs[i].pressure_GPa === data.pressure_GPa);
    show(same === undefined ? found[0] : same);
  };
  $("pressure").oninput = (event) => show(ofSystem(data.endpoints.join("–"))[Number(event.target.value)]);
  $("filter").oninput = (event) => { state.filter = event.target.value; drawTable(); };
  const stem = () => `${data.endpoints.join("-")}-${data.pressure_GPa}GPa`.toLowerCase();
  $("csv").onclick = () => download(`${stem()}.csv`, "text/csv", csv());
  $("json").onclick = () => download(`${stem()}.json`, "application/json", JSON.stringify(data.methods[state.method], null, 1));
  $("cif").onclick = () => download(`${phases()[state.chosen].formula}.cif`, "chemical/x-cif", cif(phases()[state.chosen]));
  keepLive();
  show(state.run);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { draw(); drawProgress(); });
})();
