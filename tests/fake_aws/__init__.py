"""A stateful fake AWS for tests: virtual time, small pages, throttling, lost answers, faults on demand. See SPEC.md."""

from fake_aws.cloudformation.records import Finding
from fake_aws.faults import Fault
from fake_aws.organizations.records import Organization
from fake_aws.refusals import BlockedLoop, Deadlock, Killed, Loud, OutOfTime, Unsupported
from fake_aws.virtual_time import run_virtual
from fake_aws.world import World

__all__ = [
    "BlockedLoop",
    "Deadlock",
    "Fault",
    "Finding",
    "Killed",
    "Loud",
    "Organization",
    "OutOfTime",
    "Unsupported",
    "World",
    "run_virtual",
]
