"""estimate_kappa: exact cases, agreement of methods, stopping, determinism, bad input."""

from __future__ import annotations

import json
import threading
import time

import numpy as np
import pytest

import htmu
from htmu._core.common import CancelToken
from htmu.kappa import ProgressReport
from htmu.structures import BlockDiagonal, Diagonal, Full, Kronecker, Sampled, Structure


@pytest.mark.parametrize("block_beta", [1, 2, 4])
@pytest.mark.parametrize("reference", ["weight", "shape"])
def test_one_block_has_kappa_block_beta_n(block_beta: int, reference: str) -> None:
    for structure in (Full(5, 1.0, block_beta), BlockDiagonal(1, 5, 1.0, block_beta)):
        estimate = htmu.estimate_kappa(structure, reference=reference, seed=1)
        assert estimate.kappa == pytest.approx(5 * block_beta, abs=1e-6)
        assert estimate.half_width < 1e-6
        assert estimate.interval[0] <= 5 * block_beta <= estimate.interval[1]
        assert estimate.converged


@pytest.mark.parametrize("block_beta", [1, 2, 4])
@pytest.mark.parametrize("reference", ["weight", "shape"])
def test_blocks_of_size_one_have_kappa_zero(block_beta: int, reference: str) -> None:
    estimate = htmu.estimate_kappa(
        BlockDiagonal(6, 1, 1.0, block_beta), reference=reference, tol=0.02, seed=2
    )
    low, high = estimate.interval
    assert low == 0.0
    assert 0 <= estimate.kappa <= high <= 0.04
    assert estimate.converged


def test_the_interval_at_the_boundary_is_one_sided() -> None:
    found = [htmu.estimate_kappa(Diagonal(6), tol=0.05, seed=seed) for seed in range(20)]
    at_zero = [estimate for estimate in found if estimate.kappa == 0.0]
    # The root is at the boundary itself: about half of the estimates fall on it.
    assert 3 <= len(at_zero) <= 17
    assert all(e.interval[0] == 0.0 <= e.interval[1] <= 0.05 for e in at_zero)
    assert sum(e.interval[1] > 0 for e in at_zero) >= len(at_zero) - 3
    assert all(e.interval[0] == 0.0 for e in found if e.kappa < e.half_width)


def test_three_kronecker_factors_of_three_repel_less_than_independent_eigenvalues() -> None:
    estimate = htmu.estimate_kappa(Kronecker(dims=(3, 3, 3)), tol=0.01, seed=1)
    assert estimate.kappa == 0.0
    assert estimate.interval[0] == 0.0


@pytest.mark.parametrize(
    ("structure", "tol", "reference"),
    [
        (BlockDiagonal(3, 3), 0.05, "weight"),
        (BlockDiagonal(4, 5, 2.0, 2), 0.05, "weight"),
        (BlockDiagonal(3, 3), 0.1, "shape"),
        (BlockDiagonal(sizes=[1, 2, 4], alpha=0.5), 0.05, "weight"),
        (Kronecker(3, 3), 0.05, "shape"),
    ],
    ids=repr,
)
def test_both_methods_agree(structure: Structure, tol: float, reference: str) -> None:
    selberg = htmu.estimate_kappa(structure, reference=reference, tol=tol / 10, seed=3)
    stochastic = htmu.estimate_kappa(
        structure, reference=reference, tol=tol, seed=4, method="robbins-monro"
    )
    # Four standard errors: false alarm 6e-5 each, fixed seeds.
    error = np.hypot(selberg.stderr, stochastic.stderr)
    assert abs(selberg.kappa - stochastic.kappa) < 4 * error
    assert stochastic.n_steps >= 40
    assert stochastic.n_samples >= 50 * stochastic.n_steps


@pytest.mark.parametrize(("beta", "a"), [(0.0, 1.0), (0.05, 0.5), (1.0, 0.0), (4.0, 2.0)])
@pytest.mark.parametrize("reference", ["weight", "shape", "full"])
def test_sampled_laguerre_draws_give_their_beta_back(beta: float, a: float, reference: str) -> None:
    draws = htmu.LaguerreEnsemble(15, beta=beta, a=a).eigenvalues(4000, seed=5)
    structure = Sampled(draws if reference == "weight" else draws.copy(), alpha=a)
    estimate = htmu.estimate_kappa(structure, reference=reference, tol=None, seed=6)
    assert estimate.n_samples == 4000
    # Four standard errors; the seed is fixed.
    assert abs(estimate.kappa - 15 * beta) < 4 * estimate.stderr
    assert estimate.reference == reference


def test_the_full_reference_does_not_depend_on_scale() -> None:
    draws = htmu.LaguerreEnsemble(10, beta=0.7, a=0.3).eigenvalues(2000, seed=7)
    one = htmu.estimate_kappa(Sampled(draws), tol=None, seed=1)
    other = htmu.estimate_kappa(Sampled(1e6 * draws), tol=None, seed=1)
    assert other.kappa == pytest.approx(one.kappa, rel=1e-6)
    assert one.reference == "full"


