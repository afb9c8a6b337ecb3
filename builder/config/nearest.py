"""The nearest right thing to a wrong one, as the tail of a sentence."""

from collections.abc import Iterable


def did_you_mean(wrong: object, right: Iterable[object]) -> str:
    """Return ` (did you mean X?)` for the nearest of the right values, or nothing where none is near."""
    # Only a broken file pays for this import.
    import difflib  # noqa: PLC0415

    if isinstance(wrong, int) and not isinstance(wrong, bool):
        numbers = [value for value in right if isinstance(value, int)]
        return _ask(min(numbers, key=lambda value: abs(value - wrong))) if numbers else ""
    # Case is a slip of its own: PYTHON3.14 has hardly a letter in common with python3.14.
    by_lower = {str(value).lower(): value for value in right}
    near = difflib.get_close_matches(str(wrong).lower(), by_lower, n=1, cutoff=0.5)
    return _ask(by_lower[near[0]]) if near else ""


def _ask(value: object) -> str:
    return f" (did you mean {value}?)"
