"""Logs as no drill would write them twice: flapping, hanging, late, unsent, overwritten, several regions, slow reads.

Every time lies on a grid of 10 ms, so that a second implementation can go through a log moment by moment.
"""

from dataclasses import dataclass, field
from functools import cached_property
from random import Random

from hypothesis import strategies as st

from builder.drill.records import LogLine, Mark, Read, RegionAttempt, Sighting, Turn, Unsent, Write
from builder.terms import Region
from drill.hand_made import PRIMARY, SECONDARY

TICK_S = 0.01
THIRD = Region("eu-west-1")
REGIONS = (PRIMARY, SECONDARY, THIRD)


def at(tick: int) -> float:
    """The time of a tick, the same float whenever it is asked for."""
    return tick / 100


@dataclass(frozen=True, kw_only=True)
class Made:
    """A log, and what it was made with; ticks."""

    seed: int
    mood: str
    slots: int
    interval: int
    strike: int
    undoing: int

    @cached_property
    def lines(self) -> tuple[LogLine, ...]:
        """The log; always the same one."""
        maker = _Maker(Random(self.seed), self.mood, self.strike, self.undoing)  # noqa: S311  a log is no secret
        for number in range(self.slots):
            maker.slot(number, number * self.interval)
        end = self.slots * self.interval + 400
        for region in REGIONS[1:]:
            maker.reads(region, end)
        maker.turns(maker.random.choice([0, 3, 9]))
        maker.lines += [Mark("load", 0.0), Mark("strike", at(self.strike)), Mark("fault", at(self.strike))]
        maker.lines += [Mark("undoing", at(self.undoing)), Mark("undone", at(self.undoing + 1))]
        return (*maker.lines, Mark("load ended", at(end)))


@dataclass(slots=True)
class _Maker:
    random: Random
    mood: str
    """What the primary is like while the fault lasts."""
    strike: int
    undoing: int
    lines: list[LogLine] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)

    def attempt(self, region: Region, began: int, took: int, *, is_good: bool) -> RegionAttempt:
        status = self.random.choice([200, 201]) if is_good else self.random.choice([429, 500, 503, None])
        return RegionAttempt(region, at(began), at(began + took), status)

    def is_well(self, tick: int) -> bool:
        """Whether the primary is, as far as this fault goes."""
        if not self.strike <= tick < self.undoing:
            return self.random.random() < 0.97
        flapping = (tick // 70) % 2 == 0
        return {"none": True, "gone": False, "flapping": flapping}.get(self.mood, self.random.random() < 0.5)

    def attempts(self, began: int) -> tuple[RegionAttempt, ...]:
        """What the client tried: the primary, then the secondary, maybe the primary again."""
        made, tick = [], began
        for region in (PRIMARY, SECONDARY, PRIMARY)[: self.random.choice([1, 2, 2, 2, 3])]:
            # 50: just as long as a request of the tests may take.
            took = self.random.choice([1, 1, 2, 3, 5, 50, self.random.randint(1, 300)])
            well = (
                self.is_well(tick) if region == PRIMARY else self.random.random() < (0.2 if self.mood == "bad" else 0.9)
            )
            made.append(self.attempt(region, tick, took, is_good=well))
            tick += took
            if well:
                break
        return tuple(made)

    def slot(self, number: int, planned: int) -> None:
        if self.random.random() < 0.03:
            self.lines.append(Unsent(at(planned), "item"))
            return
        sent = planned + self.random.choice([0, 0, 0, 0, 0, self.random.randint(0, 150)])
        key, deletes = f"k{number}", False
        if self.numbers and self.random.random() < 0.2:
            key = self.random.choice(list(self.numbers))
            deletes = self.random.random() < 0.4
        self.numbers[key] = self.numbers.get(key, 0) + 1
        write = Write(
            f"w{number}",
            "item",
            f"{number}",
            self.attempts(sent + self.random.choice([0, 0, 1])),
            planned_s=at(planned),
            called_s=at(sent),
            key=key,
            number=self.numbers[key],
            deletes=deletes,
        )
        self.lines.append(write)
        if deletes:
            del self.numbers[key]
        self.sightings(write)

    def sightings(self, write: Write) -> None:
        for region in REGIONS:
            if write.acknowledged_by in {None, region}:
                continue
            if self.random.random() < 0.85:
                delay = self.random.choice([0, 1, 5, 20, self.random.randint(0, 900)])
                seen = round(write.ended_s * 100) + delay
                self.lines.append(Sighting(write.name, region, at(seen), write.number))

    def reads(self, region: Region, until: int) -> None:
        tick = 0
        while tick < until:
            took = self.random.choice([1] * 40 + [self.random.randint(1, 150)])
            self.lines.append(Read(region, "item", at(tick), at(tick + took)))
            tick += took + self.random.choice([5] * 60 + [self.random.randint(5, 200)])

    def turns(self, count: int) -> None:
        for number in range(1, count + 1):
            rests_on = self.random.choice([number - 1] * 6 + [None, self.random.randrange(number)])
            region = self.random.choice([PRIMARY, SECONDARY])
            read = self.attempt(region, number * 10, 1, is_good=rests_on is not None)
            write = self.attempt(region, number * 10 + 1, 1, is_good=self.random.random() < 0.9)
            self.lines.append(
                Turn(
                    number=number,
                    planned_s=at(number * 10),
                    read=(read,),
                    turn_read=rests_on,
                    value_read=rests_on,
                    value_written=None if rests_on is None else rests_on + 1,
                    write=() if rests_on is None else (write,),
                )
            )


MOODS = ("none", "gone", "flapping", "odd", "bad")


@st.composite
def logs(draw: st.DrawFn) -> Made:
    """Any of them; the seed decides what the rest leaves open."""
    interval = draw(st.sampled_from([10, 10, 25, 100, 1000]))
    slots = draw(st.integers(1, 12 if interval == 1000 else 40))
    strike = draw(st.integers(0, slots * interval))
    undoing = strike + draw(st.integers(1, (slots + 2) * interval))
    seed, mood = draw(st.integers(0, 1 << 32)), draw(st.sampled_from(MOODS))
    return Made(
        seed=seed,
        mood=mood,
        slots=slots,
        interval=interval,
        strike=strike,
        undoing=undoing,
    )