def test_a_sampling_function_is_as_good_as_an_array() -> None:
    def draw(rng: np.random.Generator, size: int) -> np.ndarray:
        return htmu.LaguerreEnsemble(6, beta=1.0, a=1.0).eigenvalues(size, seed=rng)

    estimate = htmu.estimate_kappa(Sampled(draw, alpha=1.0), tol=0.2, seed=1)
    assert estimate.converged
    assert abs(estimate.kappa - 6.0) < 4 * estimate.stderr
    again = htmu.estimate_kappa(Sampled(draw, alpha=1.0), tol=0.2, seed=1, n_threads=3)
    assert again.kappa == estimate.kappa


@pytest.mark.parametrize("method", ["selberg", "robbins-monro"])
def test_the_result_depends_on_the_seed_only(method: str) -> None:
    structure = BlockDiagonal(3, 4)
    one = htmu.estimate_kappa(structure, tol=0.1, seed=8, n_threads=1, method=method)
    for n_threads in (2, 7):
        many = htmu.estimate_kappa(structure, tol=0.1, seed=8, n_threads=n_threads, method=method)
        assert (many.kappa, many.interval, many.n_samples) == (
            one.kappa,
            one.interval,
            one.n_samples,
        )
    assert htmu.estimate_kappa(structure, tol=0.1, seed=9, method=method).kappa != one.kappa
    fresh = htmu.estimate_kappa(structure, tol=0.1, method=method)
    again = htmu.estimate_kappa(structure, tol=0.1, seed=fresh.seed, method=method)
    assert again.kappa == fresh.kappa


def test_estimates_run_side_by_side_in_threads() -> None:
    structure = BlockDiagonal(5, 5)
    expected = [
        htmu.estimate_kappa(structure, tol=0.01, seed=s, n_threads=1).kappa for s in range(4)
    ]
    found: dict[int, float] = {}

    def work(seed: int) -> None:
        found[seed] = htmu.estimate_kappa(structure, tol=0.01, seed=seed, n_threads=1).kappa

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[seed] for seed in range(4)] == expected


def test_control_variates_reduce_the_variance_and_a_tighter_tolerance_costs_more() -> None:
    loose = htmu.estimate_kappa(BlockDiagonal(3, 3), tol=2e-3, seed=1)
    tight = htmu.estimate_kappa(BlockDiagonal(3, 3), tol=4e-4, seed=1)
    assert loose.half_width <= 2e-3
    assert tight.half_width <= 4e-4
    assert tight.n_samples > 10 * loose.n_samples
    # Pools of equal blocks and control variates; controls alone for unequal blocks.
    assert tight.variance_reduction > 100
    unequal = htmu.estimate_kappa(BlockDiagonal(sizes=[3, 4]), tol=0.02, seed=1)
    assert 2 < unequal.variance_reduction < 100


@pytest.mark.parametrize("reference", ["weight", "shape", "full"])
def test_pooled_blocks_agree_with_the_same_spectra_handed_in(reference: str) -> None:
    # As Sampled, the spectra have neither pools nor control variates. Four standard errors.
    structure = BlockDiagonal(4, 3, alpha=0.5)
    sampled = Sampled(structure.eigenvalues(40_000, seed=11), alpha=0.5)
    plain = htmu.estimate_kappa(sampled, tol=None, reference=reference, seed=1)
    pooled = htmu.estimate_kappa(structure, tol=5e-3, reference=reference, seed=1)
    assert abs(plain.kappa - pooled.kappa) < 4 * np.hypot(plain.stderr, pooled.stderr)
    assert pooled.variance_reduction > 10


@pytest.mark.parametrize("rows", [8, 60, 99])
def test_algorithm_1_never_reads_beyond_the_spectra_given(rows: int) -> None:
    draws = htmu.LaguerreEnsemble(5, beta=1.0, a=1.0).eigenvalues(rows, seed=1)
    with pytest.raises(htmu.errors.InvalidInputError, match=f"two batches of 50.*got {rows}"):
        htmu.estimate_kappa(Sampled(draws, alpha=1.0), method="robbins-monro", seed=1)


@pytest.mark.filterwarnings("ignore::htmu.errors.AccuracyWarning")
def test_algorithm_1_uses_the_spectra_given_and_no_more() -> None:
    draws = htmu.LaguerreEnsemble(5, beta=1.0, a=1.0).eigenvalues(175, seed=1)
    estimate = htmu.estimate_kappa(
        Sampled(draws, alpha=1.0), method="robbins-monro", tol=1e-6, seed=1
    )
    assert not estimate.converged
    assert estimate.n_samples == 150
    assert estimate.n_steps >= 1


def test_a_tolerance_out_of_reach_warns_and_returns_the_honest_interval() -> None:
    with pytest.warns(htmu.errors.AccuracyWarning, match="raise max_samples or tol"):
        estimate = htmu.estimate_kappa(BlockDiagonal(3, 3), tol=1e-5, max_samples=5000, seed=1)
    assert not estimate.converged
    assert 4000 < estimate.n_samples <= 5000
    assert estimate.half_width > 1e-3
    assert "not converged" in repr(estimate)


