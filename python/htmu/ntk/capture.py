"""Hooks that record what a module was given and returned, and gradients of outputs by them.

A recorded output is kept as the edge of the autograd graph that leaves it, not as the tensor:
an in-place module after it would turn the tensor into its own output.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge

from htmu.errors import InvalidInputError, NonFiniteError

__all__ = [
    "Recorded",
    "Recorder",
    "check_finite",
    "check_own",
    "class_gradients",
    "differentiate",
    "exact_arithmetic",
    "has_drawn",
    "is_out_of_memory",
    "map_tensors",
    "random_states",
    "requiring_gradients",
    "run_model",
    "tolerances",
    "with_graph",
]


@dataclass
class Recorded:
    """One call of a module: its arguments, detached, and the edges that leave its outputs."""

    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    shapes: list[tuple[int, ...]] = field(default_factory=list)
    edges: list[GradientEdge] = field(default_factory=list)
    versions: list[tuple[Tensor, int]] = field(default_factory=list)

    def changed(self) -> bool:
        """Whether an argument was changed in place after it was recorded."""
        return any(tensor._version != version for tensor, version in self.versions)


def map_tensors(function: Callable[[Tensor], Any], value: Any) -> Any:
    """The value with `function` of each tensor in it, through tuples, lists and dicts."""
    if isinstance(value, Tensor):
        return function(value)
    if isinstance(value, tuple):
        items = [map_tensors(function, item) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    if isinstance(value, list):
        return [map_tensors(function, item) for item in value]
    if isinstance(value, dict):
        return {key: map_tensors(function, item) for key, item in value.items()}
    return value


class Recorder:
    """Records each call of the named modules of a model while it is entered.

    Arguments of the modules in `copied` are cloned, since something changes them in place.
    """

    def __init__(self, model: nn.Module, names: Iterable[str], copied: Iterable[str] = ()) -> None:
        self._modules = dict(model.named_modules(remove_duplicate=False))
        self._names = list(names)
        self._copied = frozenset(copied)
        self._handles: list[Any] = []
        self._open: dict[str, list[Recorded]] = {name: [] for name in self._names}
        self.calls: dict[str, list[Recorded]] = {name: [] for name in self._names}

    def __enter__(self) -> Recorder:
        for name in self._names:
            module = self._modules[name]
            self._handles += [
                module.register_forward_pre_hook(self._before(name), with_kwargs=True),
                module.register_forward_hook(self._after(name), with_kwargs=True),
            ]
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles = []

    def changed(self) -> set[str]:
        """Modules whose recorded arguments were changed in place afterwards."""
        return {name for name, calls in self.calls.items() if any(c.changed() for c in calls)}

    def _before(self, name: str) -> Callable[..., None]:
        def hook(_: nn.Module, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
            call = Recorded((), {})

            def keep(tensor: Tensor) -> Tensor:
                if name in self._copied:
                    return tensor.detach().clone()
                call.versions.append((tensor, tensor._version))
                return tensor.detach()

            call.arguments = map_tensors(keep, arguments)
            call.keywords = map_tensors(keep, keywords)
            self._open[name].append(call)

        return hook

    def _after(self, name: str) -> Callable[..., Any]:
        def hook(_: nn.Module, __: Any, ___: Any, output: Any) -> Any:
            call = self._open[name].pop()

            def mark(tensor: Tensor) -> Tensor:
                if not tensor.is_floating_point():
                    return tensor
                if not tensor.requires_grad:
                    # A leaf cannot be changed in place; its copy can.
                    leaf = tensor.detach().requires_grad_()
                    call.edges.append(get_gradient_edge(leaf))
                    call.shapes.append(tuple(tensor.shape))
                    return leaf.clone()
                call.edges.append(get_gradient_edge(tensor))
                call.shapes.append(tuple(tensor.shape))
                return tensor

            marked = map_tensors(mark, output)
            self.calls[name].append(call)
            return marked

        return hook


def with_graph(x: Tensor) -> Tensor:
    """A copy of the samples, which a model may write to; what is computed from it has a graph."""
    x = x.detach()
    return (x.requires_grad_() if x.is_floating_point() else x).clone()


def run_model(model: nn.Module, x: Tensor) -> Tensor:
    """Outputs of the model, (n, c), with a graph; a failure is one line."""
    before = random_states(x.device)
    try:
        outputs = model(x)
    except InvalidInputError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InvalidInputError(
            f"the model fails on x of shape {tuple(x.shape)} and {x.dtype}: {reason[:200]}; "
            f"give x as the model takes it"
        ) from error
    if has_drawn(before, x.device):
        torch.set_rng_state(before[0])
        for state in before[1:]:
            torch.cuda.set_rng_state(state, x.device)
        raise InvalidInputError(
            "the model draws random numbers, so that its outputs change from call to call; call "
            "model.eval(), or take dropout and noise out of its forward"
        )
    if not isinstance(outputs, Tensor) or outputs.ndim != 2 or len(outputs) != len(x):
        found = (
            f"shape {tuple(outputs.shape)}"
            if isinstance(outputs, Tensor)
            else f"type {type(outputs).__name__}"
        )
        raise InvalidInputError(
            f"the model's outputs must be of shape (n, c), here ({len(x)}, c), got {found}; "
            f"wrap the model so that it returns one row of outputs a sample"
        )
    if not outputs.shape[1]:
        raise InvalidInputError("the model returns no outputs, (n, 0); it needs at least one")
    if not outputs.is_floating_point():
        raise InvalidInputError(f"the model's outputs must be real numbers, got {outputs.dtype}")
    return outputs


def random_states(device: torch.device) -> list[Tensor]:
    """States of torch's generators that a model on this device draws from."""
    own = [torch.cuda.get_rng_state(device)] if device.type == "cuda" else []
    return [torch.get_rng_state(), *own]


