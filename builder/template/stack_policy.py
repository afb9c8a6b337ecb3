"""Stack policies: their canonical form, whether two are the same, and what one denies of an update; pure.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/protect-stack-resources.html
"""

import json
from collections.abc import Collection, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Literal

UpdateAction = Literal["Update:Modify", "Update:Replace", "Update:Delete"]
OPEN_POLICY = '{"Statement":[{"Action":"Update:*","Effect":"Allow","Principal":"*","Resource":"*"}]}'
"""A policy that denies nothing: the nearest to no policy for a stack that once had one."""
POLICY_CHARACTERS = 16_384
"""Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_SetStackPolicy.html"""
_ACTIONS = ("Update:Modify", "Update:Replace", "Update:Delete", "Update:*")
_KNOWN = frozenset({"Sid", "Effect", "Action", "Principal", "Resource", "NotResource", "Condition"})


def canonical_policy(data: bytes | str) -> str:
    """Return a policy as JSON in one line, the same for equal ones.

    Raises ValueError, in words, for a text that is no policy, that CloudFormation refuses, or that is too long.
    """
    try:
        policy = json.loads(data, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON: line {error.lineno}: {error.msg}") from None
    except (ValueError, RecursionError):
        raise ValueError("is not JSON") from None
    if fault := next(_faults(policy), ""):
        raise ValueError(fault)
    text = json.dumps(policy, sort_keys=True, separators=(",", ":"))
    if len(text) > POLICY_CHARACTERS:
        raise ValueError(f"has {len(text):,} characters without its spaces, and CloudFormation takes 16,384")
    return text


def _refuse_constant(constant: str) -> object:
    raise ValueError(constant)


def _faults(policy: object) -> Iterator[str]:
    statements = policy.get("Statement") if isinstance(policy, dict) else None
    if not isinstance(statements, list) or not statements:
        yield "is no stack policy: that is an object with a list Statement, which is not empty"
        return
    for number, statement in enumerate(statements, start=1):
        yield from (f"statement {number} {fault}" for fault in _faults_of(statement))


def _faults_of(statement: object) -> Iterator[str]:
    if not isinstance(statement, dict):
        yield "is no object"
        return
    if statement.get("Effect") not in ("Allow", "Deny"):  # it may be a list, which no set takes
        yield "has no Effect of Allow or Deny"
    if statement.get("Principal") != "*":
        yield 'is not for the Principal "*", and CloudFormation takes no other'
    for one_of in (("Action", "NotAction"), ("Resource", "NotResource")):
        if sum(name in statement for name in one_of) != 1:
            yield f"has not one of {' and '.join(one_of)}"
    actions = _texts(statement.get("Action", statement.get("NotAction", ())))
    if actions is None:
        yield "has an Action that is neither a text nor a list of texts"
    elif strangers := [action for action in actions if action not in _ACTIONS]:
        yield f"has the action '{strangers[0]}', and there are {', '.join(_ACTIONS)}"


def same_policy(before: str | None, after: str | None) -> bool:
    """Return whether two policies are the same JSON; None stands for a stack that never had one."""
    if before is None or after is None:
        return before is after
    try:
        return bool(json.loads(before) == json.loads(after))
    except (ValueError, RecursionError):
        return before == after


def is_open(policy: str) -> bool:
    """Return whether a policy denies nothing."""
    statements = _statements(policy)
    return all(statement.get("Effect") == "Allow" for statement in statements) and any(
        _KNOWN - {"Condition", "NotResource"} >= statement.keys()
        and "Update:*" in (_texts(statement.get("Action")) or ())
        and "*" in (_texts(statement.get("Resource")) or ())
        for statement in statements
    )


def denial(policy: str, action: UpdateAction, logical_id: str, type_name: str) -> str:
    """Return why a policy denies an update's action on a resource, in words.

    Empty if it does not, and if only CloudFormation can tell: behaviour without documentation is left to it.
    """
    covering = {
        number: (statement.get("Effect"), _covers(statement, action, logical_id, type_name))
        for number, statement in enumerate(_statements(policy), start=1)
    }
    if number := next(
        (number for number, (effect, covers) in covering.items() if effect == "Deny" and covers is True), None
    ):
        return f"statement {number} denies it"
    if not covering or any(covers is not False for _, covers in covering.values()):
        return ""
    return "no statement allows it"


def open_for(policy: str, leaving: Mapping[str, str], others: Collection[str]) -> str:
    """Return the policy with the resources of `leaving` excepted; `leaving` has their types by logical id.

    It still denies everything else, for `others` of the stack and, if it is about all resources, for new ones: so it
    does no harm if nobody restores the old policy.
    """
    names = [f"LogicalResourceId/{name}" for name in sorted(leaving)]
    statements = [
        _excepting(dict(statement), names, [f"LogicalResourceId/{name}" for name in sorted(others)])
        if statement.get("Effect") == "Deny"
        and any(_covers(statement, "Update:Delete", name, kind) is not False for name, kind in leaving.items())
        else dict(statement)
        for statement in _statements(policy)
    ]
    statements.append({"Effect": "Allow", "Action": "Update:Delete", "Principal": "*", "Resource": names})
    return json.dumps(
        {"Statement": [statement for statement in statements if statement]}, sort_keys=True, separators=(",", ":")
    )


def _excepting(statement: dict[str, object], names: Collection[str], others: Collection[str]) -> dict[str, object]:
    """Return a statement without these resources; empty if it is about no others."""
    if "NotResource" in statement:
        return statement | {"NotResource": sorted({*(_texts(statement["NotResource"]) or ()), *names})}
    patterns = _texts(statement.pop("Resource", None)) or []
    if "*" in patterns or "LogicalResourceId/*" in patterns:
        return statement | {"NotResource": list(names)}
    stay = [pattern for pattern in patterns if not any(_fits(name, [pattern]) for name in names)]
    stay += [name for name in others if name not in names and _fits(name, patterns) and not _fits(name, stay)]
    return statement | {"Resource": stay} if stay else {}


def _statements(policy: str) -> list[Mapping[str, object]]:
    try:
        read = json.loads(policy)
    except (ValueError, RecursionError):
        return []
    statements = read.get("Statement") if isinstance(read, dict) else None
    statements = statements if isinstance(statements, list) else [statements]
    return [statement for statement in statements if isinstance(statement, dict)]


def _covers(statement: Mapping[str, object], action: str, logical_id: str, type_name: str) -> bool | None:
    """Return whether a statement is about the action on the resource; None if that is unknown."""
    actions, excepts = _texts(statement.get("Action")), "NotResource" in statement
    both = excepts and "Resource" in statement
    resources = None if both else _texts(statement.get("NotResource" if excepts else "Resource"))
    by_action = None if actions is None else _fits(action.lower(), [pattern.lower() for pattern in actions])
    by_resource = None if resources is None else _fits(f"LogicalResourceId/{logical_id}", resources) is not excepts
    parts = [by_action, by_resource, _meets(statement.get("Condition", {}), type_name)]
    if False in parts:
        return False
    return None if None in parts or not statement.keys() <= _KNOWN else True


def _meets(condition: object, type_name: str) -> bool | None:
    if not isinstance(condition, dict):
        return None
    for operator, keys in condition.items():
        types = _texts(keys["ResourceType"]) if isinstance(keys, dict) and keys.keys() == {"ResourceType"} else None
        if types is None or operator not in {"StringEquals", "StringLike"}:
            return None
        if not (_fits(type_name, types) if operator == "StringLike" else type_name in types):
            return False
    return True


def _fits(text: str, patterns: Collection[str]) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in patterns)


def _texts(value: object) -> list[str] | None:
    """Return the texts of a text or of a list of them; None for anything else."""
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(text, str) for text in values):
        return None
    return [str(text) for text in values]
