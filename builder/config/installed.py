"""Data files of installed packages, read without importing the packages, which takes up to a second."""

import importlib.util
from pathlib import Path


def data_folder(package: str) -> Path | None:
    """Return the folder `data` of an installed package, or None where it is not installed."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0], "data")
