"""Figure 1: spectra of neural tangent kernels before and after training."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch

from htmu.arguments import FloatArray, Seed, as_float, as_int, as_seed
from htmu.errors import ConvergenceError, InvalidInputError
from htmu.files import check_drawable
from htmu.fits import SpectrumFit, fit_spectrum
from htmu.networks import RECIPES, ImageData, build_model, load_data, train
from htmu.networks.checkpoints import need_safetensors
from htmu.networks.device import choose_device
from htmu.ntk import eigvals, gram
from htmu.ntk.memory import as_bytes
from htmu.plotting import SpectrumPanel, plot_spectra
from htmu.reproduction.checks import (
    MOST,
    as_data,
    as_models,
    as_report,
    as_scale,
    check_kernel_memory,
)
from htmu.reproduction.kept import Kept
from htmu.reproduction.result import Reproduction, error_of, finite
from htmu.reproduction.table import write_table

__all__ = ["KERNEL_SCALES", "KernelScale", "reproduce_figure1"]

#: Passes of all data by which the statistics of batch norm are set before training.
_CALIBRATION_BATCH = 100

_STAGES = ("initial", "trained")


@dataclasses.dataclass(frozen=True)
class KernelScale:
    """Size of Figure 1.

    Attributes
    ----------
    data : str
        Data set, one of those of `load_data`.
    n_train : int
        Images trained on, at least a batch of 64.
    n_kernel : int
        Images of the kernel, the first of those trained on: (10 n_kernel) eigenvalues.
    epochs : int
        Of the recipe `figure1`, whose cosine schedule ends there.
    networks : tuple of str
        Names of `htmu.networks.MODELS`.
    share : float
        Share of the spectrum, from its lower end, that the inverse Gamma law is fitted to, in
        (0, 1].
    """

    data: str
    n_train: int
    n_kernel: int
    epochs: int
    networks: tuple[str, ...] = ("vgg11", "resnet9", "resnet18")
    share: float = 0.5

    def __post_init__(self) -> None:
        least = RECIPES["figure1"].batch_size
        n_train = as_int("n_train", self.n_train, minimum=least, maximum=MOST)
        checked: dict[str, Any] = {
            "data": as_data(self.data),
            "n_train": n_train,
            "n_kernel": as_int("n_kernel", self.n_kernel, minimum=2, maximum=n_train),
            "epochs": as_int("epochs", self.epochs, minimum=1, maximum=MOST),
            "networks": as_models(self.networks),
            "share": as_float("share", self.share, exclusive_minimum=0, maximum=1),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)


KERNEL_SCALES = MappingProxyType(
    {
        "small": KernelScale("digits", n_train=200, n_kernel=48, epochs=30),
        "paper": KernelScale("cifar10", n_train=1000, n_kernel=1000, epochs=200),
    }
)


def reproduce_figure1(
    out: str | os.PathLike[str],
    scale: str | KernelScale = "small",
    *,
    data: str | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    download: bool = False,
    seed: Seed = 0,
    device: str = "auto",
    memory: str | int | None = None,
    report: Callable[[str], object] | None = None,
) -> Reproduction:
    """Train networks and fit the small eigenvalues of their tangent kernels.

    The kernel is the empirical one of all classes, J J^T with rows image * 10 + class, in
    evaluation mode. Before training the statistics of batch norm are those of the training images:
    at their initial values the network would not be normalised.

    Parameters
    ----------
    out : path
        Folder of the result. Spectra and checkpoints are kept there; the same call goes on where
        an earlier one stopped.
    scale : str or KernelScale
        "small" runs on a laptop in minutes, "paper" is the figure itself.
    data : str, optional
        Data set in place of the scale's.
    data_dir, download
        Where the data set lies, and whether it may be fetched; see `load_data`.
    seed : int, SeedSequence, Generator or None
        Of images, weights and batches.
    device : str
        "auto", "cpu", "cuda" or "mps"; kernels are assembled on the CPU if it is "mps".
    memory : str or int, optional
        Most memory of the kernel's assembly, such as "8GB".
    report : callable, optional
        Told in a line what is done next.

    Returns
    -------
    Reproduction
        Rows with the network, the stage ("initial", "trained"), loss and accuracy of the training
        images once trained, and exponent and goodness of the inverse Gamma law: delta, where the
        density of an eigenvalue x falls like x^(-1 - delta) beyond the range that determines it.
        The p-value is that of independent eigenvalues; those of a kernel repel, so that a law that
        fits has one near 1.

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
    Hodgkinson, Wang and Mahoney, ICML 2025, Figure 1.
    """
    check_drawable(None)
    chosen = as_scale(scale, KERNEL_SCALES)
    if data is not None:
        chosen = dataclasses.replace(chosen, data=data)
    place = _kernel_device(choose_device(device))
    if memory is not None:
        as_bytes(memory)
    number = as_seed(seed)
    tell = as_report(report)
    need_safetensors()
    kept = Kept(out, {"figure": 1, **dataclasses.asdict(chosen), "seed": number})
    images = load_data(
        chosen.data, n=chosen.n_train, seed=number, data_dir=data_dir, download=download
    )
    for network in chosen.networks:
        if not all(kept.has(f"{network}-{stage}") for stage in _STAGES):
            model = build_model(network, n_classes=images.n_classes, seed=number)
            check_kernel_memory(model, images.images[: chosen.n_kernel], place, memory)
    kept.begin()
    panels, rows, warnings = [], [], []
    for network in chosen.networks:
        row_of_panels = []
        for stage, values, end in _stages(
            network, images, chosen, number, device, place, memory, kept, tell
        ):
            fit, note = _fit(values, chosen.share, number)
            if fit is None:
                warnings.append(f"{network}, {stage}: {note}")
            row_of_panels.append(_panel(f"{network}, {stage}", values, fit, chosen.share))
            rows.append(_row(network, stage, values, end, fit))
        panels.append(row_of_panels)
    picture = kept.folder / "figure1.png"
    plot_spectra(
        panels, picture, title="Tangent kernels: inverse Gamma law of the lower eigenvalues"
    )
    table = kept.folder / "figure1.csv"
    write_table(table, rows)
    return Reproduction(tuple(rows), _verdict(rows), picture, table, tuple(warnings))


def calibrate_batch_norm(model: torch.nn.Module, images: torch.Tensor) -> None:
    """Set the running statistics of batch norm to the means over `images`, without training.

    The model is left in evaluation mode.
    """
    layers = [m for m in model.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # a cumulative mean
    model.train()
    with torch.no_grad():
        for batch in torch.split(images, _CALIBRATION_BATCH):
            model(batch)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    model.eval()


def _kernel_device(device: torch.device) -> torch.device:
    """Where the kernel of a network trained on this device is assembled: MPS has no float64."""
    return torch.device("cpu") if device.type == "mps" else device


def _stages(
    network: str,
    images: ImageData,
    scale: KernelScale,
    seed: int,
    device: str,
    place: torch.device,
    memory: str | int | None,
    kept: Kept,
    tell: Callable[[str], object],
) -> list[tuple[str, FloatArray, dict[str, float]]]:
    """Return the stages of one network, their spectra, and how training ended."""
    recipe = RECIPES["figure1"].replace(epochs=scale.epochs, seed=seed)

    def spectrum(stage: str, make: Callable[[], torch.nn.Module]) -> FloatArray:
        file = kept.folder / f"{network}-{stage}-kernel.npy"

        def compute() -> FloatArray:
            tell(f"{network}: kernel of {scale.n_kernel} images, {stage}")
            points = images.images[: scale.n_kernel]
            # In a file, so that a kill costs minutes of it and not hours.
            matrix = gram(make(), points, device=str(place), memory=memory, out=file, resume=True)
            return np.asarray(eigvals(matrix).eigenvalues)

        values = kept.spectrum(f"{network}-{stage}", scale.n_kernel * images.n_classes, compute)
        for used in (file, Path(f"{file}.json")):
            used.unlink(missing_ok=True)
        return values

    def calibrated() -> torch.nn.Module:
        model = build_model(network, n_classes=images.n_classes, seed=seed)
        calibrate_batch_norm(model, images.images)
        return model

    initial = spectrum("initial", calibrated)
    if not kept.has(f"{network}-trained"):
        tell(f"{network}: training, {recipe.epochs} epochs")
    result = train(
        build_model(network, n_classes=images.n_classes, seed=seed),
        images,
        recipe,
        out=kept.folder / network,
        resume=None,
        device=device,
    )
    end = {"loss": result.train_loss, "accuracy": result.train_accuracy}
    return [
        ("initial", initial, dict.fromkeys(end, np.nan)),
        ("trained", spectrum("trained", result.model.eval), end),
    ]


def _fit(values: FloatArray, share: float, seed: int) -> tuple[SpectrumFit | None, str]:
    """Return the inverse Gamma fit of the smallest positive eigenvalues, or why there is none."""
    positive = values[values > len(values) * np.finfo(float).eps * values[-1]]
    high = float(np.quantile(positive, share)) if len(positive) else 0.0
    try:
        fit = fit_spectrum(
            positive, inverse=True, kappa=0, window=(0.0, high), spikes=None, seed=seed
        )
    except (InvalidInputError, ConvergenceError) as error:
        return None, str(error)
    return fit, ""


def _panel(title: str, values: FloatArray, fit: SpectrumFit | None, share: float) -> SpectrumPanel:
    if fit is None or fit.window is None:
        return SpectrumPanel(title, values, logarithmic=True)
    high = fit.window[1]
    mass = float((values <= high).mean()) / float(fit.cdf(np.array([high]))[0])
    error = error_of(fit, "delta")
    label = rf"inverse Gamma, $\delta$ = {fit.delta:.3g} ± {error:.2g}"

    def density(x: FloatArray) -> FloatArray:
        return mass * fit.pdf(x)

    return SpectrumPanel(title, values, ((label, density),), logarithmic=True, shaded=(0.0, high))


def _row(
    network: str,
    stage: str,
    values: FloatArray,
    end: dict[str, float],
    fit: SpectrumFit | None,
) -> dict[str, Any]:
    return {
        "network": network,
        "stage": stage,
        **end,
        "n": len(values),
        "smallest": float(values[0]),
        "median": float(np.median(values)),
        "largest": float(values[-1]),
        "delta": np.nan if fit is None else fit.delta,
        "delta_error": np.nan if fit is None else error_of(fit, "delta"),
        "ks": np.nan if fit is None else fit.ks,
        "p_value": np.nan if fit is None else finite(fit.p_value),
        "n_fitted": 0 if fit is None else fit.n_used,
    }


def _verdict(rows: list[dict[str, Any]]) -> str:
    fits = [row for row in rows if np.isfinite(row["p_value"])]
    kept = sum(row["p_value"] > 0.05 for row in fits)
    text = f"the inverse Gamma law fits the lower part of {kept} of {len(rows)} spectra (p > 0.05)"
    changes = []
    for network in dict.fromkeys(row["network"] for row in rows):
        by_stage = {row["stage"]: row["delta"] for row in rows if row["network"] == network}
        changes.append(f"{network} {by_stage['initial']:.2g} to {by_stage['trained']:.2g}")
    return f"{text}; delta from initial to trained: {', '.join(changes)}"
