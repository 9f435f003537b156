"""`python -m jaxmicro` is the `jaxmicro` command."""

import sys

from jaxmicro.cli import main

if __name__ == "__main__":
    sys.exit(main())
