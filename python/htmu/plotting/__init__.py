"""Pictures of results, drawn with Matplotlib's object interface: no pyplot, no global state.

May import `symbolic` and what is below it. Matplotlib comes with the extra ``htmu[plot]`` and is
imported when a picture is drawn.
"""

from htmu.files import check_drawable
from htmu.plotting.kappa import plot_kappa
from htmu.plotting.law import plot_law
from htmu.plotting.spectra import SpectrumPanel, plot_spectra

__all__ = ["SpectrumPanel", "check_drawable", "plot_kappa", "plot_law", "plot_spectra"]
