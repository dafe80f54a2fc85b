"use strict";
// What was computed for a phase besides its enthalpy: electrons, phonons, α²F and Tc.

const PHYSICS = ["electrons", "phonons", "coupling"];
const hasPhysics = (phase) => PHYSICS.some((part) => phase[part]);

/** Draw all that is known of a phase, and name the others of which something is known. */
function drawPhysics(phase, phases, choose) {
  const known = phases.map((_, i) => i).filter((i) => hasPhysics(phases[i]));
  $("physics").hidden = !known.length;
  if (!known.length) return;
  $("known").replaceChildren(...known.map((i) => element("button", {
    innerHTML: `${subscripts(phases[i].formula)} ${phases[i].space_group}`, onclick: () => choose(i), className: phases[i] === phase ? "here" : "",
  })));
  const parts = [
    ...(phase.electrons ? electronParts(phase.electrons) : []),
    ...(phase.phonons ? [phononPart(phase.phonons)] : []),
    ...(phase.coupling ? couplingParts(phase.coupling) : []),
  ];
  const none = element("p", {}, "Nothing of the kind was computed for the phase that is chosen; these have more:");
  $("physics-parts").replaceChildren(...(parts.length ? parts.map((part) => part.node) : [none]));
  for (const part of parts) if (part.traces) Plotly.newPlot(part.plot, part.traces, layout(part.layout), CONFIG);
}

function part(title, ...children) {
  return { node: element("div", {}, element("h3", {}, title), ...children) };
}

function widePart(title, ...children) {
  const made = part(title, ...children);
  made.node.className = "wide";
  return made;
}

function plotPart(title, traces, extra) {
  const plot = element("div", { className: "plot" });
  return { ...part(title, plot), plot, traces, layout: extra };
}

// -- electrons ------------------------------------------------------------------------------------------------

const SHADES = ["#c1662b", "#2a8c82", "#8a5fa8", "#b8a12b", "#5b84b1", "#a8324a"];

function electronParts({ energies_eV: energies, dos, bands_eV: bands, distances, ticks }) {
  const yaxis = { title: { text: "energy from E<sub>F</sub> (eV)" }, range: [energies[0], energies[energies.length - 1]] };
  const names = Object.keys(dos);
  const states = names.map((name, i) => ({
    x: dos[name], y: energies, mode: "lines", type: "scatter", name,
    line: { color: i ? SHADES[(i - 1) % SHADES.length] : colour("ink"), width: i ? 1.4 : 1.8 },
  }));
  const parts = [plotPart("Density of states", states, {
    yaxis, xaxis: { title: { text: "states per eV and cell" }, rangemode: "tozero" }, showlegend: true,
    legend: { x: 1, xanchor: "right", y: 1, bgcolor: "rgba(0,0,0,0)" },
  })];
  if (!bands.length) return parts;
  // A path that jumps has its next place no further than the last: the line breaks there.
  const jumps = distances.map((d, i) => i > 0 && d <= distances[i - 1]);
  const broken = (values) => values.flatMap((v, i) => (jumps[i] ? [null, v] : [v]));
  const lines = bands.map((band) => ({
    x: broken(distances), y: broken(band), mode: "lines", type: "scatter", hoverinfo: "y", line: { color: colour("stable"), width: 1.4 },
  }));
  const xaxis = { tickvals: ticks.map((t) => t[0]), ticktext: ticks.map((t) => subscripts(t[1])), showgrid: true };
  return [plotPart("Bands", lines, { yaxis, xaxis }), ...parts];
}

// -- phonons ----------------------------------------------------------------------------------------------------

function phononPart({ verdict, detail, supercell, lowest_THz: lowest, highest_THz: highest, soft_modes: modes }) {
  const number = (x) => (x === null ? "–" : `${x.toFixed(2)} THz`);
  const facts = element("dl", {}, ...terms([
    ["verdict of the potential", verdict], ["supercell", supercell.join("×") || "–"], ["lowest mode", number(lowest)], ["highest mode", number(highest)],
  ]));
  const soft = modes.length ? [table(["soft mode at q", "THz"], modes.map((m) => [m.q.map((x) => x.toFixed(3)).join(" "), m.frequency_THz.toFixed(2)]))] : [];
  return part("Phonons", facts, element("p", {}, detail), ...soft);
}

// -- coupling ---------------------------------------------------------------------------------------------------

function couplingParts(found) {
  if (found.failure) return [part("Superconductivity", element("p", { className: "warning" }, found.failure))];
  return [
    ...(found.spectrum ? [spectrumPart(found)] : []),
    tcPart(found),
    ...(found.picture ? [widePart("Phonons and their coupling", element("img", { src: found.picture, alt: "Phonon bands with λ of each mode, density of states and α²F" }))] : []),
  ];
}

function spectrumPart({ spectrum }) {
  const line = (y, name, axis, shade) => ({ x: spectrum.omega_THz, y, name, yaxis: axis, mode: "lines", type: "scatter", line: { color: colour(shade), width: 2 } });
  return plotPart("α²F, interpolated, and λ of the phonons up to ω", [
    { ...line(spectrum.alpha2F, "α²F", "y", "stable"), fill: "tozeroy" }, line(spectrum.cumulative, "λ", "y2", "second"),
  ], {
    margin: { l: 56, r: 56, t: 12, b: 46 }, xaxis: { title: { text: "ω (THz)" }, rangemode: "tozero" },
    yaxis: { title: { text: "α²F" }, rangemode: "tozero" }, yaxis2: { title: { text: "λ" }, overlaying: "y", side: "right", tickmode: "auto", rangemode: "tozero", showgrid: false },
    showlegend: true, legend: { x: 0.02, y: 1, bgcolor: "rgba(0,0,0,0)" },
  });
}

function tcPart(found) {
  const coulombs = Object.keys(found.tc_K_by_mu_star);
  const methods = Object.keys(found.tc_K_by_mu_star[coulombs[0]]);
  const kelvin = (x) => (x === null || x === undefined ? "–" : x.toFixed(1));
  const facts = element("dl", {}, ...terms([
    ["λ", found.lambda.toFixed(3)], ["ω_log", `${found.omega_log_K.toFixed(0)} K`],
    ["gap Δ₀", found.gap_meV === null ? "–" : `${found.gap_meV.toFixed(1)} meV`], ["quoted at the smearing", `${found.smearing_Ry} Ry`],
    ["converged in q", found.converged_in_q ? "yes" : "no"],
  ]));
  return part(`Tc: ${found.method}`, facts,
    table(["Tc (K) at μ*", ...coulombs], methods.map((m) => [m.replaceAll("_", " "), ...coulombs.map((c) => kelvin(found.tc_K_by_mu_star[c][m]))])),
    ...found.warnings.map((w) => element("p", { className: "warning" }, w)));
}
