"""Pages that need nothing else, no network and no script, filled in from their templates; pure."""

import base64
import hashlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from builder.report.screen import printable

_FOLDER = Path(__file__).with_name("page")


def fill(template: str, styles: tuple[str, ...], filters: Mapping[str, Callable[..., Any]], **facts: object) -> str:
    """Return the page of a template in `page/` with these style sheets from there; all facts are text, never markup."""
    environment = _environment(tuple(filters.items()))
    style = "".join((_FOLDER / name).read_text() for name in styles)
    return environment.get_template(template).render(
        **facts,
        style=Markup(style),  # noqa: S704 - our own files, and nothing of the facts
        # The page's policy lets this style in and nothing else.
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
    )


@lru_cache(maxsize=8)
def _environment(filters: tuple[tuple[str, Callable[..., Any]], ...]) -> Environment:
    """Return what compiles templates, each once."""
    made = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        finalize=_shown,
    )
    made.filters |= dict(filters)
    return made


def _shown(value: object) -> object:
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value
