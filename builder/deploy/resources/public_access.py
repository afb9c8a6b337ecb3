"""What a resource opens to the world, from its properties alone; pure.

A reviewer has to see it before the resource exists: a URL without authentication, a policy for everybody, a port open
to the whole internet. Only what the properties state counts; values known only after the execution
(`{{changeSet:KNOWN_AFTER_APPLY}}`, a function that cannot be resolved here) do not.
"""

import ipaddress
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from builder.deploy.resources.holder import Properties
from builder.template import as_list

_EVERYBODY = "*"
# Keys for the caller's account, in lower case; a condition takes keys in any case.
# https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
_CALLERS = frozenset({"aws:principalaccount", "kms:calleraccount"})
_OPEN_LISTS = frozenset({"PublicRead", "PublicReadWrite", "AuthenticatedRead"})


def public_access(type_name: str, properties: Properties | None) -> tuple[str, ...]:
    """Return what the resource opens to the world, a sentence each without its full stop; no sentence twice."""
    if not properties:
        return ()
    sentences = [*_BY_TYPE.get(type_name, _nothing)(properties), *_by_name(properties), *_policies(properties)]
    return tuple(dict.fromkeys(sentences))


def define(properties: Properties | None) -> str:
    """Return a resource's properties as people read them in a review: JSON in one line; empty where there are none."""
    return json.dumps(properties, default=str, separators=(",", ":")) if properties else ""


def newly_public(type_name: str, before: Properties | None, after: Properties | None) -> tuple[str, ...]:
    """Return what a change opens that was not open before."""
    known = frozenset(public_access(type_name, before))
    return tuple(sentence for sentence in public_access(type_name, after) if sentence not in known)


def _nothing(_: Properties) -> Iterator[str]:
    yield from ()


def _function_url(properties: Properties) -> Iterator[str]:
    if _may_be(properties.get("AuthType"), "NONE"):
        yield "anyone on the internet may call this URL: its AuthType is NONE"


def _permission(properties: Properties) -> Iterator[str]:
    narrowed = any(properties.get(name) for name in ("SourceAccount", "SourceArn", "PrincipalOrgID"))
    if _may_be(properties.get("Principal"), _EVERYBODY) and not narrowed:
        signed = _may_be(properties.get("FunctionUrlAuthType"), "AWS_IAM")
        who = "anybody with an AWS account" if signed else "anybody"
        via = " through the function's URL" if _is_true(properties.get("InvokedViaFunctionUrl")) else ""
        yield f"{who} may do {_named(properties.get('Action'))}{via}: its Principal is *"


def _security_group(properties: Properties) -> Iterator[str]:
    for rule in as_list(properties.get("SecurityGroupIngress")):
        if isinstance(rule, Mapping):
            yield from _ingress(rule)


def _ingress(rule: Properties) -> Iterator[str]:
    for name in ("CidrIp", "CidrIpv6"):
        for cidr in _alternatives(rule.get(name)):
            if _is_everywhere(cidr):
                yield f"the whole internet ({cidr}) reaches {_ports(rule)}"


def _is_everywhere(cidr: object) -> bool:
    try:
        return ipaddress.ip_network(str(cidr), strict=False).prefixlen == 0
    except ValueError:
        return False


def _ports(rule: Properties) -> str:
    protocol, first, last = (rule.get(name) for name in ("IpProtocol", "FromPort", "ToPort"))
    if str(protocol) == "-1":
        return "every port"
    if first is None:
        return f"protocol {_named(protocol)}"
    return f"port {_named(first)}{'' if str(first) == str(last) else f'-{_named(last)}'} by {_named(protocol)}"


def _bucket(properties: Properties) -> Iterator[str]:
    blocks = properties.get("PublicAccessBlockConfiguration")
    for name, value in blocks.items() if isinstance(blocks, Mapping) else ():
        if _is_false(value):
            yield f"{name} is switched off: the bucket may be opened to the public"
    for acl in _alternatives(properties.get("AccessControl")):
        if str(acl) in _OPEN_LISTS:
            yield f"its access control list is {acl}"


def _load_balancer(properties: Properties) -> Iterator[str]:
    if not _may_be(properties.get("Scheme"), "internal"):
        yield "it faces the internet"


def _rest_method(properties: Properties) -> Iterator[str]:
    if _may_be(properties.get("AuthorizationType", "NONE"), "NONE") and not _is_true(properties.get("ApiKeyRequired")):
        yield f"anyone may call {_named(properties.get('HttpMethod'))}: its AuthorizationType is NONE"


def _http_route(properties: Properties) -> Iterator[str]:
    if _may_be(properties.get("AuthorizationType", "NONE"), "NONE"):
        yield f"anyone may call {_named(properties.get('RouteKey'))}: its AuthorizationType is NONE"


def _cluster_endpoint(properties: Properties) -> Iterator[str]:
    config = properties.get("ResourcesVpcConfig")
    config = config if isinstance(config, Mapping) else {}
    cidrs = as_list(config.get("PublicAccessCidrs")) or ["0.0.0.0/0"]
    if not _is_false(config.get("EndpointPublicAccess")) and any(_is_everywhere(cidr) for cidr in cidrs):
        yield "the whole internet reaches the cluster's endpoint"


