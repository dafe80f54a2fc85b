"""Models that say, before any phonon is known, which candidates deserve an electron–phonon calculation first.

``hydrides`` learned Tc computed at pressures from 0 to 500 GPa, from composition and pressure; ``supercon`` learned
measured Tc from composition, ``electronic`` computed Tc from composition and the density of states, and both know no
pressure. Each says what it does not know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from gasearch.learning import descriptors
from gasearch.learning.descriptors import COMPOSITION_FEATURES, PROPERTIES, Amounts
from gasearch.learning.forest import Forest, Growth, grow
from gasearch.learning.tables import Superconductors
from gasearch.learning.validation import HeldOut, held_out

#: Tc, K, that divides the classes of measured superconductors.
HIGH: Final = 10.0
#: Pressure, GPa, above which a model of measured Tc has nothing to say.
AMBIENT_GPA: Final = 1.0
#: Share of training rows of other systems that lie within the domain.
_DOMAIN: Final = 0.95
#: Share of a normal distribution within one standard deviation.
_ONE_SIGMA: Final = 0.683
#: Pressures, GPa, among which the best one is sought.
_PRESSURES: Final = np.arange(0.0, 501.0, 25.0)
#: What the forests predict.
_UNITS: Final = {"hydrides": "sqrt_K", "supercon": "ln_K", "electronic": "sqrt_K"}


@dataclass(frozen=True)
class Domain:
    """Where a model was trained, in scaled features.

    Parameters
    ----------
    centre, scale : (k,) arrays
        Of the features.
    rows : (n, k) array
        Scaled training rows, single precision.
    reach : float
        Distance to the nearest row up to which a composition is known.
    """

    centre: np.ndarray
    scale: np.ndarray
    rows: np.ndarray
    reach: float

    @staticmethod
    def of(features: np.ndarray, systems: np.ndarray) -> Domain:
        """Build it of training rows (n, k): as far as most rows are from the nearest of another chemical system."""
        centre, scale = features.mean(0), features.std(0)
        scale = np.where(scale > 0, scale, 1.0)
        rows = np.unique(((features - centre) / scale).astype(np.float32), axis=0, return_index=True)
        scaled, systems = rows[0], systems[rows[1]]
        some = np.random.default_rng(0).permutation(len(scaled))[:500]
        distances = [_distances(scaled[systems != systems[i]], scaled[i]).min() for i in some]
        return Domain(centre, scale, scaled, float(np.quantile(distances, _DOMAIN)))

    def distance(self, features: np.ndarray) -> float:
        """Return the distance of features (k,) to the nearest training row, relative to the reach."""
        return (
            float(_distances(self.rows, ((features - self.centre) / self.scale).astype(np.float32)).min()) / self.reach
        )


@dataclass(frozen=True, eq=False)
class TcModel:
    """A forest for √Tc or ln Tc, what it may be asked, and how much its word is worth.

    Parameters
    ----------
    name : str
        hydrides, supercon or electronic.
    forest : Forest
    domain : Domain
        Of the composition.
    uncertainty : (float, float)
        Floor, and what the spread of the trees is multiplied by, in the unit of the forest; added in quadrature they
        are a standard deviation. Trees agree on rows that they were grown on, hence the floor: the error on held-out
        rows whose like is known. The factor is measured on chemical systems that were held out.
    pressures_GPa : (float, float)
        Least and largest that it knows.
    """

    name: str
    forest: Forest
    domain: Domain
    uncertainty: tuple[float, float]
    pressures_GPa: tuple[float, float]

    def outside(self, amounts: Amounts, pressure_GPa: float, dos: float | None = None) -> str | None:
        """Say why a composition at a pressure, with states per eV and atom, is none of its business; None if it is."""
        low, high = self.pressures_GPa
        if self.name == "hydrides" and 1 not in amounts.shares:
            return "hydrides: there is no hydrogen"
        if self.name == "electronic" and dos is None:
            return "electronic: the density of states is not known"
        if not low <= pressure_GPa <= high:
            return f"{self.name}: {pressure_GPa:g} GPa is outside {low:g} to {high:g} GPa"
        distance = self.domain.distance(descriptors.of_composition(amounts))
        return (
            f"{self.name}: unlike all that it was trained on ({distance:.1f} times too far)" if distance > 1 else None
        )

    def predict(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return Tc and its standard deviation (n,), K, of rows of features (n, k)."""
        said = self.forest.each(features)
        return _tc_and_deviation(self.name, said.mean(0), _deviation(said.std(0), self.uncertainty))


