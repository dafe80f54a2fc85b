import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gasearch.crystal.crystal import Crystal
from gasearch.errors import MissingProgramError
from gasearch.espresso.installation import default_pseudo_dir, installed_version
from gasearch.espresso.pw import PwSettings
from gasearch.espresso.record import Record, ScfFailure, ScfProblem, Step, failure
from gasearch.espresso.runner import PwRunner, safer
from gasearch.parallel.process import TimeLimitError

needs_pw = pytest.mark.skipif(shutil.which("pw.x") is None, reason="pw.x is not installed")
needs_mpirun = pytest.mark.skipif(shutil.which("mpirun") is None, reason="mpirun is not installed")
ROUGH = PwSettings(ecutwfc=20.0, k_spacing=1.5, conv_thr=1e-9)


@pytest.fixture
def runner(tmp_path) -> PwRunner:
    return PwRunner(ROUGH, default_pseudo_dir(), timeout=120.0, scratch=tmp_path)


def test_missing_pseudopotential_is_named(runner, tmp_path, hs):
    if shutil.which("pw.x") is None:
        pytest.skip("pw.x is not installed")
    with pytest.raises(MissingProgramError, match=r"H\.UPF, S\.UPF"):
        replace(runner, pseudo_dir=tmp_path).scf(hs)


def test_missing_pw_is_named(runner, hs, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingProgramError, match=r"pw\.x"):
        runner.scf(hs)


@needs_pw
def test_symmetric_atom_feels_no_force_and_leaves_no_files(runner, tmp_path):
    result = runner.scf(Crystal(np.eye(3) * 1.5, [[0, 0, 0]], [1]))
    assert np.abs(result.forces).max() < 1e-6
    assert np.allclose(result.stress, np.eye(3) * result.stress[0, 0], atol=1e-6)
    assert list(tmp_path.iterdir()) == []


@needs_pw
def test_force_is_minus_the_derivative_of_the_energy(runner, hs):
    step = 0.01
    shift = np.zeros((2, 3))
    shift[1] = np.linalg.solve(hs.cell.T, [0, 0, step])
    energies = [runner.scf(Crystal(hs.cell, hs.frac + sign * shift, hs.numbers)).energy for sign in (-1, 1)]
    force = runner.scf(hs).forces[1, 2]
    assert force == pytest.approx(-(energies[1] - energies[0]) / (2 * step), abs=5e-3)


@needs_pw
def test_stress_is_the_derivative_of_the_energy_by_strain(runner, hs):
    # At a fixed cutoff the number of plane waves jumps with the volume; a shear keeps most of them.
    shear = np.zeros((3, 3))
    shear[0, 1] = shear[1, 0] = 0.005
    cells = [hs.cell @ (np.eye(3) + sign * shear) for sign in (-1, 1)]
    sharp = replace(runner, settings=replace(ROUGH, ecutwfc=45.0))
    energies = [sharp.scf(Crystal(cell, hs.frac, hs.numbers)).energy for cell in cells]
    slope = (energies[1] - energies[0]) / (4 * 0.005) / hs.volume
    assert sharp.scf(hs).stress[0, 1] == pytest.approx(slope, abs=0.01)


@needs_pw
def test_scf_that_does_not_converge_is_tried_again_and_then_a_value(runner, hs):
    hopeless = replace(runner, settings=replace(ROUGH, max_iterations=1))
    found = hopeless.scf(hs)
    assert isinstance(found, ScfFailure) and found.problem is ScfProblem.NOT_CONVERGED
    impatient = replace(runner, settings=replace(ROUGH, max_iterations=5))
    assert not isinstance(impatient.scf(hs), ScfFailure)


def test_safer_settings_change_the_way_but_not_the_answer():
    found = safer(ROUGH)
    assert found.mixing_beta < ROUGH.mixing_beta and found.max_iterations > ROUGH.max_iterations
    same = replace(found, mixing_beta=ROUGH.mixing_beta, max_iterations=ROUGH.max_iterations)
    assert same == ROUGH


@needs_pw
def test_atoms_on_top_of_each_other_are_a_value(runner):
    found = runner.scf(Crystal(np.eye(3) * 2.0, [[0, 0, 0], [0, 0, 1e-6]], [1, 1]))
    assert isinstance(found, ScfFailure) and found.problem is ScfProblem.CRASHED and "overlap" in found.detail


