"""What a policy is made of, before it is JSON: grants, each with its place and its reason."""

from dataclasses import dataclass
from enum import StrEnum

from builder.template import fill

ANY = "*"
Test = tuple[str, str, tuple[str, ...]]
"""An operator, a condition key, and the values of which one has to match."""


class Verb(StrEnum):
    """A command that somebody runs with the policy."""

    PLAN = "plan"
    EXECUTE = "execute"
    STATUS = "status"
    DRIFT = "drift"
    DRILL = "drill"
    DESTROY = "destroy"
    FLEET_PLAN = "fleet-plan"
    FLEET_EXECUTE = "fleet-execute"
    FLEET_STATUS = "fleet-status"
    FLEET_DESTROY = "fleet-destroy"

    @property
    def is_of_fleet(self) -> bool:
        """Whether it works on a fleet's assembly."""
        return self.startswith("fleet-")


@dataclass(frozen=True, slots=True)
class PolicyScope:
    """Where the assembly is deployed to; left as it is, it names any place, in CloudFormation's own words."""

    partition: str = "${AWS::Partition}"
    account: str = "${AWS::AccountId}"
    suffix: str = "${EnvironmentSuffix}"

    def fill(self, text: str) -> str:
        """Return a computed name with the setting's values in place of CloudFormation's words for them."""
        words = {"AWS::Partition": self.partition, "AWS::AccountId": self.account, "EnvironmentSuffix": self.suffix}
        return fill(text, words)

    def arn(self, service: str, region: str, resource: str) -> str:
        """Return an ARN; S3's have neither region nor account, IAM's no region."""
        account = "" if service == "s3" else self.account
        where = "" if service in {"s3", "iam"} else region
        return f"arn:{self.partition}:{service}:{where}:{account}:{self.fill(resource)}"


@dataclass(frozen=True, slots=True)
class GrantTarget:
    """What an action is allowed on, and under which conditions."""

    name: str
    """A word for people: `Tables`."""
    arns: tuple[str, ...]
    conditions: tuple[Test, ...] = ()


NOWHERE_IN_PARTICULAR = GrantTarget("Anything", (ANY,))


@dataclass(frozen=True, slots=True)
class Grant:
    """One action that is needed somewhere."""

    action: str
    place: GrantTarget
    because: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One action that a resource type's schema lists, and that these templates do not need."""

    action: str
    because: str


@dataclass(frozen=True, slots=True)
class Rights:
    """What is needed, what is left out although AWS lists it, and what a person has to see to."""

    granted: tuple[Grant, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    warnings: tuple[str, ...] = ()
    """What is not as narrow as it should be, or not there, a line each."""

    def __add__(self, other: "Rights") -> "Rights":
        return Rights(
            self.granted + other.granted,
            self.left_out + other.left_out,
            tuple(dict.fromkeys((*self.warnings, *other.warnings))),
        )
