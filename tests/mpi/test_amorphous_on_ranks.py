"""The same glasses on any number of ranks: ASE's molecular dynamics asks no other rank."""

import json
import shutil
from pathlib import Path

from gasearch.cli import main

INPUT = """
endpoints: [Ni]
pressure_GPa: 20
atoms: {min: 1, max: 2}
potential: {kind: lennard-jones, pairs: {Ni-Ni: {epsilon_eV: 1.0, sigma_A: 2.0}}, cutoff_sigma: 2.5}
search: {first_generation: 4, termination: {candidates: 4}}
"""
GLASS = "--formula Ni --atoms 16 --melt 9000 --melt-time 0.04 --rate 1e5 --compression-time 0.04 --replicas 2".split()
SCRIPT = """
import sys
import mpi4py.MPI  # from here on ASE is parallel
from gasearch.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_two_ranks_find_what_one_does(mpirun, tmp_path: Path):
    (tmp_path / "input.yaml").write_text(INPUT)
    assert main(["run", str(tmp_path / "input.yaml"), "--run-dir", str(tmp_path / "one" / "run")]) == 0
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    assert main(["amorphous", str(tmp_path / "one" / "run"), *GLASS]) == 0
    done = mpirun(2, SCRIPT, "amorphous", tmp_path / "two" / "run", *GLASS, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "2 ranks" in done.stdout
    first, second = (json.loads((tmp_path / name / "run" / "amorphous-Ni.json").read_text()) for name in ("one", "two"))
    assert first == second
