"""The search for a law, with any engine."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from htmu.arguments import Seed, as_bool, as_choice, as_float, as_int, as_seed, as_threads
from htmu.errors import AccuracyWarning, EngineError, InvalidInputError
from htmu.sweeps import SweepResult
from htmu.symbolic.exhaustive import MAX_SIZE, exhaustive_search
from htmu.symbolic.expression import Expression
from htmu.symbolic.holdout import folds
from htmu.symbolic.law import best_law, make_law, pareto_front, refitted
from htmu.symbolic.operon import import_operon, operon_search
from htmu.symbolic.problem import FEATURES, Problem, make_problem
from htmu.symbolic.pysr import MIN_SIZE, pysr_search
from htmu.symbolic.search import LawSearch
from htmu.symbolic.simplify import simplified_by_sympy

if TYPE_CHECKING:
    import pandas as pd

#: Engines, the default first.
ENGINES = ("auto", "exhaustive", "operon", "pysr")
#: "auto" enumerates up to this size, and this many features.
_AUTO_SIZE = 7
_AUTO_FEATURES = 4
_MAX_SIZE = 40


@dataclass(frozen=True)
class SearchProgress:
    """How far a search is: a fraction in [0, 1], and what is being done."""

    fraction: float
    message: str


def discover_law(
    data: SweepResult | pd.DataFrame | Mapping[str, Any] | str | os.PathLike[str],
    target: str = "kappa",
    features: Iterable[str] = FEATURES,
    engine: str = "auto",
    *,
    maxsize: int = 7,
    stderr: str | None = "stderr",
    floor: float = 0.0,
    seed: Seed = 0,
    n_threads: int | None = None,
    timeout: float | None = None,
    deterministic: bool = True,
    verbose: bool = False,
    progress: Callable[[SearchProgress], object] | None = None,
) -> LawSearch:
    """Find formulas of the features for a target with error bars.

    Formulas are made of ``+ * / log exp``, the features and fitted constants; rows are weighted by
    1/stderr^2. The result holds the best formula of each complexity with its chi^2 per degree of
    freedom and its error on held-out parts of the grid.

    Parameters
    ----------
    data : SweepResult, DataFrame, dict of columns, or path of a run file
        Rows. Of a sweep's cells those with kappa = 0 are left out, for they are bounds.
    target : str, default "kappa"
        Column to explain.
    features : iterable of str, default ("m", "n", "alpha")
        Columns to explain it by. Of a sweep's default features those that do not vary are left out.
        A sweep of m and n has two more columns to choose: ``N`` = m n, and ``ratio``, the larger of
        m and n over the smaller.
    engine : {"auto", "exhaustive", "operon", "pysr"}
        "exhaustive" fits every formula up to `maxsize`, at most 8. "operon" searches by genetic
        programming (pyoperon), at any size. "pysr" is PySR with the settings of the paper; needs
        Julia. "auto" is exhaustive up to size 7 and four features, and operon beyond.
    maxsize : int, default 7
        Most nodes of a formula; each operator, function, feature and constant is one. PySR needs
        at least 7.
    stderr : str or None, default "stderr"
        Column of standard errors; None weighs all rows alike.
    floor : float, default 0
        Error that is added in quadrature to each row's, in the target's units: for rows that are
        exact, or where the law is to be equally good everywhere. Without one, exact cells of a
        sweep (one block has kappa = n) take the median error of its other cells.
    seed : int, SeedSequence, Generator or None, default 0
        Seed of the engines that search.
    n_threads : int or None
        Threads of Operon; no result depends on it.
    timeout : float or None
        Seconds after which a search stops early, with a warning; Operon after one second at least.
    deterministic, verbose : bool
        Of PySR: repeatable (and serial) searches; its own progress on the terminal.
    progress : callable, optional
        Called with a `SearchProgress`.

    Returns
    -------
    LawSearch

    Raises
    ------
    InvalidInputError
        Too few rows, a constant target, NaN, an error that is not positive, a column that is
        missing, named twice or not of real numbers, numbers whose squares leave the range of
        doubles, a floor without errors, or an unknown engine.
    MissingExtraError
        The engine's package is not installed.
    EngineError
        The engine could not be started, or found nothing.

    Warns
    -----
    AccuracyWarning
        Cells of a sweep are unfinished, unconverged, exact or at kappa = 0; a few rows hold nearly
        all the weight; the search ran out of time.

    Notes
    -----
    The paper's symbolic regression: Hodgkinson, Wang and Mahoney, ICML 2025, with PySR (Cranmer,
    arXiv 2305.01582). Operon: Burlacu, Kronberger and Kommenda, GECCO 2020.

    Examples
    --------
    >>> import htmu
    >>> sweep = htmu.sweep(m=[2, 3, 5, 9], n=[2, 3, 5, 9], alpha=1, tol=0.02)
    >>> found = htmu.discover_law(sweep, maxsize=3)
    >>> [law.complexity for law in found]
    [1, 3]
    """
    engine = as_choice("engine", engine, ENGINES)
    maxsize = as_int("maxsize", maxsize, minimum=1, maximum=_MAX_SIZE)
    floor = as_float("floor", floor, minimum=0.0)
    key = as_seed(seed)
    threads = as_threads(n_threads)
    if timeout is not None:
        timeout = as_float("timeout", timeout, exclusive_minimum=0.0)
    deterministic = as_bool("deterministic", deterministic)
    verbose = as_bool("verbose", verbose)
    if progress is not None and not callable(progress):
        raise InvalidInputError(f"progress must be callable, got {progress!r}")
    problem = make_problem(data, target, features, stderr, floor)
    if engine == "auto":
        small = maxsize <= _AUTO_SIZE and len(problem.features) <= _AUTO_FEATURES
        engine = "exhaustive" if small else "operon"
    if engine == "exhaustive" and maxsize > MAX_SIZE:
        raise InvalidInputError(
            f"the exhaustive engine goes up to maxsize {MAX_SIZE}, got {maxsize}; take the engine "
            f"'operon'"
        )
    if engine == "pysr" and maxsize < MIN_SIZE:
        raise InvalidInputError(
            f"the pysr engine needs a maxsize of at least {MIN_SIZE}, got {maxsize}; raise it, or "
            f"take the engine 'exhaustive'"
        )
    begun = time.monotonic()
    if engine == "operon":  # the time limit is for the search, not for the package to load
        import_operon()
    deadline = time.monotonic() + (float("inf") if timeout is None else timeout)

    def report(fraction: float, message: str) -> None:
        if progress is not None:
            progress(SearchProgress(min(1.0, fraction), message))

    proved = 0
    if engine == "exhaustive":
        found, proved = exhaustive_search(problem, maxsize, deadline, report)
    elif engine == "operon":
        found = operon_search(problem, maxsize, key, threads, deadline, report)
    else:
        found = pysr_search(
            problem, maxsize, key, timeout, report, deterministic=deterministic, verbose=verbose
        )
    late = time.monotonic() > deadline
    if late and not found:
        raise EngineError(
            f"the search ran out of its {timeout:g} s before a formula was fitted; raise timeout"
        )
    if late:
        warnings.warn(
            f"the search stopped after {timeout:g} s"
            + (f"; all formulas up to size {proved} are fitted" if proved else "")
            + "; raise timeout for more",
            AccuracyWarning,
            stacklevel=2,
        )
    # With a constant a row any form goes through all points, and nothing is left to judge it by.
    found = [e for e in found if len(e.constants) < problem.n_rows]
    front = pareto_front(found, problem)
    if engine != "exhaustive":
        front = _simplified(front, problem, maxsize)
    if not front:
        raise EngineError(
            f"the engine {engine!r} found no formula that is defined at every row; raise maxsize "
            f"or timeout, or take another engine"
        )
    report(1.0, "held-out errors")
    parts = folds(problem)
    laws = tuple(make_law(expression, problem, parts) for expression in front)
    best, reason = best_law(laws)
    return LawSearch(
        laws,
        best,
        reason,
        problem,
        engine=engine,
        proved_size=proved,
        maxsize=maxsize,
        seed=key,
        elapsed=time.monotonic() - begun,
    )


def _simplified(front: list[Expression], problem: Problem, maxsize: int) -> list[Expression]:
    """Front with what SymPy makes smaller, fitted anew."""
    smaller = [simplified_by_sympy(expression) for expression in front]
    more = [refitted(new, problem) for new, old in zip(smaller, front, strict=True) if new != old]
    return pareto_front([e for e in (*front, *more) if e.complexity <= maxsize], problem)
