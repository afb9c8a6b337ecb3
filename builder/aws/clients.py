"""The one place where clients are made: credentials, retries, time-outs and pools are decided here.

First how often to poll an operation: the clients' `Tempo`, which is AWS's or an emulator's.
"""

import asyncio
import copy
import functools
import os
import re
import threading
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.awsrequest import AWSPreparedRequest
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, Credentials, DeferredRefreshableCredentials

from builder import __version__
from builder.aws.call import PATIENCE_S, R, aws_errors, call, heed_answers, no_credentials, put_gate
from builder.errors import BadInput
from builder.terms import AccountId, Arn, Region, Site, StackPlace

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_fis import FISClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_organizations import OrganizationsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_sts import STSClient


_MISSES = 3
"""The number of early reads without an end after which an AWS no longer counts as quick."""


@dataclass(frozen=True, slots=True)
class Pace:
    """When to read something again that began a while ago; all in seconds.

    Botocore's waiters read every 30 seconds, and count UPDATE_ROLLBACK_COMPLETE as a created stack.
    """

    first_s: float
    """The time before which nothing ends."""
    every_s: float
    """The shortest time between two reads."""
    fraction: float = 0.04
    """The part of the time since the beginning that may pass until the next read."""
    longest_s: float = 15.0

    def wait_s(self, passed_s: float) -> float:
        """Return how long to wait before the next read, `passed_s` after the beginning."""
        if passed_s < self.first_s:
            return self.first_s - passed_s
        return min(self.longest_s, max(self.every_s, self.fraction * passed_s))


@dataclass(slots=True)
class Rhythm:
    """When to read one kind of operation: at AWS's pace, unless one early read shows that here they end at once.

    The early read is for an emulator of AWS; if it shows that nothing has ended, no other early read follows.
    """

    usual: Pace
    early_s: float = 0.25
    slower: "Rhythm | None" = None
    """The rhythm of slower operations: where this kind is not quick, those are not read early."""
    _is_quick: bool = False
    _misses_left: int = 1
    _is_tried: bool = False
    """Whether the one early read was made."""

    @property
    def pace(self) -> Pace:
        """The pace as far as it is known."""
        if self._is_quick:
            return Pace(self.early_s, self.usual.every_s, self.usual.fraction, self.usual.longest_s)
        return self.usual

    def wait_s(self, passed_s: float) -> float:
        """Return how long to wait before the next read, `passed_s` after the beginning, unless it is early."""
        return self.pace.wait_s(passed_s)

    def due_s(self, read_s: float, *, early: bool = False) -> float:
        """Return the age at which to read something that was `read_s` old at its last read; below 0 for none yet.

        `early` requests a read before it is known how quick AWS is.
        """
        if read_s < 0 and early and self._misses_left:
            return min(self.early_s, self.usual.first_s)
        return max(read_s, 0.0) + self.wait_s(max(read_s, 0.0))

    def learn(self, age_s: float, *, ended: bool) -> None:
        """Learn from a read of something of that age whether it had ended."""
        if age_s >= self.usual.first_s:
            return
        self._is_tried = True
        self._misses_left = _MISSES if ended else max(0, self._misses_left - 1)
        self._is_quick = self._misses_left > 0 and (ended or self._is_quick)
        if self.slower and not self._misses_left:
            self.slower._misses_left = 0  # noqa: SLF001 - of its own class

    async def until(self, read: Callable[[], Awaitable[R | None]]) -> R:
        """Read something that has just begun until a read returns its result; return that."""
        loop = asyncio.get_running_loop()
        since, read_s = loop.time(), -1.0
        early, self._is_tried = not self._is_tried, True
        while True:
            await self._until_due(since, read_s, early=early)
            asked_s = loop.time() - since
            result = await read()
            self.learn(asked_s, ended=result is not None)
            if result is not None:
                return result
            read_s = loop.time() - since

    # Event loops share what is learnt, so it is polled and not signalled.
    async def _until_due(self, since: float, read_s: float, *, early: bool) -> None:
        """Sleep until the next read; before the first, poll whether another's early read has shown an end."""
        loop = asyncio.get_running_loop()
        while (left_s := since + self.due_s(read_s, early=early) - loop.time()) > 0:  # noqa: ASYNC110 - see above
            await asyncio.sleep(min(left_s, self.early_s) if read_s < 0 else left_s)


