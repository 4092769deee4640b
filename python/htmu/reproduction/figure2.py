"""Figure 2: weights of a layer after training with smaller and smaller batches."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np
from torch import nn

import htmu.special
from htmu.arguments import FloatArray, Seed, as_choice, as_int, as_seed, as_sizes
from htmu.errors import ConvergenceError, InvalidInputError
from htmu.files import check_drawable
from htmu.fits import SpectrumFit, fit_spectrum
from htmu.networks import MODELS, RECIPES, ImageData, build_model, load_data, train, weight_spectra
from htmu.networks.checkpoints import need_safetensors
from htmu.networks.device import choose_device
from htmu.plotting import SpectrumPanel, plot_spectra
from htmu.reproduction.checks import MOST, as_data, as_report, as_scale, check_distinct
from htmu.reproduction.kept import Kept
from htmu.reproduction.result import Reproduction, error_of, finite
from htmu.reproduction.table import write_table

__all__ = ["WEIGHT_SCALES", "WeightScale", "reproduce_figure2"]

#: 1000 x 3072, so that gamma is 0.3255.
_LAYER = "fc1"

#: What a row holds of a network whose training diverged.
_NOTHING = dict.fromkeys(
    (
        "epochs",
        "loss",
        "accuracy",
        "kappa",
        "kappa_error",
        "kappa_low",
        "kappa_high",
        "ks",
        "p_value",
        "n_spikes",
    ),
    math.nan,
)

#: Panels side by side.
_COLUMNS = 3


@dataclasses.dataclass(frozen=True)
class WeightScale:
    """Size of Figure 2.

    Attributes
    ----------
    data : str
        Data set, one of those of `load_data`.
    n_train : int or None
        Images trained on; None is the whole data set.
    epochs : int
        At most so many; the recipe stops at a training loss below 0.01.
    repeats : int
        Networks a batch size, of seeds that follow one another.
    batch_sizes : tuple of int
    network : str
        One of `htmu.networks.MODELS` with a linear layer `fc1`.
    """

    data: str
    n_train: int | None
    epochs: int
    repeats: int
    batch_sizes: tuple[int, ...] = (1000, 800, 250, 100, 50, 5)
    network: str = "minialexnet"

    def __post_init__(self) -> None:
        checked: dict[str, Any] = {
            "data": as_data(self.data),
            "epochs": as_int("epochs", self.epochs, minimum=1, maximum=MOST),
            "repeats": as_int("repeats", self.repeats, minimum=1, maximum=MOST),
            "batch_sizes": as_sizes("batch_sizes", self.batch_sizes, maximum=MOST),
            "network": as_choice("network", self.network, tuple(MODELS)),
        }
        check_distinct("batch_sizes", checked["batch_sizes"])
        if self.n_train is not None:
            checked["n_train"] = as_int("n_train", self.n_train, minimum=1, maximum=MOST)
            self.check_batches(checked["n_train"], checked["batch_sizes"])
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @staticmethod
    def check_batches(n: int, batch_sizes: tuple[int, ...]) -> None:
        """Refuse batches larger than n images."""
        if max(batch_sizes) > n:
            raise InvalidInputError(
                f"batch_sizes has {max(batch_sizes)}, but there are only {n} images; use smaller "
                "batches or more images"
            )


WEIGHT_SCALES = MappingProxyType(
    {
        "small": WeightScale("digits", n_train=1000, epochs=60, repeats=1),
        "paper": WeightScale("cifar10", n_train=None, epochs=200, repeats=3),
    }
)


def reproduce_figure2(
    out: str | os.PathLike[str],
    scale: str | WeightScale = "small",
    *,
    data: str | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    download: bool = False,
    seed: Seed = 0,
    device: str = "auto",
    report: Callable[[str], object] | None = None,
) -> Reproduction:
    """Train MiniAlexNet with several batch sizes and fit kappa of its first linear layer.

    The spectrum is that of W W^T, W the 1000 x 3072 weights of `fc1`; gamma = 0.3255 is known.
    The initial weights are N(0, 1 / fan-in).

    Parameters
    ----------
    out : path
        Folder of the result. Spectra and checkpoints are kept there; the same call goes on where
        an earlier one stopped.
    scale : str or WeightScale
        "small" runs on a laptop in minutes, "paper" is the figure itself.
    data : str, optional
        Data set in place of the scale's.
    data_dir, download
        Where the data set lies, and whether it may be fetched; see `load_data`.
    seed : int, SeedSequence, Generator or None
        Of images, weights and batches.
    device : str
        "auto", "cpu", "cuda" or "mps".
    report : callable, optional
        Told in a line what is done next.

    Returns
    -------
    Reproduction
        Rows with batch size, repeat, epochs, loss, accuracy, and kappa with its error, interval and
        p-value. A network whose training diverges has a row of NaN, and the verdict counts it:
        batches of 5, whose learning rate is 0.4, diverge on the digits.

    Raises
    ------
    InvalidInputError
        An argument has the wrong type or lies outside its domain.
    RunSettingsError
        The folder holds a run with other settings.
    RunFileError
        The folder, or a file of it, cannot be used.
    MissingExtraError
        Matplotlib or safetensors is not installed.

    References
    ----------
    Hodgkinson, Wang and Mahoney, ICML 2025, Figure 2.
    """
    check_drawable(None)
    chosen = as_scale(scale, WEIGHT_SCALES)
    if data is not None:
        chosen = dataclasses.replace(chosen, data=data)
    choose_device(device)
    number = as_seed(seed)
    tell = as_report(report)
    need_safetensors()
    _check_layer(chosen.network)
    kept = Kept(out, {"figure": 2, **dataclasses.asdict(chosen), "seed": number})
    images = load_data(
        chosen.data, n=chosen.n_train, seed=number, data_dir=data_dir, download=download
    )
    chosen.check_batches(len(images), chosen.batch_sizes)
    kept.begin()
    rows, panels, warnings = [], [], []
    for batch_size in chosen.batch_sizes:
        panel = None
        for repeat in range(chosen.repeats):
            name = f"batch{batch_size}-repeat{repeat}"
            row: dict[str, Any] = {"batch_size": batch_size, "repeat": repeat, **_NOTHING}
            rows.append(row)
            try:
                values, end = _trained(
                    name, batch_size, repeat, images, chosen, number, device, kept, tell
                )
            except ConvergenceError as error:
                # The learning rate is the recipe's: the advice to change it is not for here.
                reason = str(error).partition(";")[0]
                warnings.append(f"batch size {batch_size}, repeat {repeat}: {reason}")
                continue
            gamma = end.pop("gamma")
            fit, note = _fit(values, gamma, number)
            if fit is None:
                warnings.append(f"batch size {batch_size}, repeat {repeat}: {note}")
            row.update({**end, **_row(fit)})
            panel = panel or _panel(f"batch size {batch_size}", values, fit, gamma)
        panels.append(panel or SpectrumPanel(f"batch size {batch_size}: diverged", None))
    grid = [panels[i : i + _COLUMNS] for i in range(0, len(panels), _COLUMNS)]
    picture = kept.folder / "figure2.png"
    plot_spectra(grid, picture, title=f"{chosen.network} {_LAYER}: batch size and kappa")
    table = kept.folder / "figure2.csv"
    write_table(table, rows)
    return Reproduction(
        tuple(rows), _verdict(rows, images.n_classes), picture, table, tuple(warnings)
    )


def _check_layer(network: str) -> None:
    layer = dict(build_model(network).named_modules()).get(_LAYER)
    if not isinstance(layer, nn.Linear):
        raise InvalidInputError(
            f"network must have a linear layer {_LAYER}, and {network!r} has none; "
            "use 'minialexnet'"
        )


def _trained(
    name: str,
    batch_size: int,
    repeat: int,
    images: ImageData,
    scale: WeightScale,
    seed: int,
    device: str,
    kept: Kept,
    tell: Callable[[str], object],
) -> tuple[FloatArray, dict[str, Any]]:
    """Return the layer's spectrum, and how training ended."""
    recipe = RECIPES["figure2"].replace(
        batch_size=batch_size, epochs=scale.epochs, seed=seed + repeat
    )
    folder = kept.folder / name
    tell(f"{name}: training, at most {scale.epochs} epochs")
    # With the larger weights of He the networks diverge or die more readily at small batches.
    model = build_model(
        scale.network,
        n_classes=images.n_classes,
        seed=seed + repeat,
        initialization="ntk",
    )
    result = train(model, images, recipe, out=folder, resume=None, device=device)
    weights = dict(result.model.named_parameters())[f"{_LAYER}.weight"]
    end = {
        "epochs": result.epochs,
        "loss": result.train_loss,
        "accuracy": result.train_accuracy,
        "gamma": min(weights.shape) / max(weights.shape),
    }
    size = min(weights.shape)
    return kept.spectrum(name, size, lambda: weight_spectra(result.model)[_LAYER]), end


