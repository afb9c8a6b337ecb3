"""What a handler imports, and nothing that is packed beside it brings: read from the code, nothing of it is run."""

import ast
import re
import sys
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from builder.packing.source import NoSource

_RUNTIME_PYTHON = frozenset(
    {"boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six", "awslambdaric", "runtime_client"}
    | {"snapshot_restore_py", "simplejson"}
)
"""What Lambda's runtime has beside the standard library.

Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html
"""
# What the standard libraries of the runtimes have and this Python may not, or the other way round.
# https://docs.python.org/3/whatsnew/3.14.html https://docs.python.org/3/whatsnew/3.13.html
_NEW = {"python3.13": frozenset[str](), "python3.14": frozenset({"annotationlib", "compression"})}
_GONE = frozenset(
    {"aifc", "asynchat", "asyncore", "audioop", "cgi", "cgitb", "chunk", "crypt", "distutils", "imghdr", "imp"}
    | {"lib2to3", "mailcap", "msilib", "nis", "nntplib", "ossaudiodev", "pipes", "smtpd", "sndhdr", "spwd", "sunau"}
    | {"telnetlib", "uu", "xdrlib"}
)
_NODE = frozenset(
    {"assert", "async_hooks", "buffer", "child_process", "cluster", "console", "constants", "crypto", "dgram", "dns"}
    | {"diagnostics_channel", "domain", "events", "fs", "http", "http2", "https", "inspector", "module", "net", "os"}
    | {"path", "perf_hooks", "process", "punycode", "querystring", "readline", "repl", "stream", "string_decoder"}
    | {"sys", "timers", "tls", "trace_events", "tty", "url", "util", "v8", "vm", "wasi", "worker_threads", "zlib"}
)
"""Source: https://nodejs.org/api/module.html#modulebuiltinmodules"""
_RUNTIME_NODE = ("@aws-sdk/", "@smithy/")
"""Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-nodejs.html#nodejs-sdk-included"""
_JS_COMMENTS = re.compile(r"/\*.*?\*/|(?<![:'\"\w/])//[^\n]*", re.DOTALL)
# At the margin alone: what is indented may be in a try, never called, or a bundler's.
_JS_IMPORT = re.compile(
    r"^(?:import|export)\b[^'\"`;]*?\bfrom\s*(['\"])(?P<from>[^'\"\n]+)\1"
    r"|^import\s*(['\"])(?P<bare>[^'\"\n]+)\3"
    r"|^(?:(?:const|let|var)\b[^=;'\"`()]*=\s*)?require\(\s*(['\"])(?P<require>[^'\"\n]+)\5\s*\)",
    re.MULTILINE,
)
_JS_ENDS = ("", ".js", ".mjs", ".cjs", ".json", "/index.js", "/index.mjs", "/index.cjs")
_JS_FILES = (".js", ".mjs", ".cjs")


_BLOCKS = ("body", "handlers", "orelse", "finalbody", "cases")
"""Where statements hold others."""


@dataclass(frozen=True, slots=True)
class Import:
    """A module that a file imports."""

    file: str
    line: int
    module: str


def check_imports(own: Mapping[str, Path], packages: Collection[str], entries: Iterable[str], runtime: str) -> None:
    """Raise NoSource for what these entries import, directly or by others of the function's files, and nothing brings.

    What is imported where its absence is caught counts as there, and so does what is only looked for when it runs.
    """
    for entry in entries:
        if missing := next(find_missing(own, packages, entry, runtime), None):
            raise NoSource(
                f"has {missing.file}, line {missing.line}: imports {missing.module}, which is neither in {runtime} nor "
                f"packed with it: {_remedy(runtime)}"
            )


def find_missing(own: Mapping[str, Path], packages: Collection[str], entry: str, runtime: str) -> Iterator[Import]:
    """Yield what an entry imports and nothing brings, in the order in which it is read."""
    python = runtime.startswith("python")
    there = _top_level((*own, *packages)) | _offered(runtime) if python else _node_packages((*own, *packages))
    waiting = [*_packages_above(entry, own), entry]
    seen = set(waiting)
    while waiting:
        file = waiting.pop(0)
        for imported in _imports(file, own[file]) if file in own else ():
            if python:
                if imported.module and imported.module.partition(".")[0] not in there:
                    yield imported
                reached: Iterable[str] = _files_of(imported, own)
            elif _is_local(imported.module):
                reached = _resolved(file, imported.module, own)
            else:
                reached = ()
                if not _is_offered(imported.module) and _package_of(imported.module) not in there:
                    yield imported
            waiting += [name for name in reached if name not in seen]
            seen.update(reached)


