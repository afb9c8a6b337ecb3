"""W9532: a tag whose value is another one at every build."""

import re
from collections.abc import Iterator, Mapping

from cfnlint.template.template import Template

from builder.rules._node import Node
from builder.rules._rule import Fault, Rule, fault
from builder.rules._worlds import resources

# Names by which pipelines know one run of theirs, in lower case, words joined by hyphens.
_PER_BUILD = re.compile(
    r"(?:^|-)(?:"
    r"build-(?:id|number|num|no|time|date|timestamp|sha|hash|run)"
    r"|(?:git|source|vcs)-(?:sha|commit|hash|revision|rev)(?:-(?:id|sha|hash))?"
    r"|commit-(?:id|sha|hash|ref)"
    r"|(?:deploy|deployed|deployment)-(?:time|date|timestamp|at|number)"
    r"|(?:pipeline|workflow|ci|github)-(?:run|execution|build|job)(?:-(?:id|number))?"
    r"|timestamp"
    r")$|^(?:git-)?commit$|^(?:sha|revision)$"
)
_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_HOLE = re.compile(r"\$\{([^!.}][^.}]*)\}")


class PerBuildTags(Rule):
    """Stack tags go the same way: CloudFormation puts them on every resource."""

    id = "W9532"
    shortdesc = "A tag changes with every build"
    description = (
        "A tag that holds a build number, a commit or a time makes every deployment an update of every resource that "
        "has it, and hides the changes that matter. Parameters are known by names like BuildId or CommitSha; "
        "constants by the tag's key, or by looking like a full commit hash."
    )
    source_url = (
        "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-resource-tags.html"
    )
    topics = ("resources", "tags")

    def faults(self, cfn: Template) -> Iterator[Fault]:
        """Yield every such tag, on a resource or on a part of one."""
        parameters = cfn.template.get("Parameters")
        types = {str(body.get("Type")) for body in cfn.get_resources().values()}
        for resource in resources(cfn, *types):
            for key, value in _tags(resource.get("Properties")):
                if what := _changing(key, value, parameters if isinstance(parameters, dict) else {}):
                    yield fault(value, f"tag {key} changes with every build ({what}), and every resource with it")


def is_per_build(name: str) -> bool:
    """Return whether a tag's or a parameter's name says that its value belongs to one build."""
    return _PER_BUILD.search("-".join(word.lower() for word in _WORDS.findall(name))) is not None


def is_commit(value: str) -> bool:
    """Return whether a text is a full commit hash."""
    return _COMMIT.fullmatch(value) is not None


def _tags(properties: Node) -> Iterator[tuple[str, Node]]:
    """Yield every tag's key and value, whether they stand in a list or in a mapping."""
    for node in properties.walk():
        if not str(node.path[-1]).endswith("Tags"):
            continue
        for key in node.mapping or ():
            yield str(key), node.get(str(key))
        for tag in (node.items() or ()) if isinstance(node.value, list) else ():
            if (key_text := tag.get("Key").text) is not None:
                yield key_text, tag.get("Value")


def _changing(key: str, value: Node, parameters: Mapping[str, object]) -> str | None:
    """Return what of a tag's value changes with every build, or None."""
    if value.text is not None:
        return value.text if is_commit(value.text) or is_per_build(key) else None
    named = [name for name in _named(value.value) if name in parameters]
    return next((f"parameter {name}" for name in named if is_per_build(name) or is_per_build(key)), None)


def _named(value: object) -> list[str]:
    """Return what a Ref or Fn::Sub names."""
    match value:
        case {"Ref": str(name)}:
            return [name]
        case {"Fn::Sub": str(text)} | {"Fn::Sub": [str(text), *_]}:
            return _HOLE.findall(text)
        case _:
            return []
