"""Write the type stubs of the installed extension ``htmu._core``.

usage: python cpp/bindings/generate_stubs.py FOLDER

FOLDER is ``python/htmu/_core`` to refresh the committed stubs, or an empty folder to compare
with them.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

MODULE = "htmu._core"


def generate(folder: Path) -> list[Path]:
    """Write the stubs into ``folder``, remove older ones there, and return the new files."""
    with tempfile.TemporaryDirectory() as scratch:
        # pybind11-stubgen exits with an error where a signature has a type it can't name.
        command = [sys.executable, "-m", "pybind11_stubgen", MODULE, "-o", scratch, "--exit-code"]
        subprocess.run(command, check=True, capture_output=True, text=True)
        written = Path(scratch, *MODULE.split("."))
        folder.mkdir(parents=True, exist_ok=True)
        for stale in folder.rglob("*.pyi"):
            stale.unlink()
        shutil.copytree(written, folder, dirs_exist_ok=True)
    return sorted(folder.rglob("*.pyi"))


def main(arguments: list[str]) -> int:
    """Run the script with command-line ``arguments``."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        files = generate(Path(arguments[0]))
    except subprocess.CalledProcessError as error:
        print(error.stderr, file=sys.stderr)
        return 1
    for file in files:
        print(file)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
