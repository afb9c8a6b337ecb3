"""E9021: a public function URL with one of the two permissions it needs."""

from collections.abc import Iterator
from enum import Enum, auto

from cfnlint.template.template import Template

from builder.rules._node import Node
from builder.rules._rule import Fault, Rule, fault
from builder.rules._worlds import Scene, scenes

_URL, _INVOKE = "lambda:InvokeFunctionUrl", "lambda:InvokeFunction"
_TYPES = (
    "AWS::Lambda::Url",
    "AWS::Lambda::Function",
    "AWS::Lambda::Alias",
    "AWS::Lambda::Version",
    "AWS::Lambda::Permission",
    "AWS::Lambda::ResourcePolicy",
)
_NARROWER = ("SourceAccount", "SourceArn", "PrincipalOrgID", "EventSourceToken")
_ADVICE = {
    _URL: "FunctionUrlAuthType: NONE",
    _INVOKE: "InvokedViaFunctionUrl: true",
}


class _Given(Enum):
    YES = auto()
    NO = auto()
    PERHAPS = auto()


class FunctionUrlPermissions(Rule):
    """None at all is no fault: both may be given elsewhere."""

    id = "E9021"
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
                if url.get("Properties", "AuthType").text != "NONE":
                    continue
                given = {action: _given(action, url, scene) for action in (_URL, _INVOKE)}
                if set(given.values()) == {_Given.YES, _Given.NO}:
                    missing = next(action for action, state in given.items() if state is _Given.NO)
                    yield fault(
                        url.get("Properties", "AuthType"),
                        f"everyone may call the URL, but {missing} is missing, so that it answers 403: add an "
                        f"AWS::Lambda::Permission with Principal '*' and {_ADVICE[missing]}",
                    )


def _given(action: str, url: Node, scene: Scene) -> _Given:
    """Return whether the template lets everyone take this action on the URL's function."""
    states = {_gives(action, permission, url, scene) for permission in scene.resources("AWS::Lambda::Permission")}
    return next((state for state in (_Given.YES, _Given.PERHAPS) if state in states), _Given.NO)


def _gives(action: str, permission: Node, url: Node, scene: Scene) -> _Given:
    properties = permission.get("Properties")
    said, principal = properties.get("Action").text, properties.get("Principal").text
    auth = properties.get("FunctionUrlAuthType")
    if said not in {None, action, "lambda:*", "*"} or principal not in {None, "*"}:
        return _Given.NO
    if auth.text == "AWS_IAM" and action == _URL:
        return _Given.NO
    same = _same_function(url, properties.get("FunctionName"), scene)
    if same is _Given.NO:
        return _Given.NO
    narrower = any(not properties.get(key).absent for key in _NARROWER)
    unknown = said is None or principal is None or (not auth.absent and auth.text is None)
    return _Given.PERHAPS if narrower or unknown else same


def _same_function(url: Node, named: Node, scene: Scene) -> _Given:
    """Return whether a permission is for what the URL leads to: a function, or one of its aliases."""
    target, qualifier = url.get("Properties", "TargetFunctionArn"), url.get("Properties", "Qualifier")
    here, there = scene.referred(target), scene.referred(named)
    if qualifier.absent:
        if here is not None and here == there:
            return _Given.YES
        if target.value == named.value:
            return _Given.YES
    elif there is not None and scene.resource(there).get("Type").text == "AWS::Lambda::Alias":
        return (
            _Given.YES
            if scene.referred(scene.resource(there).get("Properties", "FunctionName")) == here
            else (_Given.PERHAPS)
        )
    functions = {scene.resource(name).get("Type").text for name in (here, there) if name is not None}
    return _Given.NO if here and there and functions == {"AWS::Lambda::Function"} else _Given.PERHAPS
