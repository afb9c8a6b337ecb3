"""A whole life of the system on an embedded AWS of its own: the same code, the same templates, no account."""

from builder.rehearsal.fleet_life import rehearse_fleet
from builder.rehearsal.life import rehearse_assembly, rehearse_system
from builder.rehearsal.stage import ACCOUNT, Chapter, Line, Stage, Tell

__all__ = ["ACCOUNT", "Chapter", "Line", "Stage", "Tell", "rehearse_assembly", "rehearse_fleet", "rehearse_system"]
