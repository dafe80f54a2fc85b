"""How large the page of a run is, and how soon it can be used, with thousands of structures.

    python benchmarks/report.py --structures 5000 --endpoints 2

Needs playwright and Chromium. The structures are drawn at random: what they mean does not matter. Usable means that the
hull, the table and the chosen structure are drawn, and that a click on the table has been answered. On a machine that
is busy with other things, the time of the page's own thread tells more than the clock.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from gasearch.report.page import write_page

NAMES = ("Ni", "P", "H", "S", "O")


def phases(n: int, endpoints: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Return endpoints and random structures above them, of 4 to 16 atoms."""
    shares = np.vstack([np.eye(endpoints), rng.dirichlet(np.ones(endpoints), n - endpoints)])
    return [phase(share, place < endpoints, rng) for place, share in enumerate(shares)]


def phase(share: np.ndarray, stable: bool, rng: np.random.Generator) -> dict[str, Any]:
    """Return one phase as a page takes it."""
    atoms = int(rng.integers(4, 17))
    symbols = rng.choice(NAMES[: len(share)], atoms, p=share).tolist()
    above = 0.0 if stable else float(rng.exponential(80.0))
    structure = {
        "cell_A": rng.normal(size=(3, 3)).round(6).tolist(),
        "fractional": rng.random((atoms, 3)).round(6).tolist(),
        "symbols": symbols,
    }
    return {
        "formula": "".join(f"{name}{symbols.count(name)}" for name in dict.fromkeys(symbols)),
        "space_group": "P1",
        "atoms": atoms,
        "shares": share.tolist(),
        "formation_meV_per_atom": above,
        "above_hull_meV_per_atom": above,
        "stable": stable,
        "volume_A3_per_atom": float(rng.uniform(5, 10)),
        "origin": "random",
        "structure": structure,
        "facts": {},
    }


def document(n: int, endpoints: int) -> dict[str, Any]:
    """Return a run as a page takes it."""
    found = phases(n, endpoints, np.random.default_rng(0))
    return {
        "endpoints": NAMES[:endpoints],
        "pressure_GPa": 0.0,
        "state": f"{n} random structures",
        "footer": "benchmark",
        "methods": [{"name": "none", "edges": [[0, k] for k in range(1, endpoints)], "phases": found}],
        "elements": {name: {"radius_A": 1.0, "colour": "rgb(90,120,160)"} for name in NAMES},
        "story": {"relaxations": [1, 2], "deficits_meV_per_atom": [1.0, 0.0]},
        "operators": [],
        "times": [],
        "failures": [],
        "on_hull": [],
        "ancestors": {},
        "trust": [],
        "texts": [],
    }


def seconds_to_use(path: Path) -> tuple[float, float]:
    """Return how long a browser takes to open the page and to answer a click: by the clock, and of its main thread."""
    from playwright.sync_api import sync_playwright

    browser_path = shutil.which("chromium") or shutil.which("google-chrome")
    software = ["--no-sandbox", "--use-gl=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=software)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(300_000)
        tools = page.context.new_cdp_session(page)
        tools.send("Performance.enable", {"timeDomain": "threadTicks"})
        began = time.perf_counter()
        page.goto(path.as_uri())
        page.locator("#phases tbody tr").nth(1).click()
        page.wait_for_selector("#phases tbody tr:nth-child(2).chosen")
        seconds = time.perf_counter() - began
        metrics = {one["name"]: one["value"] for one in tools.send("Performance.getMetrics")["metrics"]}
        browser.close()
    return seconds, metrics["TaskDuration"]


def main() -> None:
    """Print size and time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--structures", type=int, default=5000)
    parser.add_argument("--endpoints", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.html"
        write_page([document(options.structures, options.endpoints)], path)
        times = [seconds_to_use(path) for _ in range(options.repeat)]
        print(
            f"{options.structures} structures, {options.endpoints} endpoints: {path.stat().st_size / 1e6:.1f} MB, "
            f"usable after {statistics.median(clock for clock, _ in times):.1f} s, "
            f"of which its main thread worked {statistics.median(thread for _, thread in times):.1f} s; "
            f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
        )


if __name__ == "__main__":
    main()
