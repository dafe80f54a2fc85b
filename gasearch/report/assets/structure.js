"use strict";
// A structure in three dimensions, and as CIF.

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

function spheres(symbol, centres, elements) {
  const radius = 0.2 + 0.3 * elements[symbol].radius_A, n = SPHERE.vertices.length;
  const mesh = { type: "mesh3d", x: [], y: [], z: [], i: [], j: [], k: [], color: elements[symbol].colour, hoverinfo: "text",
    text: symbol, flatshading: false, lighting: { ambient: 0.55, diffuse: 0.7, specular: 0.25 } };
  centres.forEach((c, m) => {
    for (const v of SPHERE.vertices) ["x", "y", "z"].forEach((axis, k) => mesh[axis].push(c[k] + radius * v[k]));
    for (const f of SPHERE.faces) ["i", "j", "k"].forEach((corner, k) => mesh[corner].push(m * n + f[k]));
  });
  return mesh;
}

/** Draw a structure; `elements` says how large and in which colour. */
function drawStructure(structure, elements) {
  $("structure").hidden = !structure;
  if (!structure) return;
  const atoms = atomsShown(structure);
  const traces = [...new Set(structure.symbols)].map((s) => spheres(s, atoms.filter((a) => a[0] === s).map((a) => a[1]), elements));
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
