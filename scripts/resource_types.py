"""Write builder/resource_types/schemas.json from the schemas of AWS that the installed cfn-lint ships.

    python scripts/resource_types.py [--check]

Prints each type whose facts differ from those of the file. With --check nothing is written, and the exit code is 3
where the file is stale.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

FILE = Path(__file__).resolve().parent.parent / "builder" / "resource_types" / "schemas.json"
Facts = dict[str, Any]


def make_table() -> dict[str, Any]:
    """Return the file's content: the cfn-lint that it is made from, and the facts of every type in any region."""
    data = _data_folder()
    stateful = _read(data / "AdditionalSpecs" / "StatefulResources.json")["ResourceTypes"]
    return {
        "cfn-lint": version("cfn-lint"),
        "types": {
            name: _facts(name, [_read(data / "schemas" / "resources" / f"{file}.json") for file in sorted(files)])
            | ({"stateful": True} if name in stateful else {})
            for name, files in sorted(_files(data / "schemas" / "providers").items())
        },
    }


def write(table: Mapping[str, Any]) -> str:
    """Return the table as text, one type a line."""
    lines = (f"{json.dumps(name)}: {json.dumps(facts)}" for name, facts in table["types"].items())
    return f'{{"cfn-lint": {json.dumps(table["cfn-lint"])}, "types": {{\n' + ",\n".join(lines) + "\n}}\n"


def differences(before: Mapping[str, Facts], after: Mapping[str, Facts]) -> Iterator[str]:
    """Yield a line for each type that is new, gone or described otherwise."""
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            was, will = (json.dumps(side[name]) if name in side else "not there" for side in (before, after))
            yield f"{name}: {was} -> {will}"


def _data_folder() -> Path:
    """Return where the package has its data; what `cfn-lint --update-specs` downloads lies elsewhere."""
    spec = find_spec("cfnlint")
    if spec is None or spec.origin is None:
        sys.exit("cfn-lint is not installed")
    return Path(spec.origin).parent / "data"


def _files(providers: Path) -> dict[str, set[str]]:
    """Return the schemas of each type, which may differ from region to region, by the names of their files."""
    files: dict[str, set[str]] = {}
    for region in providers.glob("*.json"):
        # The types of SAM are no resources: its transform makes some of them.
        for name, file in _read(region).items() if region.stem != "sam" else ():
            files.setdefault(name, set()).add(file)
    return files


def _facts(name: str, schemas: Iterable[Mapping[str, Any]]) -> Facts:
    """Return the paths of what replaces a resource, always or under conditions, and the property that names it.

    What there is none of is left out.
    """
    schemas = list(schemas)
    always = {path for schema in schemas for path in _paths(schema, "createOnlyProperties")}
    perhaps = {path for schema in schemas for path in _paths(schema, "conditionalCreateOnlyProperties")}
    # Of a list an item may come or go without a replacement, though a part of each item is never changed in place.
    lists = {path for path in always if "/*" in path}
    perhaps = {path.split("/*")[0] for path in perhaps | lists}
    always -= lists
    facts = {
        "replaced_by": " ".join(_outermost(always)),
        "perhaps_replaced_by": " ".join(_outermost(perhaps - always)),
        "name": next((property_ for schema in schemas if (property_ := _name_property(name, schema))), ""),
    }
    return {key: value for key, value in facts.items() if value}


def _name_property(name: str, schema: Mapping[str, Any]) -> str:
    """Return the property that a template may name the resource by; empty where AWS alone does.

    It is what identifies the resource, where a template may say it and no update changes it; else, where AWS makes up
    an id, a property called `Name`, or by the end of the type's own name: `GroupName` of a SecurityGroup.
    """
    settable = {*_paths(schema, "createOnlyProperties")} - {*_paths(schema, "readOnlyProperties")}
    match _paths(schema, "primaryIdentifier"):
        case [identifier] if identifier in settable:
            return identifier
    ending = name.rsplit("::", maxsplit=1)[-1]
    named = sorted(path for path in settable if path.endswith("Name") and ending.endswith(path.removesuffix("Name")))
    return named[0] if len(named) == 1 else ""


def _paths(schema: Mapping[str, Any], key: str) -> list[str]:
    return [path.removeprefix("/properties/") for path in schema.get(key, [])]


def _outermost(paths: Iterable[str]) -> list[str]:
    """Return the paths in order, without those that lie below another one."""
    paths = set(paths)
    return sorted(path for path in paths if not any(path.startswith(f"{other}/") for other in paths))


def _read(file: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return data


def main() -> int:
    """Write or compare the file, print what differs, and return the exit code."""
    table, old = make_table(), _read(FILE) if FILE.exists() else {"types": {}}
    print(*differences(old["types"], table["types"]), sep="\n")
    stale = not FILE.exists() or FILE.read_text(encoding="utf-8") != write(table)
    if "--check" in sys.argv[1:]:
        print(f"{FILE.name} is {'stale: python scripts/resource_types.py' if stale else 'as the schemas say'}")
        return 3 if stale else 0
    FILE.write_text(write(table), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
