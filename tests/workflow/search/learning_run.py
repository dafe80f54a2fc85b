"""A run that learns from what it finds, with ASE's effective medium theory in the place of DFT; a program.

    python learning_run.py FOLDER

makes a potential of aluminium in FOLDER/potential unless there is one, and runs in FOLDER/run.
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from gasearch.crystal.composition import Composition, CompositionSpace
from gasearch.crystal.crystal import Crystal
from gasearch.espresso.pw import PwSettings, ScfResult
from gasearch.evolution.feedback import FeedbackSettings
from gasearch.evolution.search import SearchSettings
from gasearch.evolution.termination import Termination
from gasearch.potential.card import CARD
from gasearch.potential.relaxation import RelaxationSettings
from gasearch.potential.settings import MaceSettings
from gasearch.pretrain.basis import BasisError
from gasearch.pretrain.card import Made
from gasearch.pretrain.labelling import Label
from gasearch.pretrain.publication import publish
from gasearch.pretrain.sampling import SamplingSettings, random_samples, search_space, volume_scans
from gasearch.pretrain.settings import PretrainSettings
from gasearch.pretrain.training import Training, TrainingSettings, train
from gasearch.pretrain.validation import above_hull
from gasearch.units import pressure_from_GPa
from gasearch.workflow.run import run
from gasearch.workflow.search.plan import Plan

PRESSURE = pressure_from_GPa(20)


@dataclass(frozen=True)
class EffectiveMedium:
    """Stands for pw.x."""

    settings: PwSettings = field(default_factory=PwSettings)
    pseudo_dir: Path = Path("effective-medium")

    def check(self, numbers: tuple[int, ...]) -> None:
        """Nothing is missing."""

    def pseudopotentials(self, numbers: tuple[int, ...]) -> dict[str, str]:
        return {}

    def scf(self, crystal: Crystal) -> ScfResult:
        from gasearch.potential.ase_calculator import AseCalculator
        from gasearch.potential.potential import Batch

        result = AseCalculator("ase.calculators.emt.EMT").compute(Batch.from_crystals([crystal]))
        return ScfResult(float(result.energy[0]), result.forces, result.stress[0], 1, 1)


def settings() -> PretrainSettings:
    training = TrainingSettings(channels=8, cutoff=4.5, correlation=2, epochs=21, stage_two=15, learning_rate=0.02)
    pressures = (pressure_from_GPa(0), pressure_from_GPa(40))
    return PretrainSettings(("Al",), pressures, max_atoms=3, committee=2, training=training)


def make_potential(folder: Path) -> None:
    ours, runner = settings(), EffectiveMedium()
    space = search_space(ours.compositions, {13: 14.0})
    sampling = SamplingSettings(volume_spread=0.15)
    samples = [*volume_scans(space, sampling), *random_samples(space, sampling, 0, 0, 30)]
    labels = [Label(sample, runner.scf(sample.crystal)) for sample in samples]
    above, models = above_hull(labels, ours.compositions, PRESSURE), []
    for member in range(ours.committee):
        models.append(train(Training(ours.training, folder.parent / f"training-{member}", member), labels, above))
    publish(ours, models, runner, BasisError(), labels, above, Made("by hand", 0.0), folder)


def plan(folder: Path) -> Plan:
    feedback = FeedbackSettings(rounds=2, labels=4, survivors=6, children=2, tuning_epochs=6, learning_rate=0.002)
    search = SearchSettings(
        block=4, lag=4, first_generation=12, termination=Termination(16), feedback=feedback, max_spread=1.0
    )
    space = CompositionSpace((Composition.from_formula("Al"),), 1, 2)
    potential = MaceSettings("mace", folder / "potential", "float64", "cpu")
    return Plan(space, PRESSURE, potential, 1, RelaxationSettings(max_force=0.05, max_steps=80), search, True, ())


def main(folder: Path) -> None:
    if not (folder / "potential" / CARD).exists():
        make_potential(folder / "potential")
    np.seterr(all="raise", under="ignore")
    run(plan(folder), folder / "run", "endpoints: [Al]\n", lambda line: print(line, flush=True), make_runner)


def make_runner(settings: PwSettings) -> EffectiveMedium:
    return EffectiveMedium(settings)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
