import json
import os
from pathlib import Path

import numpy as np
import pytest

from gasearch.cli import main
from gasearch.errors import InputError
from gasearch.learning import descriptors
from gasearch.learning.card import CARD, MODEL, read_model, write_model
from gasearch.learning.descriptors import Amounts, mcmillan_hopfield
from gasearch.learning.forest import Forest, Growth, grow
from gasearch.learning.ranking import rank, train
from gasearch.learning.tables import Superconductors, read_hydrides, read_supercon
from gasearch.learning.validation import folds
from gasearch.units import EV_PER_U_A2_THZ2, K_PER_THZ

DATA = Path(os.environ.get("GASEARCH_TABLES", "tables"))


def table(name: str) -> Path:
    if not (DATA / name).exists():
        pytest.skip(f"the table {name} is not at {DATA}")
    return DATA / name


def candidate(formula: str, pressure: float) -> dict:
    phonons = {"force_constants_eV_per_A2": {"H": 60.0, "Ca": 20.0}}
    known = {"structure": {"symbols": ["H"]}, "electrons": None, "phonons": phonons}
    return {"formula": formula, "pressure_GPa": pressure, **known}


@pytest.fixture(scope="module")
def hydrides() -> Superconductors:
    """A made-up law on real compositions: Tc grows with the share of hydrogen and with pressure."""
    formulas = [f"{metal}H{n}" for metal in "Li Na K Mg Ca Sr Sc Y La Ti Zr Al Ga S P Se".split() for n in (1, 2, 3, 6)]
    formula = tuple(one for one in formulas for _ in range(3))
    pressure = np.tile([0.0, 150.0, 300.0], len(formulas))
    share = np.array([Amounts.from_formula(one).shares[1] for one in formula])
    split = np.where(np.arange(len(formula)) % 10 == 0, "test", "train")
    return Superconductors(formula, 100 * share**2 * (0.2 + pressure / 300), pressure, split, 0)


def test_amounts():
    assert Amounts.from_formula("Ba0.4K0.6Fe2As2").shares[26] == pytest.approx(0.4)
    assert Amounts.from_formula("LaH10").system == Amounts.from_formula("H3La").system == "H-La"
    for wrong in ("", "O7-z", "Xx2", "h2", "H0"):
        with pytest.raises(ValueError):
            Amounts.from_formula(wrong)


def test_composition_features_do_not_depend_on_how_a_formula_is_written():
    rows = descriptors.matrix(["LaH10", "H10La", "La2H20"])
    assert rows.shape == (3, len(descriptors.COMPOSITION_FEATURES))
    assert np.isfinite(rows).all()
    assert rows[1] == pytest.approx(rows[0])
    assert rows[2] == pytest.approx(rows[0])


def test_mcmillan_hopfield_of_lead():
    """η = 2.4 eV/Å², ω̄₂ = 65 K: λ = 1.55 (Allen and Dynes, 1975)."""
    constant = 207.2 * EV_PER_U_A2_THZ2 * (2 * np.pi * 65 / K_PER_THZ) ** 2
    assert mcmillan_hopfield({"Pb": 1}, {"Pb": 2.4}, {"Pb": constant}) == pytest.approx(1.55, rel=0.01)


def test_lambda_of_a_candidate_is_the_sum_over_its_atoms_and_orders_what_no_model_knows():
    phonons = {"force_constants_eV_per_A2": {"H": 20.0, "S": 30.0}}
    known = {"formula": "H3S", "pressure_GPa": 200.0, "structure": {}, "electrons": None, "phonons": phonons}
    candidates = {"unknown": {**known, "phonons": None}, "known": known}
    first, second = rank(candidates, [], {"H": 4.0, "S": 6.0, "Pb": 2.4})
    assert (first.name, first.lambda_hopfield) == ("known", pytest.approx(3 * 4 / 20 + 6 / 30))
    assert second.lambda_hopfield is None
    assert all(one.lambda_hopfield is None for one in rank(candidates, []))


def test_a_forest_of_arrays_says_what_scikit_learn_says():
    from sklearn.ensemble import ExtraTreesRegressor

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 5)), rng.normal(size=60)
    reference = ExtraTreesRegressor(7, max_features=0.33, random_state=3).fit(x, y).predict(x + 0.1)
    assert grow(x, y, Growth(trees=7), 3).each(x + 0.1).mean(0) == pytest.approx(reference, rel=1e-5)


def test_arrays_that_are_no_forest_are_refused():
    arrays = grow(np.arange(12.0).reshape(6, 2), np.arange(6.0), Growth(trees=2), 0).arrays()
    with pytest.raises(ValueError, match="no forest"):
        Forest.from_arrays(arrays | {"left": np.zeros_like(arrays["left"])})


def test_no_group_is_on_both_sides():
    groups = np.array(list("aabbbcdde"))
    fold = folds(groups, 3, 0)
    assert all(len(set(fold[groups == group])) == 1 for group in set(groups))
    assert set(fold) == {0, 1, 2}


