"""A function's folder made into what runs: by which recipe, with which dependencies, for which machine."""
