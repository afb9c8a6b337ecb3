"""What botocore works out anew for every session and request, and PyYAML for every text: worked out once.

Tests make thousands of sessions, and read the same few templates over and over. Nothing here changes what comes of it.
"""

import inspect
import pickle
from collections.abc import Callable
from contextlib import suppress
from functools import cache, lru_cache
from typing import Any

import botocore.client
import botocore.hooks
import botocore.loaders
import botocore.model
import botocore.parsers
import botocore.session
import botocore.useragent
import yaml

_read: dict[object, object] = {}
_aliases: dict[str, str] = {}
_operations: dict[tuple[int, str], tuple[botocore.model.OperationModel, object]] = {}
"""By a service's description and an operation's name; the description is held, so that its id stays its own."""
_client_methods: dict[int, tuple[dict[str, Any], object]] = {}
_make_methods = botocore.client.ClientCreator._create_methods  # type: ignore[attr-defined]  # as below
_make_operation_model = botocore.model.ServiceModel.operation_model
_load = yaml.load
_dump = yaml.dump_all
_make_aliaser = botocore.hooks.EventAliaser.__init__
_accepts_kwargs = botocore.hooks.accepts_kwargs


def _loader(search_path_string: str | None = None) -> botocore.loaders.Loader:
    """Return what a session reads AWS's models with."""
    made = botocore.loaders.create_loader(search_path_string)
    if not search_path_string:
        made._cache = _read  # type: ignore[attr-defined]  # botocore has no public name for it
    return made


def _aliaser(self: Any, event_emitter: object, event_aliases: dict[str, str] | None = None) -> None:
    """Know what another session has found an event's name to be."""
    _make_aliaser(self, event_emitter, event_aliases)  # type: ignore[arg-type]
    if event_aliases is None:
        self._alias_name_cache = _aliases


def _takes_any(handler: Callable[..., Any]) -> bool:
    """Return whether an event's handler takes any keyword: its code says so, where it has some."""
    code = getattr(handler, "__code__", None)
    return bool(code.co_flags & inspect.CO_VARKEYWORDS) if code else bool(_accepts_kwargs(handler))


def _operation_model(self: botocore.model.ServiceModel, operation_name: str) -> botocore.model.OperationModel:
    """Return the model of an operation, with all that it has read of its shapes, once for all clients of a service."""
    description = self._service_description  # type: ignore[attr-defined]  # botocore has no public name for it
    key = (id(description), operation_name)
    if key not in _operations:
        _operations[key] = (_make_operation_model(self, operation_name), description)
    return _operations[key][0]


def _methods(self: botocore.client.ClientCreator, service_model: botocore.model.ServiceModel) -> dict[str, Any]:
    """Return the methods of a service's clients, which say nothing of the client that they are called on."""
    description = service_model._service_description  # type: ignore[attr-defined]  # as above
    if id(description) not in _client_methods:
        _client_methods[id(description)] = (_make_methods(self, service_model), description)
    return dict(_client_methods[id(description)][0])


def _copied_trie(self: Any, node: dict[Any, Any]) -> dict[Any, Any]:
    """Return a client's own copy of its session's handlers."""
    lists = botocore.hooks.NodeList
    return {
        key: lists(*(list(part) for part in value))
        if type(value) is lists
        else _copied_trie(self, value)
        if type(value) is dict
        else value
        for key, value in node.items()
    }


@lru_cache(maxsize=512)
def _pickled(text: str, loader: type[yaml.SafeLoader]) -> bytes:
    return pickle.dumps(_load(text, loader))


def _copy_of_what_was_read(stream: Any, Loader: Any) -> Any:  # noqa: N803 - PyYAML's name for it
    """Return what a text was read to, anew for each caller, who may change it."""
    if not isinstance(stream, str):
        return _load(stream, Loader)
    try:
        return pickle.loads(_pickled(stream, Loader))  # noqa: S301 - our own
    except (RecursionError, TypeError, AttributeError, pickle.PicklingError):
        return _load(stream, Loader)  # what cannot be pickled, or not be read


@lru_cache(maxsize=512)
def _written(data: bytes, dumper: type[yaml.SafeDumper], options: tuple[tuple[str, Any], ...]) -> str:
    return str(_dump(pickle.loads(data), Dumper=dumper, **dict(options)))  # noqa: S301 - our own


def _text_written_before(documents: Any, stream: Any = None, Dumper: Any = yaml.Dumper, **options: Any) -> Any:  # noqa: N803 - PyYAML's name for it
    """Return the text that equal data was written as."""
    if stream is None:
        with suppress(RecursionError, TypeError, AttributeError, pickle.PicklingError):  # of what cannot be pickled
            return _written(pickle.dumps(documents), Dumper, tuple(sorted(options.items())))
    return _dump(documents, stream, Dumper=Dumper, **options)


def hasten() -> None:
    """Let both remember all this until the process ends."""
    yaml.load = _copy_of_what_was_read
    yaml.dump_all = _text_written_before
    botocore.session.create_loader = _loader
    botocore.hooks.EventAliaser.__init__ = _aliaser  # type: ignore[method-assign,assignment]  # looser than the stubs
    botocore.hooks.accepts_kwargs = _takes_any  # type: ignore[assignment]  # the stubs have what getfullargspec returns
    botocore.model.ServiceModel.operation_model = _operation_model  # type: ignore[method-assign]
    botocore.client.ClientCreator._create_methods = _methods  # type: ignore[attr-defined]
    botocore.hooks._PrefixTrie._recursive_copy = _copied_trie  # type: ignore[attr-defined]
    # A moment's text means the same each time.
    botocore.parsers.DEFAULT_TIMESTAMP_PARSER = lru_cache(10_000)(botocore.parsers.DEFAULT_TIMESTAMP_PARSER)
    sanitized = cache(botocore.useragent.sanitize_user_agent_string_component)
    botocore.useragent.sanitize_user_agent_string_component = sanitized
