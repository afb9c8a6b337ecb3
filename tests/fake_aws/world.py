"""A world of AWS accounts and regions that lives in memory and in time of its own."""

import copy
import random
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

import boto3
import botocore.session

from fake_aws.calls import Call, Identity
from fake_aws.clock import Clock, RealClock, VirtualClock
from fake_aws.cloudformation.control import StackControl
from fake_aws.cloudformation.deployments import WHOLE
from fake_aws.cloudformation.effects import EFFECTS, make_by_hand
from fake_aws.cloudformation.nested import NESTED
from fake_aws.cloudformation.records import CloudFormation
from fake_aws.cloudformation.stack_sets.resource import STACK_SET
from fake_aws.cloudformation.types import STACK_TYPE, Place
from fake_aws.dynamodb.writes import Write, send
from fake_aws.faults import Fault, Faults
from fake_aws.json_value import Json
from fake_aws.refusals import Unsupported
from fake_aws.s3 import store
from fake_aws.s3control.records import BatchOperations
from fake_aws.schedule import Schedule, Where
from fake_aws.script import Script
from fake_aws.session import make_session, reach
from fake_aws.ssm import Parameter, Values
from fake_aws.virtual_time import fresh_clock

if TYPE_CHECKING:
    from fake_aws.cloudwatch import Alarm
    from fake_aws.dynamodb.records import Table
    from fake_aws.functions.records import Function
    from fake_aws.kms.effects import Key
    from fake_aws.organizations.records import Organization
    from fake_aws.s3.records import Bucket
    from fake_aws.sns import Subscription


@dataclass(slots=True)
class Quirks:
    """Behaviour of AWS that nobody could verify, or that differs from day to day; tests prove both ways."""

    repeated_client_token_is_honoured: bool = False
    """CreateChangeSet again, the same in everything, answers the first change set instead of AlreadyExistsException."""
    repeated_request_token_is_honoured: bool = False
    """ExecuteChangeSet and DeleteStack again with the same token answer success instead of an error."""
    review_shows_tags: bool = True
    """DescribeStacks shows the tags of a stack in REVIEW_IN_PROGRESS, though only a change set was given them."""
    repeated_execution_names_the_token: bool = False
    """ExecuteChangeSet again with the same token answers TokenAlreadyExistsException, not InvalidChangeSetStatus."""
    review_shows_change_set_id: bool = True
    """DescribeStacks names the last change set made for a stack in REVIEW_IN_PROGRESS, though nothing was executed."""
    young_replicas_block_deletion: bool = False
    """A table's home region cannot be deleted, by its stack either, while a replica is less than a day old."""
    imports_apply_the_template: bool = False
    """An import makes what it takes over what the template says, at once."""
    imports_of_tables_need_every_region: bool = False
    """The import of a global table fails while a region with a replica is down, as its updates do."""
    late_copies_are_on_top: bool = False
    """What a region gets of objects once it is up again becomes current, though something newer is there."""
    replicas_are_found_early: bool = False
    """Early validation of a new global table finds the replica of one that was made in another region."""
    sibling_outputs_are_unknown: bool = True
    """What a nested stack is given of another's outputs is unknown in its change set, though nothing changes."""
    unchanged_child_rows_name_their_change_set: bool = False
    """A row of a nested stack in which nothing changes, but its own properties, names its failed change set."""
    policy_changes_are_shown: bool = True
    """A change set shows a change of DeletionPolicy or UpdateReplacePolicy; else only what changes beside it."""
    rolled_back_stacks_import_again: bool = False
    """A stack whose first import was rolled back, so that it has nothing, takes another import; else it is deleted."""
    a_physical_id_finds_deleted_stacks: bool = False
    """DescribeStackResources by a physical id finds deleted stacks, too, that left the resource behind."""
    a_physical_id_shows_one_row: bool = False
    """DescribeStackResources by a physical id shows one resource of that id, not all of the stack that has it."""
    failed_creations_are_listed: bool = True
    """ListStackResources shows a resource whose creation failed, by its physical id where it has one."""
    jobs_without_tasks_fail: bool = False
    """A job of S3 Batch Operations that finds no object ends as Failed instead of Complete."""
    replicas_scan_alike: bool = True
    """Scan shows the keys of a table in the same order in every region."""
    no_changes_reason: str | None = None
    """The reason of a change set without changes, where AWS's choice between its two texts is not wanted."""


