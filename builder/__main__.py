"""`python -m builder`: hands over to the command line."""

import sys

from builder.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
