"""The documentation builds, with no broken link, with what it takes from the code, and its examples run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
EXAMPLE = re.compile(r"<!-- tested -->\n```(bash|python)\n(.*?)```", re.DOTALL)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    # Not --quiet: what is not logged does not count as a warning, and --strict would let everything pass.
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return folder


def test_the_documentation_takes_from_the_code(site: Path):
    assert "max_force_eV_per_A" in (site / "input.html").read_text()
    assert "gasearch run" in (site / "index.html").read_text()
    commands = (site / "command-line.html").read_text()
    assert "--write FILE" in commands and "A run directory is damaged" in commands


def test_every_picture_link_and_anchor_of_the_documentation_leads_somewhere(site: Path):
    for page in site.glob("*.html"):
        text = page.read_text()
        for target in re.findall(r'(?:href|src)="([^"]*)"', text):
            if re.match(r"https?:|mailto:|data:|/", target):
                continue
            name, _, anchor = target.partition("#")
            there = site / name if name else page
            assert there.exists(), f"{page.name}: {target}"
            if anchor and there.suffix == ".html":
                assert f'id="{anchor}"' in there.read_text(), f"{page.name}: {target}"


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_relative_links_of_the_repository_lead_somewhere(name: str):
    for target in re.findall(r"\]\(([^)]+)\)", (ROOT / name).read_text()):
        if not re.match(r"https?:|#", target):
            assert (ROOT / target).exists(), target


def test_every_page_is_in_the_navigation():
    text = (ROOT / "mkdocs.yml").read_text()
    assert {path.name for path in DOCS.glob("*.md")} <= set(re.findall(r"[\w-]+\.md", text))


@pytest.mark.parametrize("page", sorted(p.name for p in DOCS.glob("*.md") if EXAMPLE.search(p.read_text())))
def test_the_examples_of_a_page_run_one_after_the_other(page: str, tmp_path: Path):
    (tmp_path / "inputs").symlink_to(ROOT / "inputs")
    examples = EXAMPLE.findall((DOCS / page).read_text())
    steps = [code for language, code in examples if language == "python"]
    if any(language == "bash" for language, _ in examples):
        # In a page with commands each Python block stands alone; elsewhere they go on from each other.
        run(page, examples, tmp_path)
    else:
        run(page, [("python", "\n".join(steps))], tmp_path)


def run(page: str, examples: list[tuple[str, str]], folder: Path) -> None:
    environment = os.environ | {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}
    programs = {"bash": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-W", "error", "-c"]}
    for language, code in examples:
        command = [*programs[language], code]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{page}: {code}\n{done.stderr}"