def _public_repository(_: Properties) -> Iterator[str]:
    yield "anyone may pull from this repository"


_BY_TYPE: Mapping[str, Callable[[Properties], Iterator[str]]] = {
    "AWS::ApiGateway::Method": _rest_method,
    "AWS::ApiGatewayV2::Route": _http_route,
    "AWS::EC2::SecurityGroup": _security_group,
    "AWS::EC2::SecurityGroupIngress": _ingress,
    "AWS::ECR::PublicRepository": _public_repository,
    "AWS::EKS::Cluster": _cluster_endpoint,
    "AWS::ElasticLoadBalancing::LoadBalancer": _load_balancer,
    "AWS::ElasticLoadBalancingV2::LoadBalancer": _load_balancer,
    "AWS::Lambda::Permission": _permission,
    "AWS::Lambda::Url": _function_url,
    "AWS::S3::Bucket": _bucket,
}
# Properties that open a resource of any type.
_PUBLIC_NAMES = {
    "PubliclyAccessible": "the internet reaches it: PubliclyAccessible is true",
    "AssociatePublicIpAddress": "it gets a public address: AssociatePublicIpAddress is true",
    "MapPublicIpOnLaunch": "what starts in it gets a public address: MapPublicIpOnLaunch is true",
}


def _by_name(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if name in _PUBLIC_NAMES and _is_true(inner):
                yield _PUBLIC_NAMES[name]
            yield from _by_name(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _by_name(inner)


def _policies(value: object) -> Iterator[str]:
    """Yield what each policy anywhere in a value allows everybody to do; a policy may also be a text."""
    match value:
        case Mapping() if "Statement" in value:
            for statement in as_list(value["Statement"]):
                if isinstance(statement, Mapping):
                    yield from _statement(statement)
        case Mapping():
            for inner in value.values():
                yield from _policies(inner)
        case list() | tuple():
            for inner in value:
                yield from _policies(inner)
        case str() if '"Statement"' in value:
            try:
                parsed = json.loads(value)
            except (ValueError, RecursionError):
                return
            yield from _policies(parsed)


def _statement(statement: Properties) -> Iterator[str]:
    if statement.get("Effect", "Allow") != "Allow":
        return
    actions = _named(statement.get("Action", statement.get("NotAction")))
    if "NotAction" in statement:
        actions = f"all but {actions}"
    if "NotPrincipal" in statement:
        yield f"everybody but {_named(statement['NotPrincipal'])} may do {actions}"
    elif _names_everybody(statement.get("Principal")) and not _names_account(statement.get("Condition")):
        keys = _conditions(statement.get("Condition"))
        where = f" where a condition on {keys} holds" if keys else ""
        yield f"anybody may do {actions}{where}: a statement's Principal is *"


def _names_everybody(principal: object) -> bool:
    match principal:
        case Mapping() if "AWS" in principal:
            return any(_may_be(name, _EVERYBODY) for name in as_list(principal["AWS"]))
        case Mapping() if "Fn::If" in principal:
            return any(_names_everybody(inner) for inner in as_list(principal["Fn::If"])[1:])
        case _:
            return any(_may_be(inner, _EVERYBODY) for inner in as_list(principal))


def _names_account(condition: object) -> bool:
    """Return whether a condition admits only callers of named accounts."""
    equals = condition.get("StringEquals") if isinstance(condition, Mapping) else None
    callers = [
        as_list(value)
        for key, value in (equals.items() if isinstance(equals, Mapping) else ())
        if str(key).lower() in _CALLERS
    ]
    return any(values and all(map(_is_account, values)) for values in callers)


def _is_account(value: object) -> bool:
    return value == {"Ref": "AWS::AccountId"} or (
        isinstance(value, str) and re.fullmatch("[0-9]{12}", value) is not None
    )


def _conditions(condition: object) -> str:
    """Return the keys that a condition tests; empty where there is none."""
    tests = condition.values() if isinstance(condition, Mapping) else ()
    return ", ".join(sorted({str(key) for test in tests if isinstance(test, Mapping) for key in test}))


def _alternatives(value: object) -> Iterator[object]:
    """Yield the possible values of a property: both alternatives of an Fn::If."""
    if isinstance(value, Mapping) and isinstance(value.get("Fn::If"), Sequence):
        for inner in value["Fn::If"][1:]:
            yield from _alternatives(inner)
    else:
        yield value


def _may_be(value: object, expected: str) -> bool:
    return any(inner == expected for inner in _alternatives(value))


def _is_true(value: object) -> bool:
    return any(str(inner).lower() == "true" for inner in _alternatives(value))


def _is_false(value: object) -> bool:
    return any(str(inner).lower() == "false" for inner in _alternatives(value))


def _named(value: object) -> str:
    values = as_list(value)
    return ", ".join(name if isinstance(name, str) else json.dumps(name, default=str) for name in values) or "something"