def test_the_papers_stopping_rule_is_there_and_stops_early() -> None:
    literal = htmu.estimate_kappa(
        BlockDiagonal(3, 3), tol=1e-3, seed=1, method="robbins-monro", stop="step"
    )
    # One small step says nothing of the error: the interval is far wider than the tolerance.
    assert literal.converged
    assert literal.half_width > 10 * 1e-3


def test_repr_is_one_line_and_to_dict_is_json() -> None:
    estimate = htmu.estimate_kappa(BlockDiagonal(3, 3), tol=0.1, seed=1)
    assert "\n" not in repr(estimate)
    plain = json.loads(json.dumps(estimate.to_dict()))
    assert plain["kappa"] == estimate.kappa
    assert plain["structure"] == "block-diagonal"
    assert plain["parameters"] == {"m": 3, "n": 3, "alpha": 1.0, "block_beta": 1}
    assert plain["beta"] == pytest.approx(estimate.kappa / 9)
    assert plain["lower"] <= plain["kappa"] <= plain["upper"]


def test_progress_is_reported_and_its_errors_come_through() -> None:
    reports: list[ProgressReport] = []
    htmu.estimate_kappa(Kronecker(3, 3), tol=1e-3, seed=1, progress=reports.append)
    assert reports
    assert all(0 < report.fraction <= 1 for report in reports)
    assert [r.n_samples for r in reports] == sorted(r.n_samples for r in reports)

    def fail(report: ProgressReport) -> None:
        raise RuntimeError("the user's own")

    with pytest.raises(RuntimeError, match="the user's own"):
        htmu.estimate_kappa(BlockDiagonal(3, 3), tol=1e-4, seed=1, progress=fail)


def test_a_cancel_token_stops_an_estimate() -> None:
    token = CancelToken()
    threading.Timer(0.1, token.cancel).start()
    started = time.perf_counter()
    with pytest.raises(htmu.errors.CancelledError):
        htmu.estimate_kappa(BlockDiagonal(3, 3), tol=1e-7, seed=1, _cancel=token)
    assert time.perf_counter() - started < 3.0


REPEATED = np.array([[1.0, 2.0, 2.0]] * 10) * np.arange(1, 11)[:, None]


@pytest.mark.parametrize(
    ("structure", "options", "error", "message"),
    [
        ("block-diagonal", {}, ValueError, "structure must be one of htmu.structures"),
        (Full(1), {}, ValueError, "N of at least 2, got N = 1"),
        (Full(3), {"tol": 0}, ValueError, "tol must be finite and greater than 0, got 0"),
        (Full(3), {"tol": -1e-3}, ValueError, "tol must be"),
        (Full(3), {"tol": np.nan}, ValueError, "tol must be"),
        (Full(3), {"tol": "small"}, ValueError, "tol must be a number"),
        (Full(3), {"confidence": 1.0}, ValueError, "confidence must be"),
        (Full(3), {"confidence": 95}, ValueError, "confidence must be"),
        (Full(3), {"method": "newton"}, ValueError, "method must be one of"),
        (Full(3), {"reference": "scale"}, ValueError, "reference of full must be one of"),
        (Kronecker(2, 2), {"reference": "weight"}, ValueError, "reference of kronecker"),
        (Full(3), {"reference": "full", "method": "robbins-monro"}, ValueError, "exponent fixed"),
        (Full(3), {"max_samples": 0}, ValueError, "max_samples must be"),
        (Full(3), {"n_threads": 0}, ValueError, "n_threads must be"),
        (Full(3), {"n_threads": 10**9}, ValueError, "n_threads must be"),
        (Full(3), {"seed": -1}, ValueError, "seed must be"),
        (Full(3), {"progress": 3}, ValueError, "progress must be callable"),
        (Full(3), {"batch": 10}, ValueError, "belong to method 'robbins-monro'"),
        (Full(3), {"batch": 1, "method": "robbins-monro"}, ValueError, "batch must be"),
        (Full(3), {"gain": 0.5, "method": "robbins-monro"}, ValueError, "gain must be"),
        (Full(3), {"stop": "soon", "method": "robbins-monro"}, ValueError, "stop must be"),
        (
            Sampled(REPEATED),
            {},
            htmu.errors.RepeatedEigenvalueError,
            "sample 0 repeats an eigenvalue",
        ),
        (
            Sampled(1e15 * htmu.LaguerreEnsemble(3, beta=1).eigenvalues(20, seed=1), alpha=0.0),
            {},
            htmu.errors.ConvergenceError,
            "kappa is infinite; check alpha and the scale",
        ),
    ],
)
def test_bad_input_is_refused_in_one_line(
    structure: Structure, options: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        htmu.estimate_kappa(structure, **options)  # type: ignore[arg-type]
    assert isinstance(caught.value, htmu.errors.HtmuError)
    assert "\n" not in str(caught.value)
