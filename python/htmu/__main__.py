"""``python -m htmu``: the command line."""

import sys

from htmu.cli import main

if __name__ == "__main__":
    sys.exit(main())
