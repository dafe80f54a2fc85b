import json
import re
import shutil
from pathlib import Path

import pytest

from gasearch.cli import main
from gasearch.errors import RunDirectoryError
from gasearch.report.page import write_page
from gasearch.workflow.page import ReportedRun, page_document, write_report
from gasearch.workflow.run_directory import RunDirectory

INPUT = Path(__file__).parent.parent.parent / "inputs" / "first-search.yaml"
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

    def open_page(path: Path):
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        page.set_default_timeout(120_000)  # a machine may be busy
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
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
