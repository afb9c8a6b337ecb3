"""RPO: what would be lost if the primary never came back from the moment of the fault."""

from collections.abc import Sequence
from dataclasses import dataclass

from builder.drill.delays import first_seen
from builder.drill.records import Sighting, Write
from builder.terms import Region


@dataclass(frozen=True, slots=True)
class Exposure:
    """The acknowledged writes that the surviving region did not have at a moment."""

    at_s: float
    rpo_s: float
    """The age of the oldest of them, since its acknowledgement; 0 where there is none."""
    lost: tuple[str, ...]
    """All of them, the oldest first."""


def measure_exposure(writes: Sequence[Write], sightings: Sequence[Sighting], survivor: Region, at_s: float) -> Exposure:
    """Return what another region had acknowledged by this moment and no read had shown in the survivor.

    A write that arrived and was not yet read counts as lost, so the RPO is never understated, and overstated by the
    time between two reads at most.
    """
    seen = first_seen(sightings, survivor)
    at_risk = [
        write
        for write in writes
        if write.acknowledged_by not in {None, survivor}
        and write.ended_s <= at_s
        and not (write.id in seen and seen[write.id] <= at_s)
    ]
    at_risk.sort(key=lambda write: write.ended_s)
    age_s = at_s - at_risk[0].ended_s if at_risk else 0.0
    return Exposure(at_s, age_s, tuple(write.id for write in at_risk))