@needs_pw
def test_timeout_is_a_value(runner, hs, tmp_path):
    found = replace(runner, settings=PwSettings(ecutwfc=90.0, k_spacing=0.2), timeout=1.0).scf(hs)
    assert found == ScfFailure(ScfProblem.TIMEOUT, "1 s")
    assert list(tmp_path.iterdir()) == []


_UNDER_MPIRUN = """
from pathlib import Path
import numpy as np
from mpi4py import MPI
from gasearch.crystal.crystal import Crystal
from gasearch.espresso.pw import PwSettings
from gasearch.espresso.installation import default_pseudo_dir
from gasearch.espresso.runner import PwRunner
runner = PwRunner(PwSettings(ecutwfc=20.0, k_spacing=2.0), default_pseudo_dir(), timeout=60.0)
energy = runner.scf(Crystal(np.eye(3) * 1.5, [[0, 0, 0]], [1])).energy
Path(f"energy-{MPI.COMM_WORLD.rank}").write_text(str(energy))
"""


@needs_pw
@needs_mpirun
def test_pw_runs_on_every_rank_of_an_mpi_job(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(_UNDER_MPIRUN)
    command = ["mpirun", "--allow-run-as-root", "--oversubscribe", "-n", "2", sys.executable, str(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=Path(tmp_path), check=False)
    # Both ranks print into one pipe, and what they print may be interleaved; their files are not.
    energies = [float(file.read_text()) for file in tmp_path.glob("energy-*")]
    assert len(energies) == 2, done.stderr
    assert max(energies) < 0


BOX = 40 * "%"
STEPS = [Step("pw.x", "a"), Step("dos.x", "b")]


@pytest.fixture
def fake_programs(monkeypatch):
    """Programs that print what they are told, and the list of those that ran."""
    ran = []

    def run(step, directory, timeout, launcher=()):
        ran.append((step.program, timeout))
        if timeout < 5:
            raise TimeLimitError("half")
        (directory / "dos").write_text("1 2")
        return f"{step.program} says {step.text}. " + ("" if step.text == "bad" else "JOB DONE.")

    monkeypatch.setattr("gasearch.espresso.runner.run_program", run)
    monkeypatch.setattr("gasearch.espresso.runner.find_program", lambda name: name)
    return ran


@pytest.fixture
def hydrogen() -> Crystal:
    return Crystal(np.eye(3), [[0, 0, 0]], [1])


def test_what_was_asked_once_is_read_and_not_run_again(runner, tmp_path, fake_programs, hydrogen):
    keeping = replace(runner, kept=tmp_path / "kept")
    first = keeping.run(STEPS, hydrogen, ["d*"])
    again = keeping.run(STEPS, hydrogen, ["d*"])
    assert len(fake_programs) == 2
    assert again.printed == first.printed == ("pw.x says a. JOB DONE.", "dos.x says b. JOB DONE.")
    assert again.files == first.files == {"dos": "1 2"}
    keeping.run([STEPS[0]], hydrogen)
    assert len(fake_programs) == 3


@pytest.mark.parametrize(("installed", "times"), [("6.7MaX", 1), (None, 1), ("7.2", 2)])
def test_what_another_version_made_is_made_again(
    installed, times, runner, tmp_path, fake_programs, hydrogen, monkeypatch
):
    """One hull holds what one version of pw.x says; a version that is not known counts as the same."""
    monkeypatch.setattr("gasearch.espresso.runner.installed_version", lambda: installed)
    keeping = replace(runner, kept=tmp_path / "kept")
    for _ in range(2):
        keeping.run([Step("pw.x", "Program PWSCF v.6.7MaX starts on today")], hydrogen)
    assert len(fake_programs) == times


@needs_pw
def test_pw_names_its_version():
    assert re.match(r"\d+\.\d+", installed_version())


def test_programs_after_one_that_failed_are_not_run(runner, fake_programs, hydrogen):
    assert len(runner.run([Step("pw.x", "bad"), *STEPS], hydrogen).printed) == 1


def test_a_killed_program_is_run_again_only_with_more_time_or_another_launcher(
    runner, tmp_path, fake_programs, hydrogen, monkeypatch
):
    short = replace(runner, kept=tmp_path / "kept", timeout=1.0)
    record = short.run(STEPS, hydrogen)
    assert record.printed == ("half",) and failure(record) == ScfFailure(ScfProblem.TIMEOUT, "1 s")
    assert short.run(STEPS, hydrogen).limit == 1.0 and len(fake_programs) == 1
    monkeypatch.setattr("gasearch.espresso.runner.PwRunner.check", lambda *_: None)
    assert replace(short, launcher=("mpirun", "-n", "4")).run(STEPS, hydrogen).limit == 1.0
    assert len(fake_programs) == 2
    fake_programs.clear()
    assert replace(short, timeout=9.0).run(STEPS, hydrogen).limit is None
    assert len(fake_programs) == 2


def test_of_two_ranks_that_keep_the_same_calculation_the_quicker_one_counts(
    runner, tmp_path, fake_programs, hydrogen, monkeypatch
):
    keeping = replace(runner, kept=tmp_path / "kept", timeout=9.0)
    rename = Path.rename

    def overtaken(part: Path, place: Path) -> Path:
        if part.name.startswith(".part-") and not part.name.endswith("-old"):
            (place / "files").mkdir(parents=True)
            (place / "0-pw.x.out").write_text("of the other")
        return rename(part, place)

    monkeypatch.setattr(Path, "rename", overtaken)
    keeping.run(STEPS, hydrogen)
    assert keeping.run(STEPS, hydrogen).printed == ("of the other",)
    assert len(list((tmp_path / "kept").iterdir())) == 1


@pytest.mark.parametrize(
    ("text", "times"),
    [
        ("killed", 2),
        ("convergence NOT achieved", 1),
        (f"{BOX}\n Error in routine cdiaghg (1): no \n {BOX}", 1),
        (f"{BOX}\n Error in routine davcio (99): error while writing to file \n {BOX}", 2),
    ],
)
def test_only_what_came_to_its_own_end_is_kept(text, times, runner, tmp_path, monkeypatch, hydrogen):
    ran = []
    monkeypatch.setattr("gasearch.espresso.runner.run_program", lambda *_: ran.append(text) or text)
    monkeypatch.setattr("gasearch.espresso.runner.find_program", lambda name: name)
    keeping = replace(runner, kept=tmp_path / "kept")
    for _ in range(2):
        assert keeping.run(STEPS, hydrogen).printed == (text,)
    assert len(ran) == times


def test_another_pseudopotential_is_another_calculation(runner, tmp_path, fake_programs, hydrogen):
    for content in ("one", "two"):
        (tmp_path / "H.UPF").write_text(content)
        replace(runner, pseudo_dir=tmp_path, kept=tmp_path / "kept").run(STEPS, hydrogen)
    assert len(fake_programs) == 4


@needs_pw
def test_a_launcher_that_is_not_there_is_named(runner, hs):
    with pytest.raises(MissingProgramError, match="the launcher norun is not on the PATH"):
        replace(runner, launcher=("norun", "-n", "2")).scf(hs)


@needs_pw
@needs_mpirun
def test_pw_runs_on_several_ranks(runner, hydrogen):
    launcher = ("mpirun", "--allow-run-as-root", "--oversubscribe", "-n", "2")
    alone = runner.scf(hydrogen.scaled_to(3.0))
    assert replace(runner, launcher=launcher).scf(hydrogen.scaled_to(3.0)).energy == pytest.approx(alone.energy)


def test_nothing_follows_an_scf_that_did_not_converge(runner, monkeypatch, hydrogen):
    monkeypatch.setattr("gasearch.espresso.runner.run_program", lambda *_: "convergence NOT achieved ... JOB DONE.")
    monkeypatch.setattr("gasearch.espresso.runner.find_program", lambda name: name)
    record = runner.run(STEPS, hydrogen)
    assert len(record.printed) == 1 and failure(record).problem is ScfProblem.NOT_CONVERGED


@pytest.mark.parametrize(
    ("text", "lasting"), [("", False), (f"{BOX}\n Error in routine cdiaghg (1): not positive \n {BOX}", True)]
)
def test_a_program_that_was_interrupted_may_be_run_again(text, lasting):
    assert failure(Record((text,))).problem.lasting is lasting
