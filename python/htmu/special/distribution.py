"""What the laws share: SciPy's protocol on top of tables, without its overhead for one law."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy.stats

from htmu.arguments import FloatArray

__all__ = ["LawGenerator"]

Shapes = tuple[float, ...]
#: SciPy ships no types, and the stubs made for it know its own signatures only.
_Continuous: Any = scipy.stats.rv_continuous
_Frozen: Any = type(scipy.stats.norm())


class FrozenLaw(_Frozen):  # type: ignore[misc]
    """A law with its parameters fixed: SciPy's frozen distribution, and the methods of htmu."""

    def __getattr__(self, name: str) -> Any:
        # Only what SciPy's frozen distributions lack arrives here.
        if name.startswith("_") or name not in getattr(self.dist, "extra_methods", ()):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        method = getattr(self.dist, name)

        def call(*arguments: Any) -> Any:
            return method(*arguments, *self.args, **self.kwds)

        call.__doc__ = method.__doc__
        return call


class LawGenerator(_Continuous):  # type: ignore[misc]
    """A family of laws on the positive axis, each read from a table.

    A subclass gives the table's value for one law and points in units of `scale`; this class sorts
    arrays of parameters into laws, and takes the short way where there is one law only.
    """

    #: Methods beyond SciPy's, which frozen distributions have too; the shapes come last.
    extra_methods: tuple[str, ...] = ()

    def freeze(self, *args: Any, **kwds: Any) -> Any:
        """Fix the parameters."""
        return FrozenLaw(self, *args, **kwds)

    def __call__(self, *args: Any, **kwds: Any) -> Any:
        """Fix the parameters: as `freeze`."""
        return self.freeze(*args, **kwds)

    def _value(self, quantity: str, x: FloatArray, shapes: Shapes) -> FloatArray:
        """`quantity` of the law of these shapes at x."""
        raise NotImplementedError

    def _is_valid(self, shapes: Shapes) -> bool:
        """Whether the shapes lie in the domain."""
        raise NotImplementedError

    def _argcheck(self, *shapes: Any) -> Any:
        arrays = np.broadcast_arrays(*(np.asarray(s, dtype=np.float64) for s in shapes))
        flat = zip(*(a.ravel() for a in arrays), strict=True)
        valid = np.array([self._is_valid(tuple(map(float, row))) for row in flat], dtype=bool)
        return valid.reshape(arrays[0].shape)

    def _values(self, quantity: str, x: Any, *shapes: Any) -> FloatArray:
        """`quantity` at x, where each point has shapes of its own."""
        point, *parameters = np.broadcast_arrays(
            *(np.asarray(a, dtype=np.float64) for a in (x, *shapes))
        )
        if point.size and all((p == p.flat[0]).all() for p in parameters):
            one = tuple(float(p.flat[0]) for p in parameters)
            if self._is_valid(one):
                return self._value(quantity, point, one)
        result = np.empty(point.shape)
        rows = np.stack([p.ravel() for p in parameters], axis=-1)
        laws, which = np.unique(rows, axis=0, return_inverse=True)
        which = which.reshape(-1)
        for k, law in enumerate(laws):
            here = (which == k).reshape(point.shape)
            one = tuple(map(float, law))
            result[here] = (
                self._value(quantity, point[here], one) if self._is_valid(one) else np.nan
            )
        return result

    def _one_law(self, args: tuple[Any, ...], kwds: dict[str, Any]) -> Any:
        """Shapes, loc and scale where all are numbers in their domain; None for SciPy's way."""
        names = [name.strip() for name in (self.shapes or "").split(",")]
        values = dict(zip([*names, "loc", "scale"], args, strict=False))
        if len(args) > len(names) + 2 or any(name in values for name in kwds):
            return None
        values.update(kwds)
        given = {"loc": 0.0, "scale": 1.0, **values}
        if set(given) != {*names, "loc", "scale"}:
            return None
        try:
            numbers = {
                name: float(value)
                for name, value in given.items()
                if np.ndim(value) == 0 and not isinstance(value, str)
            }
        except (TypeError, ValueError):
            return None
        if len(numbers) < len(given):
            return None
        shapes = tuple(numbers[name] for name in names)
        loc, scale = numbers["loc"], numbers["scale"]
        if not (math.isfinite(loc) and 0.0 < scale < math.inf and self._is_valid(shapes)):
            return None
        return shapes, loc, scale

    def _at_points(self, quantity: str, x: Any, args: tuple[Any, ...], kwds: dict[str, Any]) -> Any:
        law = self._one_law(args, kwds)
        if law is None:
            return getattr(super(), quantity)(x, *args, **kwds)
        shapes, loc, scale = law
        points = np.asarray(x, dtype=np.float64)
        if loc != 0.0 or scale != 1.0:
            points = (points - loc) / scale
        result = self._value(quantity, points, shapes)
        if scale != 1.0 and quantity == "pdf":
            result = result / scale
        elif scale != 1.0 and quantity == "logpdf":
            result = result - math.log(scale)
        return result[()]

    def _at_probabilities(
        self, quantity: str, p: Any, args: tuple[Any, ...], kwds: dict[str, Any]
    ) -> Any:
        law = self._one_law(args, kwds)
        if law is None:
            return getattr(super(), quantity)(p, *args, **kwds)
        shapes, loc, scale = law
        result = self._value(quantity, np.asarray(p, dtype=np.float64), shapes)
        return (loc + scale * result if loc != 0.0 or scale != 1.0 else result)[()]

    def pdf(self, x: Any, *args: Any, **kwds: Any) -> Any:
        """Density at x."""
        return self._at_points("pdf", x, args, kwds)

    def logpdf(self, x: Any, *args: Any, **kwds: Any) -> Any:
        """Logarithm of the density at x."""
        return self._at_points("logpdf", x, args, kwds)

    def cdf(self, x: Any, *args: Any, **kwds: Any) -> Any:
        """Probability up to x."""
        return self._at_points("cdf", x, args, kwds)

    def sf(self, x: Any, *args: Any, **kwds: Any) -> Any:
        """Probability above x."""
        return self._at_points("sf", x, args, kwds)

    def logcdf(self, x: Any, *args: Any, **kwds: Any) -> Any:
        """Logarithm of the probability up to x, also where that underflows."""
        return self._at_points("logcdf", x, args, kwds)

    def logsf(self, x: Any, *args: Any, **kwds: Any) -> Any:
        """Logarithm of the probability above x, also where that underflows."""
        return self._at_points("logsf", x, args, kwds)

    def ppf(self, q: Any, *args: Any, **kwds: Any) -> Any:
        """Quantile: the x whose cdf is q."""
        return self._at_probabilities("ppf", q, args, kwds)

    def isf(self, q: Any, *args: Any, **kwds: Any) -> Any:
        """Upper quantile: the x whose sf is q."""
        return self._at_probabilities("isf", q, args, kwds)

    def _pdf(self, x: Any, *shapes: Any) -> FloatArray:
        return self._values("pdf", x, *shapes)

    def _logpdf(self, x: Any, *shapes: Any) -> FloatArray:
        return self._values("logpdf", x, *shapes)

    def _cdf(self, x: Any, *shapes: Any) -> FloatArray:
        return self._values("cdf", x, *shapes)

    def _sf(self, x: Any, *shapes: Any) -> FloatArray:
        return self._values("sf", x, *shapes)

    def _logcdf(self, x: Any, *shapes: Any) -> FloatArray:
        return self._values("logcdf", x, *shapes)

    def _logsf(self, x: Any, *shapes: Any) -> FloatArray:
        return self._values("logsf", x, *shapes)

    def _ppf(self, q: Any, *shapes: Any) -> FloatArray:
        return self._values("ppf", q, *shapes)

    def _isf(self, q: Any, *shapes: Any) -> FloatArray:
        return self._values("isf", q, *shapes)

    def _rvs(self, *shapes: Any, size: Any = None, random_state: Any = None) -> Any:
        return self._values("ppf", random_state.random(size), *shapes)

    def entropy(self, *args: Any, **kwds: Any) -> Any:
        """Differential entropy -E log f; -inf where there is an atom."""
        with np.errstate(invalid="ignore"):  # parameters outside the domain
            return super().entropy(*args, **kwds)

    def _entropy(self, *shapes: Any) -> FloatArray:
        arrays = np.broadcast_arrays(*(np.asarray(s, dtype=np.float64) for s in shapes))
        rows = [tuple(map(float, row)) for row in zip(*(a.ravel() for a in arrays), strict=True)]
        found = [self._entropy_of(row) if self._is_valid(row) else np.nan for row in rows]
        return np.array(found).reshape(arrays[0].shape)

    def _entropy_of(self, shapes: Shapes) -> float:
        """-E log f of one law."""
        raise NotImplementedError
