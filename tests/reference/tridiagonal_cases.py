"""Named matrices of one size with reference eigenvalues, made once a process."""

from __future__ import annotations

import functools
import zlib
from typing import NamedTuple

import numpy as np
import tridiagonal as reference
import tridiagonal_families as families
from numpy.typing import NDArray
from tridiagonal_families import Family

TRIDIAGONAL: dict[str, Family] = {
    **{f"Laguerre beta={beta}": families.laguerre(beta) for beta in families.BETAS},
    **{f"Hermite beta={beta}": families.hermite(beta) for beta in families.BETAS},
    **{f"Jacobi beta={beta}": families.jacobi(beta) for beta in families.BETAS},
    "Toeplitz": families.toeplitz,
    "Clement": families.clement,
    "Legendre": families.legendre_jacobi,
    "Hermite zeros": families.hermite_jacobi,
    "Laguerre zeros": families.laguerre_jacobi,
    "Wilkinson": families.wilkinson,
    "glued Wilkinson 1e-8": families.glued_wilkinson(1e-8),
    "glued Wilkinson 1e-15": families.glued_wilkinson(1e-15),
    "graded down 16": families.graded(16, down=True),
    "graded up 16": families.graded(16, down=False),
    "graded down 200": families.graded(200, down=True),
    "graded up 200": families.graded(200, down=False),
    "split": families.split,
    "subnormal couplings": families.subnormal_couplings,
    "identity": families.identity,
    "zero": families.zero,
    "repeated": families.repeated,
    "nearly repeated": families.nearly_repeated,
    "two scales": families.two_scales,
    "few values": families.few_values,
    **{
        f"{name} times {factor:g}": families.scaled(family, factor)
        for name, family in (("Hermite beta=2", families.hermite("2")), ("split", families.split))
        for factor in (1e-300, 1e-150, 1e150, 1e300)
    },
}
#: Householder reflections cost n^3, so these are for sizes up to 100 only.
PRESCRIBED: dict[str, Family] = {
    **{name: families.prescribed(name) for name in families.SPECTRA},
    **{f"{name}, signed": families.prescribed(name, signs=True) for name in families.SPECTRA},
}
BIDIAGONAL: dict[str, Family] = {
    **{f"Laguerre beta={beta}": families.laguerre_bidiagonal(beta) for beta in families.BETAS},
    "Laguerre beta=2/N, a=-0.95": families.laguerre_bidiagonal("2/N", a=-0.95),
    **{f"Jacobi beta={beta}": families.jacobi_bidiagonal(beta) for beta in families.BETAS},
    "Laguerre zeros": families.laguerre_jacobi_bidiagonal,
    "graded down 16": families.graded(16, down=True),
    "graded up 16": families.graded(16, down=False),
    "graded down 144": families.graded(144, down=True),
    "graded up 144": families.graded(144, down=False),
    "graded down 250": families.graded(250, down=True),
    "log-uniform 10": families.log_uniform_entries(10),
    "log-uniform 100": families.log_uniform_entries(100),
    "dominant superdiagonal": families.dominant_superdiagonal,
    "split": families.split,
    "subnormal couplings": families.subnormal_couplings,
    "identity": families.identity,
    "repeated": families.repeated,
    "Toeplitz": families.toeplitz,
    **{
        f"Laguerre beta=1 times {factor:g}": families.scaled(
            families.laguerre_bidiagonal("1"), factor
        )
        for factor in (1e-150, 1e150)
    },
}
#: For sizes where a reference takes seconds: one of each kind.
LARGE_TRIDIAGONAL = (
    "Laguerre beta=2/N",
    "Laguerre beta=2",
    "Hermite beta=1",
    "Jacobi beta=1e-6",
    "Toeplitz",
    "glued Wilkinson 1e-8",
    "graded down 16",
    "split",
)
LARGE_BIDIAGONAL = ("Laguerre beta=2/N", "Laguerre beta=2", "graded down 144")


class Case(NamedTuple):
    """Matrices d (m, n), e (m, n - 1), their eigenvalues ascending, and spectral norms (m, 1)."""

    names: tuple[str, ...]
    d: families.Float
    e: families.Float
    exact: reference.Extended
    norm: reference.Extended

    def worst(self, error: NDArray[np.floating]) -> str:
        """The row with the largest error, for a test's message."""
        row = int(np.nanargmax(error.max(axis=-1)))
        return f"{self.names[row]}: {float(error[row].max()):.3g}"

    def rows(self, pick: NDArray[np.int64]) -> Case:
        """These rows, in this order."""
        names = tuple(self.names[i] for i in pick)
        return Case(names, self.d[pick], self.e[pick], self.exact[pick], self.norm[pick])


def matrices(chosen: dict[str, Family], n: int) -> tuple[families.Float, families.Float]:
    """One matrix of each family; its numbers depend on its name and size only."""
    made = [
        family(n, np.random.default_rng([n, zlib.crc32(name.encode())]))
        for name, family in chosen.items()
    ]
    return np.array([d for d, _ in made]), np.array([e for _, e in made]).reshape(len(made), n - 1)


@functools.cache
def tridiagonal_case(n: int) -> Case:
    """All families of size n; fewer beyond 100, and only the large ones beyond 300."""
    chosen = TRIDIAGONAL | (PRESCRIBED if n <= 100 else {})
    if n > 300:
        chosen = {name: TRIDIAGONAL[name] for name in LARGE_TRIDIAGONAL}
    d, e = matrices(chosen, n)
    exact = reference.eigenvalues(d, e)
    norm = np.abs(exact).max(axis=-1, keepdims=True)
    return Case(tuple(chosen), d, e, exact, np.where(norm > 0, norm, 1))


@functools.cache
def bidiagonal_case(n: int) -> Case:
    """The same for bidiagonal matrices: `exact` are the squared singular values."""
    chosen = BIDIAGONAL
    if n > 300:
        chosen = {name: BIDIAGONAL[name] for name in LARGE_BIDIAGONAL}
    d, e = matrices(chosen, n)
    exact = reference.squared_singular_values(d, e)
    return Case(tuple(chosen), d, e, exact, exact[:, -1:])
