"""What `gram` promises beside the layers: order, options, precision, and a model left as it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch", reason="the extra networks is not installed")
from torch import nn  # noqa: E402

from htmu.ntk import GramProgress, eigvals, gram  # noqa: E402

Brute = Callable[..., NDArray[np.float64]]


def network(seed: int = 1, classes: int = 4) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1),
        nn.BatchNorm2d(6),
        nn.ReLU(inplace=True),
        nn.Conv2d(6, 8, 3, stride=2, bias=False),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32, classes),
    ).eval()


def samples(n: int = 7) -> Any:
    return torch.randn(n, 3, 10, 10, generator=torch.Generator().manual_seed(2))


def relative(found: Any, expected: Any) -> float:
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def test_rows_are_sample_times_classes_plus_class(brute: Brute) -> None:
    model, x = network().double(), samples().double()
    kernel = gram(model, x, dtype="float64")
    assert kernel.shape == (28, 28)
    assert (kernel == kernel.T).all()
    only = brute(model, x[2:4])[1, 6]  # sample 2 of class 1, sample 3 of class 2
    assert kernel[2 * 4 + 1, 3 * 4 + 2] == pytest.approx(only, rel=1e-10)


def test_chosen_classes_are_rows_of_the_whole() -> None:
    model, x = network(), samples()
    whole = gram(model, x, dtype="float64").reshape(7, 4, 7, 4)
    some = gram(model, x, dtype="float64", outputs=[2, 0]).reshape(7, 2, 7, 2)
    assert relative(some, whole[:, [2, 0]][:, :, :, [2, 0]]) < 1e-12


def test_scaled_divides_by_the_number_of_chosen_parameters() -> None:
    model, x = network(), samples()
    count = sum(p.numel() for p in model.parameters())
    assert relative(count * gram(model, x, scaled=True), gram(model, x)) < 1e-14
    chosen = gram(model, x, scaled=True, parameters="7")
    assert relative(132 * chosen, gram(model, x, parameters=["7.weight", "7.bias"])) < 1e-14


def test_parameters_by_name_prefix_and_function(brute: Brute) -> None:
    model, x = network().double(), samples().double()
    first = ["0.weight", "0.bias"]
    expected = brute(model, x, first)
    assert relative(gram(model, x, dtype="float64", parameters="0"), expected) < 1e-10
    assert relative(gram(model, x, dtype="float64", parameters=["0."]), expected) < 1e-10
    by_function = gram(
        model, x, dtype="float64", parameters=lambda name, p: name in first and p.ndim > 0
    )
    assert relative(by_function, expected) < 1e-10


def test_frozen_parameters_are_left_out(brute: Brute) -> None:
    model, x = network().double(), samples().double()
    model[0].requires_grad_(False)
    names = [name for name, p in model.named_parameters() if p.requires_grad]
    assert len(names) == 5
    found = gram(model, x, dtype="float64")
    assert relative(found, brute(model, x, names)) < 1e-10
    assert gram(model, x, per_layer=True).keys() == {"1", "3", "7"}


@pytest.mark.parametrize(("dtype", "error"), [("mixed", 1e-5), ("float32", 1e-5)])
def test_precisions(dtype: str, error: float, brute: Brute) -> None:
    model, x = network(), samples()
    found = gram(model, x, dtype=dtype)
    assert found.dtype == (np.float32 if dtype == "float32" else np.float64)
    assert relative(found, brute(network().double(), x.double())) < error


def near_duplicates() -> Any:
    """Groups of samples 1e-2 to 1e-5 apart: spectra over ten decades."""
    torch.manual_seed(3)
    base = samples(6)
    return torch.cat([base + 10.0**-k * torch.randn_like(base) for k in range(2, 6)])


@pytest.mark.parametrize("kind", ["convolutions", "mlp"])
def test_mixed_precision_keeps_small_eigenvalues(kind: str) -> None:
    """Flip-free networks: no negative eigenvalue, where a float32 kernel has dozens.

    Gradients in float32 are off by some eps in each entry, so that an eigenvalue's relative error
    grows as eps sqrt(largest / it), times a factor that falls as there are more entries: measured,
    0.4 for 64 hidden units, 0.06 for these convolutions. That is below 1e-3 at 1e-10 for the
    latter; the former may reach it there.
    """
    x = near_duplicates()
    if kind == "mlp":
        model = nn.Sequential(nn.Flatten(), nn.Linear(300, 64), nn.Tanh(), nn.Linear(64, 5))
    else:
        model = nn.Sequential(
            *(nn.Conv2d(3, 32, 3, padding=1), nn.Tanh()),
            *(nn.Conv2d(32, 64, 3, padding=1), nn.Tanh()),
            *(nn.AvgPool2d(5), nn.Flatten(), nn.Linear(256, 5)),
        )
    true = eigvals(gram(model, x, dtype="float64"))
    mixed = eigvals(gram(model, x))
    single = eigvals(gram(model, x, dtype="float32"))
    ratio = true.eigenvalues / true.eigenvalues[-1]
    assert ratio[0] < 1e-9
    error = np.abs(mixed.eigenvalues / true.eigenvalues - 1)
    assert (error < 6e-8 / np.sqrt(ratio)).all()
    if kind == "convolutions":
        assert error[ratio > 1e-10].max() < 1e-3
    assert mixed.n_negative == 0
    assert single.n_negative > 5


def test_kernel_is_the_same_in_any_division(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of samples, groups of layers, chunks of passes and small buffers."""
    from htmu.ntk import gram as function
    from htmu.ntk import memory

    model, x = network(), samples(11)
    for outputs in ("all", "trace"):
        whole = function(model, x, dtype="float64", outputs=outputs)
        for block, chunk, room in [(11, 2, 1000), (4, 3, 10**6), (3, 1, 2000), (1, 1, 10**5)]:

            def divided(
                needs: Any,
                parts: Any,
                limit: float,
                fixed: Any = None,
                b: int = block,
                c: int = chunk,
                r: int = room,
            ) -> Any:
                class Single(memory.Schedule):
                    def _fits(self, group: Any) -> bool:
                        return len(group) <= 2

                return Single(b, c, r, 0.0, 1 if b >= 11 else 2, needs)

            with monkeypatch.context() as patch:
                patch.setattr("htmu.ntk.assembly.make_schedule", divided)
                found = function(model, x, dtype="float64", outputs=outputs)
            assert relative(found, whole) < 1e-13


