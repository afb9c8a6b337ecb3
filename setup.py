"""What setup.cfg cannot say: the handlers have their one place in lambda/, and travel inside the package.

In an installed package they are `builder/starter/handlers/`, from where `python -m builder init` copies them.
"""

from setuptools import find_packages, setup

setup(packages=[*find_packages(include=["builder", "builder.*"]), "builder.starter.handlers"])
