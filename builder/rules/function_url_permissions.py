"""E9521: a public function URL with one of the two permissions it needs."""

from collections.abc import Iterator

from cfnlint.template.template import Template

from builder.rules._node import Node
from builder.rules._rule import Fault, Rule, fault
from builder.rules._worlds import Scene, scenes

_URL, _INVOKE = "lambda:InvokeFunctionUrl", "lambda:InvokeFunction"
_ADVICE = {_URL: "FunctionUrlAuthType: NONE", _INVOKE: "InvokedViaFunctionUrl: true"}
_TYPES = (
    "AWS::Lambda::Url",
    "AWS::Lambda::Function",
    "AWS::Lambda::Alias",
    "AWS::Lambda::Version",
    "AWS::Lambda::Permission",
    "AWS::Lambda::ResourcePolicy",
)
_NARROWER = ("SourceAccount", "SourceArn", "PrincipalOrgID", "EventSourceToken")


class FunctionUrlPermissions(Rule):
    """None at all is no fault: both may be given elsewhere."""

    id = "E9521"
    shortdesc = "A public function URL needs two permissions"
    description = (
        "Since October 2025 a URL with AuthType NONE answers 403 unless everyone may call lambda:InvokeFunctionUrl "
        "and lambda:InvokeFunction. The rule speaks where the template gives one of the two."
    )
    source_url = "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
    topics = ("resources", "lambda")

    def faults(self, cfn: Template) -> Iterator[Fault]:
        """Yield every public URL that half works."""
        for scene in scenes(cfn, *_TYPES):
            # A resource policy replaces all permissions, whatever they say.
            if any(scene.resources("AWS::Lambda::ResourcePolicy")):
                continue
            for url in scene.resources("AWS::Lambda::Url"):
                auth = url.get("Properties", "AuthType")
                given = {action: _given(action, url, scene) for action in (_URL, _INVOKE)}
                if auth.text == "NONE" and set(given.values()) == {True, False}:
                    missing = next(action for action, is_given in given.items() if not is_given)
                    yield fault(
                        auth,
                        f"everyone may call the URL, but {missing} is missing, so that it answers 403: add an "
                        f"AWS::Lambda::Permission with Principal '*' and {_ADVICE[missing]}",
                    )


def _given(action: str, url: Node, scene: Scene) -> bool | None:
    """Return whether the template lets everyone take an action on the URL's function; None where that is not sure."""
    answers = {_gives(permission, action, url, scene) for permission in scene.resources("AWS::Lambda::Permission")}
    return True if True in answers else None if None in answers else False


def _gives(permission: Node, action: str, url: Node, scene: Scene) -> bool | None:
    properties = permission.get("Properties")
    said, principal, auth = (properties.get(key) for key in ("Action", "Principal", "FunctionUrlAuthType"))
    is_same = _leads_to(url, properties.get("FunctionName"), scene)
    is_other = said.text not in {None, action, "lambda:*", "*"} or principal.text not in {None, "*"}
    if is_other or is_same is False or (action == _URL and auth.text == "AWS_IAM"):
        return False
    is_known = None not in (said.text, principal.text) and (auth.absent or auth.text is not None)
    is_narrower = any(not properties.get(key).absent for key in _NARROWER)
    return is_same if is_known and not is_narrower else None


def _leads_to(url: Node, named: Node, scene: Scene) -> bool | None:
    """Return whether a URL leads to what a permission names, a function or one of its aliases; None where not sure."""
    target, qualifier = url.get("Properties", "TargetFunctionArn"), url.get("Properties", "Qualifier")
    here, there = scene.referred(target), scene.referred(named)
    if qualifier.absent and (target.value == named.value or (here is not None and here == there)):
        return True
    if here is None or there is None:
        return None
    alias = scene.resource(there)
    if alias.get("Type").text == "AWS::Lambda::Alias" and not qualifier.absent:
        return scene.referred(alias.get("Properties", "FunctionName")) == here or None
    types = {scene.resource(name).get("Type").text for name in (here, there)}
    return False if types == {"AWS::Lambda::Function"} else None
