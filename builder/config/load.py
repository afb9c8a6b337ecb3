"""dr.yaml and the files that it names from disk: the file to a model, every fault at once and each with its place.

Then what pydantic found wrong, in words: the value, why, and the nearest right thing.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from builder.components.available import RUNTIMES, runtime_fault, runtime_warning, successor
from builder.components.drill.options import DRILL_TAGS
from builder.components.function.options import FunctionConfig
from builder.components.key.options import KEY_TAGS
from builder.components.options import FUNCTION, KINDS
from builder.components.own.options import OWN_TAGS, POLICY_FILE, TEMPLATE_FILE
from builder.components.table.options import TABLE_TAGS
from builder.config.between import faults_between, sections_of
from builder.config.document import ConfigFault, KeyPath, Lines, NotYaml, YamlDocument, errors_of, read_document
from builder.config.model import PATTERNS, SEPARATORS, Config, EnvironmentConfig
from builder.errors import BadInput, did_you_mean, gathered, of_file
from builder.packing.read import BadHandler, Code, Handler, Packed, left_out, read_code
from builder.template import canonical_policy
from builder.terms import counted


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """What dr.yaml asks for, with the files that it names."""

    config: Config
    folder: Path
    """The folder of dr.yaml; every path in it is relative to this one."""
    code: Mapping[str, Code] = field(default_factory=dict)
    """Each function's code, by its component's name."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """What is in each template and each stack policy of the user's own, by its path."""
    warnings: tuple[str, ...] = ()
    """What a person should know, though nothing is wrong yet."""
    lines: Lines = field(default_factory=Lines)
    """The line of each key, for checks that run later."""


def load_config(path: Path, today: date | None = None, content: bytes | None = None) -> LoadedConfig:
    """Return what dr.yaml asks for, with the files it names; `today` tells which runtimes come to their end.

    `content` is taken for what is in dr.yaml, where it is given.

    Raises BadInput, or Several of them: one for each fault of the file, in the file's order.
    """
    document = _read(path, content)
    lines = Lines(path.as_posix(), document.lines)
    data = document.data
    if not isinstance(data, dict):
        raise BadInput(where=lines.where(()), what=_no_mapping(data), next_step="python -m builder init FOLDER")
    functions = _functions(data)
    config, faults = _config(_as_written(data, document.words), document)
    code = _read_code(path.parent, functions)
    files = _own_files(path.parent, data)
    faults += [*faults_between(data), *_ended(functions, today)]
    faults += [read for read in (*code.values(), *files.values()) if isinstance(read, ConfigFault)]
    if faults or config is None:
        raise gathered(errors_of(faults, lines))
    return LoadedConfig(
        config,
        path.parent,
        {str(place[-1]): read for place, read in code.items() if not isinstance(read, ConfigFault)},
        {name: read for name, read in files.items() if isinstance(read, bytes)},
        (*_warnings(functions, today, lines), *_left_out(path.parent, functions, code, lines)),
        lines,
    )


def _as_written(data: dict[str, object], words: Mapping[KeyPath, str]) -> dict[str, object]:
    """Return the same with every value of a stack's parameters, and every table's name, as the text that the file has.

    CloudFormation takes texts: what YAML makes of 0123, 1.10 or yes is not what was written.
    """

    def values(named: object, place: KeyPath) -> object:
        if not isinstance(named, dict):
            return texts(named, place)
        return {name: value(item, (*place, name)) for name, item in named.items()}

    def value(written: object, place: KeyPath) -> object:
        if not isinstance(written, dict):
            return texts(written, place)
        # `previous: true` alone is no text; a parameter or an environment may be called so.
        return {key: item if key == "previous" else values(item, (*place, key)) for key, item in written.items()}

    def texts(written: object, place: KeyPath) -> object:
        if isinstance(written, list):
            return [value(item, (*place, number)) for number, item in enumerate(written)]
        return written if written is None or isinstance(written, str) else words[place]

    made = dict(data)
    for way, read in ((("stacks", "*", "parameters"), values), (("components", "*", "table", "name"), value)):
        made = _replaced(made, way, read, ())
    return made


def _replaced(
    data: dict[str, Any], way: KeyPath, read: Callable[[object, KeyPath], object], place: KeyPath
) -> dict[str, Any]:
    """Return plain data with what is read of each place that a way leads to, `*` being every key."""
    key, *rest = way
    made = dict(data)
    for name in made if key == "*" else made.keys() & {str(key)}:
        if not rest:
            made[name] = read(made[name], (*place, name))
        elif isinstance(made[name], dict):
            made[name] = _replaced(made[name], tuple(rest), read, (*place, name))
    return made


