"""The input: strict YAML read into frozen settings, and written back with every default visible."""

from __future__ import annotations

import math
import os
import re
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import yaml

from gasearch.crystal.composition import Composition, CompositionSpace, Pair
from gasearch.errors import InputError
from gasearch.espresso.installation import PROGRAMS, missing_programs, missing_pseudopotentials
from gasearch.espresso.settings import ExportSettings, RefineSettings
from gasearch.evolution.search import SearchSettings
from gasearch.parallel.settings import ClusterSettings
from gasearch.phonon.phonons import PhononSettings
from gasearch.potential.relaxation import RelaxationSettings
from gasearch.potential.settings import MaceSettings, PotentialSettings
from gasearch.pretrain.settings import PretrainSettings
from gasearch.schema import Leaf, descriptions, left_out, plain, read, setting
from gasearch.series import MODELS, expanded, is_series
from gasearch.units import pressure_to_GPa


@dataclass(frozen=True)
class Atoms:
    """How many atoms a cell may have.

    Parameters
    ----------
    min : int
        Smallest number of atoms in a cell.
    max : int
        Largest number of atoms in a cell.
    """

    min: int = setting(1, at_least=1)
    max: int = setting(16, at_least=1, at_most=200)

    def __post_init__(self) -> None:
        if self.min > self.max:
            raise ValueError(f"min {self.min} is above max {self.max}; exchange them, or give max alone")


@dataclass(frozen=True)
class Config:
    """What to search, and how.

    Parameters
    ----------
    endpoints : tuple of Composition
        One to five elements or compounds: every mixture of them is searched, and so are they themselves.
    pressure : float
        External pressure; all enthalpies are at this pressure.
    potential : PotentialSettings
        What gives energies, forces and stress; its kind is mace, lennard-jones or ase.
    atoms : Atoms
        Number of atoms in a cell.
    windows : mapping
        Bounds of the share of the atoms that an endpoint contributes, such as {S: [0.1, 0.9]}.
    seed : int
        Key of every random choice: the same input gives the same search.
    prototypes : bool
        Whether known structure types, with the elements substituted, come first.
    seeds : tuple of Path
        Structure files, or folders of them, that come first: CIF, POSCAR, extxyz, AIRSS's res, gathered POSCARs of
        USPEX and CrySPY, databases of ASE, JSON of pymatgen or OPTIMADE.
    relaxation : RelaxationSettings
        When a structure counts as relaxed, and when it is given up.
    search : SearchSettings
        The genetic algorithm.
    refine : RefineSettings or None
        Refinement by DFT of what lies near the hull, once the search is done; {} for every default, None for none.
    phonons : PhononSettings or None
        Phonons of the refined metals with the potential; {} for every default, null for none.
    export : ExportSettings or None
        Export of refined metals for other programs; {} for every default, None for none.
    cluster : ClusterSettings or None
        Jobs of Slurm in which the refinement runs, the search itself running here; None to refine here, too.
    """

    endpoints: tuple[Composition, ...]
    pressure: float = setting(at_least=-100, at_most=10000, unit="GPa")
    potential: PotentialSettings
    atoms: Atoms = Atoms()
    windows: Mapping[Composition, tuple[float, float]] = setting(default_factory=dict, at_least=0, at_most=1)
    seed: int = setting(1, at_least=0)
    prototypes: bool = False
    seeds: tuple[Path, ...] = ()
    relaxation: RelaxationSettings = field(default_factory=RelaxationSettings)
    search: SearchSettings = field(default_factory=SearchSettings)
    refine: RefineSettings | None = None
    phonons: PhononSettings | None = None
    export: ExportSettings | None = None
    cluster: ClusterSettings | None = None

    def __post_init__(self) -> None:
        _ = self.space  # ValueError if there is none

    @cached_property
    def space(self) -> CompositionSpace:
        """The compositions that are searched."""
        windows = tuple(self.windows.get(endpoint, (0.0, 1.0)) for endpoint in self.endpoints) if self.windows else ()
        return CompositionSpace(self.endpoints, self.atoms.min, self.atoms.max, windows)


@dataclass(frozen=True)
class Series:
    """Several runs from one input.

    Parameters
    ----------
    runs : mapping
        Each run's input by its place in the directory of the series, in the order in which they are run.
    models : tuple of Path
        Folders of models that rank what has no computed Tc.
    """

    runs: Mapping[str, Config]
    models: tuple[Path, ...]


def load(path: Path) -> Config:
    """Read an input file; InputError with every problem in it, each with its path."""
    return _config(_parse(path), path.parent)


def load_begun(path: Path) -> Config:
    """Read the input of a run that has begun, whose results can be looked at without the files that it names."""
    return _config(_parse(path), path.parent, begun=True)


def renewed(path: Path) -> str:
    """Return the complete input of a run that has begun, with every setting that there is now."""
    return to_yaml(load_begun(path), path.parent)


