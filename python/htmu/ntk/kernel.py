"""The empirical neural tangent kernel, assembled."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Literal, overload

import torch
from numpy.typing import NDArray
from torch import nn

from htmu.arguments import as_bool, as_choice
from htmu.errors import InvalidInputError
from htmu.ntk.agreement import UnseenUseError
from htmu.ntk.assembly import Assembly, GramProgress
from htmu.ntk.capture import exact_arithmetic, is_out_of_memory
from htmu.ntk.memory import as_bytes
from htmu.ntk.outputs import OutputsLike, as_outputs
from htmu.ntk.preparation import as_device, as_samples, check_hooks, check_mode, fingerprint
from htmu.ntk.selection import ParametersLike, select_parameters
from htmu.ntk.storage import check_free, check_kernel_place

__all__ = ["GramProgress", "gram"]

Array = NDArray[Any]

#: Names of the precisions: of the passes, and of contraction and kernel.
_PRECISIONS = {
    "mixed": (torch.float32, torch.float64),
    "float32": (torch.float32, torch.float32),
    "float64": (torch.float64, torch.float64),
}


@overload
def gram(
    model: nn.Module,
    x: Any,
    *,
    outputs: OutputsLike = ...,
    dtype: str = ...,
    scaled: bool = ...,
    parameters: ParametersLike = ...,
    per_layer: Literal[False] = ...,
    memory: float | str | None = ...,
    out: str | os.PathLike[str] | None = ...,
    resume: bool = ...,
    device: Any = ...,
    progress: Callable[[GramProgress], object] | None = ...,
) -> Array: ...


@overload
def gram(
    model: nn.Module,
    x: Any,
    *,
    outputs: OutputsLike = ...,
    dtype: str = ...,
    scaled: bool = ...,
    parameters: ParametersLike = ...,
    per_layer: Literal[True],
    memory: float | str | None = ...,
    out: str | os.PathLike[str] | None = ...,
    resume: bool = ...,
    device: Any = ...,
    progress: Callable[[GramProgress], object] | None = ...,
) -> dict[str, Array]: ...


def gram(
    model: nn.Module,
    x: Any,
    *,
    outputs: OutputsLike = "all",
    dtype: str = "mixed",
    scaled: bool = False,
    parameters: ParametersLike = None,
    per_layer: bool = False,
    memory: float | str | None = None,
    out: str | os.PathLike[str] | None = None,
    resume: bool = False,
    device: Any = "auto",
    progress: Callable[[GramProgress], object] | None = None,
) -> Array | dict[str, Array]:
    """Return the empirical neural tangent kernel J J^T of a model on n samples.

    Row i c + a of J (samples i, classes a of c) is the gradient of output a for sample i by all
    chosen parameters. The kernel is summed over layers from their inputs and output gradients:
    linear layers and convolutions as products of Gram matrices or of explicit gradients, whichever
    a count of operations says; modules of other types by torch.func. Before that, every
    parameter's gradient is compared with autograd's on two samples: one that is used where no hook
    sees it (a tied weight, say) is differentiated through the whole model. In each pass a random
    combination of the samples' gradients is compared too: a use for some samples only is found so,
    and begins the work anew, or is refused with `out`. The model is copied and is not changed.

    Parameters
    ----------
    model : torch.nn.Module
        Takes a batch and returns (n, c) real outputs, each sample's from that sample alone; in
        evaluation mode if it has batch norm or dropout.
    x : torch.Tensor or array_like, shape (n, ...)
        The samples. Whole numbers (tokens) stay whole.
    outputs : {"all", "trace", "sum"} or list of int, default "all"
        "all" classes or those listed; "trace" sums the c diagonal blocks, for an (n, n) kernel;
        "sum" differentiates the sum of the outputs, also (n, n).
    dtype : {"mixed", "float32", "float64"}, default "mixed"
        "mixed": passes in float32, contractions in float64. The kernel is then an exact Gram matrix
        of gradients with float32's rounding: no negative eigenvalues beyond float64's, and relative
        errors of up to 2.1 times 6e-8 sqrt(largest / eigenvalue) in our tests (count on 5 times,
        3e-3 at 1e-8 of the largest). A kernel in "float32" has no correct eigenvalues below 1e-7 of
        the largest. In either, a ReLU whose input is within rounding of zero may take the other
        side than in float64: it moves that sample's entries by up to about 6e-4 of the largest, and
        eigenvalues with them (by a relative 7e-4 in one of three kernels of ResNet9), and is no
        error of the arithmetic; "float64" has the passes in float64.
    scaled : bool, default False
        Divide by the number of chosen parameters.
    parameters : str, sequence of str, or callable, optional
        Names, or beginnings of names at a dot ("layer1"); or a function of (name, tensor) that says
        whether. Frozen parameters (requires_grad False) are always left out.
    per_layer : bool, default False
        Return a dict, from each module that owns chosen parameters ("" is the model itself) to its
        kernel; they sum to the whole. Not with `out`.
    memory : int or str, optional
        Bytes ("8GB") that the call may hold above what the process held before, on the device for a
        GPU; four fifths of what is free by default. Layers are done in groups, samples in blocks.
    out : path, optional
        Write the kernel to this .npy or .zarr file, in strips of samples that fit the memory.
        Unfinished work stays in the folder `out`.work.
    resume : bool, default False
        Go on with unfinished work at `out`, after a kill too, or return it if it is finished; the
        model, the samples and the options must be the same.
    device : {"auto", "cpu", "cuda", "cuda:0", ...}, default "auto"
        Where to compute; a GPU if there is one.
    progress : callable, optional
        Called with a `GramProgress` after each part.

    Returns
    -------
    numpy.ndarray, shape (n c, n c)
        Float64 (float32 if so asked); with `out`, a read-only memory map or a zarr array.

    Raises
    ------
    InvalidInputError
        The outputs are not (n, c), batch norm is in training mode, samples are not independent, the
        model draws random numbers or uses its parameters through functions that are no methods, no
        parameter is chosen, `memory` is too small (with the least that works), or a bad option.
    NonFiniteError
        A sample, the model's output or a gradient for one, or the kernel, is NaN or infinite.
    RunFileError, RunSettingsError, RunLockedError
        `out` cannot be written (a full disk: earlier work is kept), holds other work, or is in use.

    Notes
    -----
    The division of the work follows from `memory`, by default from what is free, and float32's last
    bits follow from the division: give `memory` where bits are to repeat.

    Cost for n samples, c outputs: c + 2 passes a group of layers, and for each pair of samples
    min(c^2 K Co, P^2 K + c P^2 Co + c^2 P Co) multiply-adds for a convolution with K inputs a
    patch, Co channels and P positions. The identity for a linear layer, (A A^T + 1) o B B^T, is
    that of Novak, Sohl-Dickstein and Schoenholz, "Fast finite width neural tangent kernel", ICML
    2022.

    Examples
    --------
    >>> import torch
    >>> from htmu.ntk import gram
    >>> model = torch.nn.Linear(2, 1)
    >>> gram(model, torch.tensor([[1.0, 2.0], [0.0, 1.0]])).tolist()  # x . x' + 1
    [[6.0, 3.0], [3.0, 2.0]]
    """
    check_mode(model)
    check_hooks(model)
    samples = as_samples(x)
    chosen = as_outputs(outputs)
    passes, kernel = _PRECISIONS[as_choice("dtype", dtype, tuple(_PRECISIONS))]
    scaled, per_layer = as_bool("scaled", scaled), as_bool("per_layer", per_layer)
    resume = as_bool("resume", resume)
    limit = None if memory is None else as_bytes(memory)
    place = as_device(device)
    if progress is not None and not callable(progress):
        raise InvalidInputError(f"progress must be callable, got {type(progress).__name__}")
    if out is None and resume:
        raise InvalidInputError("resume needs the file to go on with; name it by `out`")
    if out is not None:
        check_free(check_kernel_place(out), resume)
        if per_layer:
            raise InvalidInputError(
                "per_layer kernels are not written to a file; leave out `out`, or call once for "
                "each layer with `parameters`"
            )
    names = select_parameters(model, parameters)
    settings: dict[str, Any] = {}
    if out is not None:
        settings = {
            **fingerprint(model, samples),
            "outputs": chosen,
            "dtype": dtype,
            "scaled": scaled,
            "parameters": list(names),
        }
    with torch.inference_mode(False), torch.no_grad(), exact_arithmetic():
        if samples.is_inference():
            samples = samples.clone()
        whole_model: list[str] = []
        try:
            while True:
                assembly = Assembly.prepare(
                    model,
                    samples,
                    names,
                    chosen,
                    passes,
                    kernel,
                    place,
                    limit,
                    out is None,
                    per_layer,
                    whole_model,
                )
                assembly.scale = 1.0 / assembly.count if scaled else 1.0
                assembly.progress = progress
                if out is not None:
                    return assembly.to_file(out, settings, resume)
                try:
                    return assembly.per_layer() if per_layer else assembly.in_memory()
                except UnseenUseError as error:
                    if error.name in whole_model:
                        raise
                    # A file could hold sums over the former division of the work.
                    whole_model.append(error.name)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise InvalidInputError(
                f"{place} has no memory left for this kernel; give a smaller limit by `memory`, or "
                f"write to a file by `out`"
            ) from error
