import json
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from gasearch.crystal.crystal import Crystal
from gasearch.espresso.pw import PwSettings, ScfResult
from gasearch.espresso.record import ScfFailure, ScfProblem
from gasearch.pretrain.labelling import count_failures, key, label_all, read_labels
from gasearch.pretrain.sampling import Kind, Sample


@dataclass
class FakeRunner:
    """Gives a known result, and counts how often it is asked."""

    fails_above: float = np.inf
    settings: PwSettings = field(default_factory=PwSettings)
    asked: list[float] = field(default_factory=list)

    def scf(self, crystal: Crystal) -> ScfResult | ScfFailure:
        self.asked.append(crystal.volume)
        if crystal.volume > self.fails_above:
            return ScfFailure(ScfProblem.NOT_CONVERGED, "no")
        return ScfResult(-crystal.volume, np.full((1, 3), 0.5), np.eye(3), 3, 9)


@pytest.fixture
def samples() -> list[Sample]:
    return [Sample(Crystal(np.eye(3) * a, [[0, 0, 0]], [1]), f"random-{a}", Kind.RANDOM) for a in (1.0, 1.5, 2.0)]


def label(samples, runner, folder):
    with ThreadPoolExecutor(2) as executor:
        label_all(samples, runner, folder, executor)


def test_labels_come_back_as_they_were(samples, tmp_path):
    label(samples, FakeRunner(), tmp_path)
    found = {found.sample.origin: found for found in read_labels(tmp_path)}
    assert set(found) == {s.origin for s in samples}
    for sample in samples:
        again = found[sample.origin]
        assert np.array_equal(again.sample.crystal.cell, sample.crystal.cell) and again.sample.kind is sample.kind
        assert again.result.energy == -sample.crystal.volume
        assert np.array_equal(again.result.forces, np.full((1, 3), 0.5))


def test_nothing_is_labelled_twice(samples, tmp_path):
    runner = FakeRunner()
    label(samples[:2], runner, tmp_path)
    label(samples, runner, tmp_path)
    assert sorted(runner.asked) == sorted(s.crystal.volume for s in samples)


def test_what_is_there_already_is_counted_but_gives_no_hope_for_the_rest(samples, tmp_path):
    lines = []
    with ThreadPoolExecutor(1) as executor:
        label_all(samples[:2], FakeRunner(), tmp_path, executor)
        label_all(samples, FakeRunner(), tmp_path, executor, lines.append)
        label_all(samples, FakeRunner(), tmp_path, executor, lines.append)
    assert lines == ["labels: 3/3, 0 failed in all, 0 min left"]


def test_a_failed_scf_is_recorded_left_out_and_not_tried_again(samples, tmp_path):
    runner = FakeRunner(fails_above=5.0)
    label(samples, runner, tmp_path)
    label(samples, runner, tmp_path)
    assert len(runner.asked) == 3
    assert len(list(read_labels(tmp_path))) == 2 and count_failures(tmp_path) == 1
    assert any("NOT_CONVERGED" in p.read_text() for p in tmp_path.glob("*.json"))


def test_other_settings_are_another_label(samples):
    settings = PwSettings()
    assert key(samples[0].crystal, settings) != key(samples[0].crystal, replace(settings, k_spacing=0.3))
    assert key(samples[0].crystal, settings) == key(samples[0].crystal, PwSettings())


def test_a_half_written_label_does_not_count(samples, tmp_path):
    runner = FakeRunner()
    (tmp_path / f".{key(samples[0].crystal, runner.settings)}.json.part").write_text('{"energy": ')
    label(samples, runner, tmp_path)
    assert len(list(read_labels(tmp_path))) == 3


_SCRIPT = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import numpy as np
from gasearch.crystal.crystal import Crystal
from gasearch.espresso.pw import PwSettings
from gasearch.espresso.installation import default_pseudo_dir
from gasearch.espresso.runner import PwRunner
from gasearch.pretrain.labelling import label_all
from gasearch.pretrain.sampling import Kind, Sample
samples = [Sample(Crystal(np.eye(3) * a, [[0, 0, 0]], [1]), "random-0", Kind.RANDOM) for a in (1.4, 1.5, 1.6, 1.7)]
runner = PwRunner(PwSettings(ecutwfc=30.0, k_spacing=1.0), default_pseudo_dir())
with ThreadPoolExecutor(1) as executor:
    label_all(samples, runner, Path(sys.argv[1]), executor)
"""


@pytest.mark.skipif(shutil.which("pw.x") is None, reason="pw.x is not installed")
def test_killed_labelling_goes_on_and_redoes_nothing(tmp_path):
    command = [sys.executable, "-c", _SCRIPT, str(tmp_path)]
    process = subprocess.Popen(command)
    while not list(tmp_path.glob("*.json")):
        time.sleep(0.05)
        assert process.poll() is None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    finished = {p: p.stat().st_mtime_ns for p in tmp_path.glob("*.json")}
    subprocess.run(command, check=True)
    assert len(list(tmp_path.glob("*.json"))) == 4
    assert all(p.stat().st_mtime_ns == t for p, t in finished.items())
    assert all("energy" in json.loads(p.read_text()) for p in tmp_path.glob("*.json"))


@dataclass
class Interrupted(FakeRunner):
    """Is killed at its first cell."""

    def scf(self, crystal: Crystal) -> ScfResult | ScfFailure:
        result = super().scf(crystal)
        return ScfFailure(ScfProblem.INTERRUPTED, "") if len(self.asked) == 1 else result


def test_a_killed_label_is_left_to_another_time(samples, tmp_path):
    runner, said = Interrupted(), []
    label_all(samples[:1], runner, tmp_path, ThreadPoolExecutor(1), said.append)
    assert said == ["labels: 1/1, 0 failed in all, 1 left to another time, 0 min left"]
    assert list(read_labels(tmp_path)) == [] and count_failures(tmp_path) == 0
    label(samples[:1], runner, tmp_path)
    assert len(list(read_labels(tmp_path))) == 1
