"""Write the folder of a known metal as a candidate for `gasearch tc`: python benchmarks/known_metal.py Al candidates.

DFT relaxes it, computes its density of states and describes it as `gasearch refine` and `gasearch export` do.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from gasearch.crystal.crystal import Crystal
from gasearch.espresso.electronic import electronic_structure
from gasearch.espresso.protocol import PROTOCOLS
from gasearch.espresso.relaxer import PwRelaxer
from gasearch.espresso.runner import PwRunner, default_pseudo_dir
from gasearch.units import pressure_from_GPa
from gasearch.workflow.export import write_candidate
from gasearch.workflow.refined_document import refined_document
from gasearch.workflow.refinement import Judged, Proposal, Verdict, judge

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
    crystal, pressure_GPa = METALS[options.metal]
    runner = PwRunner(PROTOCOLS[options.protocol].pw, default_pseudo_dir(), timeout=6 * 3600.0)
    relaxer = PwRelaxer(runner, PROTOCOLS[options.protocol])

    judged = judge(relaxer, pressure_from_GPa(pressure_GPa), Proposal(options.metal, crystal, np.ones(1)))
    if judged.kept is None:
        raise SystemExit(str(judged.variants[0].result))
    relaxed = judged.kept.relaxed.crystal
    electrons = electronic_structure(runner, relaxed, relaxer.protocol.dos_k_spacing)
    document = described(judged, relaxer, pressure_GPa, {options.metal: electrons})
    print(write_candidate(document["phases"][0], document, options.to))


def described(judged: Judged, relaxer: PwRelaxer, pressure_GPa: float, electrons: dict) -> dict:
    """Return what refined.json says of it; it is its own hull."""
    name = judged.proposal.name
    phase = {"shares": [1.0], "enthalpy_eV_per_atom": 0.0}
    found = {"pressure_GPa": pressure_GPa, "endpoints": [name], "phases": [phase]}
    provenance = {
        "pseudopotential_sha256": relaxer.runner.pseudopotentials(judged.proposal.crystal.composition.elements)
    }
    verdict = Verdict((judged,), 0.0, 0.0, "a known metal")
    return refined_document(found, relaxer.protocol, provenance, verdict, [judged], electrons)


if __name__ == "__main__":
    main()