@dataclass(slots=True)
class Region:
    """What one account has in one region."""

    cloudformation: CloudFormation = field(default_factory=CloudFormation)
    parameters: dict[str, Parameter] = field(default_factory=dict)
    """SSM's, by name."""
    past: deque[tuple[float, "Region"]] = field(default_factory=deque)
    """Earlier states with the time each began, oldest first; kept only while reads may be stale."""

    def as_it_is(self) -> "Region":
        """Return a copy for the past."""
        return Region(copy.deepcopy(self.cloudformation), dict(self.parameters))


@dataclass(frozen=True, slots=True)
class Data:
    """All tables and buckets."""

    tables: "dict[tuple[str, str], Table]"
    local_tables: "dict[tuple[str, str, str], Table]"
    buckets: "dict[str, Bucket]"

    def as_it_is(self) -> "Data":
        """Return a copy for the past: of descriptions; items and objects are those of now."""
        return Data(
            {key: table.described() for key, table in self.tables.items()},
            {key: table.described() for key, table in self.local_tables.items()},
            {name: bucket.described() for name, bucket in self.buckets.items()},
        )


Kept = TypeVar("Kept")


class World:
    """The fake AWS: hand its sessions to the code under test, prime what goes wrong, look at what it did.

    Time is virtual unless `real_time`: see `virtual_time`. A new world begins a new virtual time. `page_size` is how
    many items any paged answer holds.
    """

    EPOCH = datetime(2026, 1, 1, tzinfo=UTC)

    def __init__(  # noqa: PLR0915  there is much in a world
        self, *, seed: int = 0, real_time: bool = False, page_size: int = 2, latency_s: float = 0.05
    ) -> None:
        self.clock: Clock = RealClock() if real_time else fresh_clock()
        self.lock = threading.RLock()
        self.random = random.Random(seed)  # noqa: S311  a world is the same each time
        self.page_size = page_size
        self.latency_s = latency_s
        self.jitter = 0.0
        """By which part of itself the latency is off at most, drawn anew for each message."""
        self.quirks = Quirks()
        self.faults = Faults(random.Random(seed + 1))  # noqa: S311
        self.script = Script()
        self.calls: list[Call] = []
        self.names: set[tuple[str, ...]] = set()
        """Every name that is taken, in the space it must be unique in: see `cloudformation.effects.name_key`."""
        self.unmanaged: dict[tuple[str, ...], dict[str, Json]] = {}
        """What stands without a stack, by such a name: its properties. Made by hand, or left behind by its stack."""
        self.down: set[str] = set()
        """Regions that are down: see `region_down`."""
        self.buckets: dict[str, Bucket] = {}
        self.tables: dict[tuple[str, str], Table] = {}
        """Global tables by account and name."""
        self.local_tables: dict[tuple[str, str, str], Table] = {}
        """Tables of one region, by account, region and name."""
        self.functions: dict[tuple[str, str, str], Function] = {}
        """Lambda functions, by account, region and name."""
        self.keys: dict[tuple[str, str, str], Key] = {}
        """KMS keys, by account, region and id."""
        self.aliases: dict[tuple[str, str, str], str] = {}
        """Ids of the keys that aliases name, by account, region and name of the alias."""
        self.alarms: dict[tuple[str, str, str], Alarm] = {}
        """Metric alarms, by account, region and name."""
        self.subscriptions: dict[str, Subscription] = {}
        """Who is told by topics, by the subscription's ARN."""
        self.replication_s = 1.0
        """How long an object, or an item, takes to its replica."""
        self.held_writes: list[Write] = []
        """Of items, on their way from or to a region that is down."""
        self.held_copies: list[store.Copy] = []
        """Of objects, in the same way."""
        self.replica_change_s, self.backfill_s, self.expiry_change_s = 30.0, 60.0, 3600.0
        """How long DynamoDB takes to add or delete a table's replica, to fill a new index in the table's home region,
        elsewhere half as long again, and to process a change of a time to live."""
        self.undeletable_objects: set[tuple[str, str]] = set()
        """Bucket and key of objects that DeleteObjects reports as AccessDenied, in the words that come next."""
        self.undeletable_because = "Access Denied"
        self.batch = BatchOperations()
        self.busy_objects: dict[tuple[str, str], int] = {}
        """By bucket and key, how often DeleteObjects is still too busy for an object."""
        self.forbidden_roles: set[str] = set()
        """Role ARNs that may not be assumed."""
        self.organization: Organization | None = None
        """The AWS organization that some of the accounts form; none unless a test founds one."""
        self.effects = EFFECTS | {
            "AWS::CloudFormation::StackSet": STACK_SET,
            STACK_TYPE: NESTED,
        }
        self.stack_sets_need_roles = False
        """Whether self-managed StackSets find only roles that some stack made; else every role is there."""
        self.schedule = Schedule()
        self.schedule.after_step = self._remember
        self._began = self.clock.time()
        self._data_past: deque[tuple[float, Data]] = deque()
        """Tables and buckets as they were, kept as a region's past is."""
        self._regions: dict[tuple[str, str], Region] = {}
        self._identities: dict[str, Identity] = {}

    # -- for tests ------------------------------------------------------------------------------------------------

    def session(self, account: str = "111122223333", region: str | None = None) -> boto3.Session:
        """Return a boto3 session of the account's administrator; every client of it reaches this world."""
        identity = Identity(account, f"arn:aws:iam::{account}:user/test", f"AKIA{account}")
        self._identities[identity.access_key] = identity
        return make_session(self, identity.access_key, region)

    def reach(self, session: botocore.session.Session) -> None:
        """Make a botocore session that the code under test made by itself reach this world too."""
        reach(session, self)

    def stack(self, name: str, *, account: str = "111122223333", region: str = "us-east-1") -> StackControl:
        """Return a handle to look at a stack, or to put it into any state, without an AWS call."""
        return StackControl(self, account, region, name)

    def by_hand(
        self,
        resource_type: str,
        properties: dict[str, Json],
        *,
        account: str = "111122223333",
        region: str = "us-east-1",
    ) -> str:
        """Make a named resource that belongs to no stack, and return its physical id."""
        with self.changing():
            return make_by_hand(self, Place(account, region, ""), resource_type, properties)

    @property
    def ssm_values(self) -> Values:
        """Values of SSM parameters, by account, region and name; a test's hand may change them."""
        return Values(self)

    def pass_time(self, seconds: float) -> None:
        """Let virtual time pass outside of a loop."""
        if not isinstance(self.clock, VirtualClock):
            raise Unsupported("pass_time moves virtual time only")
        self.clock.advance(seconds)
        self.catch_up()

    def region_down(self, region: str) -> None:
        """Let a region answer nothing; with us-east-1 also go IAM's and part of S3's control planes of all regions."""
        self.down.add(region)
        self.faults.add(Fault.HANG, region=region)

    def region_up(self, region: str) -> None:
        """End what `region_down` began."""
        self.down.discard(region)
        for rule in [each for each in self.faults.rules if each.fault is Fault.HANG and each.region == region]:
            self.faults.remove(rule)
        writes, self.held_writes = self.held_writes, []
        copies, self.held_copies = self.held_copies, []
        for write in writes:
            send(self, write)
        for each in copies:
            store.send(self, each, late=not self.quirks.late_copies_are_on_top)

    def settle(self) -> None:
        """Let virtual time pass until nothing is under way in AWS."""
        self.catch_up()
        while (due := self.schedule.next_due()) is not None:
            self.pass_time(due - self.now)
            self.schedule.catch_up(due)  # whatever the rounding of the sum

    def copied(self) -> "World":
        """Return another world that is as this one is now, in a new virtual time. Sessions stay with this one."""
        if self.schedule.next_due() is not None or not isinstance(self.clock, VirtualClock):
            raise Unsupported("only a world at rest, in virtual time, can be copied")
        clock, schedule = fresh_clock(), Schedule()
        clock.advance(self.clock.time() - clock.time())
        schedule.now = self.schedule.now
        # What a process, a lock or a time hangs on is made anew.
        made = copy.deepcopy(
            self, {id(self.clock): clock, id(self.lock): threading.RLock(), id(self.schedule): schedule, WHOLE: True}
        )
        schedule.after_step = made._remember
        return made

    # -- for the fake's own parts ---------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        """Seconds since the world began."""
        return self.clock.time() - self._began

    def one_way_s(self) -> float:
        """Return how long the next message takes, there or back."""
        off = self.random.uniform(-self.jitter, self.jitter) if self.jitter else 0.0
        return self.latency_s / 2 * (1 + off)

    def datetime(self) -> datetime:
        """Return the world's moment as AWS writes it; the moment of the step under way while the world catches up."""
        return self.EPOCH + timedelta(seconds=self.schedule.now)

    def catch_up(self) -> None:
        """Let everything happen that is due by now."""
        with self.lock:
            self.schedule.catch_up(self.now)

    def region(self, account: str, region: str) -> Region:
        """Return what the account has in the region."""
        return self._regions.setdefault((account, region), Region())

    def places(self) -> tuple[Region, ...]:
        """Return what all accounts have in all regions."""
        return tuple(self._regions.values())

    def wheres(self) -> tuple[Where, ...]:
        """Return the accounts and regions in which anything is, or was looked for."""
        return tuple(self._regions)

    def identity(self, access_key: str) -> Identity:
        """Return who signs with this key; any 12-digit key is an account's administrator."""
        if access_key not in self._identities and access_key.isdigit() and len(access_key) == 12:
            return Identity(access_key, f"arn:aws:iam::{access_key}:user/test", access_key)
        if access_key not in self._identities:
            raise Unsupported(f"the fake never handed out the access key {access_key}")
        return self._identities[access_key]

    def remember_identity(self, identity: Identity) -> None:
        """Let the keys of an assumed role sign calls."""
        self._identities[identity.access_key] = identity

    def filled_buckets(self) -> frozenset[str]:
        """Return the buckets that hold anything, versions and delete markers included."""
        return frozenset(name for name, bucket in self.buckets.items() if bucket.versions)

    def new_uuid(self) -> str:
        """Return a uuid that depends on the seed only."""
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def start(self, process: Callable[[], Iterator[float]], where: Where | None = None) -> None:
        """Begin something that takes time, and say whose CloudFormation it changes, if any."""
        self.schedule.start(_as_process(process), where)

    def stale_region(self, call: Call) -> Region:
        """Return what a read finds that is up to `faults.max_age_s` behind."""
        region = self.region(call.account, call.region)
        then = self.schedule.now - self.faults.random.uniform(0, self.faults.max_age_s)
        older = [state for began, state in region.past if began <= then]
        return older[-1] if older else region

    @contextmanager
    def changing(self, where: Where | None = None) -> Iterator[None]:
        """Hold the world still for one change, anywhere if not said where, and keep its past if reads may be stale."""
        with self.lock:
            self.schedule.catch_up(self.now)
            yield
            for each in list(self._regions) if where is None else [where]:
                self._remember(each)

    @contextmanager
    def seen_late(self) -> Iterator[None]:
        """Have descriptions of tables and buckets up to `faults.max_age_s` behind, for one read."""
        then = self.schedule.now - self.faults.random.uniform(0, self.faults.max_age_s)
        older = [data for began, data in self._data_past if began <= then]
        now = Data(self.tables, self.local_tables, self.buckets)
        seen = older[-1] if older else now
        self.tables, self.local_tables, self.buckets = seen.tables, seen.local_tables, seen.buckets
        try:
            yield
        finally:
            self.tables, self.local_tables, self.buckets = now.tables, now.local_tables, now.buckets

    def _remember(self, where: Where | None) -> None:
        if not self.faults.stale_reads():
            return
        if where is not None:
            region = self.region(*where)
            self._keep(region.past, region.as_it_is())
        if self.faults.stale_data():
            self._keep(self._data_past, Data(self.tables, self.local_tables, self.buckets).as_it_is())

    def _keep(self, past: deque[tuple[float, Kept]], state: Kept) -> None:
        now = self.schedule.now
        past.append((now, state))
        while len(past) > 1 and past[1][0] < now - self.faults.max_age_s:
            past.popleft()


def _as_process(process: Callable[[], Iterator[float]]) -> Json:
    yield from process()