def _remedy(runtime: str) -> str:
    if runtime.startswith("python"):
        return "pin it with its hash in requirements.txt beside it, or put it into the folder"
    return "npm install it, with package-lock.json beside it, or put it into the folder"


def _imports(file: str, path: Path) -> Iterator[Import]:
    text = path.read_text(encoding="utf-8", errors="replace")
    if file.endswith(".py"):
        yield from _python_imports(file, text)
    elif file.endswith(_JS_FILES):
        yield from _node_imports(file, text)


def _python_imports(file: str, text: str) -> Iterator[Import]:
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return  # a newer Python may read it
    package = PurePosixPath(file).parent.parts
    for node in _demanded(tree):
        match node:
            case ast.Import():
                yield from (Import(file, node.lineno, name.name) for name in node.names)
            case ast.ImportFrom(level=0, module=str(module)):
                yield Import(file, node.lineno, module)
                # What is imported from a package may be a module of it.
                yield from (Import(file, node.lineno, f"{module}.{name.name}") for name in node.names)
            case ast.ImportFrom():
                base = [*package[: len(package) - node.level + 1], *(node.module or "").split(".")]
                whole = ".".join(part for part in base if part)
                if not whole:
                    yield from (Import(file, node.lineno, name.name) for name in node.names if package == ())
                else:
                    yield Import(file, node.lineno, whole)
                    yield from (Import(file, node.lineno, f"{whole}.{name.name}") for name in node.names)


def _demanded(node: ast.AST) -> Iterator[ast.stmt]:
    """Yield the imports without which a module does not run: none that is tried, or for type checkers alone."""
    match node:
        case ast.Import() | ast.ImportFrom():
            yield node
            return
        case ast.Try() if any(_catches_imports(handler) for handler in node.handlers):
            blocks: tuple[str, ...] = ("handlers", "orelse", "finalbody")
        case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
            blocks = ("orelse",)
        case _:
            blocks = _BLOCKS
    # No expression holds a statement.
    for block in blocks:
        for child in getattr(node, block, ()):
            yield from _demanded(child)


def _catches_imports(handler: ast.ExceptHandler) -> bool:
    caught = {name.id for name in ast.walk(handler.type) if isinstance(name, ast.Name)} if handler.type else {"*"}
    return bool(caught & {"*", "ImportError", "ModuleNotFoundError", "Exception", "BaseException"})


def _offered(runtime: str) -> frozenset[str]:
    return (frozenset(sys.stdlib_module_names) - _GONE) | _NEW.get(runtime, frozenset()) | _RUNTIME_PYTHON


def _top_level(names: Iterable[str]) -> set[str]:
    """Return the modules at the top of an archive: packages, with or without __init__.py, modules, extensions."""
    return {name.split("/")[0].partition(".")[0] for name in names}


def _packages_above(entry: str, own: Mapping[str, Path]) -> list[str]:
    """Return what Python runs before a module: the packages that it is in."""
    above = [f"{folder}/__init__.py" for folder in reversed(PurePosixPath(entry).parents) if folder.name]
    return [name for name in above if entry.endswith(".py") and name in own]


def _files_of(imported: Import, own: Mapping[str, Path]) -> list[str]:
    """Return the function's own files that an import runs."""
    parts, files = imported.module.split("."), []
    for depth in range(1, len(parts) + 1):
        path = "/".join(parts[:depth])
        files += [name for name in (f"{path}/__init__.py", f"{path}.py") if name in own]
    return files


def _node_imports(file: str, text: str) -> Iterator[Import]:
    code = _JS_COMMENTS.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    for match in _JS_IMPORT.finditer(code):
        kind = next(kind for kind in ("from", "bare", "require") if match[kind])
        yield Import(file, code.count("\n", 0, match.start(kind)) + 1, match[kind])


def _is_local(module: str) -> bool:
    return module.startswith((".", "/"))


def _resolved(file: str, module: str, own: Mapping[str, Path]) -> list[str]:
    parts: list[str] = [*PurePosixPath(file).parent.parts]
    for part in module.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    path = "/".join(parts)
    return [name for end in _JS_ENDS if (name := f"{path}{end}") in own][:1]


def _is_offered(module: str) -> bool:
    """Return whether Node.js or Lambda's runtime has a module, or it is none that is looked for in node_modules."""
    offered = ("node:", "#", "data:", "file:", *_RUNTIME_NODE)
    return module.startswith(offered) or module.partition("/")[0] in _NODE


def _package_of(module: str) -> str:
    return "/".join(module.split("/")[: 2 if module.startswith("@") else 1])


def _node_packages(names: Iterable[str]) -> set[str]:
    """Return the packages in node_modules, those that only another package finds left out."""
    return {_package_of(parts[1]) for name in names if len(parts := name.split("node_modules/")) == 2}
