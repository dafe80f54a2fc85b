"""How fast and how accurately Tc follows from the Eliashberg equations.

    python benchmarks/eliashberg.py --spectra 5000 --processes 2

Spectra of two Einstein modes are random: frequencies a factor of up to 10 apart, λ from 0.3 to 4, μ* from 0.08 to 0.16.
The reference has finer sums that reach further. The long spectrum has 500 points and two peaks.
"""

from __future__ import annotations

import argparse
import os
import time
from concurrent.futures import ProcessPoolExecutor

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from gasearch.superconductivity.alpha2f import Alpha2F
from gasearch.superconductivity.eliashberg import Coulomb, Eliashberg, Sums, critical_temperature
from gasearch.superconductivity.matsubara import FULL, Thinning
from gasearch.superconductivity.modes import Modes
from gasearch.superconductivity.real_axis import real_gap
from gasearch.units import K_PER_THZ

REFERENCE = Sums(cutoff=40.0, reach=30.0, thinning=Thinning(growth=0.08, dense=64))


def random_problem(seed: int) -> tuple[Modes, Coulomb]:
    """Return two modes and a μ*."""
    rng = np.random.default_rng(seed)
    omega = 10.0 ** rng.uniform(0.0, 1.0, size=2)
    lam, share = np.exp(rng.uniform(np.log(0.3), np.log(4.0))), rng.uniform(0.05, 0.95)
    return Modes(omega, lam * np.array([share, 1 - share])), Coulomb(rng.uniform(0.08, 0.16))


def default_tc(seed: int) -> tuple[float, float]:
    """Return Tc as users get it, and the seconds of CPU time that it took."""
    start = time.process_time()
    tc = critical_temperature(Eliashberg.of(*random_problem(seed)))
    return tc, time.process_time() - start


def reference_tc(seed: int) -> float:
    """Return Tc with finer sums."""
    return critical_temperature(Eliashberg.of(*random_problem(seed), REFERENCE))


def long_spectrum() -> Alpha2F:
    """Return a spectrum of 500 points."""
    omega = np.linspace(0.02, 8.0, 500)
    values = 0.25 * np.exp(-(((omega - 1.7) / 0.5) ** 2)) + 0.75 * np.exp(-(((omega - 4.3) / 0.8) ** 2))
    return Alpha2F(omega, values * np.minimum(omega, 1.0) ** 2)


def many_spectra(count: int, processes: int) -> None:
    """Measure many spectra of two modes on some processes, and the error of every tenth."""
    with ProcessPoolExecutor(processes) as pool:
        list(pool.map(default_tc, range(2 * processes)))  # imports what is slow to import
        start = time.perf_counter()
        found, cpu = np.array(list(pool.map(default_tc, range(count), chunksize=50))).T
        seconds = time.perf_counter() - start
        some = range(0, count, 10)
        exact = np.array(list(pool.map(reference_tc, some, chunksize=20)))
    print(f"{count} spectra of two modes on {processes} processes: {seconds:.1f} s, of CPU {cpu.sum():.1f} s")
    both = (found[some] > 0) & (exact > 0)
    errors = np.abs(found[some][both] / exact[both] - 1)
    print(
        f"error of Tc on {both.sum()} of them: median {np.median(errors):.1e}, 99 % below "
        f"{np.quantile(errors, 0.99):.1e}, largest {errors.max():.1e}"
    )


def one_spectrum() -> None:
    """Measure one long spectrum: Tc, its convergence, and the gap."""
    spectrum = long_spectrum()

    def seconds(function) -> float:
        times = []
        for _ in range(20):
            start = time.perf_counter()
            function()
            times.append(time.perf_counter() - start)
        return min(times)

    tc = critical_temperature(Eliashberg.of(spectrum, Coulomb(0.12)))
    took = seconds(lambda: critical_temperature(Eliashberg.of(spectrum, Coulomb(0.12))))
    print(f"500 points: Tc = {tc:.4f} K in {1000 * took:.1f} ms")
    variants = {
        "cutoff 10 ω_ph": Sums(cutoff=10.0),
        "cutoff 40 ω_ph": Sums(cutoff=40.0),
        "phonon sums 3 times further": Sums(reach=30.0),
        "half the thinning": Sums(thinning=Thinning(0.125, 32)),
        "no thinning (cutoff 20 ω_ph, reach 3)": Sums(reach=3.0, thinning=FULL),
    }
    for name, sums in variants.items():
        other = critical_temperature(Eliashberg.of(spectrum, Coulomb(0.12), sums))
        print(f"  {name}: {100 * (other / tc - 1):+.4f} %")
    equations = Eliashberg.of(spectrum, Coulomb(0.12))
    took = seconds(lambda: real_gap(spectrum, equations, 0.1 * tc))
    edge = real_gap(spectrum, equations, 0.1 * tc).edge
    print(f"gap on the real axis: 2Δ₀/kTc = {2 * K_PER_THZ * edge / tc:.4f} in {1000 * took:.0f} ms")


def limit() -> None:
    """Show the strong-coupling limit of an Einstein mode, 0.18273."""
    for lam in (1.0, 10.0, 100.0, 1000.0, 1e5):
        tc = critical_temperature(Eliashberg.of(Modes([1.0], [lam]), Coulomb(0.0)))
        print(f"  λ = {lam:g}: Tc/(ω√λ) = {tc / K_PER_THZ / np.sqrt(lam):.6f}")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spectra", type=int, default=5000)
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    one_spectrum()
    print("Einstein mode, μ* = 0:")
    limit()
    many_spectra(arguments.spectra, arguments.processes)


if __name__ == "__main__":
    main()
