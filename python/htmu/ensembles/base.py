"""What the ensembles share: draws of a matrix model, and the form of the closed forms."""

from __future__ import annotations

import abc

from htmu._core import ensembles as _ensembles
from htmu.arguments import (
    FloatArray,
    Seed,
    as_choice,
    as_int,
    as_seed,
    as_threads,
    check_memory,
    core_key,
)

__all__ = ["MAX_N", "BidiagonalEnsemble", "Ensemble"]

MAX_N = 10_000_000


class Ensemble(abc.ABC):
    """A law of n eigenvalues that repel each other with Dyson index beta."""

    n: int

    @abc.abstractmethod
    def _model(self) -> _ensembles.MatrixModel:
        """Return the random matrix that has the ensemble's eigenvalues."""

    def _checked_size(self, size: int, entries_each: int) -> int:
        count = as_int("size", size, minimum=0)
        check_memory(count * entries_each, f"size = {count} of n = {self.n}")
        return count

    def _sample_model(
        self, size: int, seed: Seed, n_threads: int | None
    ) -> tuple[FloatArray, FloatArray]:
        count = self._checked_size(size, 2 * self.n)
        key, threads = core_key(as_seed(seed)), as_threads(n_threads)
        diagonal, off_diagonal = self._model().sample(count, key, threads)
        return diagonal, off_diagonal

    def eigenvalues(
        self, size: int, *, seed: Seed = None, n_threads: int | None = None
    ) -> FloatArray:
        """Draw spectra, ascending.

        Parameters
        ----------
        size : int
            Number of spectra. Spectrum k is a function of (seed, k) alone, and that of matrix k of
            the samples of the matrix model for the same seed.
        seed : int, SeedSequence, Generator or None
            None takes fresh entropy.
        n_threads : int or None
            None takes every CPU; the numbers do not depend on it.

        Returns
        -------
        ndarray, shape (size, n)

        Raises
        ------
        InvalidInputError
            If an argument has the wrong type or lies outside its domain.
        """
        count = self._checked_size(size, self.n)
        key, threads = core_key(as_seed(seed)), as_threads(n_threads)
        return self._model().eigenvalues(count, key, threads)

    def log_vandermonde(
        self, size: int, *, seed: Seed = None, n_threads: int | None = None
    ) -> FloatArray:
        """Draw S = sum_{i<j} log|l_i - l_j| of `size` spectra, without keeping them.

        Arguments as for `eigenvalues`, and the same spectra for equal seeds.
        """
        count = self._checked_size(size, 1)
        key, threads = core_key(as_seed(seed)), as_threads(n_threads)
        return self._model().log_vandermonde(count, key, threads)

    @abc.abstractmethod
    def mean_log_vandermonde(self) -> float:
        """Exact mean of S = sum_{i<j} log|l_i - l_j|."""

    @abc.abstractmethod
    def var_log_vandermonde(self) -> float:
        """Exact variance of S."""

    @abc.abstractmethod
    def mean_trace(self) -> float:
        """Exact mean of sum_i l_i."""

    @abc.abstractmethod
    def var_trace(self) -> float:
        """Exact variance of sum_i l_i."""

    def mean(self) -> float:
        """Exact mean of an eigenvalue: `mean_trace` over n."""
        return self.mean_trace() / self.n


class BidiagonalEnsemble(Ensemble):
    """An ensemble of positive eigenvalues: those of B B^T for a random bidiagonal B."""

    def eigenvalues(
        self,
        size: int,
        *,
        accuracy: str = "relative",
        seed: Seed = None,
        n_threads: int | None = None,
    ) -> FloatArray:
        """Draw spectra, ascending.

        Parameters
        ----------
        size : int
            Number of spectra. Spectrum k is a function of (seed, k) alone, and that of matrix k of
            `sample_bidiagonal` for the same seed.
        accuracy : str
            "relative" is 1e-14 of each eigenvalue, down to 1e-289 of the largest; "absolute" is
            about 1e-15 sqrt(n) of the largest, as from LAPACK's QR, in half of the time, for n up
            to 4096 (larger ones are relative always).
        seed : int, SeedSequence, Generator or None
            None takes fresh entropy.
        n_threads : int or None
            None takes every CPU; the numbers do not depend on it.

        Returns
        -------
        ndarray, shape (size, n)

        Raises
        ------
        InvalidInputError
            If an argument has the wrong type or lies outside its domain.
        """
        relative = as_choice("accuracy", accuracy, ("relative", "absolute")) == "relative"
        count = self._checked_size(size, self.n)
        key, threads = core_key(as_seed(seed)), as_threads(n_threads)
        return self._model().eigenvalues(count, key, threads, relative)

    def sample_bidiagonal(
        self, size: int, *, seed: Seed = None, n_threads: int | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Draw the entries of the lower bidiagonal model B; the eigenvalues are those of B B^T.

        Parameters
        ----------
        size : int
            Number of matrices. Matrix k is a function of (seed, k) alone.
        seed : int, SeedSequence, Generator or None
            None takes fresh entropy.
        n_threads : int or None
            None takes every CPU; the numbers do not depend on it.

        Returns
        -------
        diagonal : ndarray, shape (size, n)
        subdiagonal : ndarray, shape (size, n - 1)

        Raises
        ------
        InvalidInputError
            If an argument has the wrong type or lies outside its domain.
        """
        return self._sample_model(size, seed, n_threads)

    def sample_tridiagonal(
        self, size: int, *, seed: Seed = None, n_threads: int | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Draw the tridiagonal matrices B B^T as (diagonal, off-diagonal).

        Arguments and shapes as for `sample_bidiagonal`, and the same matrices for equal seeds.
        Squared entries below 1e-308 underflow to 0: for small beta prefer the bidiagonal form.
        """
        diagonal, subdiagonal = self.sample_bidiagonal(size, seed=seed, n_threads=n_threads)
        off_diagonal = diagonal[:, :-1] * subdiagonal
        squares = diagonal**2
        squares[:, 1:] += subdiagonal**2
        return squares, off_diagonal

    @abc.abstractmethod
    def mean_log_determinant(self) -> float:
        """Exact mean of sum_i log l_i."""

    @abc.abstractmethod
    def var_log_determinant(self) -> float:
        """Exact variance of sum_i log l_i."""

    def mean_log(self) -> float:
        """Exact mean of the logarithm of an eigenvalue: `mean_log_determinant` over n."""
        return self.mean_log_determinant() / self.n
