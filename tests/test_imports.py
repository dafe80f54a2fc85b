"""The architecture: who may import whom, and what is imported only when it is needed."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "gasearch"
#: From the top down; a room imports from rows below its own only.
ROWS = (
    {"__main__"},
    {"cli"},
    {"workflow"},
    {"report"},
    {"config"},
    {"evolution", "pretrain", "screening", "learning"},
    {"variation", "espresso", "phonon", "superconductivity"},
    {"thermodynamics", "potential", "parallel"},
    {"outcomes"},
    {"crystal"},
    {"folder"},
    {"schema", "files", "series"},
    {"errors", "quiet", "units"},
)
#: The same inside the workflow.
STAGES = (
    {"view"},
    {"series"},
    {"run.py"},
    {"beyond", "coupling", "learning"},
    {"dft"},
    {"search"},
    {"record"},
)
#: Who alone may import what is heavy or dangerous: files, or whole rooms.
IMPORTERS = {
    "mpi4py": ("parallel/mpi.py",),
    "mace": ("potential/mace.py", "pretrain/"),
    "e3nn": ("potential/mace.py",),
    "torch": ("potential/mace.py", "pretrain/", "learning/autoencoder.py"),
    "subprocess": ("parallel/process.py", "parallel/cluster.py"),
    "submitit": ("parallel/cluster.py",),
    "yaml": ("config.py",),
    "warnings": ("quiet.py",),
    "pickle": ("parallel/",),
    "pyxtal": ("crystal/",),
    "spglib": ("crystal/spglib.py",),
    "phonopy": ("phonon/phonons.py",),
    "matplotlib": ("report/figures.py",),
    "plotly": ("report/page.py",),
    "rich": ("cli/watch.py",),
    "skimage": ("screening/fermi_surface.py",),
    "shtab": ("cli/completion.py",),
}
LAZY = (
    *("torch", "mace", "ase", "pymatgen", "pyxtal", "spglib", "phonopy"),
    *("mpi4py", "matplotlib", "plotly", "rich", "skimage", "sklearn", "scipy", "shtab", "submitit"),
)
FILES = sorted(PACKAGE.rglob("*.py"))


def room_of(parts: tuple[str, ...]) -> str:
    return parts[0].removesuffix(".py")


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported_at_once(tree: ast.Module) -> Iterator[str]:
    """What is imported when the module is: neither inside functions nor for type checkers alone."""
    for node in tree.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from imported(node)


@pytest.fixture(params=FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def source(request) -> tuple[str, ast.Module]:
    path: Path = request.param
    return path.relative_to(PACKAGE).as_posix(), ast.parse(path.read_text())


def test_every_room_has_its_row():
    rooms = {room_of(path.relative_to(PACKAGE).parts) for path in FILES} - {"__init__"}
    assert rooms <= set().union(*ROWS)


def test_a_room_imports_from_rows_below_its_own(source):
    name, tree = source
    room = room_of(Path(name).parts)
    if room == "__init__":
        return
    row = next(i for i, rooms in enumerate(ROWS) if room in rooms)
    allowed = {room}.union(*ROWS[row + 1 :])
    ours = {module.split(".")[1] for module in imported(tree) if module.startswith("gasearch.")}
    assert ours <= allowed


def stage_of(parts: tuple[str, ...]) -> str:
    """Part of the workflow: a folder, or the run, which is a file of its own."""
    return "run.py" if parts[1] == "run" else parts[1]


def test_a_stage_imports_from_stages_below_its_own(source):
    name, tree = source
    parts = tuple(name.removesuffix(".py").split("/"))
    if parts[0] != "workflow" or parts[1] == "__init__":
        return
    row = next(i for i, stages in enumerate(STAGES) if stage_of(parts) in stages)
    allowed = {stage_of(parts)}.union(*STAGES[row + 1 :])
    ours = (module.split(".")[1:] for module in imported(tree) if module.startswith("gasearch.workflow."))
    assert {stage_of(module) for module in ours} <= allowed


def test_no_room_imports_the_config(source):
    name, tree = source
    if room_of(Path(name).parts) not in ("cli", "config"):
        assert not any(module.startswith("gasearch.config") for module in imported(tree))


def test_a_heavy_dependency_has_one_importer(source):
    name, tree = source
    for module in imported(tree):
        importers = IMPORTERS.get(module.split(".")[0])
        assert importers is None or name.startswith(importers), f"{name} imports {module}"


def test_what_is_slow_to_import_is_imported_when_needed(source):
    _, tree = source
    assert {module.split(".")[0] for module in imported_at_once(tree)}.isdisjoint(LAZY)


@pytest.mark.parametrize(
    "arguments", [["--help"], ["check", "inputs/kob-andersen.yaml"], ["potential", "show", "/none"]]
)
def test_a_command_that_computes_nothing_imports_nothing_heavy(arguments: list[str]):
    program = f"""
import sys
from gasearch.cli import main
try:
    main({arguments!r})
except SystemExit:
    pass
print(*sorted(set({LAZY!r}) & set(sys.modules)), file=sys.stderr)
"""
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=PACKAGE.parent
    )
    assert set(result.stderr.splitlines()[-1].split()) == set()