@dataclass(slots=True)
class Tempo:
    """How quickly CloudFormation works: on AWS, or on an emulator."""

    change_sets: Rhythm
    stacks: Rhythm

    @classmethod
    def usual(cls) -> "Tempo":
        """Return the tempo of AWS."""
        stacks = Rhythm(Pace(first_s=4.0, every_s=0.45))
        return cls(Rhythm(Pace(first_s=2.0, every_s=0.3), slower=stacks), stacks)

    @classmethod
    def quick(cls) -> "Tempo":
        """Return the tempo of an AWS that needs no time: the embedded one."""
        return cls(Rhythm(Pace(first_s=0.0, every_s=0.1)), Rhythm(Pace(first_s=0.0, every_s=0.1)))


@dataclass(frozen=True, slots=True)
class StackSighting:
    """A stack as it was last read, or as AWS confirmed it: a read that shows an older state lags behind."""

    arn: Arn
    status: str
    last_change: str
    """ISO time of its creation or last update; empty if only its creation was confirmed."""
    protected: bool | None = None
    """Whether it is protected from deletion; None if that is unknown."""
    policy: str | None = None
    """The stack policy that AWS confirmed to have set; None if it did not."""


@dataclass(slots=True)
class Memory:
    """The last read of each stack, and the change sets that this process deleted."""

    stacks: dict[StackPlace, StackSighting] = field(default_factory=dict)
    deleted_change_sets: set[Arn] = field(default_factory=set)
    parameters: dict[tuple[Site, str], str | None] = field(default_factory=dict)
    """The SSM parameters that AWS confirmed to have set, by their names; None for one that this process deleted."""


Core = Callable[[], botocore.session.Session]
_SESSION_NAME = "two-region-dr"


def assume(source: boto3.Session, role_arn: str, region: Region, make_core: Core, config: Config) -> boto3.Session:
    """Return a session of the role. The region's STS assumes it at the first call, and again before it expires.

    Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
    """
    core = make_core()
    # Read once for all accounts: the models and endpoints of a few services take megabytes and a tenth of a second.
    core.register_component("data_loader", source._session.get_component("data_loader"))  # noqa: SLF001 - boto3 shows it nowhere else
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=functools.partial(source.client, region_name=region, config=config),
        source_credentials=source.get_credentials(),
        role_arn=role_arn,
        extra_args={"RoleSessionName": _SESSION_NAME},
    )
    # botocore takes refreshable credentials only from its own resolvers, which put them here.
    core._credentials = DeferredRefreshableCredentials(  # type: ignore[attr-defined]  # noqa: SLF001
        method="assume-role", refresh_using=fetcher.fetch_credentials
    )
    return boto3.Session(botocore_session=core)


# Standard mode backs off with jitter on 5xx and lost connections, and repeats the request as it was; throttling is
# the gate's. Pools are wide enough for all that a gate lets through.
_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 10},
    connect_timeout=5,
    read_timeout=60,
    max_pool_connections=32,
    user_agent_extra=f"two-region-dr/{__version__}",
)
# For reads of regions that may be down: two attempts and the pause between them end within 4.5 s.
_HURRIED = _CONFIG.merge(
    Config(retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=1, read_timeout=1.75)
)
# A call that is refused for its rate is answered, so it may be repeated for longer.
_HURRIED_S = 30.0
ENDPOINT_FORM = "AWS_ENDPOINT_URL=http://127.0.0.1:4566    has a scheme, a host and a port"
OnRequest = Callable[[str], None]