def renewed_pretraining(path: Path) -> str:
    """Return the same of a pretraining."""
    return to_yaml(load_pretraining(path), path.parent)


def holds_series(path: Path) -> bool:
    """Whether an input file asks for several systems or pressures."""
    return is_series(_parse(path))


def holds_pretraining(path: Path) -> bool:
    """Whether an input file is one of `gasearch pretrain`: it names elements, not endpoints."""
    data = _parse(path)
    return isinstance(data, dict) and "elements" in data and "endpoints" not in data


def load_series(path: Path) -> Series:
    """Read the input of a series; InputError with every problem, and its run where not all runs have it."""
    data, runs, problems = _parse(path), {}, []
    given = expanded(data)
    for place, one in given.items():
        try:
            runs[place] = _config(one, path.parent)
        except InputError as error:
            problems += [(place, problem) for problem in error.problems]
    models = [(path.parent / model).resolve() for model in data.get(MODELS, [])]
    missing = [f"{MODELS}: there is no folder {model}" for model in models if not model.is_dir()]
    if problems or missing:
        raise InputError([*missing, *_told_once(problems, len(given))])
    return Series(runs, tuple(models))


def _told_once(problems: Sequence[tuple[str, str]], runs: int) -> list[str]:
    """Return what all runs share without their places, and once."""
    count = Counter(problem for _, problem in problems)
    told = (problem if count[problem] == runs else f"{place}: {problem}" for place, problem in problems)
    return list(dict.fromkeys(told))


def _config(data: Any, directory: Path, begun: bool = False) -> Config:
    config = read(Config, data, _leaves(directory))
    if problems := [*_contradictions(config), *(() if begun else _unmet(config))]:
        raise InputError(problems)
    return config


def load_pretraining(path: Path) -> PretrainSettings:
    """Read the input of a pretraining; errors as of `load`."""
    return read(PretrainSettings, _parse(path), _leaves(path.parent))


def load_cluster(path: Path) -> ClusterSettings:
    """Read a file with the keys of ``cluster`` in an input; errors as of `load`."""
    return read(ClusterSettings, _parse(path), _leaves(path.parent))


def to_yaml(config: Config | PretrainSettings, directory: Path, *, comments: bool = False) -> str:
    """Return the input with every default visible, as it would lie in ``directory``; `load` gives it back."""
    return "\n".join(_lines(config, _leaves(directory), "", comments)) + "\n"


def example(endpoints: Sequence[str], pressure_GPa: float, potential: Path | None, directory: Path) -> str:
    """Return a commented input for a file in ``directory``; without a potential, where to put one."""
    model = potential or Path("potentials", "-".join([*endpoints, f"{pressure_GPa:g}GPa"]).lower())
    data = {
        "endpoints": list(endpoints),
        "pressure_GPa": pressure_GPa,
        "potential": {"kind": "mace", "path": str(model.resolve())},
    }
    return to_yaml(read(Config, data, _leaves(directory)), directory, comments=True)


def warnings(config: Config, ranks: int = 1) -> Iterator[str]:
    """Yield what is allowed but seldom wise."""
    search = config.search
    busy = search.lag // search.block + 1
    if ranks > busy:
        yield f"search.lag {search.lag} keeps {busy} ranks busy, not {ranks}; {2 * ranks * search.block} would"
    children = search.termination.candidates - search.first_generation
    if 0 < children < 4 * search.lag:
        few = f"search.lag {search.lag} is long for {children} children, which know little of each other"
        yield f"{few}; {max(1, children // 4)} would do"
    card = config.potential.card if isinstance(config.potential, MaceSettings) else None
    pressure = round(pressure_to_GPa(config.pressure), 9)
    if card and not card.pressure_GPa[0] <= pressure <= card.pressure_GPa[1]:
        low, high = card.pressure_GPa
        yield f"{config.potential.path} was made for {low:g} to {high:g} GPa, not for {pressure:g}; do not trust it"
    if config.refine and config.refine.ase_calculator is None and (missing := missing_programs(PROGRAMS)):
        yield f"refine: {', '.join(missing)} not on the PATH: install Quantum ESPRESSO, or the search ends without DFT"


def _contradictions(config: Config) -> Iterator[str]:
    """Yield what no key alone can tell."""
    for endpoint, (low, high) in config.windows.items():
        where = f"windows.{endpoint.formula}"
        if endpoint not in config.endpoints:
            yield f"{where}: no endpoint; allowed are {', '.join(e.formula for e in config.endpoints)}"
        if low > high:
            yield f"{where}: found [{low:g}, {high:g}]; the lower bound comes first"
    for i, endpoint in enumerate(config.endpoints):
        if config.atoms.max // endpoint.n_atoms * endpoint.n_atoms < config.atoms.min:
            yield f"endpoints[{i}]: no cell of {endpoint.formula} has {config.atoms.min} to {config.atoms.max} atoms"
    if config.search.feedback.rounds and not isinstance(config.potential, MaceSettings):
        yield "search.feedback.rounds: only a potential of kind mace learns from a search; give 0, or such a potential"
    for stage in ("phonons", "export", "cluster"):
        if getattr(config, stage) and not config.refine:
            yield f"{stage}: needs a refinement; give refine: {{}}"


