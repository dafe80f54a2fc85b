"""Real pw.x and ph.x on aluminium, with settings that are quick and rough."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from gasearch.cli import main
from gasearch.errors import InputError, MissingProgramError
from gasearch.workflow.coupling.tc_document import schema
from gasearch.workflow.dft.candidate_folders import read_candidates

needs_ph = pytest.mark.skipif(shutil.which("matdyn.x") is None, reason="Quantum ESPRESSO's ph.x is not installed")
FCC = (np.ones((3, 3)) - np.eye(3)) / 2
QUICK = ("--ecutwfc", "20", "--k-spacing", "0.8", "--workers", "2")


def write_candidate(folder: Path, cell: np.ndarray, **changes: object) -> Path:
    """The folder of an aluminium crystal, as an export leaves it."""
    folder.mkdir(parents=True)
    document = {
        "format": 1,
        "formula": "Al",
        "space_group": {"symbol": "Fm-3m", "number": 225},
        "pressure_GPa": 0.0,
        "structure": {"cell_A": cell.tolist(), "fractional": [[0.0, 0.0, 0.0]], "symbols": ["Al"]},
        "electrons": {"metal": True, "gap_eV": 0.0, "dos_at_fermi_per_eV": {"cell": 0.4}},
    }
    (folder / "candidate.json").write_text(json.dumps(document | changes))
    return folder


@pytest.fixture
def aluminium(tmp_path: Path) -> Path:
    return write_candidate(tmp_path / "candidates" / "Al", 4.04 * FCC)


def finished(candidates: Path) -> dict[str, int]:
    """When each calculation was kept."""
    kept = candidates.glob("tc/*/calculations/[0-9a-f]*/files")
    return {path.parent.name: path.stat().st_mtime_ns for path in kept}


def q_points(candidates: Path) -> list[Path]:
    return list(candidates.glob("tc/*/calculations/[0-9a-f]*/files/elph.inp_lambda.*"))


@needs_ph
@pytest.mark.slow
def test_on_a_cluster_each_q_point_is_a_job(aluminium: Path, slurm: Path, tmp_path: Path):
    (tmp_path / "cluster.yaml").write_text("{ranks: 2, wall_time_s: 3600, jobs: 2}")
    assert main(["tc", str(aluminium), *QUICK, "--cluster", str(tmp_path / "cluster.yaml")]) == 0
    # The list of q-points, the dense grid, three q-points, the interpolation.
    assert len(list(slurm.glob("*.script"))) == 6
    assert len(q_points(aluminium.parent)) == 3
    assert list((aluminium.parent / "tc" / "jobs").iterdir()) == []


@needs_ph
def test_killed_couplings_go_on_and_end_with_tc(aluminium: Path, capsys, validate):
    candidates = aluminium.parent
    command = ["tc", str(candidates), *QUICK]
    process = subprocess.Popen([sys.executable, "-m", "gasearch", *command], stdout=subprocess.DEVNULL)
    while not q_points(candidates):
        time.sleep(0.02)
        assert process.poll() is None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = finished(candidates)
    assert len(before) >= 3  # the list of q-points, the dense grid, and a q-point

    assert main(command) == 0
    assert before.items() <= finished(candidates).items() and len(q_points(candidates)) == 3
    told = capsys.readouterr().out
    assert "3 irreducible q-points of 2x2x2" in told and "core-minutes" in told
    assert "eliashberg" in told and "unconverged in q" in told

    folder = candidates / "tc" / "Al" / "q-2x2x2"
    names = {"electron-phonon.json", *(f"{n}.{s}" for n in ("phonons", "smearings") for s in ("png", "svg"))}
    assert {path.name for path in folder.iterdir()} == names
    found = json.loads((folder / "electron-phonon.json").read_text())
    validate(found, schema())
    check_physics(found["result"])

    after = finished(candidates)
    assert main(["tc", "run", str(aluminium), *QUICK, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [found]
    assert finished(candidates) == after


def check_physics(found: dict) -> None:
    assert found["q_grid"] == [2, 2, 2] and found["k_grid"] == [4, 4, 4] and found["dense_k_grid"] == [8, 8, 8]
    assert sum(point["star"] for point in found["q_points"]) == 8
    quoted = found["tc"]["smearing"]
    at_quoted = next(one for one in found["by_smearing"] if one["smearing_Ry"] == pytest.approx(quoted))
    # λ is the sum over the stars of what is listed for each mode.
    summed = sum(point["star"] * sum(point["lambda"]) for point in found["q_points"]) / 8
    assert at_quoted["lambda"] == pytest.approx(summed, rel=1e-3) == pytest.approx(found["tc"]["lambda"], rel=1e-3)
    assert set(found["tc"]["tc_K_by_mu_star"]) == {"0.10", "0.13", "0.16"}
    assert not found["converged_in_q"]


@needs_ph
def test_an_unstable_crystal_ends_with_the_reason(tmp_path: Path, capsys, validate):
    write_candidate(tmp_path / "c" / "simple", 2.7 * np.eye(3))
    assert main(["tc", str(tmp_path / "c"), *QUICK]) == 0
    told = capsys.readouterr().out
    assert "a phonon has an imaginary frequency: q = (" in told and "i THz" in told
    found = json.loads((tmp_path / "c/tc/simple/q-2x2x2/electron-phonon.json").read_text())
    validate(found, schema())
    assert found["result"] is None and "imaginary" in found["failure"]["reason"]


@needs_ph
@pytest.mark.slow
@pytest.mark.skipif(shutil.which("mpirun") is None, reason="mpirun is not installed")
def test_ranks_share_the_q_points_and_give_what_one_process_gives(aluminium: Path):
    candidates = aluminium.parent
    launch = ["mpirun", "--allow-run-as-root", "--oversubscribe", "-n", "2", sys.executable, "-m", "gasearch"]
    told = subprocess.run([*launch, "tc", str(candidates), *QUICK], capture_output=True, text=True, check=True).stdout
    assert "2 ranks" in told
    result = candidates / "tc" / "Al" / "q-2x2x2" / "electron-phonon.json"
    before = json.loads(result.read_text())
    shutil.rmtree(candidates / "tc")
    assert main(["tc", str(candidates), *QUICK]) == 0
    assert json.loads(result.read_text()) == before


def test_candidates_are_read_from_their_folder_or_from_the_one_above(aluminium: Path):
    write_candidate(aluminium.parent / "Be", 3.0 * FCC, electrons=None)
    (first,) = read_candidates(aluminium)
    assert first.dos_at_fermi == 0.4 and first.results == aluminium.parent.resolve() / "tc" / "Al"
    both = read_candidates(aluminium.parent)
    assert [one.folder.name for one in both] == ["Al", "Be"] and both[1].dos_at_fermi is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": 9}, "found format 9"),
        ({"electrons": {"metal": False, "gap_eV": 1.2}}, "a gap of 1.2 eV"),
        ({"structure": {}}, "KeyError"),
        ({"structure": {"cell_A": [], "fractional": [], "symbols": ["Al"]}}, "shapes do not fit"),
        ({"structure": {"cell_A": np.eye(3).tolist(), "fractional": [[0, 0, 0]], "symbols": ["Qq"]}}, "ValueError"),
        ({"pressure_GPa": "high"}, "TypeError"),
    ],
)
def test_a_candidate_that_cannot_be_used_is_named(changes: dict, said: str, tmp_path: Path, capsys):
    write_candidate(tmp_path / "c" / "one", 4.04 * FCC, **changes)
    assert main(["tc", str(tmp_path / "c")]) == InputError.exit_code
    complaint = capsys.readouterr().err
    assert "one/candidate.json" in complaint and said in complaint


def test_what_is_missing_is_named(aluminium: Path, tmp_path: Path, capsys, monkeypatch):
    assert main(["tc", str(tmp_path)]) == InputError.exit_code
    assert "gasearch export" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["tc", str(aluminium), "--q-grid", "4x4"])
    assert "write one such as 4x4x4" in capsys.readouterr().err
    monkeypatch.setenv("PATH", "")
    assert main(["tc", str(aluminium)]) == MissingProgramError.exit_code
    assert "is not on the PATH" in capsys.readouterr().err


def test_what_is_printed_of_a_spectrum_follows_its_schema(tmp_path: Path, capsys, validate):
    omega = np.linspace(0.0, 8.0, 200)
    np.savetxt(tmp_path / "a2f", np.column_stack([omega, np.sin(np.pi * omega / 8) ** 2]))
    for more in ([], ["--debye", "300"]):
        assert (
            main(["tc", "alpha2f", str(tmp_path / "a2f"), "--format", "columns", "--unit", "THz", "--json", *more]) == 0
        )
        validate(json.loads(capsys.readouterr().out), schema("tc-1.schema.json"))
