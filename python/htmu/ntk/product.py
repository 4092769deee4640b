"""Products with a model's neural tangent kernel, without the kernel.

K v = J (J^T v): one pass backward and one of forward-mode differentiation, in blocks of samples.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from numbers import Number
from typing import Any, TypeAlias

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator
from torch import Tensor, nn
from torch.func import functional_call, jvp, vjp
from torch.nn.attention import SDPBackend, sdpa_kernel

from htmu.arguments import as_bool, as_choice, as_int
from htmu.errors import EngineError, InvalidInputError, NonFiniteError
from htmu.ntk.capture import exact_arithmetic, has_drawn, random_states
from htmu.ntk.outputs import as_outputs, choose_outputs
from htmu.ntk.preparation import as_device, as_samples, check_mode
from htmu.ntk.selection import ParametersLike, select_parameters

__all__ = ["KernelProduct", "product"]

_Tensors: TypeAlias = dict[str, Tensor]

_DTYPES = {"float64": torch.float64, "float32": torch.float32}
#: Samples of a block: large enough for the matrix products' full speed.
_BLOCK = 32
#: Relative rounding of a derivative, by the type of the outputs.
_ROUNDING = {torch.float64: 1e-8, torch.float32: 1e-4}
_ROUNDING_COARSE = 5e-2


def product(
    model: nn.Module,
    x: Any,
    *,
    outputs: str | Sequence[int] = "all",
    parameters: ParametersLike = None,
    scaled: bool = False,
    dtype: str = "float64",
    block: int | None = None,
    device: str = "auto",
) -> KernelProduct:
    """Return the empirical neural tangent kernel J J^T as an operator.

    A product costs one forward and backward pass and one pass of forward-mode differentiation: some
    five to seven times the network's evaluation. Memory is that of one block of samples and of a
    few copies of the parameters, one more for each further vector at once; several vectors share a
    forward pass, which saves little.

    Parameters
    ----------
    model : torch.nn.Module
        In evaluation mode, with outputs of shape (n, c), each row a function of that sample alone.
        Samples 0 and n - 1 are run alone to check that.
        It is not changed; the weights are copied when the operator is made.
    x : (n, ...) tensor or array_like
        Samples; a floating x is converted to `dtype`, integers (tokens) are kept.
    outputs : "all", "trace", "sum" or sequence of int
        All c outputs, giving rows sample * c + class; the n x n sum of the classes' diagonal blocks
        (c products each); the outputs' sum, n x n; or a list of classes, in that order.
    parameters : str, sequence of str, callable or None
        Names of parameters, or of modules for all below them; or a function of name and tensor that
        says which; None takes all. Those that do not require gradients are always left out.
    scaled : bool, default False
        Divide by the number of these parameters.
    dtype : "float64" or "float32"
        Precision of the passes, and type of the operator.
    block : int, optional
        Samples in a pass, 32 if None.
    device : str, default "auto"
        "cpu", "cuda" or "cuda:0"; "auto" is a GPU if there is one.

    Returns
    -------
    KernelProduct
        A `scipy.sparse.linalg.LinearOperator`, symmetric to rounding.

    Raises
    ------
    InvalidInputError
        The model trains (batch norm, dropout), mixes samples, draws at random, has no such
        parameters, or its outputs are not 2-D; its gradients are not its derivatives (embeddings
        that scale them by frequency); or an argument lies outside its domain.
    NonFiniteError
        x, an output or a product is NaN or infinite.
    EngineError
        PyTorch cannot run the model or differentiate it.

    Notes
    -----
    An operation without forward-mode derivative is differentiated by two backward passes instead
    (J u is the derivative of v -> J^T v, transposed), and so is a model for which forward mode is
    not the transpose of reverse mode (PyTorch's forward mode ignores an embedding's padding_idx):
    making the operator compares <v, J u> with <J^T v, u>, at random u and v and for all samples,
    which costs one product. ReLU is differentiated as PyTorch does, 0 at 0.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from htmu.ntk import product
    >>> model = torch.nn.Linear(2, 1).eval()
    >>> kernel = product(model, [[1.0, 2.0], [3.0, 4.0]])
    >>> kernel @ np.eye(2)                # x x^T + 1
    array([[ 6., 12.],
           [12., 26.]])
    """
    return KernelProduct(
        model,
        x,
        outputs,
        parameters,
        as_bool("scaled", scaled),
        as_choice("dtype", dtype, tuple(_DTYPES)),
        _BLOCK if block is None else as_int("block", block, minimum=1),
        device,
    )


class KernelProduct(LinearOperator):
    """Operator J J^T, made by `product`; it keeps a copy of the model's weights.

    Attributes
    ----------
    n_parameters : int
        Number of the parameters that are differentiated.
    n_classes : int
        Number of the model's outputs, c.
    """

    def __init__(
        self,
        model: nn.Module,
        x: Any,
        outputs: str | Sequence[int],
        parameters: ParametersLike,
        scaled: bool,
        dtype: str,
        block: int,
        device: str,
    ) -> None:
        check_mode(model)
        precision = _DTYPES[dtype]
        self._model = model
        self._place = as_device(device)
        self._precision = precision
        self._block = block
        samples = as_samples(x)
        # Again in the precision, in which a large value may overflow.
        self._x = as_samples(samples.to(precision)) if samples.is_floating_point() else samples
        chosen = select_parameters(model, parameters)
        state = {
            name: self._copied(value)
            for name, value in (*model.named_parameters(), *model.named_buffers())
        }
        self._chosen = {name: state.pop(name) for name in chosen}
        self._fixed = state
        if any(value.is_complex() for value in self._chosen.values()):
            raise InvalidInputError(
                "the model has complex parameters; freeze them, or keep real and imaginary parts"
            )
        self.n_parameters = sum(value.numel() for value in self._chosen.values())
        self._factor = 1 / self.n_parameters if scaled else 1.0
        n, c = len(self._x), self._n_outputs()
        self.n_classes = c
        outputs = as_outputs(outputs)
        self._by_class = outputs == "trace"
        self._read = None if self._by_class else self._read_out(outputs, c)
        width = 1 if self._by_class else c if self._read is None else self._read.shape[1]
        super().__init__(np.dtype(dtype), (n * width, n * width))  # type: ignore[call-arg]
        self._twice = False
        self._choose_derivative()

    def _copied(self, value: Tensor) -> Tensor:
        moved = value.detach().to(self._place, copy=True)
        if moved.is_complex():
            return moved.to(self._precision.to_complex())
        return moved.to(self._precision) if moved.is_floating_point() else moved

    def _read_out(self, outputs: str | Sequence[int], c: int) -> Tensor | None:
        """Matrix from the c outputs to those that count, None for all."""
        if outputs == "all":
            return None
        return choose_outputs(outputs, c, self._precision).weights.T.to(self._place)

    def _n_outputs(self) -> int:
        before = random_states(self._place)
        ends: list[Tensor] = []
        with torch.no_grad(), _differentiable():
            for samples in self._samples():
                found = self._checked(self._evaluate(self._chosen, samples), len(samples))
                ends = [ends[0] if ends else found[:1], found[-1:]]
            last = len(self._x) - 1
            alone = [self._outputs_of([0]), self._outputs_of([last])]
            together = self._outputs_of([0, last])
        self._rounding = _ROUNDING.get(found.dtype, _ROUNDING_COARSE)
        expected = torch.cat(alone)
        scale = max(float(expected.abs().max()), 1e-30)
        error = max(float((y - expected).abs().max()) for y in (torch.cat(ends), together))
        if not error <= self._rounding * scale:
            raise InvalidInputError(
                "the model's outputs for a sample change with the batch that it is in, or from "
                "call to call; call model.eval(), and use normalisations that do not mix samples"
            )
        if has_drawn(before, self._place):
            raise InvalidInputError("the model draws random numbers; call model.eval()")
        return found.shape[1]

    def _outputs_of(self, rows: list[int]) -> Tensor:
        samples = self._x[rows].to(self._place, copy=True)
        return self._checked(self._evaluate(self._chosen, samples), len(rows))

    @staticmethod
    def _checked(found: Any, n: int) -> Tensor:
        shown = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
        if not isinstance(found, Tensor) or found.ndim != 2 or len(found) != n:
            raise InvalidInputError(
                f"the model's outputs must be of shape (n, c), got {shown} for "
                f"{n} samples; flatten them in the model"
            )
        if found.shape[1] == 0:
            raise InvalidInputError("the model has no outputs: its second dimension is 0")
        if not found.is_floating_point():
            raise InvalidInputError(f"the model's outputs must be real numbers, got {found.dtype}")
        if not bool(torch.isfinite(found).all()):
            raise NonFiniteError("an output of the model is not finite; look at its weights")
        return found

    def _choose_derivative(self) -> None:
        """Choose forward mode or two backward passes: whichever is reverse mode's transpose."""
        with torch.no_grad(), _differentiable():
            if self._is_transpose():
                return
            self._twice = True
            if self._is_transpose():
                return
        raise InvalidInputError(
            "the model's gradients are not its derivatives, so that the kernel has no product: "
            "look for scale_grad_by_freq, hooks, and backward passes made by hand"
        )

    def _is_transpose(self) -> bool:
        """Whether <v, J u> = <J^T v, u> for every block of samples, u and v random."""
        generator = torch.Generator().manual_seed(0)

        def draw(like: Tensor) -> Tensor:
            # float32: the numbers drawn are the same for either precision.
            return torch.randn(like.shape, generator=generator, device="cpu").to(like)

        u = {name: draw(value) for name, value in self._chosen.items()}
        for samples in self._samples():
            function = self._function(samples, None)
            try:
                value, backward = vjp(function, self._chosen)[:2]
                v = draw(value)
                gradient = _dense(backward(v)[0])
            except RuntimeError as error:
                raise _not_differentiable(error) from error
            del backward
            forward = self._forward(function, u).double()
            reverse = torch.stack([(gradient[k].double() * u[k]).sum() for k in u]).sum()
            sizes = [gradient[k].double().norm() for k in u]
            scale = torch.maximum(torch.stack(sizes).norm(), forward.norm())
            if not bool(torch.isfinite(scale)):
                raise NonFiniteError("a derivative of the model is not finite; look at the model")
            difference = ((forward * v).sum() - reverse).abs()
            if not bool(difference <= self._rounding * scale):
                return False
        return True

    def _samples(self) -> Iterator[Tensor]:
        for first in range(0, len(self._x), self._block):
            # A copy, for the first layer may work in place.
            yield self._x[first : first + self._block].to(self._place, copy=True)

    def _evaluate(self, chosen: _Tensors, samples: Tensor) -> Any:
        try:
            return functional_call(self._model, {**self._fixed, **chosen}, (samples,))
        except (RuntimeError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise EngineError(
                f"the model cannot be evaluated on x of shape {tuple(self._x.shape)}: "
                f"{_line(error)}"
            ) from error

    def _function(self, samples: Tensor, read: Tensor | None) -> Callable[[_Tensors], Tensor]:
        # What differentiates may run the function again: an in-place layer must not see its traces.
        def outputs(chosen: _Tensors) -> Tensor:
            found: Tensor = self._evaluate(chosen, samples.clone())
            found = found.to(self._precision)
            return found if read is None else found @ read

        return outputs

    def dot(self, x: Any) -> Any:
        """Return the product with an array, an operator or a number."""
        if isinstance(x, LinearOperator | Number):
            operand: Any = x
            return super().dot(operand)
        return super().dot(_as_vectors(x, self.shape[1]))

    def matvec(self, x: Any) -> Any:
        """Return the product with one vector."""
        return super().matvec(_as_vectors(x, self.shape[1]))

    def matmat(self, X: Any) -> Any:  # noqa: N803 - SciPy's name
        """Return the products with the columns of a matrix."""
        return super().matmat(_as_vectors(X, self.shape[1]))

    def _matmat(self, vectors: Any) -> Any:
        array = np.asarray(vectors)
        tensor = torch.from_numpy(np.ascontiguousarray(array, dtype=self.dtype)).to(self._place)
        with torch.no_grad(), _differentiable():
            if not self._by_class:
                found = self._multiply(tensor, self._read)
            else:
                one = torch.eye(self.n_classes, dtype=self._precision, device=self._place)
                found = torch.zeros_like(tensor)
                for k in range(self.n_classes):
                    found += self._multiply(tensor, one[:, k : k + 1])
        if not bool(torch.isfinite(found).all()):
            raise NonFiniteError("a product with the kernel is not finite; look at the model")
        return found.cpu().numpy()

    def _matvec(self, vector: Any) -> Any:
        return self._matmat(np.asarray(vector).reshape(-1, 1))

    def _adjoint(self) -> LinearOperator:
        return self

    def _transpose(self) -> LinearOperator:
        return self

    def _multiply(self, vectors: Tensor, read: Tensor | None) -> Tensor:
        """J J^T V for a read-out of the outputs; rows sample by sample."""
        n, k = len(self._x), vectors.shape[1]
        columns = vectors.T.reshape(k, n, -1)
        sums: list[_Tensors] = [{} for _ in range(k)]
        first = 0
        for samples in self._samples():
            size = len(samples)
            try:
                backward: Any = vjp(self._function(samples, read), self._chosen)[1]
                for j in range(k):
                    gradient = _dense(backward(columns[j, first : first + size])[0])
                    for name, value in gradient.items():
                        sums[j][name] = sums[j][name] + value if name in sums[j] else value
            except RuntimeError as error:
                raise _not_differentiable(error) from error
            first += size
            del backward, gradient
        found = torch.empty_like(columns)
        first = 0
        for samples in self._samples():
            function = self._function(samples, read)
            for j in range(k):
                found[j, first : first + len(samples)] = self._forward(function, sums[j])
            first += len(samples)
        return found.reshape(k, -1).T * self._factor

    def _forward(self, function: Callable[[_Tensors], Tensor], direction: _Tensors) -> Tensor:
        """J u by forward-mode differentiation, or by two backward passes where that is missing."""
        try:
            if not self._twice:
                derivative: Tensor = jvp(function, (self._chosen,), (direction,))[1]
                return derivative
        except RuntimeError as error:
            message = str(error)
            if not any(word in message for word in ("forward AD", "jvp", "forward-mode")):
                raise _not_differentiable(error) from error
            self._twice = True
        try:
            value, backward = vjp(function, self._chosen)[:2]
            with torch.enable_grad():
                twice: Any = vjp(lambda v: backward(v)[0], torch.zeros_like(value))[1]
                second: Tensor = twice(direction)[0]
                return second.detach()
        except RuntimeError as error:
            raise _not_differentiable(error) from error


@contextmanager
def _differentiable() -> Iterator[None]:
    """Attention by operations that have every derivative, not by its fused kernels; no TF32."""
    with warnings.catch_warnings(), suppress(ImportError):
        # The first forward-mode pass loads this, and what it loads warns of itself.
        warnings.simplefilter("ignore", DeprecationWarning)
        importlib.import_module("torch._decomp.decompositions_for_jvp")
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH), exact_arithmetic():
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)


