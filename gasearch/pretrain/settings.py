"""What a potential is made for, and how much is spent on it: the input of ``gasearch pretrain``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from gasearch.crystal.composition import SYMBOLS, Composition, CompositionSpace
from gasearch.espresso.pw import PwSettings
from gasearch.pretrain.active_learning import ActiveSettings
from gasearch.pretrain.sampling import TENTHS, SamplingSettings
from gasearch.pretrain.training import TrainingSettings
from gasearch.schema import setting


@dataclass(frozen=True)
class PretrainSettings:
    """What to make a potential for, and how much to spend on it.

    Parameters
    ----------
    elements : tuple of str
        Chemical symbols.
    pressure : tuple of float
        Lowest and highest pressure.
    max_atoms : int
        Largest number of atoms in a cell that is labelled.
    random_cells : int
        Random crystals of the first round.
    rounds : int
        Rounds of active learning; each relaxes random crystals with the potential so far, labels what is worth it
        and trains again.
    committee : int
        Models that are trained, on the same labels with other seeds and other validation cells. The first one is the
        potential; where the others disagree with it, a cell is worth a label, and a search does not trust it.
    seed : int
        Key of every random choice; give another one to a potential that goes on from a start.
    start : Path or None
        Folder of a potential to go on from: the labels it was trained on count as labels of this one, and must have
        been made as dft says.
    start_models : bool
        Whether the models of the start are trained further. Otherwise new ones begin with random weights.
    sampling : SamplingSettings
        Scans, random cells and rattled copies.
    active : ActiveSettings
        What a round of active learning relaxes and labels.
    dft : PwSettings
        How pw.x labels a cell.
    training : TrainingSettings
        The model, and how it is trained.
    """

    elements: tuple[str, ...]
    pressure: tuple[float, float] = setting(at_least=0, at_most=10000, unit="GPa")
    max_atoms: int = setting(8, at_least=1, at_most=50)
    random_cells: int = setting(200, at_least=0)
    rounds: int = setting(2, at_least=0)
    committee: int = setting(3, at_least=1, at_most=TENTHS - 1)
    seed: int = setting(0, at_least=0)
    start: Path | None = None
    start_models: bool = True
    sampling: SamplingSettings = field(default_factory=SamplingSettings)
    active: ActiveSettings = field(default_factory=ActiveSettings)
    dft: PwSettings = field(default_factory=PwSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)

    def __post_init__(self) -> None:
        if unknown := [symbol for symbol in self.elements if symbol not in SYMBOLS[1:]]:
            raise ValueError(f"elements: {', '.join(unknown)} unknown; give symbols such as [H, S]")
        low, high = self.pressure
        if low >= high:
            raise ValueError("pressure_GPa: the lowest comes first, and they differ; such as [100, 300]")
        _ = self.compositions  # ValueError if there are none
        if not self.has_first_cells and (self.start is None or (self.start_models and not self.rounds)):
            raise ValueError(
                "random_cells: 0, no scan and no prototypes leave nothing to label; give one, or start and rounds"
            )

    @property
    def compositions(self) -> CompositionSpace:
        """Every composition of the elements."""
        endpoints = tuple(Composition.from_formula(symbol) for symbol in self.elements)
        return CompositionSpace(endpoints, 1, self.max_atoms)

    @property
    def has_first_cells(self) -> bool:
        """Whether cells are labelled before a potential has relaxed some."""
        return bool(self.random_cells or self.sampling.scan or self.sampling.prototypes)

    @property
    def pressures(self) -> tuple[float, float, float]:
        """Lowest, middle and highest pressure, eV/Å³."""
        low, high = self.pressure
        return low, (low + high) / 2, high
