"""``htmu ntk``: the neural tangent kernel of a network, its eigenvalues, or their density."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import numpy as np
import typer

from htmu.arguments import as_choice, as_float, as_int, as_seed
from htmu.cli import options
from htmu.cli.exits import ExitCode
from htmu.cli.ntk_output import (
    named_options,
    print_kernel,
    work_reporter,
    write_density,
    write_eigenvalues,
)
from htmu.cli.output import print_json
from htmu.errors import InvalidInputError, RunFileError
from htmu.files import check_place, whole_file

_PRECISIONS = ("mixed", "float32", "float64")
#: Images if none are asked for.
_IMAGES = 64
#: What float32 passes do to an eigenvalue, over sqrt(eigenvalue x largest): more than twice what
#: was measured where no ReLU takes the other side (which no such number can hold).
_PASSES = 5 * 6e-8


def ntk(
    model: Annotated[
        str | None,
        options.option("--model", text="Network at initialisation: resnet9, vgg11, lenet, ..."),
    ] = None,
    checkpoint: Annotated[
        str | None,
        options.option("--checkpoint", text="Trained network: a folder of htmu train."),
    ] = None,
    data: Annotated[
        str | None,
        options.option(
            "--data",
            text="Images: digits (if none), gaussian, cifar10, mnist, svhn; a checkpoint's own.",
        ),
    ] = None,
    data_dir: Annotated[
        str | None, options.option("--data-dir", text="Folder of the data set's files.")
    ] = None,
    download: Annotated[
        bool, typer.Option("--download", help="Fetch the data set's files if they are absent.")
    ] = False,
    n: Annotated[
        int | None,
        options.option("--n", "-n", text=f"Images; {_IMAGES} if none.", parser=options.integer),
    ] = None,
    seed: Annotated[
        int | None,
        options.option(
            "--seed",
            text="Seed of images, initial weights and probes; 0 if none, a checkpoint's own for "
            "its images.",
            parser=options.integer,
        ),
    ] = None,
    outputs: Annotated[
        str | None,
        options.option(
            "--outputs",
            text="all (if none), trace (sum of the classes' kernels), sum (of the outputs), or "
            "classes: 0,1,2.",
        ),
    ] = None,
    dtype: Annotated[
        str | None,
        options.option(
            "--dtype",
            text="mixed (if none: float32 passes, float64 sums), float32 or float64; with "
            "--matrix-free float64 if none.",
        ),
    ] = None,
    scaled: Annotated[
        bool, typer.Option("--scaled", help="Divide by the number of parameters.")
    ] = False,
    memory: Annotated[
        str | None,
        options.option(
            "--memory",
            text="Most memory of the assembly, such as 8GB; the eigenvalues then need the whole "
            "kernel in memory.",
        ),
    ] = None,
    out: Annotated[
        str | None,
        options.option("--out", "-o", text="Write the kernel to this .npy or .zarr file."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the kernel at --out.")
    ] = False,
    eigenvalues: Annotated[
        str | None,
        options.option("--eigenvalues", "-e", text="Write eigenvalues to this .npy or .csv file."),
    ] = None,
    layers: Annotated[
        bool, typer.Option("--layers", help="List the kernel's layers; keeps each in memory.")
    ] = False,
    matrix_free: Annotated[
        bool,
        typer.Option(
            "--matrix-free",
            help="Do not assemble the kernel: density by stochastic Lanczos quadrature.",
        ),
    ] = False,
    vectors: Annotated[
        int | None,
        options.option(
            "--vectors", text="Probes of --matrix-free; 10 if none.", parser=options.integer
        ),
    ] = None,
    steps: Annotated[
        int | None,
        options.option(
            "--steps", text="Lanczos steps for each probe; 100 if none.", parser=options.integer
        ),
    ] = None,
    shift: Annotated[
        float | None,
        options.option(
            "--shift",
            text="With --matrix-free, estimate log det(kernel + shift) too.",
            parser=options.number,
        ),
    ] = None,
    density: Annotated[
        str | None,
        options.option("--density", text="Write the density of --matrix-free to this .csv file."),
    ] = None,
    device: Annotated[
        str | None, options.option("--device", text="auto (if none), cpu or cuda.")
    ] = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> ExitCode:
    """Compute a network's neural tangent kernel (NTK) and its eigenvalues.

    Batch norm is in evaluation mode. The eigenvalues are for htmu fit FILE --inverse.

    Example: htmu ntk --model resnet9 --n 64 --eigenvalues eig.npy
    """
    began = time.monotonic()
    only = {"--vectors": vectors, "--steps": steps, "--shift": shift, "--density": density}
    assembled = {
        "--memory": memory,
        "--out": out,
        "--resume": resume or None,
        "--eigenvalues": eigenvalues,
        "--layers": layers or None,
    }
    _refuse_mixture(matrix_free, only, assembled)
    settings: dict[str, Any] = {
        "outputs": _outputs(outputs),
        "scaled": scaled,
        "device": "auto" if device is None else device,
    }
    if matrix_free:
        settings["dtype"] = as_choice(
            "--dtype", "float64" if dtype is None else dtype, _PRECISIONS[1:]
        )
        if shift is not None:
            as_float("--shift", shift, minimum=0)
        for name, count, least in (("--vectors", vectors, 2), ("--steps", steps, 1)):
            if count is not None:
                as_int(name, count, minimum=least)
        _check_file("--density", density, (".csv",))
    else:
        settings["dtype"] = as_choice("--dtype", "mixed" if dtype is None else dtype, _PRECISIONS)
        _check_files(out, eigenvalues, resume, layers)
    network, images, facts = _load(model, checkpoint, data, data_dir, download, n, seed)
    facts |= {"outputs": settings["outputs"], "dtype": settings["dtype"], "scaled": scaled}
    with named_options(), work_reporter(quiet=quiet) as progress:
        if matrix_free:
            found = _density(network, images, settings, vectors, steps, shift, seed, progress)
        else:
            found = _kernel(
                network,
                images,
                settings,
                memory,
                out,
                resume,
                layers,
                eigenvalues is not None,
                progress,
            )
    if density is not None:
        write_density(density, found)
    if eigenvalues is not None:
        write_eigenvalues(eigenvalues, found.pop("values"))
    found.pop("values", None)
    facts |= found
    facts["elapsed"] = time.monotonic() - began
    if json:
        print_json(facts)
    elif quiet and "left_out" in facts:
        print(f"{out} written; its eigenvalues are left out: {facts['left_out']}")
    elif quiet:
        print(f"largest {facts['largest']:.6g}, smallest {facts['smallest']:.6g}")
    else:
        print_kernel(facts, [out, eigenvalues, density])
    return ExitCode.OK


def _refuse_mixture(
    matrix_free: bool, only: Mapping[str, object], assembled: Mapping[str, object]
) -> None:
    for name, value in (assembled if matrix_free else only).items():
        if value is not None:
            what = "is of an assembled kernel; leave it or --matrix-free out"
            need = "needs --matrix-free"
            raise InvalidInputError(f"{name} {what if matrix_free else need}")


def _outputs(text: str | None) -> str | list[int]:
    if text is None or text in ("all", "trace", "sum"):
        return text or "all"
    try:
        return [int(entry) for entry in text.split(",")]
    except ValueError:
        raise InvalidInputError(
            f"--outputs must be all, trace, sum or classes such as 0,1,2, got {text!r}"
        ) from None


def _check_file(option: str, path: str | None, suffixes: tuple[str, ...]) -> None:
    if path is None:
        return
    # The library reads and writes kernels by their suffix as it is.
    suffix = os.path.splitext(path)[1]
    if (suffix if option == "--out" else suffix.lower()) not in suffixes:
        raise InvalidInputError(f"{option} must end in {' or '.join(suffixes)}, got {path!r}")
    if not path.lower().endswith(".zarr"):
        check_place(path)
    elif not os.path.isdir(os.path.dirname(path) or "."):
        raise RunFileError(
            f"cannot write {path}: there is no folder {os.path.dirname(path)}; make it first"
        )


def _check_files(out: str | None, eigenvalues: str | None, resume: bool, layers: bool) -> None:
    _check_file("--out", out, (".npy", ".zarr"))
    _check_file("--eigenvalues", eigenvalues, (".npy", ".csv"))
    if resume and out is None:
        raise InvalidInputError("--resume needs the kernel's file: give --out")
    if layers and resume:
        raise InvalidInputError("--layers keeps each layer's kernel in memory; leave out --resume")
    if layers and out is not None and not out.endswith(".npy"):
        raise InvalidInputError("--layers writes the kernel to a .npy file only; leave it out")
    both = out is not None and eigenvalues is not None
    if both and os.path.realpath(str(out)) == os.path.realpath(str(eigenvalues)):
        raise InvalidInputError(f"{out} is the kernel's file; write the eigenvalues to another")
    if out is not None and not resume:
        go_on = "" if layers else "give --resume to go on with it, or "
        for place, what in ((out, "exists"), (f"{out}.work", "is unfinished work")):
            if os.path.exists(place):
                raise RunFileError(
                    f"{place} {what} already; {go_on}delete it, or name another file"
                )


def _load(
    model: str | None,
    checkpoint: str | None,
    data: str | None,
    data_dir: str | None,
    download: bool,
    n: int | None,
    seed: int | None,
) -> tuple[Any, Any, dict[str, Any]]:
    """Network in evaluation mode, images, and what they are."""
    if (model is None) == (checkpoint is None):
        raise InvalidInputError(
            "give a network: --model NAME or --checkpoint FOLDER"
            + (", not both" if model is not None else "")
        )
    count = _IMAGES if n is None else as_int("--n", n, minimum=1)
    key = None if seed is None else as_seed(seed)
    from htmu.networks import build_model, load_checkpoint, load_data, load_model

    source: dict[str, Any] = {}
    if checkpoint is not None:
        # Its own images; fewer of them are the first ones of the same draw.
        trained = load_checkpoint(checkpoint).settings["data"]
        source = dict(trained["source"])
        if data is None and not source:
            raise InvalidInputError(
                f"{checkpoint} was trained on images of its own; name a data set with --data"
            )
        if data is not None and data != source.get("name"):
            source = {"name": data, "normalization": trained["normalization"]}
    source = {"name": data or "digits", **source, "n": count}
    if key is not None or "seed" not in source:
        source["seed"] = key or 0
    if data_dir is not None:
        source["data_dir"] = data_dir
    if download:
        source["download"] = True
    if checkpoint is not None:
        network = load_model(checkpoint)
        images = load_data(**source)
    else:
        images = load_data(**source)
        network = build_model(str(model), n_classes=images.n_classes, seed=key or 0)
    facts = {
        "network": checkpoint if model is None else model,
        "data": source["name"],
        "n": count,
        "seed": source["seed"],
        "n_classes": images.n_classes,
        "n_parameters": sum(p.numel() for p in network.parameters() if p.requires_grad),
    }
    return network.eval(), images.images, facts


def _kernel(
    network: Any,
    images: Any,
    settings: dict[str, Any],
    memory: str | None,
    out: str | None,
    resume: bool,
    layers: bool,
    wanted: bool,
    progress: Callable[..., None] | None,
) -> dict[str, Any]:
    """Assembled kernel's eigenvalues, with their error.

    Those of a kernel that is on disk and too large for memory are left out, unless `wanted`.
    """
    from htmu.ntk import eigvals, gram

    parts: dict[str, Any] = {}
    if layers:
        parts = gram(network, images, **settings, per_layer=True, memory=memory, progress=progress)
        size = len(next(iter(parts.values())))
        kernel = np.zeros((size, size))
        for part in parts.values():
            kernel += part
        if out is not None:
            with whole_file(out) as name:
                np.save(name, kernel)
    else:
        kernel = gram(
            network, images, **settings, memory=memory, out=out, resume=resume, progress=progress
        )
    try:
        spectrum = eigvals(kernel)
    except InvalidInputError as error:
        if out is None:
            raise
        if wanted:
            raise InvalidInputError(f"the kernel is written to {out}, but {error}") from None
        return {"method": "assembled", "n_eigenvalues": kernel.shape[0], "left_out": str(error)}
    values = np.asarray(spectrum.eigenvalues)
    found = {
        "method": "assembled",
        "n_eigenvalues": len(values),
        "largest": float(values[-1]),
        "smallest": float(values[0]),
        "n_negative": int(spectrum.n_negative),
        "eigenvalue_rounding": float(spectrum.absolute_error),
        "passes_error": None
        if settings["dtype"] == "float64"
        else {
            "largest": _passes_error(float(values[-1]), float(values[-1])),
            "smallest": _passes_error(float(values[0]), float(values[-1])),
        },
        "trace": float(values.sum()),
        "values": values,
    }
    if layers:
        found["layers"] = [_layer(network, name, part, values) for name, part in parts.items()]
    return found


def _passes_error(value: float, largest: float) -> float:
    """Estimate what float32 passes do to an eigenvalue, the square of a singular value of J."""
    # J errs by a share of its norm; an eigenvalue below the square of that is all error.
    return _PASSES * float(np.sqrt(max(value, _PASSES**2 * largest, 0.0) * max(largest, 0.0)))


def _layer(network: Any, name: str, kernel: Any, values: Any) -> dict[str, Any]:
    from scipy.linalg import eigvalsh

    last = len(kernel) - 1
    return {
        "layer": name or "(model)",
        "n_parameters": sum(
            p.numel()
            for k, p in network.named_parameters()
            if p.requires_grad and k.rpartition(".")[0] == name
        ),
        "trace_share": float(np.trace(kernel) / values.sum()),
        "largest": float(eigvalsh(np.asarray(kernel, float), subset_by_index=(last, last))[0]),
    }


def _density(
    network: Any,
    images: Any,
    settings: dict[str, Any],
    vectors: int | None,
    steps: int | None,
    shift: float | None,
    seed: int | None,
    progress: Callable[..., None] | None,
) -> dict[str, Any]:
    """Estimates from products with the kernel, with their errors."""
    from htmu.ntk import log_determinant, spectral_density

    settings = {**settings, "n_vectors": vectors, "n_steps": steps}
    given = {name: value for name, value in settings.items() if value is not None}
    found = spectral_density(network, images, **given, seed=seed or 0, progress=progress)
    values = {"method": "matrix-free", "n_eigenvalues": found.n, **found.to_dict()}
    for name in ("n", "seed"):
        del values[name]
    if shift is not None:
        estimate = log_determinant(found, shift=shift)
        values["log_determinant"] = {
            "shift": shift,
            "value": estimate.value,
            "standard_error": estimate.standard_error,
            "quadrature_error": estimate.quadrature_error,
        }
    return values
