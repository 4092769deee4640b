"""``htmu train``: the paper's networks, in a folder that survives."""

from __future__ import annotations

import os
import shlex
import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from htmu.arguments import as_choice, as_float, as_int
from htmu.cli import options
from htmu.cli.exits import ExitCode
from htmu.cli.output import duration_text, print_json
from htmu.cli.training_progress import training_reporter
from htmu.errors import InvalidInputError, RunError

if TYPE_CHECKING:
    from htmu.networks import ImageData, Recipe, TrainingResult


def train(
    recipe: Annotated[
        str | None, options.option("--recipe", text="Settings: figure1 (if none) or figure2.")
    ] = None,
    model: Annotated[
        str | None,
        options.option(
            "--model",
            text="Network: vgg11, resnet9, resnet18, minialexnet, lenet or mlp; that of the recipe "
            "if none.",
        ),
    ] = None,
    data: Annotated[
        str | None,
        options.option(
            "--data", text="Data set: digits (if none), cifar10, mnist, svhn or gaussian."
        ),
    ] = None,
    n: Annotated[
        int | None,
        options.option(
            "--n",
            "-n",
            text="Points drawn at random; the recipe's if none.",
            parser=options.integer,
        ),
    ] = None,
    batch_size: Annotated[
        int | None, options.option("--batch-size", text="Points a step.", parser=options.integer)
    ] = None,
    epochs: Annotated[
        int | None, options.option("--epochs", text="Most epochs.", parser=options.integer)
    ] = None,
    lr: Annotated[
        float | None,
        options.option("--lr", text="Learning rate at the start.", parser=options.number),
    ] = None,
    lr_over_batch: Annotated[
        float | None,
        options.option(
            "--lr-over-batch",
            text="In place of --lr: learning rate times batch size.",
            parser=options.number,
        ),
    ] = None,
    momentum: Annotated[
        float | None, options.option("--momentum", text="Momentum.", parser=options.number)
    ] = None,
    weight_decay: Annotated[
        float | None, options.option("--weight-decay", text="L2 penalty.", parser=options.number)
    ] = None,
    schedule: Annotated[
        str | None,
        options.option("--schedule", text="Learning rate over the epochs: cosine or constant."),
    ] = None,
    loss_below: Annotated[
        float | None,
        options.option(
            "--loss-below",
            text="Stop after an epoch of a smaller training loss.",
            parser=options.number,
        ),
    ] = None,
    deterministic: Annotated[
        bool | None,
        options.option(
            "--deterministic/--no-deterministic", text="Only algorithms that repeat their bits."
        ),
    ] = None,
    seed: Annotated[
        int | None,
        options.option(
            "--seed",
            text="Seed of the initial weights and of the order of the points; 0 if none.",
            parser=options.integer,
        ),
    ] = None,
    initialization: Annotated[
        str | None,
        options.option(
            "--initialization",
            text="Variance of a weight: he (2 / fan-in) or ntk (1 / fan-in); that of the recipe if "
            "none: he for figure1, ntk for figure2.",
        ),
    ] = None,
    width: Annotated[
        int | None,
        options.option(
            "--width",
            text="Channels of the first layer of a VGG or ResNet, or units of an MLP.",
            parser=options.integer,
        ),
    ] = None,
    depth: Annotated[
        int | None,
        options.option("--depth", text="Hidden layers of an MLP.", parser=options.integer),
    ] = None,
    normalization: Annotated[
        str | None,
        options.option(
            "--normalization",
            text="Of pixels: image (each image; if none), dataset (each channel) or none.",
        ),
    ] = None,
    data_seed: Annotated[
        int | None,
        options.option(
            "--data-seed", text="Seed of the draw of the points; 0 if none.", parser=options.integer
        ),
    ] = None,
    data_dir: Annotated[
        str | None, options.option("--data-dir", text="Folder of the data set; data if none.")
    ] = None,
    download: Annotated[
        bool, typer.Option("--download", help="Fetch the data set if it is not there.")
    ] = False,
    classes: Annotated[
        int | None,
        options.option("--classes", text="Classes of gaussian data.", parser=options.integer),
    ] = None,
    separation: Annotated[
        float | None,
        options.option(
            "--separation",
            text="Distance of two classes of gaussian data, in standard deviations.",
            parser=options.number,
        ),
    ] = None,
    test: Annotated[
        bool, typer.Option("--test", help="Evaluate on the test split in the end.")
    ] = False,
    spectra_at: Annotated[
        str | None,
        options.option(
            "--spectra-at",
            text="Epochs after which the spectra of all weights are kept (0,10,200; 0 is the "
            "start), and those of the last.",
        ),
    ] = None,
    out: Annotated[
        str | None,
        options.option("--out", "-o", text="Folder to keep it in; RECIPE-MODEL-DATA if none."),
    ] = None,
    resume: Annotated[
        bool | None,
        options.option(
            "--resume/--no-resume",
            text="The folder must hold a training, or must not; if none, it may, and that goes on.",
        ),
    ] = None,
    checkpoint_every: Annotated[
        int | None,
        options.option(
            "--checkpoint-every",
            text="Epochs between two checkpoints; 1 if none.",
            parser=options.integer,
        ),
    ] = None,
    device: Annotated[
        str | None, options.option("--device", text="auto (if none), cpu, cuda or mps.")
    ] = None,
    threads: Annotated[
        int | None,
        options.option(
            "--threads",
            text="Threads; those it was begun with if none. Others change the last bits.",
            parser=options.integer,
        ),
    ] = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> ExitCode:
    """Train a network of the paper.

    A checkpoint is kept after every epoch. The same command again goes on where it stopped, bit for
    bit on a CPU, and so does htmu train --out FOLDER (with the same --data-dir, if the data have
    one). Settings must agree.

    Example: htmu train --recipe figure2 --data digits --batch-size 50 --out run
    """
    from htmu.networks import MODELS, build_model, load_data
    from htmu.networks import train as train_network
    from htmu.networks.checkpoints import need_safetensors
    from htmu.networks.device import choose_device

    if out is not None and not out:
        raise InvalidInputError("--out must name a folder, got an empty name")
    stored = _stored(out) if out is not None and resume is not False else None
    title, plan = _recipe(
        recipe,
        stored,
        {
            "batch_size": batch_size,
            "epochs": epochs,
            "lr": lr,
            "lr_over_batch": lr_over_batch,
            "momentum": momentum,
            "weight_decay": weight_decay,
            "schedule": schedule,
            "loss_below": loss_below,
            "deterministic": deterministic,
            "seed": seed,
            "n": n,
        },
    )
    network, made = _model(
        model,
        title,
        stored,
        {
            "seed": seed if stored is not None else plan.seed,
            "initialization": initialization,
            "width": width,
            "depth": depth,
        },
    )
    as_choice("--model", network, tuple(MODELS))
    source = _source(
        data,
        stored,
        {
            "n": plan.n if n is None and stored is None else n,
            "seed": data_seed,
            "normalization": normalization,
            "n_classes": classes,
            "separation": separation,
        },
    )
    # What is wrong with the rest is said before the data is read.
    name = choose_device("auto" if device is None else device).type
    epochs_kept = options.number_list("--spectra-at", spectra_at, int)
    if epochs_kept is None:
        epochs_kept = [] if stored is None else stored["spectra_at"]
    for epoch in epochs_kept:
        as_int("--spectra-at", epoch, minimum=0, maximum=plan.epochs)
    every = as_int(
        "--checkpoint-every", 1 if checkpoint_every is None else checkpoint_every, minimum=1
    )
    need_safetensors()
    place: dict[str, Any] = {"data_dir": data_dir, "download": download}
    points = load_data(**source, **place)
    held_out = None
    if test:
        held_out = load_data(**{**source, "n": _held_out(source)}, **place, train=False)
    if made.get("n_classes", points.n_classes) != points.n_classes:
        raise InvalidInputError(
            f"the network has {made['n_classes']} classes and the data {points.n_classes}; "
            "name a new folder with --out"
        )
    weights = build_model(network, **{**made, "n_classes": points.n_classes})
    folder = f"{title}-{network}-{points.name}" if out is None else out

    began = time.monotonic()
    try:
        with training_reporter(quiet=quiet) as progress:
            result = train_network(
                weights,
                points,
                plan,
                test=held_out,
                out=folder,
                resume=resume,
                device=name,
                progress=progress,
                keep_spectra=epochs_kept,
                checkpoint_every=every,
                n_threads=threads,
            )
    except KeyboardInterrupt:
        _say_how_to_go_on(folder, data_dir)
        return ExitCode.INTERRUPTED
    if json:
        print_json({"model": network, "data": source, **result.to_dict()})
    elif quiet:
        print(_ending(result))
    else:
        size = sum(parameter.numel() for parameter in weights.parameters())
        print(_heading(title, network, size, points, plan, result))
        print(f"{_ending(result)}\nin {duration_text(time.monotonic() - began)}; saved in {folder}")
    return ExitCode.OK


def _stored(out: str) -> dict[str, Any] | None:
    """Settings of the training in a folder, if there is one."""
    from htmu.networks import load_checkpoint
    from htmu.networks.checkpoints import MANIFEST

    if not os.path.exists(os.path.join(out, MANIFEST)):
        return None
    settings = load_checkpoint(out).settings
    if settings["model"]["made"] is None or not settings["data"]["source"]:
        raise InvalidInputError(
            f"{out} is a training of a network or of data of your own; go on with it in Python"
        )
    return settings


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _recipe(
    name: str | None, stored: dict[str, Any] | None, given: dict[str, Any]
) -> tuple[str, Recipe]:
    """Title and settings: those of the name, else those stored, overlaid by what was given."""
    from htmu.networks import RECIPES, Recipe

    if given["lr"] is not None and given["lr_over_batch"] is not None:
        raise InvalidInputError("give either --lr or --lr-over-batch, got both")
    if name is None and stored is not None:
        return "stored recipe", Recipe(**stored["recipe"]).replace(**_given(given))
    title = as_choice("--recipe", "figure1" if name is None else name, tuple(RECIPES))
    if stored is not None and given["n"] is None:
        given["n"] = stored["recipe"]["n"]
    return title, RECIPES[title].replace(**_given(given))


def _model(
    name: str | None, title: str, stored: dict[str, Any] | None, given: dict[str, Any]
) -> tuple[str, dict[str, Any]]:
    """Name and options of the network."""
    from htmu.networks.recipes import NETWORKS

    if stored is not None:
        made = stored["model"]["made"]
        if name in (None, made["name"]):
            return made["name"], {**made["options"], **_given(given)}
        return str(name), _given(given)
    network, initialization = NETWORKS[title]
    return name or network, {"initialization": initialization, **_given(given)}


def _source(
    name: str | None, stored: dict[str, Any] | None, given: dict[str, Any]
) -> dict[str, Any]:
    """Arguments of `load_data`."""
    from htmu.networks import DATA_SETS

    source: dict[str, Any] = {}
    if stored is not None and name in (None, stored["data"]["source"]["name"]):
        source = dict(stored["data"]["source"])
        source.pop("train")
    elif stored is not None and given["n"] is None:
        given["n"] = stored["data"]["source"]["n"]
    source["name"] = as_choice("--data", name or source.get("name", "digits"), DATA_SETS)
    if source["name"] != "gaussian":
        for option, key in (("--classes", "n_classes"), ("--separation", "separation")):
            if given[key] is not None:
                raise InvalidInputError(
                    f"{option} is for gaussian data, got it with {source['name']}; leave it out"
                )
    elif given["separation"] is not None:
        as_float("--separation", given["separation"], minimum=0)
    return source | _given(given)


def _held_out(source: dict[str, Any]) -> int | None:
    """Points to test on: all there are, and of synthetic ones as many as are trained on."""
    return source.get("n") if source["name"] == "gaussian" else None


def _heading(
    title: str, network: str, size: int, points: ImageData, plan: Recipe, result: TrainingResult
) -> str:
    went_on = "" if result.resumed_from is None else f", gone on from epoch {result.resumed_from}"
    return (
        f"{title}: {network} with {size:,} parameters on {len(points):,} images of {points.name}\n"
        f"learning rate {plan.learning_rate:.4g} ({plan.schedule}), batch {plan.batch_size}, "
        f"momentum {plan.momentum:g}, weight decay {plan.weight_decay:g}, seed {plan.seed}, "
        f"{result.device}{went_on}"
    )


def _ending(result: TrainingResult) -> str:
    why = {"loss": "loss below its limit", "epochs": "all epochs"}[result.stopped]
    text = (
        f"{result.epochs} epochs ({why}): training loss {result.train_loss:.4g}, accuracy "
        f"{100 * result.train_accuracy:.2f} %"
    )
    if result.test_accuracy is None:
        return text
    return f"{text}; test loss {result.test_loss:.4g}, accuracy {100 * result.test_accuracy:.2f} %"


def _say_how_to_go_on(folder: str, data_dir: str | None) -> None:
    from htmu.networks import load_checkpoint

    try:
        checkpoint = load_checkpoint(folder)
    except RunError:  # interrupted before there was one
        print("htmu: interrupted; nothing is saved", file=sys.stderr)
        return
    print(
        f"htmu: interrupted; epoch {checkpoint.epoch} of {checkpoint.recipe.epochs} is saved in "
        f"{folder}; go on with: htmu train --out {shlex.quote(folder)}"
        + (f" --data-dir {shlex.quote(data_dir)}" if data_dir is not None else ""),
        file=sys.stderr,
    )
