"""`python -m builder`: hands over to the command line, in a process that ends with it."""

import atexit
import gc
import os
import sys


def run() -> int:
    """Run the command line and return its exit code."""
    spare()
    # With this most of what is looked for begins.
    from builder.cli.main import main  # noqa: PLC0415

    return main()


def spare() -> None:
    """Spare this process the search for what is not there.

    What is imported and read is no garbage, and to look through it took a quarter of `render`: that is begun once there
    is more of it than `render` has at all, and not done at the end, when the machine takes everything. And pydantic
    would look for plugins in the metadata of every installed package.
    """
    gc.set_threshold(100_000)
    atexit.register(gc.freeze)
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


if __name__ == "__main__":
    sys.exit(run())