def _unmet(config: Config) -> Iterator[str]:
    """Yield what a search needs beside its input, and what is wrong with it."""
    yield from (f"potential.{problem}" for problem in config.potential.problems(config.space.elements))
    references = config.refine.references if config.refine else ()
    given = [("seeds", path) for path in config.seeds] + [("refine.references", path) for path in references]
    yield from (f"{key}: there is no file {path}" for key, path in given if not path.exists())
    models = config.search.selection.tc_models
    yield from (f"search.selection.tc_models: there is no folder {path}" for path in models if not path.is_dir())
    if config.refine:
        yield from _unmet_by_dft(config, config.refine)


def _unmet_by_dft(config: Config, refine: RefineSettings) -> Iterator[str]:
    """Yield what a refinement needs beside the input, other than Quantum ESPRESSO, which may come later."""
    if refine.ase_calculator is not None:
        module = refine.ase_calculator.rpartition(".")[0]
        if not _is_importable(module):
            yield f"refine.ase_calculator: there is no module {module or refine.ase_calculator}"
        if config.export is not None and not config.export.all:
            yield "export: an ASE calculator does not tell metals; export all phases (all: true)"
        return
    if refine.launch and config.cluster is None and missing_programs(refine.launch[:1]):
        yield f"refine.launcher: {refine.launch[0]} is not on the PATH"
    folder = refine.pseudo_dir
    if folder is not None and (missing := missing_pseudopotentials(folder, config.space.elements)):
        yield f"refine.pseudo_dir: {', '.join(missing)} not in {folder}"


def _is_importable(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _leaves(directory: Path) -> dict[type, Leaf]:
    """Return how text becomes values in an input that lies in ``directory``."""
    root = directory.resolve()
    return {
        Composition: Leaf("a chemical formula such as H or H3S", _reduced, lambda c: c.formula),
        Path: Leaf("a path", lambda text: (root / text).resolve(), lambda path: os.path.relpath(path, root)),
        Pair: Leaf("a pair such as Ni-P", Pair.from_text, str),
    }


def _reduced(formula: str) -> Composition:
    return Composition.from_formula(formula).reduced


def _lines(value: Any, leaves: Mapping[type, Leaf], indent: str, comments: bool) -> Iterator[str]:
    """Yield a dataclass as YAML; nested ones as blocks, all else on one line."""
    for entry, (key, data) in zip(fields(value), plain(value, leaves).items(), strict=True):
        text = descriptions(type(value)).get(entry.name, "").replace("None", "null")
        if comments and text:
            yield from textwrap.wrap(text, 110, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")
        child = getattr(value, entry.name)
        if is_dataclass(child) and type(child) not in leaves:
            yield f"{indent}{key}:"
            yield from _lines(child, leaves, indent + "  ", comments)
        elif isinstance(data, dict) and any(isinstance(nested, dict) for nested in data.values()):
            yield f"{indent}{key}:"
            yield from (f"{indent}  {_dumped({name: nested})}" for name, nested in data.items())
        else:
            yield f"{indent}{_dumped({key: data})}"
            if comments and (absent := left_out(value, entry)) is not None:
                yield f"{indent}# {key}:"
                yield from (f"{indent}# {line}" for line in _lines(absent, leaves, "  ", comments))


def _dumped(data: dict[str, Any]) -> str:
    """Return one key on one line, its value in flow style."""
    text = yaml.dump(data, Dumper=_Dumper, default_flow_style=True, width=math.inf, sort_keys=False, allow_unicode=True)
    return text.strip()[1:-1]


class _Loader(yaml.SafeLoader):
    """YAML 1.2 scalars: ``1e-3`` is a number, and No, which is nobelium, is text."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[Any]]] = {}

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Build a mapping, refusing a key that is given twice."""
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if repeated := sorted({str(key) for key in keys if keys.count(key) > 1}):
            raise InputError(
                f"{', '.join(repeated)}: given more than once in the block at line {node.start_mark.line + 1}"
            )
        return super().construct_mapping(node, deep)


class _Dumper(yaml.SafeDumper):
    """Puts into quotes what YAML 1.1 or 1.2 would not take for text."""


_SCALARS = {
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"[-+]?[0-9]+", "-+0123456789"),
    "float": (
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
}
for _name, (_pattern, _first) in _SCALARS.items():
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(f"^(?:{_pattern})$"), list(_first))


def _parse(path: Path) -> Any:
    """Return the plain data in a YAML file."""
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text; give a YAML file") from error
    except yaml.YAMLError as error:
        raise InputError(f"{path}: is not YAML: {error}") from error
    if data is None:
        raise InputError(f"{path}: is empty; `gasearch init H S --pressure 200` writes an input to start from")
    return data