@pytest.mark.parametrize("method", ["explicit", "pairs"])
@pytest.mark.parametrize("outputs", ["all", "trace"])
def test_contractions_agree(
    method: str, outputs: str, brute: Brute, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("htmu.ntk.plan.choose_method", lambda *_: method)
    monkeypatch.setattr("htmu.ntk.plan.explicit_is_smaller", lambda *_: False)
    model, x = network().double(), samples(9).double()
    expected = brute(model, x)
    if outputs == "trace":
        expected = np.einsum("iaja->ij", expected.reshape(9, 4, 9, 4))
    found = gram(model, x, dtype="float64", outputs=outputs)
    assert relative(found, expected) < 1e-10


def test_model_and_settings_are_left_as_they_were() -> None:
    model, x = network(), samples()
    model[3].requires_grad_(False)
    model[0].weight.grad = torch.ones_like(model[0].weight)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    flags = [(p.requires_grad, p.dtype) for p in model.parameters()]
    before = torch.is_grad_enabled(), torch.get_num_threads(), torch.get_default_dtype()
    generator = torch.get_rng_state()
    gram(model, x)
    with torch.inference_mode():
        inside = gram(model, samples())
    with torch.no_grad():
        assert (gram(model, x) == inside).all()
    assert (torch.get_rng_state() == generator).all()
    assert before == (torch.is_grad_enabled(), torch.get_num_threads(), torch.get_default_dtype())
    assert flags == [(p.requires_grad, p.dtype) for p in model.parameters()]
    assert all((state[name] == value).all() for name, value in model.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    assert model[0].weight.grad is not None
    assert not any(m.training for m in model.modules())
    assert not x.requires_grad


def test_training_flag_is_kept_where_it_does_not_matter() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(300, 2)).train()
    gram(model, samples())
    assert model.training


def test_progress_grows_to_one() -> None:
    seen: list[GramProgress] = []
    gram(network(), samples(), progress=seen.append)
    fractions = [state.fraction for state in seen]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1)
    assert "layer" in seen[0].message


def test_numpy_samples_and_a_single_one(brute: Brute) -> None:
    model = network()
    one = gram(model, samples(1).numpy(), dtype="float64")
    assert relative(one, brute(network().double(), samples(1).double())) < 1e-10


def test_arrays_of_any_layout_and_byte_order() -> None:
    model, x = network(), samples().double().numpy()
    expected = gram(model, x, dtype="float64")
    for given in (x[::-1][::-1], np.asfortranarray(x), x.astype(">f8"), x.astype(np.longdouble)):
        assert (gram(model, given, dtype="float64") == expected).all()
    backwards = gram(model, x[::-1], dtype="float64", outputs="trace")
    assert relative(backwards, gram(model, x, dtype="float64", outputs="trace")[::-1, ::-1]) < 1e-12


def test_classes_may_come_from_an_iterator(tmp_path: Path) -> None:
    model, x = network(), samples()
    classes: Any = (k for k in (2, 0))
    found = gram(model, x, outputs=classes, out=tmp_path / "k.npy")
    assert relative(found, gram(model, x, outputs=[2, 0])) < 1e-14


def test_half_precision_models_are_raised() -> None:
    model = network()
    found = gram(model.half(), samples().half(), dtype="float64")
    expected = gram(model.double(), samples().half().double(), dtype="float64")
    assert relative(found, expected) < 1e-12


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU that torch can use")
@pytest.mark.parametrize("dtype", ["mixed", "float64"])
def test_gpu_gives_the_kernel_of_the_cpu(dtype: str) -> None:
    model, x = network(), samples()
    expected = gram(model, x, dtype="float64", device="cpu")
    found = gram(model, x, dtype=dtype, device="cuda")
    assert relative(found, expected) < (1e-10 if dtype == "float64" else 1e-4)
    assert next(model.parameters()).device.type == "cpu"
