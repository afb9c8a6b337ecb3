"""AWS's limits on the names made for an environment, checked before anything is made with them."""

from builder.config import Config, Wanted
from builder.errors import BadInput, gathered
from builder.terms import Region
from builder.topology.names import SUFFIX, bucket_name

# Of all names the bucket's is the longest and has the tightest limit: where it fits, the others do.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_BUCKET_CHARACTERS = 63
# But those that dr.yaml gives to a fleet's roles.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
_ROLE_CHARACTERS = 64


def check_names(wanted: Wanted, said: str | None = None) -> None:
    """Check the names of every environment in dr.yaml, and of the one that was said outside of it.

    Raises BadInput, or Several of them, one for each environment whose names would be too long.
    """
    config = wanted.config
    suffixes = {name: wanted.lines.where(("environments", name)) for name in config.environments}
    suffixes |= {config.environment: wanted.lines.where(("environment",))}
    if said and said not in suffixes:
        suffixes[said] = f"environment '{said}'"
    longest = max(config.regions.all, key=len)
    roles = _role_names(config)
    faults = [
        (where, what)
        for suffix, where in suffixes.items()
        for what in (_too_long(config.project, suffix, longest), *(_long_role(role, suffix) for role in roles))
    ]
    if errors := [BadInput(where=where, what=what) for where, what in faults if what]:
        raise gathered(errors)


def _role_names(config: Config) -> tuple[str, ...]:
    roles = (config.fleet.administration_role, config.fleet.execution_role) if config.fleet else ()
    return tuple(role for role in roles if role)


def _long_role(role: str, suffix: str) -> str | None:
    name = role.replace(SUFFIX, suffix)
    if len(name) <= _ROLE_CHARACTERS:
        return None
    return (
        f"the fleet's role '{name}' would have {len(name)} characters of {_ROLE_CHARACTERS}: "
        "take a shorter name or suffix"
    )


def _too_long(project: str, suffix: str, region: Region) -> str | None:
    name = bucket_name(project, region).replace(SUFFIX, suffix).replace("${AWS::AccountId}", "0" * 12)
    over = len(name) - _BUCKET_CHARACTERS
    if over <= 0:
        return None
    room = len(project) + len(suffix) - over
    return (
        f"the bucket '{name}' would have {len(name)} characters of {_BUCKET_CHARACTERS}: "
        f"'{project}' and '{suffix}' can have {room} together"
    )
