"""AWS::ApiGatewayV2::Api with a Body, as SAM makes it of HttpApi events, and requests to APIs of any account.

The emulator keeps such an API without routes; here its OpenAPI document becomes routes to functions. What is not
imported fails the resource, by its name in the document. A request without credentials reaches the API by its id,
where the emulator looks for it in one account only.
Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigatewayv2-api.html and
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions.html
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from builder.local.adapter.emulator import AccountRegion, acting_in, replace, touch
from builder.local.adapter.handlers import HandlerError, PhysicalResource, Properties

TYPE = "AWS::ApiGatewayV2::Api"

_INTEGRATION = "x-amazon-apigateway-integration"
_ANY = "x-amazon-apigateway-any-method"
_CORS = "x-amazon-apigateway-cors"
_AUTHORIZATION = "x-amazon-apigateway-authtype"
_DEFAULT = "$default"
_METHODS = frozenset({"delete", "get", "head", "options", "patch", "post", "put"})
# On the emulator's own records of routes and integrations: that they are of the Body.
_IMPORTED = "_imported"

Create = Callable[[str, Properties, str], PhysicalResource]


def install(handlers: MutableMapping[str, Any]) -> None:
    """Wrap the emulator's handlers of the type."""
    importer = _Importer(
        handlers["AWS::ApiGatewayV2::Integration"]["create"], handlers["AWS::ApiGatewayV2::Route"]["create"]
    )
    api = handlers[TYPE]
    api.update(create=_make_create(api["create"], importer), update=_make_update(api["update"], importer))
    replace("ministack.app:_handle_execute_api_request", _make_handle)


def _make_handle(handle: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def handle_request(host: str, path: str, *rest: Any, **named: Any) -> object:  # noqa: ANN401  the emulator's own
        parsed = touch("ministack.app:_parse_execute_api_url")(host, path)
        place = _place_of(parsed[0]) if parsed else None
        if place is None:
            return await handle(host, path, *rest, **named)
        with acting_in(place):
            return await handle(host, path, *rest, **named)

    return handle_request


def _place_of(api: str) -> AccountRegion | None:
    """Return where an API is, by its id, which is unique."""
    for store in ("ministack.services.apigateway:_apis", "ministack.services.apigateway_v1:_rest_apis"):
        for (account, region, name), _ in touch(store).all_items():
            if name == api:
                return AccountRegion(account, region)
    return None


@dataclass(frozen=True, slots=True)
class _Route:
    """A route of a Body, its integration, and who may call it."""

    key: str
    integration: Mapping[str, Any]
    authorization: str


@dataclass(frozen=True, slots=True)
class _Importer:
    """Creates the routes of a Body by the handlers of their own types."""

    create_integration: Create
    create_route: Create

    def replace(self, api: str, routes: list[_Route], stack_name: str) -> None:
        """Replace what an earlier Body has made of an API."""
        for store in ("_routes", "_integrations"):
            records = touch(f"ministack.services.apigateway:{store}")[api]
            for name in [name for name, record in records.items() if record.get(_IMPORTED)]:
                del records[name]
        for route in routes:
            self._create(api, route, stack_name)

    def _create(self, api: str, route: _Route, stack_name: str) -> None:
        before = {store: set(_records(store, api)) for store in ("_routes", "_integrations")}
        self.create_integration("", {"ApiId": api, **route.integration}, stack_name)
        (integration,) = set(_records("_integrations", api)) - before["_integrations"]
        properties = {"RouteKey": route.key, "Target": f"integrations/{integration}"}
        self.create_route("", {"ApiId": api, **properties, "AuthorizationType": route.authorization}, stack_name)
        for store, names in before.items():
            for name, record in _records(store, api).items():
                if name not in names:
                    record[_IMPORTED] = True


def _records(store: str, api: str) -> MutableMapping[str, Any]:
    records: MutableMapping[str, Any] = touch(f"ministack.services.apigateway:{store}")[api]
    return records


def _make_create(create: Create, importer: _Importer) -> Create:
    def create_api(logical_id: str, props: Properties, stack_name: str) -> PhysicalResource:
        props, routes = _read(props)
        resource = create(logical_id, props, stack_name)
        importer.replace(resource[0], routes, stack_name)
        return resource

    return create_api


def _make_update(update: Callable[..., PhysicalResource], importer: _Importer) -> Callable[..., PhysicalResource]:
    def update_api(physical_id: str, old: Properties, new: Properties, stack_name: str, *rest: Any) -> PhysicalResource:  # noqa: ANN401  the emulator's own
        props, routes = _read(new)
        resource = update(physical_id, old, props, stack_name, *rest)
        importer.replace(resource[0], routes, stack_name)
        return resource

    return update_api


# -- the document


def _read(props: Properties) -> tuple[Properties, list[_Route]]:
    """Return the properties with what its Body says of the API itself, and the routes. Raises HandlerError."""
    if "BodyS3Location" in props:
        raise _refused("BodyS3Location")
    body = props.get("Body")
    if not isinstance(body, Mapping):
        return props, []
    of_api: dict[str, Any] = {"ProtocolType": "HTTP"}
    if title := (body.get("info") or {}).get("title"):
        of_api["Name"] = title
    if cors := body.get(_CORS):
        # By the names of the API, under which the emulator keeps and reads it.
        of_api["CorsConfiguration"] = cors
    return {**of_api, **props}, list(_routes(body))


def _routes(body: Mapping[str, Any]) -> Iterator[_Route]:
    schemes = (body.get("components") or {}).get("securitySchemes") or {}
    for path, item in (body.get("paths") or {}).items():
        for method, operation in item.items():
            if method != _ANY and method not in _METHODS:
                continue
            key = _DEFAULT if path in {_DEFAULT, f"/{_DEFAULT}"} else f"{_method(method)} {path}"
            security = operation.get("security", body.get("security") or [])
            yield _Route(key, _integration(operation.get(_INTEGRATION) or {}, key), _authorization(security, schemes))


def _method(name: str) -> str:
    return "ANY" if name == _ANY else name.upper()


def _integration(integration: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return the properties of an integration."""
    kind = str(integration.get("type", "")).lower()
    if kind != "aws_proxy" or "integrationSubtype" in integration:
        raise _refused(f"{key}: an integration of type {integration.get('integrationSubtype') or kind or 'none'}")
    return {
        "IntegrationType": "AWS_PROXY",
        "IntegrationUri": integration.get("uri", ""),
        "IntegrationMethod": integration.get("httpMethod", "POST"),
        "PayloadFormatVersion": integration.get("payloadFormatVersion", "2.0"),
        **({"TimeoutInMillis": integration["timeoutInMillis"]} if "timeoutInMillis" in integration else {}),
    }


def _authorization(security: list[Mapping[str, Any]], schemes: Mapping[str, Mapping[str, Any]]) -> str:
    """Return NONE or AWS_IAM, the two that need no authorizer."""
    names = [name for requirement in security for name in requirement if name != "NONE"]
    for name in names:
        if (schemes.get(name) or {}).get(_AUTHORIZATION) != "awsSigv4":
            raise _refused(f"the authorizer {name}")
    return "AWS_IAM" if names else "NONE"


def _refused(what: str) -> HandlerError:
    return HandlerError(f"The embedded AWS does not import {what} of the Body of an HTTP API", service="ApiGatewayV2")
