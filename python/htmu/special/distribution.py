"""What the laws share: SciPy's protocol on top of tables, without its overhead for one law."""

from __future__ import annotations

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
        names = [*self.dist.shape_names, "loc", "scale"]
        fixed = {**dict(zip(names, self.args, strict=False)), **self.kwds}

        def call(*arguments: Any, **options: Any) -> Any:
            return method(*arguments, **options, **fixed)

        call.__doc__ = method.__doc__
        return call

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.dist.extra_methods})


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

    @property
    def shape_names(self) -> list[str]:
        """Names of the shapes."""
        return [name.strip() for name in (self.shapes or "").split(",")]

    def _at(self, quantity: str, x: Any, args: tuple[Any, ...], kwds: dict[str, Any]) -> Any:
        """`quantity` at x in the caller's units; NaN for parameters outside the domain."""
        shapes, loc, scale = self._parse_args(*args, **kwds)
        x = np.asarray(x, dtype=np.float64)
        inverse = quantity in ("ppf", "isf")
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            plain = np.ndim(loc) == 0 and np.ndim(scale) == 0 and loc == 0 and scale == 1
            points = x if plain or inverse else (x - loc) / scale
            if all(np.ndim(shape) == 0 for shape in shapes):
                one = tuple(map(float, shapes))
                valid = self._is_valid(one)
                result = self._value(quantity, points, one) if valid else points * np.nan
            else:
                result = self._values(quantity, points, *shapes)
            if not plain:
                good = np.isfinite(loc) & (np.asarray(scale) > 0) & np.isfinite(scale)
                if inverse:
                    result = loc + scale * result
                elif quantity == "pdf":
                    result = result / scale
                elif quantity == "logpdf":
                    result = result - np.log(scale)
                result = np.where(good, result, np.nan)
        return np.asarray(result)[()]

    def pdf(self, x: Any, *args: Any, **kwds: Any) -> Any:
        """Density at x."""
        return self._at("pdf", x, args, kwds)

    def logpdf(self, x: Any, *args: Any, **kwds: Any) -> Any:
        """Logarithm of the density at x."""
        return self._at("logpdf", x, args, kwds)

    def cdf(self, x: Any, *args: Any, **kwds: Any) -> Any:
        """Probability up to x."""
        return self._at("cdf", x, args, kwds)

    def sf(self, x: Any, *args: Any, **kwds: Any) -> Any:
        """Probability above x."""
        return self._at("sf", x, args, kwds)

    def logcdf(self, x: Any, *args: Any, **kwds: Any) -> Any:
        """Logarithm of the probability up to x, also where that underflows."""
        return self._at("logcdf", x, args, kwds)

    def logsf(self, x: Any, *args: Any, **kwds: Any) -> Any:
        """Logarithm of the probability above x, also where that underflows."""
        return self._at("logsf", x, args, kwds)

    def ppf(self, q: Any, *args: Any, **kwds: Any) -> Any:
        """Quantile: the x whose cdf is q."""
        return self._at("ppf", q, args, kwds)

    def isf(self, q: Any, *args: Any, **kwds: Any) -> Any:
        """Upper quantile: the x whose sf is q."""
        return self._at("isf", q, args, kwds)

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

    def expect(
        self,
        func: Any = None,
        args: tuple[Any, ...] = (),
        loc: float = 0,
        scale: float = 1,
        lb: float | None = None,
        ub: float | None = None,
        conditional: bool = False,
        **kwds: Any,
    ) -> float:
        """Expected value of a function of one number, by Gauss's rule between far quantiles.

        Parameters
        ----------
        func : callable, optional
            The identity if none.
        args : tuple
            Shapes of one law.
        loc, scale : float
            Location and scale.
        lb, ub : float, optional
            Ends of the range of integration; the whole support if none.
        conditional : bool
            Whether to divide by the probability of that range.
        **kwds
            Shapes by name; options of SciPy's integrator are taken and not needed.

        Returns
        -------
        float
            NaN for parameters outside the domain.
        """
        shapes = tuple(float(kwds.get(name, value)) for name, value in self._named(args, kwds))
        if not (self._is_valid(shapes) and 0 < scale < np.inf and np.isfinite(loc)):
            return float("nan")
        low = -np.inf if lb is None else (lb - loc) / scale
        high = np.inf if ub is None else (ub - loc) / scale
        x, weights = self._nodes(shapes, low, high)
        values = np.array([1.0 * (func(v) if func else v) for v in (loc + scale * x).tolist()])
        total = float(weights @ values)
        return total / float(weights.sum()) if conditional else total

    def _named(self, args: tuple[Any, ...], kwds: dict[str, Any]) -> list[tuple[str, Any]]:
        names = self.shape_names
        values = dict(zip(names, args, strict=False))
        missing = [name for name in names if name not in values and name not in kwds]
        if missing:
            raise TypeError(f"expect() misses the shapes {', '.join(missing)}")
        return [(name, values.get(name)) for name in names]

    def _nodes(self, shapes: Shapes, low: float, high: float) -> tuple[FloatArray, FloatArray]:
        """Points and weights of E over [low, high]."""
        raise NotImplementedError

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
