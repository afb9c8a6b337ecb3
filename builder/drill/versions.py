"""What a drill was run with."""

import platform
from collections.abc import Mapping
from importlib.metadata import version

from builder import __version__


def versions() -> Mapping[str, str]:
    """Return the versions of what took part on this side."""
    return {
        "builder": __version__,
        "python": platform.python_version(),
        "boto3": version("boto3"),
        "botocore": version("botocore"),
        "urllib3": version("urllib3"),
    }
