"""A pretraining in its folders: one input, where it works, and where its potential will be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from gasearch.errors import RunDirectoryError
from gasearch.espresso.runner import PwRunner
from gasearch.files import replace_text, writing_to
from gasearch.folder import check_input, keep_input, locked
from gasearch.parallel.executor import QueueExecutor, run_on_all_ranks
from gasearch.potential.card import CARD
from gasearch.pretrain.build import LABELS, VOLUMES, Builder
from gasearch.pretrain.predecessor import Predecessor, started_from
from gasearch.pretrain.settings import PretrainSettings

#: The resolved input, kept beside the labels and beside the model.
INPUT = "pretrain.yaml"
#: The sums of the potential that it goes on from, kept beside the labels.
START = "start.txt"
#: The sums of the pseudopotentials, kept beside the labels.
PSEUDOPOTENTIALS = "pseudopotentials.txt"
#: What may be another in the input of a pretraining that goes on: what is done stays, and what follows is done so.
MAY_CHANGE = (
    *("rounds", "start", "random_cells", "relaxations", "labels", "window_eV", "broken_share", "underway_share"),
    *("underway_steps", "stop_early", "epochs", "stage_two", "further_epochs", "batch_size", "learning_rate"),
    *("last_learning_rate", "weights", "stage_two_weights", "weight_scale_eV", "ceiling_eV", "validation_ceiling_eV"),
)


def pretrain(
    settings: PretrainSettings,
    runner: PwRunner,
    work: Path,
    output: Path,
    as_text: Callable[[Path], str],
    say: Callable[[str], None],
    workers: int = 1,
    renewed: Callable[[Path], str] = Path.read_text,
) -> None:
    """Label, train, explore, label and train again; write model, training set and card.

    Parameters
    ----------
    settings : PretrainSettings
    runner : PwRunner
        Labels, as the settings say.
    work : Path
        Folder of labels and models; what is in it already is not done again.
    output : Path
        Folder of the finished potential.
    as_text : callable
        Returns the complete input as text, as it would lie in a folder; it is kept with both.
    say : callable
        Gets the lines of progress.
    workers : int
        SCFs at the same time, where there is no MPI.
    renewed : callable
        Completes the input of a folder that is there, as of `gasearch.folder.keep_input`.

    Raises
    ------
    GasearchError
        For whatever a user can put right; what was labelled is kept.
    """
    runner.check(settings.compositions.elements)
    _keep_others(output, as_text, renewed)
    before = started_from(settings, runner, output)
    run_on_all_ranks(partial(_drive, settings, runner, before, work, output, as_text, say, renewed), threads=workers)


def _drive(
    settings: PretrainSettings,
    runner: PwRunner,
    before: Predecessor | None,
    work: Path,
    output: Path,
    as_text: Callable[[Path], str],
    say: Callable[[str], None],
    renewed: Callable[[Path], str],
    executor: QueueExecutor,
) -> None:
    with writing_to(work):
        work.mkdir(parents=True, exist_ok=True)
    with locked(work / "lock"):
        if not (work / LABELS).exists():
            # Nothing was labelled yet, and another input may begin here.
            for name in (INPUT, START, PSEUDOPOTENTIALS, VOLUMES):
                (work / name).unlink(missing_ok=True)
        keep_input(work / INPUT, as_text(work), MAY_CHANGE, renewed)
        keep_input(work / START, _listed(before.sums if before else {}))
        keep_input(work / PSEUDOPOTENTIALS, _listed(runner.pseudopotentials(settings.compositions.elements)))
        builder = Builder(settings, work, runner, executor, say, before)
        builder.build()
        builder.publish(output, f"gasearch pretrain {INPUT}")
        replace_text(output / INPUT, as_text(output))
    say(f"{output} holds the potential; `gasearch potential show {output}` tells what it can do")


def _listed(sums: Mapping[str, str]) -> str:
    return "".join(f"{name}: {value}\n" for name, value in sums.items())


def _keep_others(output: Path, as_text: Callable[[Path], str], renewed: Callable[[Path], str]) -> None:
    """Refuse the folder of a potential that another input, or none, has made."""
    if not (output / CARD).exists():
        return
    if not (output / INPUT).exists():
        raise RunDirectoryError(f"{output} holds a potential that was not made by this input; give another --output")
    check_input(output / INPUT, as_text(output), MAY_CHANGE, renewed)