class Clients:
    """Every client of one identity, by service and region, made once and shared by all threads."""

    def __init__(  # noqa: PLR0913 - all but the session have a value that is right nearly everywhere
        self,
        session: boto3.Session,
        roles: Mapping[AccountId, str] | None = None,
        make_core: Core = botocore.session.Session,
        on_request: OnRequest | None = None,
        tempo: Tempo | None = None,
        *,
        config: Config = _CONFIG,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._session = session
        self._config = config
        self._patience_s = patience_s
        self._on_request = on_request
        heed_answers(session._session)  # noqa: SLF001 - boto3 shows it nowhere else
        if on_request is not None:
            session.events.register("before-send", functools.partial(_report, on_request))
        self.tempo = tempo or Tempo.usual()
        self.memory = Memory()
        self._roles = roles or {}
        self._make_core = make_core
        self._made: dict[tuple[str, Region], Any] = {}
        self._others: dict[AccountId, Clients] = {}
        # Making a client is not thread-safe, using one is.
        self._lock = threading.Lock()

    @classmethod
    def of_profile(
        cls,
        profile: str | None,
        roles: Mapping[AccountId, str] | None = None,
        on_request: OnRequest | None = None,
        tempo: Tempo | None = None,
    ) -> "Clients":
        """Return the clients of a profile, or of boto3's own search for credentials. Raises BadInput if it finds none.

        `roles` are the ARNs of those to assume in other accounts; `on_request` is called for every request, with a
        line. `tempo` is an emulator's, if the caller knows that it is no AWS.
        """
        where = f"profile {profile}" if profile else "credentials"
        with aws_errors(where):
            _check_endpoints(os.environ)
            clients = cls(boto3.Session(profile_name=profile), roles=roles, on_request=on_request, tempo=tempo)
            if clients.credentials() is None:
                raise no_credentials(where)
            return clients

    def reaching(self, roles: Mapping[AccountId, str]) -> "Clients":
        """Return these clients, which also reach these accounts by these roles."""
        others = copy.copy(self)
        others._roles, others._others = {**self._roles, **roles}, {}  # noqa: SLF001 - of its own class
        return others

    def of(self, site: Site) -> "Clients":
        """Return the clients for a site: with the role of its account, if one is named, else these.

        The STS of the first site assumes the role.
        """
        account = site.account
        if account is None or account not in self._roles:
            return self
        with self._lock:
            if account not in self._others:
                session = assume(self._session, self._roles[account], site.region, self._make_core, self._config)
                self._others[account] = Clients(
                    session,
                    on_request=self._on_request,
                    tempo=self.tempo,
                    config=self._config,
                    patience_s=self._patience_s,
                )
            return self._others[account]

    def reaches(self, account: AccountId) -> bool:
        """Return whether there is a role for an account."""
        return account in self._roles

    def hurried(self) -> "Clients":
        """Return clients of the same identity that stop waiting for a silent region after 4.5 s."""
        hurried = Clients(
            self._session, self._roles, self._make_core, tempo=self.tempo, config=_HURRIED, patience_s=_HURRIED_S
        )
        hurried.memory = self.memory
        return hurried

    def credentials(self) -> Credentials | None:
        """Return the credentials that sign requests to function URLs; no call."""
        return self._session.get_credentials()

    def regions(self) -> tuple[Region, ...]:
        """Return every region of CloudFormation in the partition of the credentials' own region; no call."""
        home = self._session.region_name or "us-east-1"
        partition = self._session.get_partition_for_region(home)
        return tuple(
            Region(name) for name in self._session.get_available_regions("cloudformation", partition_name=partition)
        )

    def cloudformation(self, region: Region) -> "CloudFormationClient":
        """Return CloudFormation of a region."""
        return cast("CloudFormationClient", self._client("cloudformation", region))

    def cloudwatch(self, region: Region) -> "CloudWatchClient":
        """Return CloudWatch of a region."""
        return cast("CloudWatchClient", self._client("cloudwatch", region))

    def dynamodb(self, region: Region) -> "DynamoDBClient":
        """Return DynamoDB of a region."""
        return cast("DynamoDBClient", self._client("dynamodb", region))

    def organizations(self, region: Region) -> "OrganizationsClient":
        """Return Organizations; in any region, its partition has one endpoint (us-east-1's in `aws`)."""
        return cast("OrganizationsClient", self._client("organizations", region))

    def fis(self, region: Region) -> "FISClient":
        """Return Fault Injection Service of a region."""
        return cast("FISClient", self._client("fis", region))

    def iam(self, region: Region) -> "IAMClient":
        """Return IAM; in any region, its partition has one endpoint (us-east-1's in `aws`)."""
        return cast("IAMClient", self._client("iam", region))

    def functions(self, region: Region) -> "LambdaClient":
        """Return Lambda of a region."""
        return cast("LambdaClient", self._client("lambda", region))

    def ssm(self, region: Region) -> "SSMClient":
        """Return Systems Manager of a region."""
        return cast("SSMClient", self._client("ssm", region))

    def s3(self, region: Region) -> "S3Client":
        """Return S3 of a region."""
        return cast("S3Client", self._client("s3", region))

    def sts(self, region: Region) -> "STSClient":
        """Return STS of a region: the regional endpoint, since the global one is in us-east-1."""
        return cast("STSClient", self._client("sts", region))

    def service(self, name: str, region: Region) -> Any:  # noqa: ANN401 - which one it is, a table says at run time
        """Return a service of a region by its name in data."""
        return self._client(name, region)

    def _client(self, service: str, region: Region) -> Any:  # noqa: ANN401 - the methods above name its type
        with self._lock:
            if (service, region) not in self._made:
                self._made[service, region] = client = self._make(service, region)
                put_gate(client, self._patience_s)
            return self._made[service, region]

    def _make(self, service: str, region: Region) -> Any:  # noqa: ANN401 - as above
        where = f"{region}: {service}"
        # The service's name is known only at run time, which the stubs' overloads cannot follow.
        make: Any = self._session.client
        try:
            with aws_errors(where):
                client = make(service, region_name=region, config=self._config)
        except ValueError as error:  # the endpoint is no URL; a profile may name one too
            raise BadInput(where=where, what=str(error), next_step=ENDPOINT_FORM) from error
        client.meta.events.register("before-call.s3-control", _keep_address)
        return client


_ACCOUNT_AT_LOOPBACK = re.compile(r"(https?://)\d{12}\.((?:localhost|[\d.]+)(?::\d+)?/)")


def _keep_address(params: MutableMapping[str, Any], **_: object) -> None:
    """Remove the account that S3 Control's clients put before the host: a loopback address does not resolve with it.

    A header has it too: https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_DescribeJob.html
    """
    params["url"] = _ACCOUNT_AT_LOOPBACK.sub(r"\1\2", params["url"])


def _report(on_request: OnRequest, request: AWSPreparedRequest, event_name: str, **_: object) -> None:
    """Report the operation and the host; not the request itself, which may be secret."""
    on_request(f"{event_name.removeprefix('before-send.')} at {urlsplit(request.url).netloc}")


def _check_endpoints(environment: Mapping[str, str]) -> None:
    """Raise BadInput unless requests can be sent to every endpoint that the environment names."""
    for name, value in environment.items():
        if name.startswith("AWS_ENDPOINT_URL") and value and not _is_endpoint(value):
            raise BadInput(where=name, what=f"'{value}' is not a URL of an endpoint", next_step=ENDPOINT_FORM)


def _is_endpoint(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # an invalid port, an unclosed bracket
        return False


class CallerIdentity(NamedTuple):
    """The caller: its account, and the ARN of the user or of the role's session."""

    account: AccountId
    arn: Arn


async def observe_caller(clients: Clients, region: Region) -> CallerIdentity:
    """Return the caller of these credentials, from the region's own STS."""
    answer = await call(f"{region}: credentials", clients.sts(region).get_caller_identity)
    return CallerIdentity(AccountId(answer["Account"]), Arn(answer["Arn"]))


async def observe_account(clients: Clients, region: Region) -> AccountId:
    """Return the account of the credentials, from the region's own STS."""
    return (await observe_caller(clients, region)).account
