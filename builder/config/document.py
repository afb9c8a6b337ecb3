"""dr.yaml as text: to plain data, with the line of everything in it; and a fault with its place."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import yaml
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from builder.errors import BadInput

KeyPath = tuple[str | int, ...]
"""The way to a value from the top of the file: `("regions", "secondaries", 0)`."""


@dataclass(frozen=True, slots=True)
class ConfigFault:
    """What is wrong with one value, in the words that follow its place."""

    place: KeyPath
    what: str
    line: int | None = None
    """Where it is, if not where its place says."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Where everything is in a file."""

    file: str = "dr.yaml"
    of: Mapping[KeyPath, int] = field(default_factory=dict)

    def line(self, place: KeyPath) -> int:
        """Return the line of a place, or of the nearest place around it that is in the file."""
        while place and place not in self.of:
            place = place[:-1]
        return self.of.get(place, 1)

    def where(self, place: KeyPath, line: int | None = None) -> str:
        """Return `dr.yaml:4: regions.secondaries[0]`, or the file and line alone for the whole of it."""
        key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).removeprefix(".")
        return f"{self.file}:{line or self.line(place)}" + (f": {key}" if key else "")


def errors_of(faults: Iterable[ConfigFault], lines: Lines) -> list[BadInput]:
    """Return each fault once, with its place, in the order of the file."""
    placed = {
        (fault.line or lines.line(fault.place), lines.where(fault.place, fault.line), fault.what) for fault in faults
    }
    return [BadInput(where=where, what=what) for _, where, what in sorted(placed)]


_MAX_DEPTH = 20
_TOO_DEEP = f"more than {_MAX_DEPTH} levels, one inside the other"
# PyYAML's own set of what a YAML file may not hold, line breaks and tabs being fine. As the set of what it may hold it
# would take ten milliseconds more to compile.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_STANDARD = "tag:yaml.org,2002:"
_READ_TYPES = ("null", "bool", "int", "float")


class NotYaml(Exception):
    """The text cannot be read any further."""

    def __init__(self, line: int, what: str) -> None:
        self.line = line
        self.what = what
        super().__init__(what)


@dataclass(slots=True)
class YamlDocument:
    """What a file says, and where it says it."""

    data: object = None
    lines: dict[KeyPath, int] = field(default_factory=dict)
    """The line of each value; of a mapping or a list the line of its key."""
    words: dict[KeyPath, str] = field(default_factory=dict)
    """Each single value as it was written."""
    faults: list[ConfigFault] = field(default_factory=list)
    unread: set[KeyPath] = field(default_factory=set)
    """The places of values that could not be read; any other fault of these places is an after-effect."""


def read_document(raw: bytes) -> YamlDocument:
    """Return what the bytes of a file say. Raises NotYaml where they cannot be read to the end."""
    text = _decode(raw)
    document = YamlDocument()
    events = _events(text)
    next(events)
    if isinstance(next(events), yaml.StreamEndEvent):
        return document
    document.data = _Reader(document, events).read(next(events), ())
    next(events)
    if isinstance(after := next(events), yaml.DocumentStartEvent):
        raise NotYaml(_line(after), "a second document begins here (---), and only one is read")
    return document


def _decode(raw: bytes) -> str:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise NotYaml(line, f"the byte {raw[error.start]:#04x} is not UTF-8: save the file in that encoding") from error
    if odd := _UNPRINTABLE.search(text):
        raise NotYaml(text.count("\n", 0, odd.start()) + 1, f"the control character {odd[0]!r} cannot be in YAML")
    return text


def _events(text: str) -> Iterator[yaml.Event]:
    try:
        yield from yaml.parse(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        words = f"not YAML: {error.problem}"
        if "nesting" in str(error.problem):
            words = _TOO_DEEP  # libyaml's own limit, which newer ones have
        elif mark and _at(text, mark) == "\t":
            words = "not YAML: a tab, where only spaces can be"
        elif error.context and error.context_mark:
            words += f" ({error.context} that begins on line {error.context_mark.line + 1})"
        raise NotYaml(line, words) from error


def _at(text: str, mark: yaml.Mark) -> str:
    lines = text.split("\n")
    return lines[mark.line][mark.column : mark.column + 1] if mark.line < len(lines) else ""


def _line(event: yaml.Event) -> int:
    return int(event.start_mark.line) + 1 if event.start_mark else 1


class _Reader:
    """Takes events off the stream, each value with all that is inside of it."""

    def __init__(self, document: YamlDocument, events: Iterator[yaml.Event]) -> None:
        self._document = document
        self._events = events
        self._resolver = Resolver()
        self._constructor = SafeConstructor()

    def read(self, event: yaml.Event, place: KeyPath) -> object:
        if len(place) > _MAX_DEPTH:
            raise NotYaml(_line(event), _TOO_DEEP)
        self._document.lines.setdefault(place, _line(event))
        if isinstance(event, yaml.AliasEvent):
            self._refuse(place, event, f"*{event.anchor}: write the value out, aliases are not read here")
            return None
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag is not None:
            self._refuse(place, event, f"the tag {event.tag.replace(_STANDARD, '!!')} has no meaning here")
        if isinstance(event, yaml.ScalarEvent):
            self._document.words[place] = event.value
            return self._scalar(event)
        return self._sequence(place) if isinstance(event, yaml.SequenceStartEvent) else self._mapping(place)

    def _scalar(self, event: yaml.ScalarEvent) -> object:
        tag = self._resolver.resolve(yaml.ScalarNode, event.value, event.implicit)  # type: ignore[no-untyped-call] # its stubs
        if tag.rpartition(":")[2] not in _READ_TYPES:
            return event.value
        try:
            return self._constructor.construct_object(yaml.ScalarNode(tag, event.value))
        except ValueError:
            # `0b_` looks like a number to YAML's pattern and is none.
            return event.value

    def _sequence(self, place: KeyPath) -> list[object]:
        items: list[object] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self.read(event, (*place, len(items))))
        return items

    def _mapping(self, place: KeyPath) -> dict[str, object]:
        entries: dict[str, object] = {}
        while not isinstance(key := next(self._events), yaml.MappingEndEvent):
            if not isinstance(key, yaml.ScalarEvent):
                self._fault(place, key, "a key is one word, not a list, a mapping or an alias")
                self.read(key, (*place, "?"))
                self.read(next(self._events), (*place, "?"))
                continue
            inner = (*place, key.value)
            if key.value in entries:
                first = self._document.lines[inner]
                self._fault(inner, key, f"is there twice; the first is on line {first}")
                # Read for what is wrong inside of it, and then left out.
                self.read(next(self._events), (*place, f"{key.value} (again)"))
                continue
            if key.value == "<<":
                self._refuse(inner, key, "write the values out, merge keys are not read here")
            value = next(self._events)
            self._document.lines[inner] = _line(value if isinstance(value, yaml.ScalarEvent) else key)
            entries[key.value] = self.read(value, inner)
        return entries

    def _refuse(self, place: KeyPath, event: yaml.Event, what: str) -> None:
        self._fault(place, event, what)
        self._document.unread.add(place)

    def _fault(self, place: KeyPath, event: yaml.Event, what: str) -> None:
        self._document.faults.append(ConfigFault(place, what, _line(event)))
