"""What is written to be seen arriving elsewhere: numbered, dated, told from everybody's own data by its name; pure.

What a write holds carries a mark, `<key>#<number>`, by which a read tells which write of a key it shows, whatever an
application makes of the rest. `Mix` decides what each slot of a load writes: a new key, one overwritten or one deleted.
"""

import json
import re
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from builder.drill.records import Sighting, Write
from builder.terms import Region

_OBJECTS = "drill/"
_EVERY = 5
_OVERWRITES, _DELETES = 3, 0
"""Of five slots in a row the third overwrites and the fifth deletes, where there is a key to do that to."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One write that is to be made."""

    id: str
    key: str
    """The name of the item or object."""
    number: int
    """Counts the writes to a key from 1."""
    body: str
    """Empty for a deletion."""
    deletes: bool = False


def probe_key(drill: str, series: str, slot: int) -> str:
    """Return the key that is new in a slot of a series."""
    return f"drill-{drill}-{series}-{slot:06}"


def counter_key(drill: str) -> str:
    """Return the key of a drill's counter."""
    return f"drill-{drill}-counter"


def hold_key(drill: str) -> str:
    """Return the key of the item that holds a drill's clients where they are."""
    return f"drill-{drill}-hold"


def make_probe(key: str, number: int, at: datetime, *, deletes: bool = False) -> Probe:
    """Return a write to a key; the first one has the key as its id."""
    mark = {"probe": f"{key}#{number}", "sent": at.isoformat(timespec="milliseconds")}
    name = key if number == 1 else f"{key}.{number}"
    return Probe(name, key, number, "" if deletes else json.dumps(mark), deletes)


def shown_number(key: str, text: str) -> int:
    """Return the number of the latest write to a key that a text shows; 0 for a text that shows none."""
    return max((int(number) for number in re.findall(rf"{re.escape(key)}#([0-9]+)", text)), default=0)


def make_count(key: str, turn: int, value: int, at: datetime) -> Probe:
    """Return what the counter's turn writes: the value, and which turn it was."""
    mark = {"probe": f"{key}#{turn}={value}", "sent": at.isoformat(timespec="milliseconds")}
    return Probe(f"{key}.{turn}", key, turn, json.dumps(mark))


def shown_count(key: str, text: str) -> tuple[int, int] | None:
    """Return the turn that wrote the counter as a text shows it, and its value; None for a text that shows none."""
    found = re.search(rf"{re.escape(key)}#([0-9]+)=([0-9]+)", text)
    return (int(found[1]), int(found[2])) if found else None


def object_prefix(drill: str) -> str:
    """Return what the keys of all of a drill's objects begin with."""
    return f"{_OBJECTS}{drill}/"


def object_key(drill: str, name: str) -> str:
    """Return the key of a probe in a bucket."""
    return f"{object_prefix(drill)}{name}"


def object_name(drill: str, key: str) -> str:
    """Return the probe's own key for its key in a bucket."""
    return key.removeprefix(object_prefix(drill))


@dataclass(slots=True)
class _Known:
    """How far the last write to a key has come."""

    number: int
    seen: set[Region] = field(default_factory=set)
    """Where that write is known to be."""


class Mix:
    """What the slots of a series write, as what was written before allows it; not for several threads.

    Overwritten and deleted are only keys whose last write was seen in every region, so that no later read can be of an
    earlier write and every absence is the deletion's. A deleted key is never written again, nor one whose last write
    nobody acknowledged: what became of that is not known.
    """

    def __init__(
        self, drill: str, series: str, regions: Collection[Region], *, overwrites: bool, deletes: bool
    ) -> None:
        self._drill = drill
        self._series = series
        self._regions = frozenset(regions)
        self._overwrites = overwrites
        self._deletes = deletes
        self._known: dict[str, _Known] = {}
        self._everywhere: deque[str] = deque()

    def next(self, slot: int, at: datetime) -> Probe:
        """Return what this slot writes; slots are counted from 1."""
        deletes = self._deletes and slot % _EVERY == _DELETES
        if self._everywhere and (deletes or (self._overwrites and slot % _EVERY == _OVERWRITES)):
            key = self._everywhere.popleft()
            return make_probe(key, self._known.pop(key).number + 1, at, deletes=deletes)
        return make_probe(probe_key(self._drill, self._series, slot), 1, at)

    def ended(self, write: Write) -> None:
        """Take notice of what became of a write of the series."""
        if write.acknowledged_by is not None and not write.deletes:
            self._known[write.key] = _Known(write.number)
            self._note(write.key, write.number, write.acknowledged_by)

    def seen(self, sighting: Sighting) -> None:
        """Take notice of what a watch saw; of the other series' writes too."""
        self._note(sighting.key, sighting.number, sighting.region)

    def _note(self, key: str, number: int, region: Region) -> None:
        known = self._known.get(key)
        if known is None or number < known.number or region in known.seen:
            return
        known.seen.add(region)
        if known.seen >= self._regions:
            self._everywhere.append(key)
