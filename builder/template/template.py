"""A template as data, read as GetTemplate answers it; where its nested templates lie; two of them compared; pure."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from builder.errors import BadInput, Stopped
from builder.template.text import read_json
from builder.template.text import read_template as read_text

_REFERENCE = re.compile(r"\$\{([^!}][^}]*)\}")


_INSPECT = "aws cloudformation get-template    shows it"


_BEYOND_ASCII = re.compile("[^\x00-\x7f]")


class Comparison(Enum):
    """Whether a stack is deployed from a template, as far as GetTemplate lets it be known."""

    SAME = "same"
    DIFFERENT = "different"
    NOT_KNOWN = "not known"
    """Alike as far as GetTemplate shows it: a change set tells."""


def compare_template(desired: str, deployed: object) -> Comparison:
    """Return whether what GetTemplate answers is the desired template.

    GetTemplate shows each character beyond ASCII as a `?` (aws-cloudformation/cloudformation-coverage-roadmap#814), and
    botocore reads what is JSON to objects: two of these are the same whatever the order of their keys, and a number
    is not known to be the one that was written where reading changes it (11.10). A desired `?` in the place of a
    deployed character beyond ASCII cannot be told from a deployed `?`.
    """
    shown = _as_data(deployed)
    if shown is None:
        if desired == deployed:
            return Comparison.SAME
        return Comparison.NOT_KNOWN if masked(desired) == deployed else Comparison.DIFFERENT
    wanted = _as_data(desired)
    if wanted is None:
        return Comparison.DIFFERENT
    known = compare_data(wanted, shown)
    return Comparison.NOT_KNOWN if known is Comparison.SAME and not _are_exact(desired) else known


def compare_data(desired: Mapping[str, Any], shown: Mapping[str, Any]) -> Comparison:
    """Return the same of two templates as data, whatever the order of their keys."""
    if _canonical(desired) == _canonical(shown):
        return Comparison.SAME
    alike = _canonical(_masked_data(desired)) == _canonical(_masked_data(shown))
    return Comparison.NOT_KNOWN if alike else Comparison.DIFFERENT


def masked(text: str) -> str:
    """Return a text as GetTemplate shows it."""
    return _BEYOND_ASCII.sub("?", text)


def as_shown(template: object) -> str:
    """Return a text that is the same for two answers of GetTemplate that show the same template."""
    data = _as_data(template)
    return str(template) if data is None else _canonical(data)


def _as_data(template: object) -> Mapping[str, Any] | None:
    """Return the data of a template in JSON; None for one in YAML."""
    if isinstance(template, Mapping):
        return template
    try:
        return read_json(str(template))
    except RecursionError:
        return None


def _canonical(data: object) -> str:
    # Of Python's own comparison true is 1, and 1 is 1.0.
    return json.dumps(_with_texts_for_keys(data), sort_keys=True, ensure_ascii=False, default=str)


def _with_texts_for_keys(value: object) -> object:
    match value:
        case Mapping():
            return {str(name): _with_texts_for_keys(inner) for name, inner in value.items()}
        case list():
            return [_with_texts_for_keys(inner) for inner in value]
    return value


def _masked_data(value: object) -> object:
    match value:
        case str():
            return masked(value)
        case Mapping():
            return {masked(str(name)): _masked_data(inner) for name, inner in value.items()}
        case list():
            return [_masked_data(inner) for inner in value]
    return value


def _are_exact(text: str) -> bool:
    """Return whether every number of a JSON text is written again as it stands there."""
    changed: list[str] = []

    def read(number: str) -> float:
        found = float(number)
        if json.dumps(found) != number:
            changed.append(number)
        return found

    json.loads(text, parse_float=read)
    return not changed


def read_template(text: object, where: str = "template") -> dict[str, Any]:
    """Return a template as data, intrinsics in their long forms.

    Takes a text, or for a JSON template what botocore read it to. Raises BadInput for what is no template.
    """
    if isinstance(text, Mapping):
        return dict(text)
    return read_text(str(text), where=where)


def read_deployed(template: object, where: str, next_step: str = _INSPECT) -> dict[str, Any]:
    """Return a deployed template as data, `where` being its stack.

    Raises Stopped for one that cannot be read: nothing is known of what it holds, which is not that it holds nothing.
    """
    try:
        return read_template(template, where)
    except BadInput as error:
        what = f"the deployed template cannot be read, so nobody can tell what is in it: it {error.what}"
        raise Stopped(where=where, what=what, next_step=next_step) from error


def resolve(value: object, values: Mapping[str, str]) -> str | None:
    """Return a text with its parameters put in; None for one that takes more than Ref and Fn::Sub to know."""
    match value:
        case str():
            return value
        case {"Ref": str(name)}:
            return values.get(name)
        case {"Fn::Sub": str(text)}:
            filled = _REFERENCE.sub(lambda found: values.get(found[1], found[0]), text)
            return None if _REFERENCE.search(filled) else filled
    return None


def defaults_of(template: Mapping[str, Any]) -> dict[str, str]:
    """Return the default of each parameter that has one, as DescribeStacks shows it."""
    return {
        name: str(default).lower() if isinstance(default, bool) else str(default)
        for name, one in _parameters_of(template).items()
        if (default := one.get("Default")) is not None
    }


def no_echo_of(template: Mapping[str, Any]) -> frozenset[str]:
    """Return the parameters whose values AWS shows to nobody.

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
    """
    said = {name: str(one.get("NoEcho", "")).lower() for name, one in _parameters_of(template).items()}
    return frozenset(name for name, value in said.items() if value == "true")


def _parameters_of(template: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    listed = template.get("Parameters")
    declared = listed if isinstance(listed, Mapping) else {}
    return {str(name): one for name, one in declared.items() if isinstance(one, Mapping)}


def resources_of(template: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the resources by logical id; what is no resource is left out."""
    listed = template.get("Resources")
    found = listed if isinstance(listed, Mapping) else {}
    return {str(name): one for name, one in found.items() if isinstance(one, Mapping)}


def properties_of(resource: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a resource's properties; none if it has none."""
    listed = resource.get("Properties")
    return listed if isinstance(listed, Mapping) else {}


_VIRTUAL = re.compile(r"(?P<bucket>.+)\.s3[.-](?:dualstack\.)?(?:[a-z0-9-]+\.)?amazonaws\.com(?:\.cn)?$")


_PATH_STYLE = re.compile(r"s3[.-](?:dualstack\.)?(?:[a-z0-9-]+\.)?amazonaws\.com(?:\.cn)?$")


@dataclass(frozen=True, slots=True)
class S3Location:
    """Where a template lies in S3."""

    bucket: str
    key: str
    version: str | None = None


def find_object(url: str, endpoint: str = "") -> S3Location | None:
    """Return where in S3 a TemplateURL leads; None for anything else.

    `endpoint` is where our own client finds S3, which is none of AWS's host names for an embedded AWS.
    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
    """
    _, netloc, rest, said, _ = urlsplit(url)
    host, path = netloc.partition(":")[0], unquote(rest.lstrip("/"))
    version = parse_qs(said).get("versionId", [None])[0]
    is_own = bool(endpoint) and netloc == urlsplit(endpoint).netloc
    if is_own or _PATH_STYLE.match(host):
        bucket, _, key = path.partition("/")
        return S3Location(bucket, key, version) if bucket and key else None
    if (found := _VIRTUAL.match(host)) and path:
        return S3Location(found["bucket"], path, version)
    return None
