"""A whole life of the system on an embedded AWS of its own: the same code, the same templates, no account."""

from builder.rehearsal.life import ACCOUNT, Stage, rehearse
from builder.rehearsal.records import Chapter, Line, Tell

__all__ = ["ACCOUNT", "Chapter", "Line", "Stage", "Tell", "rehearse"]
