"""Symbolic laws: formulas of the parameters of a sweep for its kappa, with their errors.

Owns expressions, the enumeration of all small ones, the engines (exhaustive, Operon, PySR),
held-out errors and the choice among laws. May import `errors`, `arguments` and `sweeps`. pandas,
SymPy, pyoperon and PySR are imported when a search needs them.
"""

from htmu.symbolic.discover import ENGINES, SearchProgress, discover_law
from htmu.symbolic.expression import Expression
from htmu.symbolic.law import Law
from htmu.symbolic.pysr import PAPER_SETTINGS
from htmu.symbolic.search import LawSearch

__all__ = [
    "ENGINES",
    "PAPER_SETTINGS",
    "Expression",
    "Law",
    "LawSearch",
    "SearchProgress",
    "discover_law",
]