def _fit(values: FloatArray, gamma: float, seed: int) -> tuple[SpectrumFit | None, str]:
    """Return the fit of kappa, or why there is none."""
    try:
        return fit_spectrum(values, gamma=gamma, seed=seed), ""
    except (InvalidInputError, ConvergenceError) as error:
        return None, str(error)


def _row(fit: SpectrumFit | None) -> dict[str, Any]:
    if fit is None:
        return {}
    low, high = fit.intervals["kappa"]
    return {
        "kappa": fit.kappa,
        "kappa_error": error_of(fit, "kappa"),
        "kappa_low": low,
        "kappa_high": high,
        "ks": fit.ks,
        "p_value": finite(fit.p_value),
        "n_spikes": len(fit.spikes),
    }


def _panel(title: str, values: FloatArray, fit: SpectrumFit | None, gamma: float) -> SpectrumPanel:
    if fit is None:
        return SpectrumPanel(title, values)
    law = htmu.special.marchenko_pastur(gamma, scale=fit.scale)
    bulk = fit.n_used / fit.n
    low, high = fit.intervals["kappa"]
    label = rf"HTMP, $\kappa$ = {fit.kappa:.3g} ({low:.3g} to {high:.3g})"
    return SpectrumPanel(
        title,
        values,
        (
            (label, lambda x: bulk * fit.pdf(x)),
            (rf"Marchenko-Pastur, $\gamma$ = {gamma:.4f}", lambda x: bulk * np.asarray(law.pdf(x))),
        ),
        limits=(0.0, float(fit.values[-1]) * 1.05),
    )


