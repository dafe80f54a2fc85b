import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from gasearch.cli import main
from gasearch.errors import RunDirectoryError
from gasearch.report.page import write_page
from gasearch.workflow.coupling.couplings import Coupling, couplings
from gasearch.workflow.record.run_directory import RunDirectory
from gasearch.workflow.view.page import ReportedRun, page_document, write_report
from gasearch.workflow.view.page_physics import _coupling, physics, trust

INPUT = Path(__file__).parents[3] / "inputs" / "first-search.yaml"
REFERENCE = INPUT.parent.parent / "runs" / "reference"
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> RunDirectory:
    path = tmp_path_factory.mktemp("runs") / "first"
    assert main(["run", str(INPUT), "--run-dir", str(path)]) == 0
    return RunDirectory(path)


@pytest.fixture(scope="module")
def document(run: RunDirectory) -> dict:
    return page_document(ReportedRun(run))


@pytest.fixture(scope="module")
def browser():
    if BROWSER is None:
        pytest.skip("there is no Chromium")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        software = ["--no-sandbox", "--use-gl=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]
        yield playwright.chromium.launch(executable_path=BROWSER, args=software)


@pytest.fixture
def opened(browser):
    """Opens a page; what its console calls an error fails the test."""
    errors, pages = [], []

    def open_page(path: Path, own_clock: bool = False):
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        page.set_default_timeout(120_000)  # a machine may be busy
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        if own_clock:
            page.clock.install()
        page.goto(path.as_uri())
        page.wait_for_selector("#phases tbody tr")
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.close()
    assert errors == []


def test_every_phase_has_its_structure(document: dict):
    (method,) = document["methods"]
    for phase in method["phases"]:
        structure = phase["structure"]
        assert len(structure["symbols"]) == len(structure["fractional"]) == phase["atoms"]
        assert set(structure["symbols"]) <= set(document["elements"])
        assert ("drawn" in phase) == phase["stable"]


def test_ancestry_goes_back_to_those_without_parents(document: dict):
    known = document["ancestors"]
    assert set(document["on_hull"]) <= set(known)
    for ancestor in known.values():
        assert set(ancestor["parents"]) <= set(known)
        assert bool(ancestor["parents"]) == (ancestor["operator"] != "random")


def test_the_page_needs_nothing_from_elsewhere(run: RunDirectory, tmp_path: Path):
    page = write_report([ReportedRun(run)], tmp_path / "report.html").read_text()
    assert not re.search(
        r"""(src|href)\s*=\s*["']?(https?:)?//""", re.sub(r"<script>.*?</script>", "", page, flags=re.S)
    )
    assert "{{" not in page.split("<script>", 1)[0]


def test_no_text_ends_the_script_around_it(document: dict, tmp_path: Path):
    path, text = tmp_path / "page.html", "</script><script>alert(1)</script>"
    write_page([document | {"state": text}], path)
    page = path.read_text()
    assert text not in page
    data = re.search(r'<script id="data" type="application/json">(.*?)</script>', page, re.S)[1]
    assert json.loads(data)["runs"][0]["state"] == text


def test_a_run_without_a_hull_is_refused(run: RunDirectory, tmp_path: Path):
    early = RunDirectory(tmp_path / "early")
    shutil.copytree(run.path, early.path)
    early.hull.write_text(json.dumps(json.loads(early.hull.read_text()) | {"complete": False, "phases": []}))
    with pytest.raises(RunDirectoryError, match="no hull yet"):
        page_document(ReportedRun(early))


def test_in_a_browser_rows_points_and_filters_answer(run: RunDirectory, document: dict, tmp_path: Path, opened):
    page, phases = opened(write_report([ReportedRun(run)], tmp_path / "report.html")), document["methods"][0]["phases"]
    assert page.locator("#phases tbody tr").count() == len(phases)

    last = len(phases) - 1
    page.locator(f'#phases tr[data-index="{last}"]').click()
    assert phases[last]["space_group"] in page.locator("#name").inner_text()

    stable = next(i for i, phase in enumerate(phases) if phase["stable"])
    _click_point(page, phases[stable])
    assert page.locator("tr.chosen").get_attribute("data-index") == str(stable)
    assert page.locator("#structure canvas").count() > 0

    page.locator("#filter").fill(phases[stable]["formula"])
    fitting = sum(phases[stable]["formula"].lower() in phase["formula"].lower() for phase in phases)
    assert page.locator("#phases tbody tr").count() == fitting

    assert page.locator("#ancestry > *").count() == len(document["on_hull"])
    for summary in page.locator("#ancestry > details > summary").all():
        summary.click()
    opened_ones = page.locator("#ancestry > details").count()
    page.wait_for_function(
        "n => document.querySelectorAll('#ancestry > details > :nth-child(2)').length === n", arg=opened_ones
    )


def test_in_a_browser_what_is_downloaded_reads_with_ase(run: RunDirectory, document: dict, tmp_path: Path, opened):
    from ase.io import read

    page, phase = (
        opened(write_report([ReportedRun(run)], tmp_path / "report.html")),
        document["methods"][0]["phases"][0],
    )
    page.locator('#phases tr[data-index="0"]').click()
    with page.expect_download() as download:
        page.locator("#cif").click()
    download.value.save_as(tmp_path / "phase.cif")
    atoms = read(tmp_path / "phase.cif")
    assert atoms.get_chemical_symbols() == phase["structure"]["symbols"]
    assert atoms.get_volume() / len(atoms) == pytest.approx(phase["volume_A3_per_atom"], rel=1e-5)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_in_a_browser_any_number_of_endpoints_is_drawn(n: int, document: dict, tmp_path: Path, opened):
    names = ["Ni", "P", "H", "S", "O"][:n]
    template = document["methods"][0]["phases"][0]
    corners = [template | {"formula": names[i], "shares": [float(i == k) for k in range(n)]} for i in range(n)]
    method = {"name": "test", "edges": [[0, k] for k in range(1, n)], "phases": corners}
    write_page([document | {"endpoints": names, "methods": [method]}], tmp_path / "page.html")
    page = opened(tmp_path / "page.html")
    page.wait_for_selector("#hull .plot-container")
    assert page.locator("#phases tbody tr").count() == n


PHYSICS = {
    "electrons": {
        "energies_eV": [-1.0, 0.0, 1.0],
        "dos": {"total": [0.1, 0.2, 0.3], "Ni-d": [0.1, 0.1, 0.2]},
        "distances": [0.0, 0.5, 0.5, 1.0],
        "bands_eV": [[-1.0, 0.0, 0.2, 1.0]],
        "ticks": [[0.0, "Γ"], [0.5, "X|M"], [1.0, "R1"]],
    },
    "phonons": {
        "verdict": "unstable",
        "detail": "one mode says no",
        "supercell": [2, 2, 2],
        "lowest_THz": -1.5,
        "highest_THz": 9.0,
        "soft_modes": [{"q": [0.5, 0.0, 0.0], "frequency_THz": -1.5, "shares": {"Ni": 1.0}}],
    },
}


def at(document: dict, pressure: float, **changes) -> dict:
    return document | {"pressure_GPa": pressure} | changes


def test_the_finest_grid_with_a_result_is_what_counts(tmp_path: Path):
    (tmp_path / "H3S-a").mkdir()
    (tmp_path / "H3S-a/candidate.json").write_text(json.dumps({"provenance": {"candidate": "99"}}))
    for grid in (2, 4, 6):
        text = (REFERENCE / f"h3s-200gpa-q{min(grid, 4)}{min(grid, 4)}{min(grid, 4)}.json").read_text()
        document = json.loads(text)
        if grid == 6:
            failure = {"reason": "imaginary", "detail": ""}
            document |= {"result": None, "failure": failure, "settings": {"q_grid": [6, 6, 6]}}
        folder = tmp_path / "tc/H3S-a" / f"q-{grid}x{grid}x{grid}"
        folder.mkdir(parents=True)
        (folder / "electron-phonon.json").write_text(json.dumps(document))
    found = couplings(tmp_path)["99"]
    assert found.tc == pytest.approx(231.38, abs=0.01)
    assert found.method == "eliashberg, μ* 0.10, q 4×4×4, unconverged in q"
    assert couplings(tmp_path / "nowhere") == {}


def test_electrons_and_phonons_of_a_phase_are_found_by_its_name(tmp_path: Path):
    directory, structure = RunDirectory(tmp_path), {"symbols": ["H"]}
    directory.electrons.mkdir()
    electrons = {
        "energies_eV": [-9.0, -1.0, 0.0, 9.0],
        "dos_per_eV_and_cell": [1.0, 2.0, 3.0, 4.0],
        "projections": {"H-s": [1.0, 1.0, 2.0, 2.0]},
        "bands_eV": [[-20.0, 0.1], [-19.0, 0.2]],
        "path_distances_per_A": [0.0, 1.0],
        "path_ticks": [[0.0, "Γ"]],
    }
    (directory.electrons / "99.json").write_text(json.dumps(electrons))
    found = physics(directory, {"name": "99", "structure": structure}, None)
    assert list(found) == ["electrons"]
    assert found["electrons"]["dos"] == {"total": [2.0, 3.0], "H-s": [1.0, 2.0]}
    assert found["electrons"]["bands_eV"] == [[0.1, 0.2]]
    assert physics(directory, {"name": "1", "structure": structure}, None) == {}


def test_in_a_browser_a_slider_chooses_the_pressure_and_a_list_the_system(document: dict, tmp_path: Path, opened):
    (method,) = document["methods"]
    fewer = method | {"phases": method["phases"][:4], "edges": []}
    runs = [
        at(document, 0.0),
        at(document, 20.0, methods=[fewer], state="the second"),
        at(document, 5.0, endpoints=["P", "Ni"], state="the other"),
    ]
    write_page(runs, tmp_path / "page.html")
    page = opened(tmp_path / "page.html")
    assert page.locator("#title").inner_text() == "Ni–P at 0 GPa"
    kept = page.locator("#name").inner_text()
    page.locator("#pressure").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#title").inner_text() == "Ni–P at 20 GPa"
    assert page.locator("#phases tbody tr").count() == 4
    assert page.locator("#state").inner_text() == "the second"
    assert page.locator("#name").inner_text() == kept
    page.locator("#system").select_option("P–Ni")
    assert page.locator("#title").inner_text() == "P–Ni at 5 GPa"
    assert not page.locator("#pressures").is_visible()


def test_in_a_browser_what_is_known_of_a_phase_is_drawn(document: dict, tmp_path: Path, opened):
    coupling = _coupling(Coupling(tmp_path, json.loads((REFERENCE / "h3s-200gpa-q444.json").read_text())))
    (method,) = document["methods"]
    known = [phase | (PHYSICS | {"coupling": coupling} if i == 1 else {}) for i, phase in enumerate(method["phases"])]
    write_page([document | {"methods": [method | {"phases": known}]}], tmp_path / "page.html")
    page = opened(tmp_path / "page.html")
    page.locator('#phases tr[data-index="0"]').click()
    assert "Nothing of the kind" in page.locator("#physics").inner_text()
    page.locator("#known button").click()
    assert page.locator("#physics-parts .plot .main-svg").first.is_visible()
    assert page.locator("#physics-parts .plot").count() == 3  # bands, states, α²F
    told = page.locator("#physics").inner_text()
    assert "unstable" in told and "231.4" in told and "unconverged in q" in told


def test_in_a_browser_a_live_page_loads_itself_again_and_keeps_what_was_chosen(document: dict, tmp_path: Path, opened):
    path = tmp_path / "page.html"
    write_page([document], path, refresh_s=3600)
    page = opened(path, own_clock=True)
    assert "every 3600 s" in page.locator("#live").inner_text()
    page.locator("#filter").fill("p6")
    shown = page.locator("#phases tbody tr").count()
    write_page([document | {"state": "finished"}], path)
    with page.expect_navigation():
        page.clock.fast_forward(3_601_000)
    page.wait_for_function("() => document.getElementById('state')?.textContent === 'finished'")
    page.wait_for_selector("#phases tbody tr")
    assert page.locator("#filter").input_value() == "p6"
    assert page.locator("#phases tbody tr").count() == shown
    assert page.locator("#live").inner_text() == ""


def test_in_a_browser_thousands_of_phases_come_as_one_scrolls(document: dict, tmp_path: Path, opened):
    (method,) = document["methods"]
    many = method["phases"] * (5000 // len(method["phases"]))
    write_page([document | {"methods": [method | {"phases": many}]}], tmp_path / "page.html")
    assert (tmp_path / "page.html").stat().st_size < 15e6
    page = opened(tmp_path / "page.html")
    assert f"of {len(many)}" in page.locator("#count").inner_text()
    first = page.locator("#phases tbody tr").count()
    assert first < 1000
    page.locator(".scroll").evaluate("box => { box.scrollTop = box.scrollHeight; }")
    page.wait_for_function("n => document.querySelectorAll('#phases tbody tr').length > n", arg=first)


def test_a_card_says_what_a_potential_is_worth(tmp_path: Path):
    card = INPUT.parent.parent / "potentials" / "h-s-200gpa" / "card.toml"
    inside, outside = (dict(trust("MACE", card, pressure, 3)) for pressure in (200.0, 50.0))
    assert inside["this run"] == "200 GPa: within" and "OUTSIDE" in outside["this run"]
    assert any(term.startswith("rms errors, test") for term in inside)
    assert "3 models; 3 structures" in inside["committee"]
    assert dict(trust("Lennard-Jones", None, 0.0, 0))["card"].startswith("none")


def _click_point(page, phase: dict) -> None:
    """Click where the hull shows a phase of a binary system."""
    x, y = page.evaluate(
        """([x, y]) => {
            const { xaxis, yaxis, _size } = document.getElementById("hull")._fullLayout;
            return [_size.l + xaxis.l2p(x), _size.t + yaxis.l2p(y)];
        }""",
        [phase["shares"][1], phase["formation_meV_per_atom"]],
    )
    page.locator("#hull").hover(position={"x": x, "y": y})
    page.wait_for_selector("#hull .hovertext")
    page.locator("#hull").click(position={"x": x, "y": y})


#: Where on the screen a scene shows a point of the data.
PROJECT = """([x, y, z]) => {
    const scene = document.getElementById("hull")._fullLayout.scene._scene;
    const { projection, view, model } = scene.glplot.cameraParams;
    const by = (m, v) => [0, 1, 2, 3].map((r) => [0, 1, 2, 3].reduce((sum, c) => sum + m[4 * c + r] * v[c], 0));
    const scaled = [x, y, z].map((v, k) => v * scene.dataScale[k]);
    const [a, b, , w] = by(projection, by(view, by(model, [...scaled, 1])));
    const box = scene.container.getBoundingClientRect();
    return [box.left + (box.width * (1 + a / w)) / 2, box.top + (box.height * (1 - b / w)) / 2];
}"""


@pytest.mark.slow
def test_in_a_browser_a_point_of_a_tetrahedron_is_hovered_and_clicked(document: dict, tmp_path: Path, opened):
    template, names = document["methods"][0]["phases"][0], ["Ni", "P", "H", "S"]
    corners = [template | {"formula": name, "shares": np.eye(4)[i].tolist()} for i, name in enumerate(names)]
    method = {"name": "test", "edges": [], "phases": corners}
    write_page([document | {"endpoints": names, "methods": [method]}], tmp_path / "page.html")
    page = opened(tmp_path / "page.html")
    page.wait_for_function("() => document.getElementById('hull')._fullLayout.scene._scene.glplot.cameraParams")
    page.wait_for_timeout(3000)  # a scene that was just made is drawn in several steps
    x, y = page.evaluate(PROJECT, [0.5, 3**0.5 / 2, 0.0])
    page.mouse.move(x - 3, y - 3)
    page.mouse.move(x, y)
    page.wait_for_selector("#hull .hovertext")
    page.mouse.down()
    page.mouse.up()
    page.wait_for_function("() => document.getElementById('name').textContent.startsWith('H ')")
