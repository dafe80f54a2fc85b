from pathlib import Path
from xml.etree import ElementTree

import pytest

from gasearch.report.amorphous import GlassView, LevelsView, plot_amorphous

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("pressures", [[200.0], [100.0, 200.0]])
@pytest.mark.parametrize("nearest", [None, "R3m"])
def test_glasses_are_drawn_beside_crystals(pressures: list[float], nearest: str | None, tmp_path: Path):
    curve = [0.0, 2.0, 1.0]
    pairs = [
        {"pair": name, "mean": curve, "lowest": curve, "highest": curve, "nearest_crystal": curve if nearest else None}
        for name in ("H-H", "H-S", "S-S")
    ]
    views = [GlassView(pressure, [1.0, 2.0, 3.0], pairs, nearest) for pressure in pressures]
    glasses = [(pressure, above) for pressure in pressures for above in (0.2, 0.25)]
    crystals = [
        ("Im-3m", "7", [(pressure, 0.0) for pressure in pressures]),
        ("R3m", "known.cif#0", [(pressures[0], 0.01)]),
    ]
    levels = LevelsView(glasses, crystals if nearest else [])
    png, svg = plot_amorphous(views, levels, "H3S", (150.0, 300.0), tmp_path / "amorphous-H3S")
    assert png.read_bytes().startswith(b"\x89PNG")
    texts = [e for e in ElementTree.parse(svg).iter() if e.tag in (f"{SVG}use", f"{SVG}text")]
    assert len(texts) > 50
