"""Whether a kernel's spectrum still changes as samples are added."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import scipy.linalg
import scipy.stats

from htmu.arguments import FloatArray, as_choice, as_float, as_int, as_seed, as_sizes
from htmu.errors import InvalidInputError

__all__ = ["SubsampledSpectra", "subsample_spectra"]

#: Numbers of one spectrum: an array of them for ascending eigenvalues of G / n.
Summary: TypeAlias = Callable[[FloatArray], Any]

_QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
#: Share of the eigenvalues, the largest ones, that the exponent of the tail is of.
_TAIL = 0.2


@dataclasses.dataclass(frozen=True)
class SubsampledSpectra:
    """Spectra of G / n for growing random sub-sets of the samples.

    Attributes
    ----------
    sizes : tuple of int
        Samples n, ascending.
    eigenvalues : tuple of (repeats, n c) ndarray
        Eigenvalues of G / n for each size, ascending in each row.
    names : tuple of str
        Names of the summaries.
    summaries : (n_sizes, repeats, k) ndarray
        Each spectrum's summaries.
    means, spreads : (n_sizes, k) ndarray
        Mean and standard deviation over the repeats.
    differences, differences_error : (k,) ndarray
        Mean over the repeats of the change between the two largest sizes, and its standard error.
    extrapolated, extrapolated_error : (k,) ndarray
        At n = infinity if the rest falls as 1 / n between the two largest sizes.
    moves : (k,) ndarray of bool
        Whether the change is more than its spread: zero lies outside its confidence interval.
    confidence : float
        That no summary is said to move where none does.
    seed : int
        Seed that reproduces the sub-sets.
    """

    sizes: tuple[int, ...]
    eigenvalues: tuple[FloatArray, ...]
    names: tuple[str, ...]
    summaries: FloatArray
    means: FloatArray
    spreads: FloatArray
    differences: FloatArray
    differences_error: FloatArray
    extrapolated: FloatArray
    extrapolated_error: FloatArray
    moves: Any
    confidence: float
    seed: int

    @property
    def settled(self) -> bool:
        """Whether no summary moves between the two largest sizes."""
        return not bool(self.moves.any())

    @property
    def verdict(self) -> str:
        """One line: what moves between the two largest sizes, or that nothing is seen to."""
        before, last = self.sizes[-2:]
        between = f"between n = {before} and n = {last}"
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = np.abs(self.differences) / self.differences_error
        k = int(np.nanargmax(np.where(self.moves, ratios, 0))) if self.moves.any() else 0
        if self.settled:
            half = self._half_widths()
            k = int(np.argmax(half))
            return (
                f"no change seen {between}: every summary changes by less than its spread "
                f"(at most {half[k]:.2g}, in {self.names[k]})"
            )
        return (
            f"still moving {between}: {int(self.moves.sum())} of {len(self.names)} summaries, most "
            f"{self.names[k]}, by {self.differences[k]:+.3g} ± {self.differences_error[k]:.1g}; "
            "take more samples, or extrapolate"
        )

    def _half_widths(self) -> FloatArray:
        return _critical(self) * self.differences_error


def subsample_spectra(
    model: Any,
    x: Any,
    sizes: Sequence[int],
    *,
    repeats: int = 5,
    seed: Any = 0,
    summary: str | Summary = "quantiles",
    confidence: float = 0.95,
    gram: Callable[..., Any] | None = None,
    progress: Callable[[int, int], None] | None = None,
    **options: Any,
) -> SubsampledSpectra:
    """Compute spectra of growing sub-sets of samples, and whether they have settled.

    Each repeat draws a random order of the samples; its sub-sets are the first ones of that order,
    so that each is a sub-set of the next. One kernel a repeat is assembled, that of the largest.

    Parameters
    ----------
    model : torch.nn.Module
        As for `gram`.
    x : (n, ...) tensor or array_like
        Samples.
    sizes : sequence of int
        At least two, ascending, at most n.
    repeats : int, default 5
        At least 2.
    seed : int, SeedSequence, Generator or None
        Of the orders.
    summary : "quantiles", "tail" or callable, default "quantiles"
        What is watched, of the eigenvalues of G / n above rounding: log10 of their 0.1, 0.25, 0.5,
        0.75 and 0.9 quantiles; the exponent a of the tail, in which the share of eigenvalues above
        t falls as t^-a (Hill's estimate of the largest fifth); or a function of the ascending
        eigenvalues, zeros and all, that gives one number or a list.
    confidence : float, default 0.95
        That nothing is said to move where nothing does, all summaries together (Bonferroni).
    gram : callable, optional
        Called as gram(model, samples, **options); the assembled kernel, rows sample * c + class.
        `htmu.ntk.gram` if None.
    progress : callable, optional
        Called with the number of repeats done and their total.
    **options
        Of `gram`, but not per_layer, out or resume.

    Returns
    -------
    SubsampledSpectra

    Raises
    ------
    InvalidInputError
        An argument lies outside its domain, or a summary is not finite.

    Notes
    -----
    The change is tested by Student's t over the repeats, each with itself. If the largest size is
    all the samples, the repeats differ in the smaller sub-sets only: the test then says what
    leaving samples out does, not what other samples would give.

    Examples
    --------
    >>> import numpy as np
    >>> from htmu.ntk import subsample_spectra
    >>> features = np.random.default_rng(1).standard_normal((200, 20))
    >>> found = subsample_spectra(
    ...     None, features, [100, 200], gram=lambda model, x: x @ x.T, summary="tail"
    ... )
    >>> [e.shape for e in found.eigenvalues]
    [(5, 100), (5, 200)]
    """
    for name in ("per_layer", "out", "resume"):
        if options.get(name):
            raise InvalidInputError(
                f"{name} is of one kernel, and here there are many; leave it out"
            )
    if gram is not None and not callable(gram):
        raise InvalidInputError(f"gram must be callable, got {type(gram).__name__}")
    x = _as_samples(x)
    total = len(x)
    counts = as_sizes("sizes", sizes, maximum=total)
    if len(counts) < 2 or any(a >= b for a, b in itertools.pairwise(counts)):
        raise InvalidInputError(
            f"sizes must be at least two numbers of samples, ascending, got {list(counts)}"
        )
    times = as_int("repeats", repeats, minimum=2)
    level = as_float("confidence", confidence, exclusive_minimum=0, exclusive_maximum=1)
    key = as_seed(seed)
    names, function = _summary(summary)
    if gram is None:
        from htmu.ntk.kernel import gram as assemble
    else:
        assemble = gram
    found: list[list[FloatArray]] = [[] for _ in counts]
    whole: FloatArray | None = None
    for repeat in range(times):
        order = np.random.default_rng([key, repeat]).permutation(total)[: counts[-1]]
        if counts[-1] < total or whole is None:
            # Of all the samples one kernel serves every order.
            rows = order if counts[-1] < total else np.arange(total)
            kernel = _checked(assemble(model, x[rows], **options), len(rows))
            whole = kernel if counts[-1] == total else None
        else:
            kernel = whole
        c = len(kernel) // counts[-1]
        places = order if counts[-1] == total else np.arange(counts[-1])
        for i, size in enumerate(counts):
            index = (places[:size, None] * c + np.arange(c)).ravel()
            part = kernel[np.ix_(index, index)]
            found[i].append(scipy.linalg.eigvalsh(part, check_finite=False) / size)
        if progress is not None:
            progress(repeat + 1, times)
    eigenvalues = tuple(np.array(rows) for rows in found)
    values = [[np.atleast_1d(function(row)) for row in rows] for rows in eigenvalues]
    if not names:
        names = tuple(f"summary {i}" for i in range(len(values[0][0])))
    try:
        summaries = np.array(values, dtype=np.float64).reshape(len(counts), times, len(names))
    except (TypeError, ValueError):
        raise InvalidInputError(
            "summary must give one number, or a list of the same length each time"
        ) from None
    if not np.isfinite(summaries).all():
        raise InvalidInputError("a summary is not finite; choose another, or larger sizes")
    return _compared(counts, eigenvalues, names, summaries, level, key)


def _as_samples(x: Any) -> Any:
    """Return an array or a tensor as it is, and of what else there is an array."""
    if not hasattr(x, "shape"):
        try:
            x = np.asarray(x)
        except (TypeError, ValueError):
            x = np.empty(0, dtype=object)
        if x.dtype.kind not in "biufc":
            raise InvalidInputError("x must be a tensor or an array of numbers, one row a sample")
    if len(x.shape) == 0 or x.shape[0] == 0:
        raise InvalidInputError(f"x must have at least one sample, got shape {tuple(x.shape)}")
    return x


def _compared(
    sizes: tuple[int, ...],
    eigenvalues: tuple[FloatArray, ...],
    names: tuple[str, ...],
    summaries: FloatArray,
    confidence: float,
    seed: int,
) -> SubsampledSpectra:
    changes = summaries[-1] - summaries[-2]
    difference = changes.mean(axis=0)
    error = changes.std(axis=0, ddof=1) / math.sqrt(len(changes))
    # s(n) = s + b / n through the two largest sizes.
    before, last = sizes[-2:]
    limits = summaries[-1] + changes * before / (last - before)
    result = SubsampledSpectra(
        sizes=sizes,
        eigenvalues=eigenvalues,
        names=names,
        summaries=summaries,
        means=summaries.mean(axis=1),
        spreads=summaries.std(axis=1, ddof=1),
        differences=difference,
        differences_error=error,
        extrapolated=limits.mean(axis=0),
        extrapolated_error=limits.std(axis=0, ddof=1) / math.sqrt(len(limits)),
        moves=np.zeros(len(names), dtype=bool),
        confidence=confidence,
        seed=seed,
    )
    moves = np.abs(difference) > _critical(result) * error
    return dataclasses.replace(result, moves=moves)


def _critical(result: SubsampledSpectra) -> float:
    """Student's quantile, at a level that holds for all summaries together."""
    repeats, k = result.summaries.shape[1:]
    return float(scipy.stats.t.ppf(1 - (1 - result.confidence) / (2 * k), repeats - 1))


def _checked(kernel: Any, n: int) -> FloatArray:
    array = np.asarray(kernel, dtype=np.float64)
    if array.ndim != 2 or array.shape[0] != array.shape[1] or len(array) % n or not len(array):
        raise InvalidInputError(
            f"gram must give a square matrix with the same number of rows for each of {n} "
            f"samples, got shape {array.shape}"
        )
    if not np.isfinite(array).all():
        raise InvalidInputError("gram gave a kernel that is not finite; look at the model and x")
    return array


def _summary(summary: str | Summary) -> tuple[tuple[str, ...], Summary]:
    if callable(summary):
        return (), summary
    if as_choice("summary", summary, ("quantiles", "tail")) == "tail":
        return ("exponent of the tail",), _tail_exponent
    return tuple(f"log10 of the {p:g} quantile" for p in _QUANTILES), _log_quantiles


def _above_rounding(eigenvalues: FloatArray) -> FloatArray:
    rounding = len(eigenvalues) * np.finfo(np.float64).eps * eigenvalues[-1]
    kept: FloatArray = eigenvalues[eigenvalues > rounding]
    if len(kept) == 0:
        raise InvalidInputError("a kernel is zero: it has no eigenvalues to watch")
    return kept


def _log_quantiles(eigenvalues: FloatArray) -> FloatArray:
    logs = np.log10(_above_rounding(eigenvalues))
    return np.asarray(np.quantile(logs, _QUANTILES), dtype=np.float64)


def _tail_exponent(eigenvalues: FloatArray) -> float:
    """Hill's estimate (Ann. Statist. 3, 1163, 1975)."""
    logs = np.log(_above_rounding(eigenvalues))
    count = max(2, round(_TAIL * len(logs)))
    if len(logs) <= count:
        raise InvalidInputError(
            f"the exponent of the tail needs more than {count} eigenvalues above rounding, got "
            f"{len(logs)}; take larger sizes"
        )
    excess = float(np.mean(logs[-count:] - logs[-count - 1]))
    return 1 / excess if excess > 0 else math.inf
