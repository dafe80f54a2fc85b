"""Write the folder of a known metal as a candidate for `gasearch tc`: python benchmarks/known_metal.py Al candidates.

DFT relaxes it and computes its density of states, as for a phase that a search found.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from gasearch.crystal.crystal import Crystal
from gasearch.crystal.symmetry import space_group
from gasearch.espresso.electronic import electronic_structure
from gasearch.espresso.installation import default_pseudo_dir
from gasearch.espresso.protocol import PROTOCOLS
from gasearch.espresso.record import ScfFailure
from gasearch.espresso.relaxer import PwRelaxer
from gasearch.espresso.runner import PwRunner
from gasearch.outcomes import Failure
from gasearch.units import pressure_from_GPa
from gasearch.workflow.dft.export import FORMAT
from gasearch.workflow.dft.refined_document import structure_document

FCC = (np.ones((3, 3)) - np.eye(3)) / 2
BCC = np.ones((3, 3)) / 2 - np.eye(3)
#: Structure near the minimum, and pressure, GPa.
METALS = {
    "Al": (Crystal(4.041 * FCC, [[0, 0, 0]], [13]), 0.0),
    "H3S": (Crystal(2.984 * BCC, [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]], [16, 1, 1, 1]), 200.0),
}


def main() -> None:
    """Relax the metal and write its folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("metal", choices=METALS)
    parser.add_argument("to", type=Path)
    parser.add_argument("--protocol", choices=PROTOCOLS, default="standard")
    options = parser.parse_args()
    protocol = PROTOCOLS[options.protocol]
    start, pressure_GPa = METALS[options.metal]
    runner = PwRunner(protocol.pw, default_pseudo_dir(), timeout=6 * 3600.0)

    phase = PwRelaxer(runner, protocol).refine(start, pressure_from_GPa(pressure_GPa))
    if isinstance(phase, Failure):
        raise SystemExit(f"{phase.reason}: {phase.detail}")
    crystal = phase.relaxed.crystal
    electrons = electronic_structure(runner, crystal, protocol.dos_k_spacing)
    if isinstance(electrons, ScfFailure):
        raise SystemExit(f"{electrons.problem}: {electrons.detail}")

    group = space_group(crystal)
    document = {
        "format": FORMAT,
        "formula": crystal.composition.reduced.formula,
        "space_group": {"symbol": group.symbol, "number": group.number},
        "pressure_GPa": pressure_GPa,
        "structure": structure_document(crystal),
        "electrons": {
            "metal": electrons.metal,
            "gap_eV": electrons.gap,
            "dos_at_fermi_per_eV": {"cell": electrons.dos_at_fermi},
        },
    }
    folder = options.to / options.metal
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "candidate.json").write_text(json.dumps(document, indent=1) + "\n")
    print(folder)


if __name__ == "__main__":
    main()