@dataclass(frozen=True)
class Verdict:
    """What is expected of a candidate.

    Parameters
    ----------
    name, formula : str
    pressure_GPa : float
    tc, deviation : float or None
        K; None where no model knows.
    model : str
        Who spoke; empty where nobody did.
    reason : str
        Why this one, or why nobody.
    best_pressure_GPa : float or None
        Where the same composition is expected to have the highest Tc, if its stability is left aside.
    dos_per_eV_and_atom : float or None
        Density of states at the Fermi energy.
    lambda_hopfield : float or None
        λ by McMillan and Hopfield; None where η was not given or force constants are not known.
    """

    name: str
    formula: str
    pressure_GPa: float
    tc: float | None
    deviation: float | None
    model: str
    reason: str
    best_pressure_GPa: float | None
    dos_per_eV_and_atom: float | None
    lambda_hopfield: float | None = None


def _distances(rows: np.ndarray, one: np.ndarray) -> np.ndarray:
    return np.sqrt(((rows - one) ** 2).sum(1))


def _target(name: str, tc: np.ndarray) -> np.ndarray:
    return np.log(tc) if name == "supercon" else np.sqrt(tc)


def _deviation(spread: np.ndarray, uncertainty: tuple[float, float]) -> np.ndarray:
    floor, factor = uncertainty
    return np.hypot(floor, factor * spread)


