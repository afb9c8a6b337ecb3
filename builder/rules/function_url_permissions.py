"""E9521: a function URL, public or open to another account, with one of the two permissions it needs."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from cfnlint.template.template import Template

from builder.rules._node import Node
from builder.rules._rule import Fault, Rule, fault
from builder.rules._worlds import Scenario, scenarios

_URL, _INVOKE = "lambda:InvokeFunctionUrl", "lambda:InvokeFunction"
_TYPES = (
    "AWS::Lambda::Url",
    "AWS::Lambda::Function",
    "AWS::Lambda::Alias",
    "AWS::Lambda::Version",
    "AWS::Lambda::Permission",
    "AWS::Lambda::ResourcePolicy",
)
# An account, by its number or by an ARN of it or of somebody in it.
_ACCOUNT = re.compile(r"(?:arn:aws[a-z-]*:(?:iam|sts)::)?([0-9]{12})(?::.+)?")
_NARROWER = ("SourceAccount", "SourceArn", "PrincipalOrgID", "EventSourceToken")


@dataclass(frozen=True, slots=True)
class _Grant:
    """Whom a URL is open to, and how it knows them."""

    principal: str
    auth: str
    narrower: tuple[tuple[str, str], ...] = ()
    """What else a caller must be, such as a member of an organization."""


_EVERYONE = _Grant("*", "NONE")


class FunctionUrlPermissions(Rule):
    """None at all is no fault: both may be given elsewhere."""

    id = "E9521"
    shortdesc = "A function URL that is public, or open to another account, needs two permissions"
    description = (
        "Since October 2025 a URL answers 403 unless its callers may call lambda:InvokeFunctionUrl and "
        "lambda:InvokeFunction: everyone for AuthType NONE, another account for AWS_IAM. The rule speaks where the "
        "template gives one of the two."
    )
    source_url = "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
    topics = ("resources", "lambda")

    def faults(self, cfn: Template) -> Iterator[Fault]:
        """Yield every URL that half works for those it is open to."""
        for scenario in scenarios(cfn, *_TYPES):
            # A resource policy replaces all permissions, whatever they say.
            if any(scenario.resources("AWS::Lambda::ResourcePolicy")):
                continue
            for url in scenario.resources("AWS::Lambda::Url"):
                auth = url.get("Properties", "AuthType")
                grants = (
                    [_EVERYONE] if auth.text == "NONE" else [*_to_others(scenario)] if auth.text == "AWS_IAM" else []
                )
                for grant in dict.fromkeys(grants):
                    yield from _half(grant, url, scenario)


def _half(grant: _Grant, url: Node, scenario: Scenario) -> Iterator[Fault]:
    given = {action: _given(action, grant, url, scenario) for action in (_URL, _INVOKE)}
    if set(given.values()) != {True, False}:
        return
    missing = next(action for action, is_given in given.items() if not is_given)
    who = "everyone" if grant == _EVERYONE else grant.principal
    advice = f"FunctionUrlAuthType: {grant.auth}" if missing == _URL else "InvokedViaFunctionUrl: true"
    yield fault(
        url.get("Properties", "AuthType"),
        f"{who} may call the URL, but {missing} is missing, so that it answers 403: add an "
        f"AWS::Lambda::Permission with Principal '{grant.principal}' and {advice}",
    )


def _to_others(scenario: Scenario) -> Iterator[_Grant]:
    """Yield to which other accounts, roles of theirs or organizations permissions are given for URLs.

    Who is of the function's own account needs none of them: a policy of their own is enough.
    """
    for permission in scenario.resources("AWS::Lambda::Permission"):
        properties = permission.get("Properties")
        principal, auth = (properties.get(key).text for key in ("Principal", "FunctionUrlAuthType"))
        via_url = properties.get("InvokedViaFunctionUrl").text == "true"
        if principal is not None and _is_other(principal) and (auth == "AWS_IAM" or via_url):
            narrower = _narrower(properties)
            if narrower is not None:
                yield _Grant(principal, "AWS_IAM", narrower)


def _is_other(principal: str) -> bool:
    return principal == "*" or _ACCOUNT.fullmatch(principal) is not None


def _narrower(properties: Node) -> tuple[tuple[str, str], ...] | None:
    """Return what else the permission asks of a caller; None where that can't be known."""
    nodes = {key: properties.get(key) for key in _NARROWER if not properties.get(key).absent}
    texts = {key: node.text for key, node in nodes.items()}
    return None if None in texts.values() else tuple((key, str(text)) for key, text in texts.items())


def _given(action: str, grant: _Grant, url: Node, scenario: Scenario) -> bool | None:
    """Return whether the template lets them take an action on the URL's function; None where that is not sure."""
    answers = {_gives(each, action, grant, url, scenario) for each in scenario.resources("AWS::Lambda::Permission")}
    return True if True in answers else None if None in answers else False


def _gives(permission: Node, action: str, grant: _Grant, url: Node, scenario: Scenario) -> bool | None:
    properties = permission.get("Properties")
    allowed, principal, auth = (properties.get(key) for key in ("Action", "Principal", "FunctionUrlAuthType"))
    is_same = _leads_to(url, properties.get("FunctionName"), scenario)
    is_for_them = _is_for(principal.text, grant.principal)
    is_other = allowed.text not in {None, action, "lambda:*", "*"} or is_for_them is False
    of_other_auth = auth.text not in {None, grant.auth}
    if is_other or is_same is False or (action == _URL and of_other_auth):
        return False
    is_known = allowed.text is not None and is_for_them is True and (auth.absent or auth.text is not None)
    return is_same if is_known and _narrower(properties) in ((), grant.narrower) else None


def _is_for(principal: str | None, them: str) -> bool | None:
    """Return whether a permission for `principal` is one for them; None where that is not sure."""
    if principal is None:
        return None
    if principal in {"*", them}:
        return True
    account, their_account = _ACCOUNT.fullmatch(principal), _ACCOUNT.fullmatch(them)
    # What is given to an account, its own policies hand on to its roles.
    return None if account and their_account and account[1] == their_account[1] else False


def _leads_to(url: Node, named: Node, scenario: Scenario) -> bool | None:
    """Return whether a URL leads to what a permission names, a function or one of its aliases; None where not sure."""
    target, qualifier = url.get("Properties", "TargetFunctionArn"), url.get("Properties", "Qualifier")
    here, there = scenario.referred(target), scenario.referred(named)
    if qualifier.absent and (target.value == named.value or (here is not None and here == there)):
        return True
    if here is None or there is None:
        return None
    alias = scenario.resource(there)
    if alias.get("Type").text == "AWS::Lambda::Alias" and not qualifier.absent:
        return scenario.referred(alias.get("Properties", "FunctionName")) == here or None
    types = {scenario.resource(name).get("Type").text for name in (here, there)}
    return False if types == {"AWS::Lambda::Function"} else None
