import json
from pathlib import Path

import pytest

from gasearch.cli import main
from gasearch.errors import InputError


def test_too_few_spectra_are_refused(tmp_path: Path):
    arguments = ["figure", "superconductor-learning", "--spectra", "50", "-o", str(tmp_path)]
    assert main(arguments) == InputError.exit_code


@pytest.mark.slow
def test_the_figure_from_nothing_and_again_from_its_labels(tmp_path: Path):
    arguments = ["figure", "superconductor-learning", "--spectra", "200", "--epochs", "3", "-o", str(tmp_path)]
    assert main(arguments) == 0
    report = (tmp_path / "superconductor-learning.json").read_text()
    errors = json.loads(report)["errors"]
    assert errors["sisso_2026"]["all"]["rms"] < errors["allen_dynes"]["all"]["rms"]
    assert [point["constants"] for point in json.loads(report)["front"]] == [5, 6, 7, 8, 9]
    labels = {path: path.stat().st_mtime_ns for path in tmp_path.glob("labels-*.npz")}
    assert len(labels) == 3
    assert main(arguments) == 0
    assert (tmp_path / "superconductor-learning.json").read_text() == report
    assert all(path.stat().st_mtime_ns == time for path, time in labels.items())
    assert (tmp_path / "superconductor-learning.png").stat().st_size > 10_000
