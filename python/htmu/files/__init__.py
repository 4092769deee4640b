"""Files that are written: whole or not at all, and pictures of them.

Owns the check of a place before work is done for it, the replacement of a file, the lock of a
run, and what a picture's file needs. May import `errors`. Matplotlib is imported when a picture is
drawn.
"""

from htmu.files.lock import RunLock
from htmu.files.picture import check_drawable, save_figure
from htmu.files.whole import check_place, whole_file

__all__ = ["RunLock", "check_drawable", "check_place", "save_figure", "whole_file"]
