"""What is built and published: metadata agree, and a wheel works in an environment that holds nothing else."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_version_is_the_same_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == PROJECT["version"]
    assert re.search(rf"^## {re.escape(PROJECT['version'])}\b", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)


def test_the_licence_is_the_same_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    text = (ROOT / "LICENSE").read_text()
    assert PROJECT["license"] == citation["license"] == "MIT"
    assert text.startswith("MIT License") and "WITHOUT WARRANTY OF ANY KIND" in text


def test_a_citation_has_what_its_format_asks_for():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= set(citation)


def test_every_dependency_has_a_version_that_was_tested():
    pinned = {line.partition("==")[0].lower() for line in (ROOT / "constraints.txt").read_text().splitlines()}
    named = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["test"]
    names = {re.match(r"[\w-]+", one)[0].lower() for one in named} - {"gasearch"}
    assert names <= pinned


def test_every_pinned_version_is_for_each_python_that_we_promise():
    """Also its first release: Debian 12 has 3.11.2."""
    lowest = SpecifierSet(PROJECT["requires-python"])
    promised = [version for version in ("3.11.0", "3.12.0", "3.13.0") if version in lowest]
    assert promised
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        name = line.partition("==")[0]
        with contextlib.suppress(PackageNotFoundError):
            admitted = SpecifierSet(metadata(name).get("Requires-Python") or "")
            assert all(version in admitted for version in promised), f"{line} needs Python {admitted}"


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> dict[str, Path]:
    """A source distribution of a copy of the repository, and the wheel that is built from it."""
    folder = tmp_path_factory.mktemp("build")
    copy = folder / "copy"
    unwanted = shutil.ignore_patterns(".*", "__pycache__", "runs", "build", "dist", "*.egg-info", "site")
    shutil.copytree(ROOT, copy, ignore=unwanted)
    sdist = backend("build_sdist", copy, folder)
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    return {"sdist": sdist, "wheel": backend("build_wheel", folder / sdist.name.removesuffix(".tar.gz"), folder)}


def backend(function: str, tree: Path, output: Path) -> Path:
    program = f"from setuptools import build_meta; print(build_meta.{function}({str(output)!r}))"
    done = subprocess.run([sys.executable, "-c", program], cwd=tree, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return output / done.stdout.splitlines()[-1]


@pytest.mark.slow
def test_a_wheel_holds_every_file_of_the_package(built: dict[str, Path]):
    with zipfile.ZipFile(built["wheel"]) as wheel:
        names = {name for name in wheel.namelist() if name.startswith("gasearch/")}
    here = (ROOT / "gasearch").rglob("*")
    assert names == {p.relative_to(ROOT).as_posix() for p in here if p.is_file() and p.suffix != ".pyc"}
    assert "gasearch/py.typed" in names


@pytest.mark.slow
def test_a_wheel_works_where_there_is_nothing_else(built: dict[str, Path], tmp_path: Path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "env")], check=True)
    python, program = (tmp_path / "env" / "bin" / name for name in ("python", "gasearch"))
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, str(built["wheel"])], check=True, cwd=tmp_path)
    # Nothing of this checkout: what is imported is what the wheel brought.
    alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    for arguments in (["--help"], ["run", "--help"], ["tc", "alpha2f", "--help"]):
        done = subprocess.run([program, *arguments], capture_output=True, text=True, cwd=tmp_path, env=alone)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("usage: gasearch")
    where = "import gasearch; print(gasearch.__file__)"
    found = subprocess.run([python, "-c", where], capture_output=True, text=True, cwd=tmp_path, env=alone, check=True)
    assert Path(found.stdout.strip()).is_relative_to(tmp_path)
