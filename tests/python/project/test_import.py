"""`import htmu` is light: nothing heavy is loaded or looked for, and it is quick.

Each check runs in a fresh interpreter, away from the source tree, so that it sees the
installed package and no module that another test has loaded.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

#: Loaded where they are used, never by ``import htmu``.
LATE = [
    "torch",
    "torchvision",
    "safetensors",
    "sklearn",
    "dask",
    "distributed",
    "matplotlib",
    "pysr",
    "pyoperon",
    "sympy",
    "pandas",
    "pyarrow",
    "xarray",
    "typer",
    "click",
    "rich",
    "sqlite3",
]

#: Records each import of a LATE package, whether or not it is installed here: a package that
#: is tried inside `try: ... except ImportError` would otherwise pass where it is missing.
_WATCH = """
import json, sys
late = set(sys.argv[1:])
class Watch:
    seen = []
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in late:
            self.seen.append(name)
        return None
sys.meta_path.insert(0, Watch())
import htmu
print(json.dumps(sorted(set(Watch.seen) | (late & set(sys.modules)))))
"""

#: Wall time of the import statement alone; the interpreter's own start is outside it.
_CLOCK = """
import time
start = time.process_time()
import htmu
print(time.process_time() - start)
"""


def run(program: str, *arguments: str, cwd: Path) -> str:
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_import_loads_nothing_heavy(tmp_path: Path) -> None:
    assert json.loads(run(_WATCH, *LATE, cwd=tmp_path)) == []


def test_import_writes_nothing(tmp_path: Path) -> None:
    program = "import sys, htmu; sys.exit(0)"
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_import_takes_less_than_0_4_seconds(tmp_path: Path) -> None:
    # Processor time, and the best of several: other work on the machine only ever adds to it.
    # NumPy's and SciPy's own imports count; the first run also warms the file cache.
    best = 60.0
    for _ in range(8):
        best = min(best, float(run(_CLOCK, cwd=tmp_path)))
        if best < 0.4:
            break
    assert best < 0.4, f"best import time {best:.2f} s"


def test_public_names_resolve() -> None:
    import htmu

    assert sorted(htmu.__all__) == list(htmu.__all__), "keep htmu.__all__ sorted"
    missing = []
    for name in htmu.__all__:
        with suppress(htmu.errors.MissingExtraError):
            if not hasattr(htmu, name):
                missing.append(name)
    assert missing == []
    assert set(htmu.__all__) <= set(dir(htmu))


def test_package_is_marked_as_typed() -> None:
    from importlib.resources import files

    assert files("htmu").joinpath("py.typed").is_file()