def _own_files(folder: Path, data: dict[str, object]) -> dict[str, bytes | ConfigFault]:
    """Return what is in each file that a stack names as its template, or as its policy."""
    files: dict[str, bytes | ConfigFault] = {}
    stacks = data.get("stacks")
    for name, stack in stacks.items() if isinstance(stacks, dict) else ():
        for key, pattern in (("template", TEMPLATE_FILE), ("stack_policy", POLICY_FILE)):
            path = stack.get(key) if isinstance(stack, dict) else None
            if isinstance(path, str) and re.search(pattern, path) and not isinstance(files.get(path), ConfigFault):
                files[path] = _own_file(folder, path, ("stacks", name, key))
    return files


def _own_file(folder: Path, path: str, place: KeyPath) -> bytes | ConfigFault:
    try:
        data = (folder / path).read_bytes()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        return ConfigFault(place, f"cannot read {path!r} ({why}){_near(folder, path)}")
    try:
        if place[-1] == "stack_policy":
            canonical_policy(data)
    except ValueError as error:
        return ConfigFault(place, f"{path} {error}")
    return data


def _near(folder: Path, path: str) -> str:
    try:
        beside = [Path(os.path.relpath(file, folder)).as_posix() for file in (folder / path).parent.iterdir()]
    except (OSError, ValueError):
        return ""
    return did_you_mean(path, [name for name in beside if name != path])


def _read(path: Path, content: bytes | None) -> YamlDocument:
    try:
        return read_document(path.read_bytes() if content is None else content)
    except OSError as error:
        next_step = "python -m builder init FOLDER    writes one to begin with; --config FILE names another"
        raise of_file(error, path, doing="read", next_step=next_step) from error
    except NotYaml as error:
        raise BadInput(where=f"{path.as_posix()}:{error.line}", what=error.what) from error


def _no_mapping(data: object) -> str:
    content = "is empty" if data is None else f"holds a {'list' if isinstance(data, list) else 'single value'}"
    return f"the file {content}, and should hold keys with values, the first of them project: NAME"


def _config(data: dict[str, object], document: YamlDocument) -> tuple[Config | None, list[ConfigFault]]:
    try:
        return Config.model_validate(data), [*document.faults]
    except ValidationError as error:
        details = error.errors(include_url=False)
        # A list with one bad entry also counts as one too short.
        details = [detail for detail in details if detail["type"] != "too_short" or not detail["input"]]
        details = [detail for detail in details if detail["type"] != FOLLOWS]
        worded = [in_words(detail, document.words) for detail in details]
        # A value that could not be read has its fault already; that it is missing or of the wrong kind only follows.
        return None, [*document.faults, *(fault for fault in worded if not _within(fault.place, document.unread))]


def _within(place: KeyPath, unread: set[KeyPath]) -> bool:
    return any(place[:length] in unread for length in range(len(place) + 1))


_Functions = Mapping[KeyPath, FunctionConfig]


def _functions(data: dict[str, object]) -> _Functions:
    """Return the options of each function's code by its place; leave out a function whose options are not valid."""
    functions: dict[KeyPath, FunctionConfig] = {}
    for place, section in sections_of(data, FUNCTION):
        try:
            known = {key: section[key] for key in ("runtime", "architecture", "source", "handler") if key in section}
            functions[place] = FunctionConfig.model_validate(known)
        except ValidationError:
            continue
    return functions


def _read_code(folder: Path, functions: _Functions) -> dict[KeyPath, Code | ConfigFault]:
    """Return the code of each function's folder; functions with the same options share one reading."""
    code: dict[KeyPath, Code | ConfigFault] = {}
    known: dict[Handler, Code] = {}
    for place, function in functions.items():
        handler = Handler(function.source, function.handler, function.runtime, function.architecture)
        try:
            code[place] = known[handler] = known.get(handler) or read_code(folder, handler)
        except BadHandler as error:
            code[place] = ConfigFault((*place, "source"), str(error))
    return code


def _left_out(folder: Path, functions: _Functions, code: Mapping[KeyPath, object], lines: Lines) -> Iterator[str]:
    """Yield a note for each packed folder that has files which look like secrets: they are left out."""
    for place, function in functions.items():
        names = left_out(folder, function.source) if isinstance(code.get(place), Packed) else ()
        if names:
            yield f"{lines.where((*place, 'source'))}: {', '.join(names)} of {function.source} is not packed"


