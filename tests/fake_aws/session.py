"""boto3 sessions whose clients reach a world instead of the network, by botocore's own events.

The two seams beside those events: botocore waits between retries with `time.sleep` in `botocore.endpoint`, and holds a
`threading.Lock` of `botocore.credentials` while it assumes a role. The first is replaced by the clock of the world that
the call is for, the second by a lock that greenlets can wait for; elsewhere both do as ever.
"""

import contextvars
import os
import time
from typing import TYPE_CHECKING, Any

import boto3
import botocore.credentials
import botocore.endpoint
import botocore.loaders
import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.model import OperationModel

from fake_aws.calls import Attempt
from fake_aws.clock import GreenLock
from fake_aws.refusals import Loud, Unsupported
from fake_aws.short_way import ShortWay
from fake_aws.transport import send

if TYPE_CHECKING:
    from collections.abc import Callable

    from fake_aws.world import World


_attempt: contextvars.ContextVar[Attempt | None] = contextvars.ContextVar("attempt", default=None)
_loader = botocore.loaders.create_loader()


class _RetrySleep:
    """Stands where botocore.endpoint has the module `time`, of which it uses `sleep` alone."""

    @staticmethod
    def sleep(seconds: float) -> None:
        attempt = _attempt.get()
        if attempt is None:
            time.sleep(seconds)
        else:
            attempt.world.clock.sleep(seconds)


class _Threading:
    """Stands where botocore.credentials has the module `threading`, of which it uses `Lock` alone."""

    Lock = GreenLock


REGIONS = ("eu-central-1", "eu-north-1", "eu-west-1", "us-east-1", "us-west-1", "us-west-2")
"""The regions of the partition `aws` here, of AWS's thirty: whoever looks in every one makes a client for each."""


def _few_regions(known: "Callable[..., list[str]]") -> "Callable[..., list[str]]":
    def available(service_name: str, partition_name: str = "aws", **more: Any) -> list[str]:
        regions = known(service_name, partition_name=partition_name, **more)
        return [region for region in regions if partition_name != "aws" or region in REGIONS]

    return available


def make_session(world: "World", access_key: str, region: str | None) -> boto3.Session:
    """Return a session that reads no file, profile or endpoint of this machine and reaches the world."""
    core = botocore.session.Session()
    core.set_config_variable("config_file", os.devnull)
    core.set_config_variable("credentials_file", os.devnull)
    core.set_config_variable("profile", None)
    core.set_config_variable("ignore_configured_endpoint_urls", value=True)
    core.register_component("data_loader", _loader)
    core.set_credentials(access_key, "fake-secret")
    reach(core, world)
    return boto3.Session(botocore_session=core, region_name=region)


def reach(core: botocore.session.Session, world: "World") -> None:
    """Make every client that the session makes from now on reach the world."""
    botocore.endpoint.time = _RetrySleep  # type: ignore[attr-defined]  # a seam; the stubs leave it out
    botocore.credentials.threading = _Threading  # type: ignore[attr-defined]  # the other

    def before_call(model: OperationModel, context: dict[str, Any], **_: object) -> None:
        config = context["client_config"]
        if (config.retries or {}).get("mode") == "adaptive":
            raise Unsupported("retry mode `adaptive` waits on a lock that virtual time cannot see; use `standard`")
        # Signing a call may take another one first: assuming the role that it is made by.
        _attempt.set(Attempt(world, model, config, outer=_attempt.get()))

    def before_send(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        attempt = _attempt.get()
        if attempt is None:
            raise Unsupported(f"a request outside of a client call: {request.url}")
        try:
            return send(attempt, request)
        except Loud:
            _attempt.set(None)
            raise

    def after_call(**_: object) -> None:
        attempt = _attempt.get()
        _attempt.set(attempt.outer if attempt else None)

    handlers: dict[str, Callable[..., AWSResponse | None]] = {
        "before-call": before_call,
        "before-send": before_send,
        "after-call": after_call,
        "after-call-error": after_call,
    }

    def creating_class(class_attributes: dict[str, Any], base_classes: list[type], **_: object) -> None:
        class_attributes["_world"] = world
        base_classes.insert(0, ShortWay)

    core.register("creating-client-class.cloudformation", creating_class)  # type: ignore[arg-type]  # it names what it takes
    core.get_available_regions = _few_regions(core.get_available_regions)  # type: ignore[method-assign]
    for event, handler in handlers.items():
        core.register(event, handler)  # type: ignore[arg-type]  # before-send answers; the stubs say None