def test_a_model_is_kept_and_says_what_it_does_not_know(hydrides: Superconductors, tmp_path: Path):
    model, report = train("hydrides", hydrides, Growth(trees=20), seed=0)
    assert report["errors"]["published split"]["mae_K"] < 0.5 * report["errors"]["published split"]["mae_K_of_the_mean"]
    write_model(model, report, tmp_path)
    read = read_model(tmp_path)
    candidates = {
        "low": candidate("CaH2", 100.0),
        "high": candidate("CaH6", 300.0),
        "none": candidate("Nb3Ge", 0.0),
        "squeezed": candidate("CaH6", 900.0),
        "far": candidate("Pu3Os4H", 100.0),
    }
    verdicts = rank(candidates, [read])
    assert [one.name for one in verdicts[:2]] == ["high", "low"]
    assert verdicts[0].deviation > 1  # although it was trained on
    assert verdicts[0].tc == rank(candidates, [model])[0].tc
    assert verdicts[1].best_pressure_GPa >= 150
    reasons = {one.name: one.reason for one in verdicts[2:] if one.tc is None}
    assert "no hydrogen" in reasons["none"]
    assert "outside 0 to 300 GPa" in reasons["squeezed"]
    assert "too far" in reasons["far"]
    (tmp_path / MODEL).write_bytes((tmp_path / MODEL).read_bytes() + b"x")
    with pytest.raises(InputError, match="not the model of its card"):
        read_model(tmp_path)
    (tmp_path / CARD).unlink()
    with pytest.raises(InputError, match="no whole model"):
        read_model(tmp_path)


def test_the_command_line(hydrides: Superconductors, tmp_path: Path, capsys: pytest.CaptureFixture):
    lines = ["source_id,pressure_GPa,formula,tc_K,split"]
    rows = zip(hydrides.formula, hydrides.pressure_GPa, hydrides.tc, hydrides.split, strict=True)
    lines += [f"{i},{p},{f},{tc},{split}" for i, (f, p, tc, split) in enumerate(rows)]
    (tmp_path / "table.csv").write_text("\n".join(lines))
    model = str(tmp_path / "model")
    train_it = ["tc", "train", str(tmp_path / "table.csv"), "--model", "hydrides", "--trees", "5", "-o", model]
    assert main(train_it) == 0
    assert json.loads((tmp_path / "model" / CARD).read_text())["rows"] == len(hydrides.tc)
    assert main(["tc", "rank", str(tmp_path), "--model", model]) == InputError.exit_code
    for name, formula in (("a", "CaH6"), ("b", "Nb")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "candidate.json").write_text(json.dumps(candidate(formula, 200.0)))
    capsys.readouterr()
    assert main(["tc", "rank", str(tmp_path), "--model", model, "--json"]) == 0
    assert [one["name"] for one in json.loads(capsys.readouterr().out)] == ["a", "b"]
    assert main(["tc", "rank", str(tmp_path), "--model", model, "--eta", "Ca=2, H=5"]) == 0
    assert "0.60  a" in capsys.readouterr().out


@pytest.mark.parametrize("eta", ["H", "H=", "H=-1", "h=1", "H=1,,", "H=nan"])
def test_an_eta_that_is_none_is_named(eta: str, tmp_path: Path, capsys: pytest.CaptureFixture):
    with pytest.raises(SystemExit):
        main(["tc", "rank", str(tmp_path), "--model", "none", "--eta", eta])
    assert "such as H=2.5,S=3" in capsys.readouterr().err


def test_bad_tables(tmp_path: Path):
    path = tmp_path / "table.csv"
    for text, said in (("a,b\n1,2\n", "found no column"), ("name,Tc\nNb,cold\n", "no number"), ("name,Tc\n", "no row")):
        path.write_text(text)
        with pytest.raises(InputError, match=said):
            read_supercon(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_supercon(tmp_path / "none.csv")


def test_hydrides_of_the_published_table():
    data = read_hydrides(table("jarvis/jarvis_hydride_pressure_953.csv"))
    assert (len(data.tc), data.left_out, (data.split == "test").sum()) == (953, 0, 95)
    errors = train("hydrides", data, Growth(trees=40), seed=0)[1]["errors"]
    assert errors["published split"]["mae_K"] < 14
    assert errors["by chemical system"]["mae_K"] < 16


def test_measured_superconductors_know_nothing_of_compressed_hydrides():
    data = read_supercon(table("supercon/Supercon_data_stanev2018.csv"))
    assert len(data.tc) == 12414
    from gasearch.learning.ranking import AMBIENT_GPA, Domain, TcModel, features_of

    some = np.random.default_rng(0).permutation(len(data.tc))[:3000]
    features = features_of(data)[some]
    domain = Domain.of(features, data.systems[some])
    model = TcModel(
        "supercon", grow(features, np.log(data.tc[some]), Growth(trees=1), 0), domain, (0.0, 1.0), (0, AMBIENT_GPA)
    )
    assert model.outside(Amounts.from_formula("Nb3Sn"), 0.0) is None
    assert "GPa is outside" in model.outside(Amounts.from_formula("LaH10"), 170.0)
    for formula in ("LaH10", "CaH6", "YH9", "H3S"):
        assert "too far" in model.outside(Amounts.from_formula(formula), 0.0)