def _verdict(rows: list[dict[str, Any]], n_classes: int) -> str:
    # A network at the loss of guessing has died: its weights are no trained network's.
    guessing = 0.99 * math.log(n_classes)
    trained = [row for row in rows if row["loss"] < guessing]
    died = any(row["loss"] >= guessing for row in rows)
    ended = "diverged or learned nothing" if died else "diverged"
    sizes = {row["batch_size"] for row in rows}
    lost = len(sizes) - len({row["batch_size"] for row in trained})
    missing = len(rows) - len(trained)
    if not missing:
        return trend(trained)
    networks = f"{missing} of {len(rows)} networks"
    if not lost:
        text = f"{networks} {ended}"
    elif len(rows) > len(sizes):
        text = f"{lost} of {len(sizes)} batch sizes {ended} ({networks})"
    else:
        text = f"{lost} of {len(sizes)} batch sizes {ended}"
    return f"{trend(trained)}; {text}"


def trend(rows: list[dict[str, Any]]) -> str:
    """Return a line on how kappa moves with the batch size: d log kappa / d log batch size.

    The slope is that of weighted least squares; its error is widened by the scatter of the points
    about the line. Spectra whose kappa has no finite error, or is 0, are left out and counted.
    """
    used = [
        row
        for row in rows
        if row["kappa"] > 0 and math.isfinite(row["kappa_error"]) and row["kappa_error"] > 0
    ]
    left_out = len(rows) - len(used)
    note = f" ({left_out} spectra without a finite error left out)" if left_out else ""
    if len({row["batch_size"] for row in used}) < 3:
        return f"too few batch sizes with a finite kappa for a trend{note}"
    x = np.log([row["batch_size"] for row in used])
    y = np.log([row["kappa"] for row in used])
    weight = (np.array([row["kappa"] / row["kappa_error"] for row in used])) ** 2
    centre = np.average(x, weights=weight)
    spread = float(np.sum(weight * (x - centre) ** 2))
    slope = float(np.sum(weight * (x - centre) * y) / spread)
    left = y - np.average(y, weights=weight) - slope * (x - centre)
    scatter = float(np.sum(weight * left**2)) / max(len(used) - 2, 1)
    error = math.sqrt(max(scatter, 1.0) / spread)
    if slope > 2 * error:
        seen = "kappa falls as the batch shrinks"
    elif slope < -2 * error:
        seen = "kappa rises as the batch shrinks"
    else:
        seen = "no trend of kappa with the batch size"
    return f"{seen}: d log kappa / d log batch size = {slope:.3f} ± {error:.3f}{note}"