def has_drawn(before: list[Tensor], device: torch.device) -> bool:
    """Whether a generator has left the states that `random_states` gave."""
    after = random_states(device)
    return any(not torch.equal(a, b) for a, b in zip(before, after, strict=True))


def check_own(outputs: Tensor, model: nn.Module) -> None:
    """Refuse a copied model that still uses parameters of its original.

    `copy.deepcopy` does not copy functions, nor therefore what they refer to.
    """
    own = {id(parameter) for parameter in model.parameters()}
    waiting: list[Any] = [outputs.grad_fn]
    seen = set()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        leaf = getattr(node, "variable", None)
        if isinstance(leaf, nn.Parameter) and id(leaf) not in own:
            raise InvalidInputError(
                f"the model uses a parameter of shape {tuple(leaf.shape)} that its copy by "
                f"copy.deepcopy does not own, through a lambda, a function or a list of them; "
                f"write them as modules or methods"
            )
        waiting += [following for following, _ in node.next_functions]


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory is what was wanting, and not anything of the model."""
    kinds = (MemoryError, torch.cuda.OutOfMemoryError)
    return isinstance(error, kinds) or "DefaultCPUAllocator" in str(error)


def tolerances(dtype: torch.dtype) -> tuple[float, float]:
    """Relative errors of two ways to a gradient that agree: of itself, and of the largest."""
    if dtype.itemsize < 4:
        return 5e-2, 1e-3
    return (1e-8, 1e-12) if dtype == torch.float64 else (1e-3, 1e-5)


def check_finite(outputs: Tensor, first: int) -> None:
    """Refuse outputs that are not finite; `first` is the number of the first sample."""
    bad = ~torch.isfinite(outputs).all(dim=1)
    if bool(bad.any()):
        sample = first + int(bad.nonzero()[0])
        raise NonFiniteError(
            f"the model's outputs are not finite for sample {sample}; remove it or mend the model"
        )


def class_gradients(
    outputs: Tensor, weights: Tensor, edges: Sequence[GradientEdge], shapes: Sequence[Any]
) -> Iterator[list[Tensor]]:
    """For each row v of `weights` (k, c): gradients of sum_i v . outputs_i by each edge.

    Samples do not interact, so row i of a gradient is the gradient of sample i's output.
    """
    for index, row in enumerate(weights):
        if not outputs.requires_grad:
            yield [weights.new_zeros(shape) for shape in shapes]
            continue
        grads = differentiate(outputs, list(edges), row, keep=index < len(weights) - 1)
        yield [
            weights.new_zeros(shape) if grad is None else grad.to(weights.dtype)
            for grad, shape in zip(grads, shapes, strict=True)
        ]


def differentiate(
    outputs: Tensor, inputs: Sequence[Any], weights: Tensor, keep: bool = False
) -> tuple[Tensor | None, ...]:
    """Gradients of sum_i weights . outputs_i by the inputs; a failure is one line."""
    try:
        found: tuple[Tensor | None, ...] = torch.autograd.grad(
            outputs,
            inputs,
            weights.to(outputs.dtype).expand_as(outputs),
            retain_graph=keep,
            allow_unused=True,
        )
    except RuntimeError as error:
        if is_out_of_memory(error):
            raise
        reason = " ".join(str(error).split())
        raise InvalidInputError(
            f"the model cannot be differentiated: {reason[:200]}; mend its forward"
        ) from error
    return tuple(g.to_dense() if g is not None and g.is_sparse else g for g in found)


@contextmanager
def requiring_gradients(parameters: Iterable[nn.Parameter]) -> Iterator[None]:
    """Parameters of a private copy require gradients, so that a graph is kept; then none does."""
    chosen = list(parameters)
    try:
        for parameter in chosen:
            parameter.requires_grad_(True)
        yield
    finally:
        for parameter in chosen:
            parameter.requires_grad_(False)


@contextmanager
def exact_arithmetic() -> Iterator[None]:
    """No lower precision inside float32 passes, whatever the caller has set; restored.

    That is TF32 or bfloat16 in products, and autocast.
    """
    with ExitStack() as stack:
        for kind in ("cpu", "cuda"):
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        settings = _new_settings() or _old_settings()
        for read, write, exact in settings:
            before = read()
            if before != exact:
                stack.callback(write, before)
                write(exact)
        yield


_Setting: TypeAlias = tuple[Callable[[], Any], Callable[[Any], None], Any]


def _new_settings() -> list[_Setting]:
    """Precisions of products as torch 2.9 and later keep them; to mix them with the old raises."""
    backends = torch.backends
    places = [
        getattr(getattr(backends, library, None), operation, None)
        for library, operation in (
            ("cuda", "matmul"),
            ("cudnn", "conv"),
            ("cudnn", "rnn"),
            ("mkldnn", "matmul"),
            ("mkldnn", "conv"),
            ("mkldnn", "rnn"),
        )
    ]
    name = "fp32_precision"
    return [
        (partial(getattr, place, name), partial(setattr, place, name), "ieee")
        for place in places
        if hasattr(place, name)
    ]


def _old_settings() -> list[_Setting]:
    cudnn = torch.backends.cudnn
    return [
        (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision, "highest"),
        (lambda: cudnn.allow_tf32, partial(setattr, cudnn, "allow_tf32"), False),
    ]