def _ended(functions: _Functions, today: date | None) -> list[ConfigFault]:
    ended = {place: runtime_fault(function.runtime, today) for place, function in functions.items() if today}
    return [ConfigFault((*place, "runtime"), what) for place, what in ended.items() if what]


def _warnings(functions: _Functions, today: date | None, lines: Lines) -> tuple[str, ...]:
    ending = {place: runtime_warning(function.runtime, today) for place, function in functions.items() if today}
    return tuple(f"{lines.where((*place, 'runtime'))}: {what}" for place, what in ending.items() if what)


_SHOWN = 60
_NUMBERS = {"a whole number", "a number"}
_KINDS = {
    "string_type": "a text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "model_type": "keys with values",
    "dict_type": "keys with values",
    "tuple_type": "a list",
}
_BOUNDS = {
    "greater_than_equal": "is too small: {ge:,g} at least",
    "greater_than": "is too small: more than {gt:,g}",
    "less_than_equal": "is too large: {le:,g} at most",
}
_TAGS = DRILL_TAGS | KEY_TAGS | OWN_TAGS | TABLE_TAGS
FOLLOWS = "default_factory_not_called"
"""The type of a finding that only follows from another one: a default that depends on a wrong value."""


def in_words(error: ErrorDetails, words: Mapping[KeyPath, str]) -> ConfigFault:
    """Return one of pydantic's findings as a fault; `words` has each single value as it was written."""
    place = tuple(part for part in error["loc"] if part != "[key]" and part not in _TAGS)
    return ConfigFault(place, _what(error, place, words))


def _what(error: ErrorDetails, place: KeyPath, words: Mapping[KeyPath, str]) -> str:
    context: dict[str, Any] = error.get("ctx", {})
    value = error["input"]
    shown = place[-1] if error["loc"][-1] == "[key]" else value
    match error["type"]:
        case "value_error":
            return str(context["error"])
        case "missing":
            return f"is required{_example(place)}"
        case "extra_forbidden":
            return f"is not a key here{_where_it_is(place)}"
        case "literal_error":
            return _not_one_of(value, words.get(place), place)
        case "string_pattern_mismatch":
            return f"{_quote(shown)}: {PATTERNS[context['pattern']]}{_fitting(str(shown), context['pattern'])}"
        case "string_too_long" | "string_too_short" | "too_long" | "too_short":
            return _size(error["type"], shown, context)
        case bound if bound in _BOUNDS:
            return f"{value} {_BOUNDS[bound].format(**context)}"
        case named if named in _KINDS:
            return _wrong_kind(value, _KINDS[named], words.get(place), place)
        case kind:
            wrong = "is no finite number" if kind == "finite_number" else "cannot be used here"
            return f"{words.get(place) or _quote(value)} {wrong}"


def _fitting(text: str, pattern: str) -> str:
    """Return a question for the nearest name that fits, where only case and separators are wrong."""
    if (separator := SEPARATORS.get(pattern)) is None:
        return ""
    near = re.sub("[^A-Za-z0-9]+", separator, text).strip("-_")
    near = near.lower() if separator == "-" else near
    return f" (did you mean {near}?)" if re.search(pattern, near) else ""


def _size(kind: str, shown: object, context: dict[str, Any]) -> str:
    if kind.startswith("string"):
        limit = f"{context['max_length']} at most" if kind.endswith("long") else f"{context['min_length']} at least"
        return f"{_quote(shown)} has {counted(len(str(shown)), 'character')}: {limit}"
    if kind == "too_long" and isinstance(shown, dict | list):
        return f"has {len(shown)} entries: {context['max_length']} at most"
    return "is empty: one entry at least"


def _wrong_kind(value: object, expected: str, words: str | None, place: KeyPath) -> str:
    if isinstance(value, list | dict):
        held = "a list" if isinstance(value, list) else "keys with values"
        return f"holds {held}, and should be {expected}{_example(place)}"
    if value is None and (expected != "a text" or not words):
        return f"is empty, and should be {expected}{_example(place)}"
    if expected == "a text":
        return f'{words} is read as {_read_as(value)}: put it in quotes, "{words}"'
    if isinstance(value, str) and (value.isdecimal() if expected in _NUMBERS else value in {"true", "false"}):
        return f"'{value}' is a text: write it without quotes"
    shown = _quote(value) if isinstance(value, str) else words
    if expected == "a list":
        return f"{shown} is not a list: write [{words if _is_plain(words, value) else shown}]"
    number = re.match("[0-9]+", str(value)) if expected in _NUMBERS else None
    return f"{shown} is not {expected}{f' (did you mean {number[0]}?)' if number else ''}"


