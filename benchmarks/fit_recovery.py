"""kappa of simulated spectra found again: bias, coverage and error beside the usual recipe's.

python benchmarks/fit_recovery.py [--spectra 1000] [--seed 4181]

Spectra of the beta-Laguerre ensemble, N = 1000, gamma = 0.3255 known to the fit. The usual recipe
subtracts the smallest eigenvalue, scales to mean 1 and takes the kappa of least Kolmogorov-Smirnov
distance on a grid; it is given 50 of the spectra. At kappa = 200, where a fit takes longest, there
are a fifth of the spectra. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

import htmu

Array = NDArray[np.float64]
N, GAMMA = 1000, 0.3255
KAPPAS = (0.1, 1.9, 5.5, 20.0, 200.0)
GRID = np.geomspace(0.02, 1000.0, 200)


def usual_recipe(x: Array) -> float:
    """The kappa of least distance on the grid."""
    shifted = np.sort(x - x.min())[1:]
    shifted /= shifted.mean()
    steps = np.arange(len(shifted) + 1) / len(shifted)

    def distance(kappa: float) -> float:
        u = htmu.htmp.cdf(shifted, kappa, GAMMA)
        return float(max((steps[1:] - u).max(), (u - steps[:-1]).max()))

    return float(GRID[int(np.argmin([distance(float(kappa)) for kappa in GRID]))])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spectra", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=4181)
    arguments = parser.parse_args()
    print(
        "| kappa | method | bias ± its error | coverage of 95 % | rms error | the recipe's | ms |"
    )
    print("|---:|---|---:|---:|---:|---:|---:|")
    for kappa in KAPPAS:
        beta = kappa / N
        ensemble = htmu.LaguerreEnsemble(N, beta=beta, a=beta * (N / GAMMA - N + 1) / 2 - 1)
        count = arguments.spectra if kappa < 100 else max(arguments.spectra // 5, 1)
        spectra = ensemble.eigenvalues(count, seed=arguments.seed)
        recipe = np.array([usual_recipe(x) for x in spectra[:50]])
        recipe_error = float(np.sqrt(np.mean((recipe / kappa - 1) ** 2)))
        for method in ("mle", "joint"):
            start = time.perf_counter()
            fits: list[Any] = [
                htmu.fit_spectrum(x, gamma=GAMMA, method=method, seed=seed, n_threads=1)
                for seed, x in enumerate(spectra)
            ]
            took = (time.perf_counter() - start) / len(fits)
            found = np.array([fit.kappa for fit in fits]) / kappa
            ends = np.array([fit.intervals["kappa"] for fit in fits])
            covered = np.mean((ends[:, 0] < kappa) & (kappa < ends[:, 1]))
            error = found.std(ddof=1) / np.sqrt(len(found))
            spread = float(np.sqrt(np.mean((found - 1) ** 2)))
            print(
                f"| {kappa:g} | {method} | {found.mean() - 1:+.1%} ± {error:.1%} | {covered:.1%} | "
                f"{spread:.1%} | {recipe_error:.0%} | {took * 1e3:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
