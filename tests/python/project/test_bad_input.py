"""Every public function refuses bad input: InvalidInputError, one line that names the culprit.

A row of ``CALLS`` is a call that works and, for each of its arguments, the values that must be
refused in its place.  ``test_every_public_name_has_a_row`` asks for a row for each new name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import suppress
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import htmu
from htmu import plotting, random, structures, sweeps
from htmu.errors import HtmuError, InvalidInputError, MissingExtraError

NAN, INF = float("nan"), float("inf")
HUGE = 10**9
TOO_MANY = 10**15  # entries: more than any machine has memory for
RAGGED = [[1.0, 2.0], [3.0]]

# Values that are refused, by what an argument is.
_NEITHER = ["ten", b"3", NAN, INF, -INF, 1j, True, {}, object()]
NOT_INT = [*_NEITHER, 2.5, [3], np.array([1, 2])]
NOT_REAL = [*_NEITHER, 10**400, [1.0]]
NOT_NAME = ["", "nope", "FULL ", b"full", 0, 1.0, True, ["full"], {}]
SIZE = [*NOT_INT, None, 0, -1, HUGE, 10**30]  # of a matrix
COUNT = [*NOT_INT, None, -1, TOO_MANY, 10**30]  # of samples
LIMIT = [*NOT_INT, None, 0, -1, 10**30]
ALPHA = [*NOT_REAL, None, -1, -1.5]
POSITIVE = [*NOT_REAL, None, 0, -1, -0.0]
LEVEL = [*POSITIVE, 1, 1.5]
ARRAY = ["text", None, RAGGED, [NAN, 1.0], [1.0, INF], ["a"], [1j, 2j], [None, 1.0], {}, object()]
MATRIX = [*ARRAY, [], 1.0, [1.0]]
SHAPES = [*ARRAY, [0.0, 1.0], [-1.0, 1.0]]  # of Gamma variates
OUTPUT = ["ten", 2.5, NAN, INF, -1, 1j, True, {}, (2, -1), (2, "x"), TOO_MANY, (10**8, 10**8)]
STRUCTURE: list[Any] = ["full", None, 3, {}, structures.Full, np.ones((20, 4)), structures.Full(1)]
SIZES: list[Any] = [
    None,
    [],
    [0, 2],
    [2.5],
    [2, HUGE],
    "23",
    5,
    {},
    [[2], [3]],
    ["a"],
    [NAN],
    np.array(3),
]
INDICES = [None, 1, (0,), (0, 3), (-1, 1), (2, 1), (0.5, 1), ("a", "b"), (0, HUGE)]
NOT_BOOL: list[Any] = ["yes", None, 0, 1, 1.0, NAN, [True], {}]
FEW = [*NOT_INT, None, 0, -1, 4]  # largest or smallest of three
LOGS = ["text", RAGGED, [NAN, 1.0], [1.0, INF], ["a"], [1j, 2j], {}, object(), 1.0, [1.0]]
EDGES = [*ARRAY, [], [0.0], 1.0, [[0.0, 1.0]], [1.0, 0.0], [0.0, 0.0, 1.0]]
INTERVAL = [None, 1, (0.0,), (1.0, 1.0), (2.0, 1.0), (NAN, 1.0), (0.0, "b")]
DRAW: dict[str, list[Any]] = {
    "seed": ["ten", b"3", 2.5, NAN, INF, -1, 1j, True, {}, [3], np.random.RandomState(0)],
    "n_threads": [*NOT_INT, 0, -1, HUGE, 10**30],
}
GRID: dict[str, list[Any]] = {
    "structure": [*NOT_NAME, None],
    "m": [*_NEITHER, 2.5, None, 0, HUGE, [], [3, 0], [[3, 4]], np.ones((2, 2))],
    "n": [*_NEITHER, 2.5, None, 0, HUGE, [], [3, NAN], RAGGED],
    "alpha": [*_NEITHER, None, -1, 10**400, [], [1.0, "x"], [1.0, -1.0], [NAN]],
    "block_beta": [*NOT_INT, None, 0, 3, -1, HUGE],
}
GRID_M = [value for value in GRID["m"] if value is not HUGE]  # HUGE is refused when it is built
PLAN: dict[str, list[Any]] = {
    "tol": [value for value in POSITIVE if value is not None],
    "confidence": LEVEL,
    "method": [*NOT_NAME, None],
    "reference": NOT_NAME,
    "max_samples": LIMIT,
}

D, E = [1.0, 2.0, 3.0], [0.5, 0.5]
ENSEMBLE = htmu.LaguerreEnsemble(4, beta=0.5, a=1.0)
HERMITE, JACOBI = htmu.HermiteEnsemble(4, beta=0.5), htmu.JacobiEnsemble(4, beta=0.5)
BLOCKS = structures.BlockDiagonal(2, 3)
SPECTRA = ENSEMBLE.eigenvalues(64, seed=1)
SOME = structures.Sampled(SPECTRA)
BY_INDEX = {"d": D, "e": E, "select": "i", "select_range": (0, 1)}
BY_VALUE = {"d": D, "e": E, "select": "v", "select_range": (0.0, 1.0)}
SMALL_GRID = {"m": 2, "n": 3, "alpha": 1.0, "tol": 0.5}
DIAGONAL = {"structure": "diagonal", "tol": 9.0}
ALGORITHM_1 = {"structure": BLOCKS, "tol": 0.9, "method": "robbins-monro", "seed": 0}
LAW: dict[str, Any] = {
    "data": {
        "m": [2.0, 3.0, 4.0, 5.0, 6.0, 7.0],
        "kappa": [2.1, 2.9, 4.2, 5.1, 5.8, 7.1],
        "stderr": [0.1] * 6,
    },
    "features": ["m"],
    "maxsize": 3,
}


POSITIVE_OR_NONE = [value for value in POSITIVE if value is not None]
SPECTRUM = htmu.LaguerreEnsemble(60, beta=0.1, a=3.0).eigenvalues(1, seed=1)[0]
FIT = {"eigenvalues": SPECTRUM, "gamma": 0.3}
SPECTRUM_BAD = [*ARRAY, SPECTRUM[:9], -SPECTRUM, 0 * SPECTRUM, 0 * SPECTRUM + 3, SPECTRUM * NAN]
SPECTRUM_BAD += [np.diag(SPECTRUM), SPECTRUM * 1j, 1.0]


class Call(NamedTuple):
    name: str
    function: Callable[..., Any]
    valid: dict[str, Any]
    bad: dict[str, list[Any]]


def row(name: str, valid: dict[str, Any], /, **bad: list[Any]) -> Call:
    """The row of a public name of htmu, such as ``random.normal``."""
    return Call(name, attrgetter(name)(htmu), valid, bad)


def method(owner: Any, name: str, /, **bad: list[Any]) -> Call:
    """The row of a method that draws `size` samples."""
    return Call(f"{type(owner).__name__}.{name}", getattr(owner, name), {"size": 2}, bad)


def estimate_drawn(draw: Callable[[int], Any]) -> htmu.KappaEstimate:
    """Use a sampling function: what it returns is checked while the estimate runs."""
    structure = structures.Sampled(lambda rng, size: draw(size), alpha=1.0, N=4)
    return htmu.estimate_kappa(structure, tol=2.0, seed=0, max_samples=64)


DRAWN: list[Callable[[int], Any]] = [
    lambda size: None,
    lambda size: "text",
    lambda size: RAGGED,
    lambda size: np.ones((size, 3)),
    lambda size: np.ones(size),
    lambda size: np.ones((1, 4)),
    lambda size: np.ones((size, 4)),  # repeated eigenvalues
    lambda size: np.full((size, 4), NAN),
    lambda size: -SPECTRA[:size],
]
SPECTRA_REFUSED = [SPECTRA[:3], SPECTRA[0], SPECTRA[None], -SPECTRA, 0 * SPECTRA, SPECTRA * NAN]

CALLS = [
    row("eigvalsh_tridiagonal", {"d": D, "e": E}, d=[*MATRIX, D[:2]], e=MATRIX, driver=NOT_NAME),
    row(
        "eigvalsh_tridiagonal",
        {"d": D, "e": E},
        select=[*NOT_NAME, None],
        n_threads=DRAW["n_threads"],
    ),
    row("eigvalsh_tridiagonal", {"d": D, "e": E}, check_finite=NOT_BOOL),
    row("eigvalsh_tridiagonal", BY_INDEX, select_range=INDICES, driver=["qr", "sterf", "stemr"]),
    row(
        "eigvalsh_tridiagonal",
        {**BY_INDEX, "select": "largest", "select_range": 1},
        select_range=FEW,
    ),
    row("eigvalsh_tridiagonal", BY_VALUE, select_range=INTERVAL),
    row(
        "singvals_bidiagonal",
        {"d": D, "e": E},
        d=[*MATRIX, D[:2]],
        e=MATRIX,
        n_threads=DRAW["n_threads"],
    ),
    row(
        "singvals_bidiagonal",
        {"d": D, "e": E},
        driver=[*NOT_NAME, "sterf"],
        check_finite=NOT_BOOL,
        select=[*NOT_NAME, None],
    ),
    row("singvals_bidiagonal", BY_INDEX, select_range=INDICES, driver=["qr", "lasq1"]),
    row("singvals_bidiagonal", BY_VALUE, select_range=INTERVAL),
    row(
        "log_eigenvalues",
        {"log_d": D, "log_e": E},
        log_d=[*MATRIX, D[:2], [1.0, 2.0, -INF]],
        log_e=[*LOGS, None],
        n_threads=DRAW["n_threads"],
    ),
    row(
        "count_eigenvalues",
        {"d": D, "e": E, "edges": D},
        d=[*MATRIX, D[:2]],
        e=MATRIX,
        edges=[*ARRAY, [[0.0, 1.0]]],
        n_threads=DRAW["n_threads"],
    ),
    row(
        "spectral_histogram",
        {"ensemble": ENSEMBLE, "edges": D, "size": 2},
        ensemble=["laguerre", None, 3, BLOCKS, htmu.LaguerreEnsemble],
        edges=EDGES,
        size=COUNT,
        **DRAW,
    ),
    row("log_vandermonde", {"x": D}, x=[*ARRAY, 1.0], n_threads=DRAW["n_threads"]),
    row("LaguerreEnsemble", {"n": 3}, n=SIZE, beta=[*ALPHA, -1e-9], a=ALPHA, rate=POSITIVE),
    method(ENSEMBLE, "sample_bidiagonal", size=COUNT, **DRAW),
    method(ENSEMBLE, "sample_tridiagonal", size=COUNT, **DRAW),
    method(ENSEMBLE, "eigenvalues", size=COUNT, **DRAW),
    method(ENSEMBLE, "log_vandermonde", size=COUNT, **DRAW),
    method(ENSEMBLE, "log_eigenvalues", size=COUNT, **DRAW),
    row("HermiteEnsemble", {"n": 3}, n=SIZE, beta=[*ALPHA, -1e-9], rate=POSITIVE),
    method(HERMITE, "sample_tridiagonal", size=COUNT, **DRAW),
    method(HERMITE, "eigenvalues", size=COUNT, **DRAW),
    method(HERMITE, "log_vandermonde", size=COUNT, **DRAW),
    row("JacobiEnsemble", {"n": 3}, n=SIZE, beta=[*ALPHA, -1e-9], a=ALPHA, b=ALPHA),
    method(JACOBI, "sample_bidiagonal", size=COUNT, **DRAW),
    method(JACOBI, "sample_tridiagonal", size=COUNT, **DRAW),
    method(JACOBI, "eigenvalues", size=COUNT, **DRAW),
    method(JACOBI, "log_vandermonde", size=COUNT, **DRAW),
    row("random.normal", {"size": 2}, size=[*OUTPUT, None], **DRAW),
    row("random.exponential", {"size": 2}, size=[*OUTPUT, None], **DRAW),
    row("random.gamma", {"shape": [1.0, 2.0], "size": 2}, shape=[*SHAPES, D], size=OUTPUT, **DRAW),
    row("random.log_gamma", {"shape": [1.0, 2.0], "size": 2}, shape=SHAPES, size=OUTPUT, **DRAW),
    row("random.chi", {"df": [1.0, 2.0], "size": (3, 2)}, df=[*SHAPES, D], size=OUTPUT, **DRAW),
    row("structures.Full", {"n": 3}, n=SIZE, alpha=ALPHA, block_beta=POSITIVE),
    row("structures.Diagonal", {"n": 3}, n=SIZE, alpha=ALPHA),
    row("structures.BlockDiagonal", {"m": 2, "n": 3}, m=SIZE, n=SIZE, alpha=ALPHA),
    row("structures.BlockDiagonal", {"m": 2, "n": 3}, block_beta=POSITIVE, sizes=[[2, 3]]),
    row("structures.BlockDiagonal", {"sizes": [2, 3]}, sizes=SIZES),
    row("structures.Kronecker", {"m": 2, "n": 3}, m=SIZE, n=SIZE, alpha=[*ALPHA, -0.9]),
    row("structures.Kronecker", {"dims": (2, 3)}, dims=[*SIZES, (10**4, 10**4)], m=[2]),
    row("structures.Sampled", {"spectra": SPECTRA}, spectra=[*MATRIX, [[]], *SPECTRA_REFUSED]),
    row(
        "structures.Sampled", {"spectra": SPECTRA}, alpha=[*NOT_REAL, -1], N=[*NOT_INT, 0, 5, HUGE]
    ),
    Call("structures.Sampled", estimate_drawn, {"draw": lambda n: SPECTRA[:n]}, {"draw": DRAWN}),
    row("structures.from_parameters", {"name": "full", "n": 3}, name=[*NOT_NAME, None, "sampled"]),
    row("structures.from_parameters", {"name": "full", "n": 3}, n=SIZE, m=[2], alpha=ALPHA),
    method(BLOCKS, "eigenvalues", size=COUNT, **DRAW),
    method(structures.Kronecker(2, 2), "eigenvalues", size=COUNT, **DRAW),
    method(SOME, "eigenvalues", size=[*COUNT, len(SPECTRA) + 1], **DRAW),
    row("estimate_kappa", {"structure": BLOCKS, "tol": 0.5}, structure=STRUCTURE, **PLAN, **DRAW),
    row("estimate_kappa", {"structure": BLOCKS, "tol": 0.5}, progress=["yes", 1], batch=[10]),
    row("estimate_kappa", {"structure": BLOCKS, "tol": 0.5}, gain=[2.0], stop=["step"]),
    row("estimate_kappa", ALGORITHM_1, batch=[*LIMIT, 1, HUGE], gain=[*POSITIVE, 0.5, INF]),
    row("estimate_kappa", ALGORITHM_1, stop=[*NOT_NAME, None], reference=["full"]),
    row("estimate_kappa", ALGORITHM_1, max_samples=[49]),
    row("sweeps.sweep", SMALL_GRID, **GRID, **PLAN, preset=NOT_NAME, **DRAW),
    row("sweeps.sweep", {"preset": "quick", **DIAGONAL}, m=[3], block_beta=[2], preset=NOT_NAME),
    row("sweeps.Grid", {"m": 2, "n": 3, "alpha": 1}, **{**GRID, "m": GRID_M, "n": GRID_M}),
    row("sweeps.Grid.preset", {"name": "paper"}, name=[*NOT_NAME, None], structure=NOT_NAME),
]
CALLS += [
    row("discover_law", LAW, data=[None, 3, 1.5, {}, [[1.0]], object(), LAW["data"]["m"]]),
    row("discover_law", LAW, target=[*NOT_NAME, None, "m", "stderr"], stderr=[*NOT_NAME, "m"]),
    row("discover_law", LAW, features=["k", [], [1], ["m", "m"], None, 3, {}, ["kappa"], [["m"]]]),
    row("discover_law", LAW, engine=[*NOT_NAME, None], maxsize=[*LIMIT, 41], **DRAW),
    row("discover_law", LAW, floor=[*NOT_REAL, None, -1.0], timeout=[*NOT_REAL, 0, -1.0]),
    row("discover_law", LAW, deterministic=NOT_BOOL, verbose=NOT_BOOL, progress=["yes", 1]),
    row(
        "symbolic.Expression",
        {"tree": ("+", ("x", 0), ("c", 0)), "constants": (1.0,), "features": ("m",)},
        constants=[(), (1.0, 2.0)],
        features=[()],
    ),
]

CALLS += [
    row("fit_spectrum", FIT, eigenvalues=SPECTRUM_BAD, gamma=POSITIVE_OR_NONE, inverse=NOT_BOOL),
    row(
        "fit_spectrum",
        FIT,
        kappa=[*POSITIVE_OR_NONE[: NOT_REAL.index(INF)], -1.0, 1e9, -INF],
        scale=POSITIVE_OR_NONE,
    ),
    row("fit_spectrum", FIT, method=[*NOT_NAME, None], spikes=[*NOT_INT, -1, 999, "all"]),
    row("fit_spectrum", FIT, window=[3, (1.0,), (2.0, 1.0), (NAN, 1.0), ("a", "b"), (-1.0, 1.0)]),
    row("fit_spectrum", FIT, confidence=LEVEL, n_simulations=[*NOT_INT, -1, 5], zero_tol=[-1.0]),
    row("fit_spectrum", FIT, **DRAW),
]

#: Results and base classes: made by htmu, not called by users.
MADE_BY_HTMU = {"KappaEstimate", "LawSearch", "SpectrumFit", "SweepResult"}
MADE_BY_HTMU |= {"structures.Structure"}
MADE_BY_HTMU |= {f"sweeps.{name}" for name in ("Cell", "CellResult", "SweepProgress")}
MADE_BY_HTMU |= {f"sweeps.{name}" for name in ("SweepResult", "SweepSettings")}
#: They take nothing, a path or a result: their areas' tests hold the ways in which those are bad.
TESTED_BY_AREA = {"structures.names", "sweeps.cpu_model", "sweeps.resume_sweep"}
TESTED_BY_AREA |= {"plotting.plot_kappa", "plotting.check_drawable", "plotting.plot_law"}
TESTED_BY_AREA |= {"plotting.plot_spectra", "plotting.SpectrumPanel"}
#: SciPy distributions, which give NaN outside their domain; tests/python/special has their errors.
TESTED_BY_AREA |= {"htmp", "inverse_htmp", "marchenko_pastur"}


def cases() -> Iterator[Any]:
    for index, call in enumerate(CALLS):
        for argument, values in call.bad.items():
            for value in values:
                shown = " ".join(repr(value).split())[:30].split(" at 0x")[0]
                yield pytest.param(
                    call, argument, value, id=f"{index}-{call.name}-{argument}={shown}"
                )


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
@pytest.mark.filterwarnings("ignore::htmu.errors.AccuracyWarning")
def test_the_call_itself_works(call: Call) -> None:
    call.function(**call.valid)


@pytest.mark.parametrize(("call", "argument", "value"), list(cases()))
@pytest.mark.filterwarnings("ignore::htmu.errors.AccuracyWarning")
def test_bad_value_is_refused(call: Call, argument: str, value: Any) -> None:
    with pytest.raises(InvalidInputError) as caught:
        call.function(**{**call.valid, argument: value})
    message = str(caught.value)
    assert isinstance(caught.value, ValueError)
    assert message
    assert "\n" not in message
    assert len(message) <= 300
    assert names_it(message, argument, value), message


def names_it(message: str, argument: str, value: Any) -> bool:
    """Whether a message names the argument, or the value, or what is wrong with it."""
    short = repr(value)[:40].split(" at 0x")[0]
    return any(
        word in message for word in (argument, short, "sampling function", "sample ", "N = 1")
    )


def test_every_public_name_has_a_row() -> None:
    modules = {"": htmu, "random.": random, "structures.": structures}
    modules |= {"sweeps.": sweeps, "plotting.": plotting}
    public = {}
    for prefix, module in modules.items():
        for name in module.__all__:
            with suppress(MissingExtraError):
                public[f"{prefix}{name}"] = getattr(module, name)
    tested = [call.function for call in CALLS]
    missing = {name for name, value in public.items() if callable(value) and value not in tested}
    assert missing - MADE_BY_HTMU - TESTED_BY_AREA == set()


def test_a_refused_sweep_writes_nothing(tmp_path: Path) -> None:
    for bad in ({"tol": NAN}, {"m": [3, 0]}, {"seed": -1}, {"method": "nope"}, {"n_threads": 0}):
        arguments: dict[str, Any] = {"m": 2, "n": 3, "alpha": 1.0, **bad}
        with pytest.raises(InvalidInputError):
            htmu.sweep(**arguments, out=tmp_path / "run.htmu")
    assert list(tmp_path.iterdir()) == []


#: The same numbers in every form that an array may take.
FORMS: dict[str, Callable[[np.ndarray], Any]] = {
    "list": lambda x: x.tolist(),
    "float32": lambda x: x.astype(np.float32),
    "int": lambda x: x.astype(np.int64),
    "uint8": lambda x: x.astype(np.uint8),
    "big-endian": lambda x: x.astype(">f8"),
    "strided": lambda x: np.repeat(x, 2, axis=-1)[..., ::2],
    "reversed": lambda x: np.ascontiguousarray(x[..., ::-1])[..., ::-1],
    "fortran": np.asfortranarray,
    "read-only": lambda x: np.frombuffer(x.tobytes(), dtype=x.dtype).reshape(x.shape),
    "unaligned": lambda x: unaligned(x),
}


def unaligned(x: np.ndarray) -> np.ndarray:
    raw = np.frombuffer(b"." + x.tobytes(), np.uint8)[1:]
    return raw.view(x.dtype).reshape(x.shape)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_an_array_gives_the_same_numbers(form: str) -> None:
    # Whole numbers, so that float32 and the integers hold them exactly.
    as_form = FORMS[form]
    d = np.array([[4.0, 7.0, 1.0], [2.0, 9.0, 5.0]])
    e = np.array([[1.0, 2.0], [3.0, 1.0]])
    before = d.copy()
    for function in (htmu.eigvalsh_tridiagonal, htmu.singvals_bidiagonal):
        np.testing.assert_array_equal(function(as_form(d), as_form(e)), function(d, e))
    np.testing.assert_array_equal(htmu.log_vandermonde(as_form(d)), htmu.log_vandermonde(d))
    for draw in (random.gamma, random.log_gamma, random.chi):
        np.testing.assert_array_equal(draw(as_form(d), seed=1), draw(d, seed=1))
    spectra = np.tile([[1.0, 2.0, 4.0]], (20, 1)) * np.arange(1.0, 21.0)[:, None]
    ours = structures.Sampled(as_form(spectra))
    np.testing.assert_array_equal(ours.eigenvalues(20), structures.Sampled(spectra).eigenvalues(20))
    np.testing.assert_array_equal(d, before)


def test_empty_batches_give_empty_results() -> None:
    assert htmu.eigvalsh_tridiagonal(np.ones((0, 3)), np.ones((0, 2))).shape == (0, 3)
    for driver in ("qr", "sturm", "sterf"):
        none = htmu.eigvalsh_tridiagonal(np.ones((0, 3)), np.ones((0, 2)), driver=driver)
        assert none.shape == (0, 3)
    assert htmu.singvals_bidiagonal(np.ones((2, 0, 3)), np.ones((2, 0, 2))).shape == (2, 0, 3)
    assert htmu.log_eigenvalues(np.ones((0, 3)), np.ones((0, 2))).shape == (0, 3)
    assert htmu.count_eigenvalues(np.ones((0, 3)), np.ones((0, 2)), [1.0]).shape == (0, 1)
    assert htmu.count_eigenvalues(D, E, []).shape == (0,)
    assert htmu.spectral_histogram(ENSEMBLE, [0.0, 1.0], 0).tolist() == [0]
    empty = htmu.log_vandermonde(np.ones((0, 3)))
    assert isinstance(empty, np.ndarray)
    assert empty.shape == (0,)
    assert htmu.log_vandermonde([]) == 0.0
    assert math.copysign(1.0, float(htmu.log_vandermonde([5.0]))) == 1.0
    assert random.normal(0, seed=1).shape == (0,)
    assert random.gamma(np.ones((0, 2)), seed=1).shape == (0, 2)
    assert ENSEMBLE.eigenvalues(0, seed=1).shape == (0, 4)
    assert BLOCKS.eigenvalues(0, seed=1).shape == (0, 6)


def test_every_error_is_an_htmu_error() -> None:
    kinds = [getattr(htmu.errors, name) for name in htmu.errors.__all__]
    assert all(issubclass(kind, HtmuError | Warning) for kind in kinds)