def _is_plain(words: str | None, value: object) -> bool:
    """Return whether words mean the same value in a list of YAML: `*` does not."""
    try:
        return bool(yaml.safe_load(f"[{words}]") == [value])
    except yaml.YAMLError:
        return False


def _read_as(value: object) -> str:
    if value is None:
        return "nothing"
    return "true or false" if isinstance(value, bool) else "a number"


def _not_one_of(value: object, words: str | None, place: KeyPath) -> str:
    allowed = _literals(place)
    hint = did_you_mean(value, allowed)
    if place[0] in {FUNCTION, f"{FUNCTION}s"} and place[-1] == "runtime":
        hint = f" (did you mean {instead}?)" if (instead := successor(str(value))) else did_you_mean(value, RUNTIMES)
    shown = _quote(value) if isinstance(value, str | list | dict) else words
    if not shown:
        return f"is empty, and should be one of {', '.join(map(str, allowed))}"
    return f"{shown} is not one of {', '.join(map(str, allowed))}{hint}"


def _for_environment(place: KeyPath, wrong: str) -> str:
    """Say where to write an option of a component for one environment, or that it is the same in all of them."""
    here = _section(place[:-1])
    every = (*KINDS, "alarms")
    own = {kind: section for kind in every for section in _models(Config.model_fields[kind].annotation)}
    varying = {kind: section for kind in every for section in _models(EnvironmentConfig.model_fields[kind].annotation)}
    if here is EnvironmentConfig and (kinds := [kind for kind in every if wrong in varying[kind].model_fields]):
        forms = " or ".join(
            f"{kind}: {{{wrong}: …}}" + (f", {kind}s: {{NAME: {{{wrong}: …}}}}" if kind in KINDS else "")
            for kind in kinds
        )
        return f": it is an option of a component, write here {forms}"
    kinds = [kind for kind in every if varying[kind] is here or here is EnvironmentConfig]
    if any(wrong in own[kind].model_fields for kind in kinds):
        return (
            ": it is the same in every environment, since the templates are; a system that differs has its own dr.yaml"
        )
    return did_you_mean(wrong, here.model_fields) or f" (there are {', '.join(here.model_fields)})"


def _literals(place: KeyPath) -> tuple[object, ...]:
    fields = _section(place[:-1]).model_fields
    if str(place[-1]) in fields:
        return get_args(fields[str(place[-1])].annotation)
    # Of keys with values, each of which is one of them.
    _, value = get_args(_section(place[:-2]).model_fields[str(place[-2])].annotation)
    return get_args(value)


def _section(place: KeyPath) -> type[BaseModel]:
    """Return the model whose keys stand at a place."""
    models: tuple[type[BaseModel], ...] = (Config,)
    for part in place:
        # An environment's own name, or a stack's, is no key of any model's.
        if holders := [model for model in models if part in model.model_fields]:
            models = tuple(inner for model in holders for inner in _models(model.model_fields[str(part)].annotation))
            models = models or tuple(holders)
    return models[0]


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    """Yield the models that a key can hold, also where it can be left out, or holds one for each name."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    else:
        yield from (model for part in get_args(annotation) for model in _models(part))


def _where_it_is(place: KeyPath) -> str:
    wrong = str(place[-1])
    if place[0] == "environments":
        return _for_environment(place, wrong)
    here = _section(place[:-1]).model_fields
    # `tables` of a component is `table` misspelt, though the file has such a key elsewhere.
    keys = [key for key in _keys() if key.rpartition(".")[2] == wrong and key not in _BY_NAME]
    hint = did_you_mean(wrong, keys) if keys else did_you_mean(wrong, here)
    return hint or f" (there are {', '.join(here)})"


_BY_NAME = frozenset({"environments", "stacks", "components", "outputs", *(f"{kind}s" for kind in KINDS)})


def _keys() -> Iterator[str]:
    for name, section in Config.model_fields.items():
        yield name
        # A key of theirs stands below a name of the user's own.
        if name not in _BY_NAME:
            yield from (f"{name}.{inner}" for model in _models(section.annotation) for inner in model.model_fields)


def _example(place: KeyPath) -> str:
    field = _section(place[:-1]).model_fields.get(str(place[-1]))
    if field is None or not field.examples:
        return ""
    flow = yaml.safe_dump({place[-1]: field.examples[0]}, default_flow_style=True, sort_keys=False, width=200)
    return f", for example {flow.strip()[1:-1]}"


def _quote(value: object) -> str:
    text = str(value)
    text = f"{text[:_SHOWN]}…" if len(text) > _SHOWN else text
    return f"'{text}'" if isinstance(value, str) else text
