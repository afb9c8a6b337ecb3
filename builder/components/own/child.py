"""The process that makes Python templates: reads calls from stdin, writes templates to stdout; imports nothing of ours.

Run as a file, so that nothing of the builder is loaded, and nothing in the user's way.
"""

import datetime as dt
import importlib.util
import json
import os
import sys
import time
import traceback
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

_YEAR_AND_MORE_S = (365 + 31 + 1) * 86_400 + 3_661
_NETWORK = frozenset({"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.bind", "socket.sendto"})


def move_clock(seconds: float) -> None:
    """Have every clock that a template may ask tell a time that is so much later."""
    now = time.time
    of = {name: getattr(time, name) for name in ("gmtime", "localtime", "ctime", "asctime", "strftime")}
    later: dict[str, Any] = {
        "time": lambda: now() + seconds,
        "time_ns": lambda: int((now() + seconds) * 1e9),
        "asctime": lambda at=None: of["asctime"](later["localtime"]() if at is None else at),
        "strftime": lambda form, at=None: of["strftime"](form, later["localtime"]() if at is None else at),
    }
    for name in ("gmtime", "localtime", "ctime"):
        later[name] = lambda at=None, name=name: of[name](now() + seconds if at is None else at)
    for name, function in later.items():
        setattr(time, name, function)
    moved = dt.timedelta(seconds=seconds)

    class Date(dt.date):
        @classmethod
        def today(cls) -> "Date":
            return cls.fromtimestamp(now() + seconds)

    class DateTime(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> "DateTime":
            return super().now(tz) + moved

        @classmethod
        def utcnow(cls) -> "DateTime":
            return super().utcnow() + moved

        @classmethod
        def today(cls) -> "DateTime":
            return super().now() + moved

    dt.date, dt.datetime = Date, DateTime  # type: ignore[misc]


def forbid_network(event: str, _arguments: object) -> None:
    """Raise where a template would leave this machine."""
    if event in _NETWORK:
        raise RuntimeError("a template is made of files alone, and reaches no network")


def load(file: str) -> ModuleType:
    """Return the module in a file; what lies beside it can be imported."""
    path = Path(file).absolute()
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location("_".join(("template", *path.with_suffix("").parts[1:])), path)
    if spec is None or spec.loader is None:
        raise ImportError(f"no module can be loaded from {file}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


def forget(modules: set[str], path: list[str], file: str) -> None:
    """Have the next call load what this one did of the user's own: two folders may have files of one name."""
    for name in sys.modules.keys() - modules:
        module = sys.modules[name]
        places = [getattr(module, "__file__", None), *getattr(module, "__path__", ())]
        if any(is_users(str(place), file) for place in places if place):
            del sys.modules[name]
    sys.path[:] = path


def is_users(place: str, file: str) -> bool:
    """Return whether a path is the user's own, and no package that is installed."""
    folders = (Path.cwd(), Path(file).absolute().parent)
    return "site-packages" not in place and any(Path(place).is_relative_to(folder) for folder in folders)


def answer(file: str, context: dict[str, Any]) -> dict[str, Any]:
    """Return the template, or what is wrong and where."""
    modules, path = set(sys.modules), [*sys.path]
    try:
        make = getattr(load(file), "template", None)
        if not callable(make):
            return {"where": file, "what": "has no `def template(context)`, which is what makes the template"}
        made = make(SimpleNamespace(**context))
        made = made.to_dict() if hasattr(made, "to_dict") else made
        if not isinstance(made, str | dict):
            kind = type(made).__name__
            return {"where": file, "what": f"returns {kind}, and a template is a troposphere Template, a dict or a str"}
        text = made if isinstance(made, str) else json.dumps(made, ensure_ascii=False, allow_nan=False, default=plain)
        text.encode()  # half of a character is a text in Python alone
        return {"template": made if isinstance(made, str) else json.loads(text)}
    except (Exception, SystemExit) as error:  # whatever somebody's file does
        return {"where": place_of(error, file), "what": f"{type(error).__name__}: {error}"}
    finally:
        forget(modules, path, file)


def plain(value: Any) -> Any:  # noqa: ANN401 - whatever stands in somebody's dict
    """Return what an object of troposphere within a dict is as data."""
    if hasattr(value, "to_dict"):
        return value.to_dict()
    raise TypeError(f"the template holds a {type(value).__name__}, which JSON has not: {value!r}")


def place_of(error: BaseException, file: str) -> str:
    """Return file and line of the innermost frame that is the user's own."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{os.path.relpath(error.filename)}:{error.lineno}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
    ours = [frame for frame in frames if is_users(frame.filename, file)]
    return f"{os.path.relpath(ours[-1].filename)}:{ours[-1].lineno}" if ours else file


def main() -> None:
    """Answer every call on stdin; what templates print goes to stderr."""
    calls = json.load(sys.stdin)
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    if int(sys.argv[1]):
        move_clock(_YEAR_AND_MORE_S * int(sys.argv[1]))
    sys.addaudithook(forbid_network)
    sys.path[0] = ""
    own = os.getpid()
    answers = [answer(call["file"], call["context"]) for call in calls]
    if os.getpid() != own:
        os._exit(0)  # what a template forked and did not end
    with out:
        json.dump(answers, out)


if __name__ == "__main__":
    main()