def _dense(gradients: _Tensors) -> _Tensors:
    """Gradients without the sparse ones of embeddings."""
    return {k: g if g.layout == torch.strided else g.to_dense() for k, g in gradients.items()}


def _line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 200 else text[:197] + "..."


def _as_vectors(vectors: Any, size: int) -> Any:
    if isinstance(vectors, Tensor):
        vectors = vectors.detach().cpu()
    try:
        array = np.asarray(vectors)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"the vectors are no array of numbers: {_line(error)}") from None
    if array.dtype.kind == "c":
        raise InvalidInputError("the kernel is real; multiply real and imaginary parts apart")
    if array.dtype.kind not in "biuf":
        raise InvalidInputError(f"the vectors must be of real numbers, got dtype {array.dtype}")
    if array.ndim not in (1, 2) or array.shape[0] != size:
        raise InvalidInputError(
            f"the kernel multiplies vectors of length {size}, columns of a matrix or one alone; "
            f"got shape {array.shape}"
        )
    if not np.isfinite(array).all():
        raise NonFiniteError("a vector has a value that is not finite; remove it or mend it")
    return array


def _not_differentiable(error: Exception) -> EngineError:
    if isinstance(error, EngineError):
        return error
    return EngineError(f"PyTorch cannot differentiate the model: {_line(error)}")
