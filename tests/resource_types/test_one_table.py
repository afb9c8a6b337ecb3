"""What is known of resource types is in one table: no other module lists types, or decides by type."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

BUILDER = Path(__file__).parent.parent.parent / "builder"
TYPE = re.compile(r"AWS::\w+::\w+")
ROOMS = ("resource_types/", "rules/", "local/")
"""The table itself; what knows nothing of ours, so that anybody can use it; what shares nothing with what it proves."""
EXCEPTIONS = {
    "components/alarms/options.py": "what its template makes, for what a region has to have before a template is made",
    "components/bucket/options.py": "the same",
    "components/function/options.py": "the same",
    "components/key/options.py": "the same",
    "deploy/resources/__init__.py": "the code of each type that it takes code for",
    "deploy/resources/public_access.py": "the code that tells what each type opens",
    "policy/resource.py": "the code that makes the ARNs of each type",
}


def test_no_other_module_lists_resource_types() -> None:
    modules = {str(path.relative_to(BUILDER)): path for path in sorted(BUILDER.rglob("*.py"))}
    assert modules.keys() >= EXCEPTIONS.keys()
    listed = {
        name: lists
        for name, path in modules.items()
        if not name.startswith(ROOMS) and not re.fullmatch(r"components/\w+/templates?\.py", name)
        if (lists := [*_lists_of_types(ast.parse(path.read_text(encoding="utf-8")))])
    }
    assert {name: lists for name, lists in listed.items() if name not in EXCEPTIONS} == {}
    assert listed.keys() == EXCEPTIONS.keys()


def _lists_of_types(tree: ast.AST) -> Iterator[str]:
    """Yield each collection literal that has two resource types or more, or keys that are."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            parts = [*node.keys, *node.values]
        elif isinstance(node, ast.List | ast.Set | ast.Tuple):
            parts = [*node.elts]
        else:
            continue
        types = [part.value for part in parts if isinstance(part, ast.Constant) and TYPE.fullmatch(str(part.value))]
        if len(types) > 1:
            yield f"line {node.lineno}: {', '.join(map(str, types))}"