def _tc_and_deviation(name: str, mean: np.ndarray, deviation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return Tc and its standard deviation from those of its root or logarithm, to first order."""
    tc = np.exp(mean) if name == "supercon" else mean**2
    return tc, deviation * (tc if name == "supercon" else 2 * np.abs(mean))


def features_of(data: Superconductors) -> np.ndarray:
    """Return the features (n, k) of a table: of the composition, and the pressure or the states where it knows them."""
    columns = [descriptors.matrix(data.formula), data.pressure_GPa, data.dos]
    return np.column_stack([one for one in columns if one is not None])


def train(name: str, data: Superconductors, growth: Growth, seed: int) -> tuple[TcModel, dict[str, Any]]:
    """Return a model of a table, and what its card says of its errors."""
    features, target, systems = features_of(data), _target(name, data.tc), data.systems
    last = "pressure" if data.dos is None else "states"
    unseen = held_out(features, target, systems, growth, seed, blocks=_blocks(features.shape[1], last))
    random = held_out(features, target, np.arange(len(target)), growth, seed)
    floor = float(np.quantile(np.abs(random.expected - target), _ONE_SIGMA))
    beyond = np.sqrt(np.maximum((unseen.expected - target) ** 2 - floor**2, 0.0))
    uncertainty = floor, float(np.quantile(beyond / np.maximum(unseen.spread, 1e-6), _ONE_SIGMA))
    by_system = _errors(name, data.tc, unseen, uncertainty)
    report: dict[str, Any] = {
        "rows": len(target),
        "left_out": data.left_out,
        "systems": len(set(systems.tolist())),
        "errors": {"by chemical system": by_system, "random": _errors(name, data.tc, random, uncertainty)},
        f"importance_in_{_UNITS[name]}": dict(sorted(unseen.importance.items(), key=lambda pair: -pair[1])[:8]),
    }
    if data.split is not None:
        report["errors"]["published split"] = _published_split(name, data, features, growth, seed)
    if name == "supercon":
        report["classifier"] = _classifier(features, data.tc, systems, growth, seed)
    composition = features[:, : len(COMPOSITION_FEATURES)]
    pressures = (0.0, AMBIENT_GPA) if data.pressure_GPa is None else (0.0, float(data.pressure_GPa.max()))
    model = TcModel(name, grow(features, target, growth, seed), Domain.of(composition, systems), uncertainty, pressures)
    return model, report


def _blocks(columns: int, last: str) -> dict[str, np.ndarray]:
    """Return the columns of each property's statistics, and of what else there is."""
    width = len(COMPOSITION_FEATURES[:columns]) - 4
    per = width // len(PROPERTIES)
    blocks = {name: np.arange(i * per, (i + 1) * per) for i, name in enumerate(PROPERTIES)}
    rest = {name: np.array([width + i]) for i, name in enumerate(COMPOSITION_FEATURES[width:])}
    return blocks | rest | ({last: np.array([columns - 1])} if columns > len(COMPOSITION_FEATURES) else {})


def _errors(name: str, tc: np.ndarray, said: HeldOut, uncertainty: tuple[float, float]) -> dict[str, float]:
    found, deviation = _tc_and_deviation(name, said.expected, _deviation(said.spread, uncertainty))
    high = tc > HIGH
    errors = {
        "mae_K": float(np.abs(found - tc).mean()),
        "r2": _r2(tc, found),
        "within_2_deviations": float((np.abs(found - tc) <= 2 * deviation).mean()),
    }
    if name == "supercon":
        errors["r2_ln_tc"] = _r2(np.log(tc), said.expected)
        errors["r2_ln_tc_above_10_K"] = _r2(np.log(tc[high]), said.expected[high])
    return {key: round(value, 3) for key, value in errors.items()}


def _published_split(
    name: str, data: Superconductors, features: np.ndarray, growth: Growth, seed: int
) -> dict[str, float]:
    test = data.split == "test"
    forest = grow(features[~test], _target(name, data.tc[~test]), growth, seed)
    found, _ = _tc_and_deviation(name, forest.each(features[test]).mean(0), np.zeros(test.sum()))
    baseline = np.abs(data.tc[test] - data.tc[~test].mean()).mean()
    shared = np.isin(np.array(data.formula)[test], np.array(data.formula)[~test]).mean()
    return {
        "mae_K": round(float(np.abs(found - data.tc[test]).mean()), 3),
        "mae_K_of_the_mean": round(float(baseline), 3),
        "share_of_formulas_on_both_sides": round(float(shared), 3),
    }


def _classifier(
    features: np.ndarray, tc: np.ndarray, systems: np.ndarray, growth: Growth, seed: int
) -> dict[str, float]:
    """Return how often Tc is rightly said to be above 10 K, by a forest grown on the classes themselves."""
    high = (tc > HIGH).astype(float)
    result = {"share_above_10_K": round(float(high.mean()), 3)}
    for split, groups in (("random", np.arange(len(tc))), ("by chemical system", systems)):
        said = held_out(features, high, groups, growth, seed)
        result[split] = round(float(((said.expected > 0.5) == (high > 0.5)).mean()), 4)
    return result


def _r2(true: np.ndarray, found: np.ndarray) -> float:
    return float(1 - ((true - found) ** 2).sum() / ((true - true.mean()) ** 2).sum())


def rank(
    candidates: Mapping[str, Mapping[str, Any]],
    models: Sequence[TcModel],
    eta: Mapping[str, float] = MappingProxyType({}),
) -> list[Verdict]:
    """Return what is expected of each ``candidate.json``, by name, highest expected Tc first.

    The first model that knows a candidate speaks. Those that none knows come last, ordered by McMillan and Hopfield's λ
    where there is one, then by the density of states. ``eta`` is that of `descriptors.mcmillan_hopfield`.
    """
    verdicts = [
        replace(verdict(name, candidate, models), lambda_hopfield=lambda_hopfield(candidate, eta))
        for name, candidate in candidates.items()
    ]
    return sorted(verdicts, key=_order)


def _order(one: Verdict) -> tuple[bool, float, float, float]:
    return one.tc is None, -(one.tc or 0.0), -(one.lambda_hopfield or 0.0), -(one.dos_per_eV_and_atom or 0.0)


def lambda_hopfield(candidate: Mapping[str, Any], eta: Mapping[str, float]) -> float | None:
    """Return λ of a ``candidate.json`` with given η; None without one, or without phonons of the potential."""
    constants = (candidate.get("phonons") or {}).get("force_constants_eV_per_A2")
    counts = Amounts.of_elements(candidate["formula"])
    if not constants or not eta.keys() & counts.keys():
        return None
    return descriptors.mcmillan_hopfield(counts, eta, constants)


def expected_tc(formula: str, pressure_GPa: float, models: Sequence[TcModel]) -> float:
    """Return the Tc, K, that the first model that knows a composition at a pressure expects; NaN if none does."""
    tc = verdict("", {"formula": formula, "pressure_GPa": pressure_GPa}, models).tc
    return np.nan if tc is None else tc


def verdict(name: str, candidate: Mapping[str, Any], models: Sequence[TcModel]) -> Verdict:
    """Return what the first model that knows a candidate says of it."""
    amounts, pressure = Amounts.from_formula(candidate["formula"]), float(candidate["pressure_GPa"])
    states = float(descriptors.electronic(candidate)[0])
    about = (name, candidate["formula"], pressure)
    dos = None if np.isnan(states) else states
    refusals = []
    for model in models:
        if (refusal := model.outside(amounts, pressure, dos)) is not None:
            refusals.append(refusal)
            continue
        reason = "; ".join([f"{model.name}: within what it was trained on", *refusals])
        composition = descriptors.of_composition(amounts)
        if model.pressures_GPa[1] <= AMBIENT_GPA:
            row = composition if model.name != "electronic" else np.append(composition, states)
            tc, deviation = model.predict(row[None])
            return Verdict(*about, float(tc[0]), float(deviation[0]), model.name, reason, None, dos)
        pressures = np.append(pressure, _PRESSURES[: np.searchsorted(_PRESSURES, model.pressures_GPa[1], "right")])
        tc, deviation = model.predict(np.column_stack([np.tile(composition, (len(pressures), 1)), pressures]))
        best = float(pressures[1:][tc[1:].argmax()])
        return Verdict(*about, float(tc[0]), float(deviation[0]), model.name, reason, best, dos)
    return Verdict(*about, None, None, "", "; ".join(refusals) or "there is no model", None, dos)
