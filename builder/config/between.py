"""What is wrong between the keys of dr.yaml, found in the plain data, so that one bad value hides no other fault."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from builder.components.alarms import options as alarms
from builder.components.available import known_regions, region_fault
from builder.components.bucket import options as bucket
from builder.components.function import options as function
from builder.components.key.options import MANAGED
from builder.components.options import BUCKET, FUNCTION, KINDS, RESERVED, TABLE
from builder.components.table import options as table
from builder.config.document import ConfigFault, KeyPath
from builder.config.existing import existing_faults
from builder.errors import did_you_mean

BUILDER_VARIABLES = ("TABLE_NAME", "ROLE", "REGIONS")
# All names and values of a function's variables together.
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_VARIABLES_BYTES = 4096
_Data = dict[str, Any]
_NEVER_EMPTY = {
    "encryption": "key, managed or one of your own",
    "fleet": "permission_model, self-managed or service-managed",
}
"""Sections that mean nothing when they are empty, with what they have to say."""
_BUILT_IN = {
    "table": table.RESOURCE_TYPES,
    "bucket": bucket.RESOURCE_TYPES,
    "function": function.RESOURCE_TYPES,
    "alarms": alarms.RESOURCE_TYPES,
}
"""The components that are rendered where their key is written, and what their templates are made of."""
# Rounds of a set's accounts that are worth a word, and what one is taken to last.
_MANY, _MINUTES = 30, 2


def faults_between(data: _Data) -> Iterator[ConfigFault]:
    """Yield what is wrong between keys, each fault at the key that is to change."""
    regions = _section(data, "regions")
    primary, secondaries = regions.get("primary"), regions.get("secondaries")
    yield from _regions(primary, secondaries if isinstance(secondaries, list) else [])
    yield from _offers(data, regions)
    yield from _born(regions)
    yield from _drill(data)
    yield from _encryption(data, regions)
    yield from _both_ways(data)
    yield from existing_faults(sections_of(data, TABLE), sections_of(data, BUCKET), in_fleet="fleet" in data)
    yield from _alarms(data)
    yield from _component_names(data)
    for place, section in sections_of(data, FUNCTION):
        yield from _function(data, place, section)
    for place, section in sections_of(data, TABLE):
        yield from (ConfigFault((*place, *within), what) for within, what in table.table_faults(section))
    yield from _tags(data)
    for name, environment in _section(data, "environments").items():
        if isinstance(environment, dict):
            yield from _environment(name, environment, primary)
            yield from _components_here(data, name, environment)
            yield from _unprotected(name, environment)
    if isinstance(fleet := data.get("fleet", {}), dict):
        yield from fleet_faults(fleet, primary)
    for key, words in _NEVER_EMPTY.items():
        if key in data and data[key] is None:
            yield ConfigFault((key,), f"is empty: say its {words}, or leave it out")


def sections_of(data: Mapping[str, Any], kind: str) -> Iterator[tuple[KeyPath, _Data]]:
    """Yield the section of each component of a kind, with its place: under the kind's own key, and by names."""
    if kind in data and isinstance(own := data[kind] or {}, dict):
        yield (kind,), own
    named = data.get(f"{kind}s")
    for name, section in named.items() if isinstance(named, dict) else ():
        if isinstance(section := {} if section is None else section, dict):
            yield (f"{kind}s", name), section


def _component_names(data: _Data) -> Iterator[ConfigFault]:
    """Yield the names that two components have, and those that the builder reserves."""
    owners: dict[str, str] = {}
    for kind in KINDS:
        for name in _section(data, f"{kind}s"):
            place = (f"{kind}s", name)
            if name in RESERVED:
                own = f": the one under `{kind}:` is called so" if name == kind else ""
                yield ConfigFault(place, f"is a name that the builder has for itself{own}; take another one")
            elif name in owners:
                yield ConfigFault(place, f"is the name of one of the {owners[name]} already: take another one")
            owners.setdefault(name, f"{kind}s")


def _components_here(data: _Data, environment: str, here: _Data) -> Iterator[ConfigFault]:
    """Yield each component of an environment that the system lacks, and each variable that other environments lack."""
    for kind in KINDS:
        known = dict(sections_of(data, kind))
        for place, section in sections_of(here, kind):
            there = ("environments", environment, *place)
            if place not in known:
                names = [str(other[-1]) for other in known if len(other) == len(place)]
                hint = did_you_mean(place[-1], names)
                yield ConfigFault(there, f"there is no such {kind} in this system{hint}")
                continue
            variables = _section(section, "environment")
            if kind == FUNCTION:
                taken = _used_variables(data, _section(known[place], "uses"))
                common = _section(known[place], "environment")
                yield from _variables(variables, (*there, "environment"), taken, common)
            for variable in variables:
                if variable not in _section(known[place], "environment"):
                    key = ".".join(str(part) for part in place)
                    what = f"has no value in other environments: write one under {key}.environment too"
                    yield ConfigFault((*there, "environment", variable), what)
    if here.get("alarms") is not None and "alarms" not in data:
        yield ConfigFault(
            ("environments", environment, "alarms"), "there are no alarms in this system: write `alarms:`"
        )


def _section(data: _Data, name: str) -> _Data:
    section = data.get(name)
    return section if isinstance(section, dict) else {}


def _regions(primary: object, secondaries: list[object]) -> Iterator[ConfigFault]:
    # A global table, a replication rule and an IAM role all end at the partition's border.
    partitions = known_regions()
    known = [region for region in (primary, *secondaries) if isinstance(region, str) and region in partitions]
    for place, region in enumerate(secondaries):
        if region not in known:
            continue
        if region == primary:
            yield ConfigFault(("regions", "secondaries", place), f"'{region}' is the primary already")
        elif region in secondaries[:place]:
            yield ConfigFault(("regions", "secondaries", place), f"'{region}' is there twice")
        elif (partition := partitions[str(region)]) != (home := partitions[known[0]]):
            what = f"'{region}' is in the partition {partition}, '{known[0]}' in {home}"
            yield ConfigFault(("regions", "secondaries", place), f"{what}: nothing replicates from one to the other")


def _offers(data: _Data, regions: _Data) -> Iterator[ConfigFault]:
    """Yield the regions that do not have what the written components are made of."""
    types = {type_name for key, types in _BUILT_IN.items() if [*sections_of(data, key)] for type_name in types}
    for number, region in enumerate(_listed_regions(regions), -1):
        place: KeyPath = ("regions", "primary") if number < 0 else ("regions", "secondaries", number)
        if isinstance(region, str) and region in known_regions() and (fault := region_fault(region, types)):
            yield ConfigFault(place, fault)


def _listed_regions(regions: _Data) -> list[object]:
    """Return what is written for the regions, the primary first."""
    secondaries = regions.get("secondaries")
    return [regions.get("primary"), *(secondaries if isinstance(secondaries, list) else [])]


def _born(regions: _Data) -> Iterator[ConfigFault]:
    born, known = regions.get("born"), _listed_regions(regions)
    if isinstance(born, str) and born in known_regions() and born not in known:
        yield ConfigFault(("regions", "born"), f"'{born}' is neither the primary nor a secondary")


def _tags(data: _Data) -> Iterator[ConfigFault]:
    """Yield the names of tags that are not the user's to give."""
    places: list[tuple[KeyPath, _Data]] = [(("tags",), _section(data, "tags"))]
    for stack, own in _section(data, "stacks").items():
        tags = _section(own, "tags") if isinstance(own, dict) else {}
        places.append((("stacks", stack, "tags"), tags))
    for place, tags in places:
        for name in tags:
            if name.lower().startswith(("aws:", "builder:")):
                what = f"names that begin with {name.partition(':')[0]}: are not yours to give"
                yield ConfigFault((*place, name), what)


def _drill(data: _Data) -> Iterator[ConfigFault]:
    """Yield a fault where drills by FIS have nothing to pause."""
    has_fis = data.get("drill") == "fis" or _section(data, "drill").get("fis")
    if has_fis and not [*sections_of(data, TABLE), *_replicated(data)]:
        what = "pauses replication, and there is neither a table nor a bucket: write `table:` or `bucket:`"
        yield ConfigFault(("drill",), what)


def _replicated(data: _Data) -> list[KeyPath]:
    """Return the places of the buckets that replicate at all."""
    return [place for place, section in sections_of(data, BUCKET) if section.get("replication") != "none"]


def _both_ways(data: _Data) -> Iterator[ConfigFault]:
    """Yield the buckets of a fleet that replicate both ways: a set makes each of its stacks at once."""
    for place, section in sections_of(data, BUCKET):
        if "fleet" in data and section.get("replication") == "two-way":
            what = (
                "'two-way' is not for a fleet, whose stacks are made by one operation each: of two buckets that lead to"
            )
            yield ConfigFault((*place, "replication"), f"{what} each other one is updated once the other stands")


def _encryption(data: _Data, regions: _Data) -> Iterator[ConfigFault]:
    """Yield what is wrong between the keys, the regions, and what is to be encrypted."""
    encryption, place = _section(data, "encryption"), ("encryption", "key")
    named = encryption.get("key")
    if named == MANAGED:
        if "fleet" in data:
            what = "'managed' is not for a fleet, whose stacks take no output of each other: name a key in each account"
            yield ConfigFault(place, f"{what} by one alias, like alias/shop")
        return
    if "pending_window_days" in encryption and named is not None:
        yield ConfigFault(
            ("encryption", "pending_window_days"), "is of a managed key, and this one is yours: leave it out"
        )
    by_region = _section(encryption, "key")
    keys = [text for text in (named, *by_region.values()) if isinstance(text, str)]
    aliases = [text for text in keys if text.startswith("alias/")]
    if by_region:
        yield from _keys_by_region(by_region, regions)
        if aliases and any(text.startswith("arn:") for text in keys):
            yield ConfigFault(place, "names some keys by alias and some by ARN: name all of them in one way")
    if aliases and encryption.get("functions") is not False and dict(sections_of(data, FUNCTION)):
        what = f"'{aliases[0]}': functions and their logs take a key by its ARN only"
        yield ConfigFault(place, f"{what}: write the ARN of each region's key, or `functions: false` beside it")


def _keys_by_region(by_region: _Data, regions: _Data) -> Iterator[ConfigFault]:
    known = _listed_regions(regions)
    for region in known:
        if isinstance(region, str) and region not in by_region:
            yield ConfigFault(("encryption", "key"), f"has no key for '{region}': each region needs one of its own")
    for region, named in by_region.items():
        place = ("encryption", "key", region)
        if region not in known:
            yield ConfigFault(place, f"'{region}' is neither the primary nor a secondary{did_you_mean(region, known)}")
        elif isinstance(named, str) and named.startswith("arn:") and (home := named.split(":")[3:4]) != [region]:
            yield ConfigFault(place, f"is a key of '{home[0]}', and a key is good in its own region only")


def _function(data: _Data, place: KeyPath, section: _Data) -> Iterator[ConfigFault]:
    """Yield what is wrong with one function."""
    uses = _section(section, "uses")
    yield from _uses(data, uses, (*place, "uses"))
    yield from _variables(_section(section, "environment"), (*place, "environment"), _used_variables(data, uses))
    if {"url", "url_auth"} <= section.keys():
        yield ConfigFault((*place, "url_auth"), "says what `url:` says: leave one of the two out")


def _alarms(data: _Data) -> Iterator[ConfigFault]:
    """Yield a fault where alarms have nothing to watch."""
    if "alarms" in data and not [*sections_of(data, TABLE), *sections_of(data, FUNCTION), *_replicated(data)]:
        what = "have nothing to look at: write a table, a function, or a bucket that replicates"
        yield ConfigFault(("alarms",), what)


def _uses(data: _Data, uses: _Data, place: KeyPath) -> Iterator[ConfigFault]:
    """Yield each name that a function uses and no built-in table or bucket has."""
    known = _usable(data)
    functions = {str(there[-1]) for there, _ in sections_of(data, FUNCTION)}
    for name in uses:
        if name in known:
            continue
        if name in functions:
            what = "is a function, and tables and buckets are used: to call another one say so under `policy:`"
        elif name in {**_section(data, "components"), **_section(data, "stacks")}:
            what = "is of your own stacks, of which nothing is known here: say what is allowed under `policy:`"
        else:
            what = f"is no table or bucket of this system{did_you_mean(name, known)}"
        yield ConfigFault((*place, name), what)


def _usable(data: _Data) -> dict[str, str]:
    """Return the kind of each component that functions use, by its name."""
    return {str(place[-1]): kind for kind in (TABLE, BUCKET) for place, _ in sections_of(data, kind)}


def _used_variables(data: _Data, uses: _Data) -> dict[str, str]:
    """Return what sets each variable of what a function uses."""
    known = _usable(data)
    return {function.variable_of(known[name], name): name for name in uses if name in known}


def _variables(variables: _Data, place: KeyPath, used: _Data, common: _Data | None = None) -> Iterator[ConfigFault]:
    """Yield what is wrong with variables, which in one environment stand in place of the common ones."""
    for name in variables:
        if name in used:
            yield ConfigFault((*place, name), f"is set by `uses: {used[name]}`: take another name")
        elif name in BUILDER_VARIABLES:
            yield ConfigFault((*place, name), "is set by the builder")
        elif name.startswith(("AWS_", "LAMBDA_")):
            yield ConfigFault((*place, name), "names that begin with AWS_ or LAMBDA_ are Lambda's own")
    size = sum(len(str(text).encode()) for pair in {**(common or {}), **variables}.items() for text in pair)
    if size > _VARIABLES_BYTES:
        yield ConfigFault(place, f"{size:,} bytes of names and values, and Lambda takes {_VARIABLES_BYTES:,}")


def _environment(name: str, environment: _Data, primary: object) -> Iterator[ConfigFault]:
    if name == "default":
        what = "'default' is what the others are called where a value differs: take another name"
        yield ConfigFault(("environments", name), what)
    parts = str(environment.get("role_arn")).split(":")
    if len(parts) < 6:
        return
    _, partition, _, _, owner, _ = parts[:6]
    account = environment.get("account")
    if isinstance(account, str) and account != owner:
        yield ConfigFault(
            ("environments", name, "role_arn"),
            f"is a role of account {owner}, and the environment is of {account}",
        )
    home = known_regions().get(primary) if isinstance(primary, str) else None
    if home and partition != home:
        yield ConfigFault(
            ("environments", name, "role_arn"), f"begins with arn:{partition}:, and '{primary}' is in {home}"
        )


_PROTECTIONS = ("termination_protection", "deletion_protection", "replacement_protection")


def _unprotected(name: str, here: _Data) -> Iterator[ConfigFault]:
    """Yield the protections that a productive environment switches off."""
    if here.get("production") is not True:
        return
    sections = [((), here), *(placed for kind in KINDS for placed in sections_of(here, kind))]
    for place, section in sections:
        for key in _PROTECTIONS:
            if section.get(key) is False:
                what = "is always on where production is true: leave it out, or take production away first"
                yield ConfigFault(("environments", name, *place, key), what)


# What only one of the permission models has: the key, and what is the case under the other.
_SERVICE_MANAGED_ONLY = {
    "organizational_units": "AWS knows no organization then: name the accounts",
    "account_filter": "it chooses among an organization's accounts: leave it out",
    "call_as": "there is no delegated administrator then: leave it out",
    "auto_deployment": "AWS cannot tell who joins then: name each account",
}
_SELF_MANAGED_ONLY = {
    "administration_role": "AWS makes this role by itself: leave it out",
    "execution_role": "AWS makes this role by itself: leave it out",
}
# They say what is the case anyway.
_HARMLESS = {"account_filter": "none", "call_as": "self"}
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
_ROLE_CHARACTERS = 64


def fleet_faults(fleet: _Data, primary: object) -> Iterator[ConfigFault]:
    """Yield what is wrong between a fleet's keys, each fault at the key that is to change."""
    accounts, units = _texts(fleet, "accounts"), _texts(fleet, "organizational_units")
    for key, values in (("accounts", accounts), ("organizational_units", units)):
        yield from _twice(key, values)
    if fleet.get("permission_model") == "self-managed":
        yield from _self_managed(fleet, accounts)
    elif fleet.get("permission_model") == "service-managed":
        yield from _service_managed(fleet, accounts, units)
    yield from _auto_deployment(fleet)
    yield from _operations(_section(fleet, "operations"), _count(fleet, accounts))
    yield from _admin_region(fleet.get("admin_region"), primary)


def _texts(fleet: _Data, key: str) -> list[Any]:
    values = fleet.get(key)
    return values if isinstance(values, list) else []


def _fault(key: str, what: str) -> ConfigFault:
    return ConfigFault(("fleet", key), what)


def _twice(key: str, values: list[Any]) -> Iterator[ConfigFault]:
    for place, value in enumerate(values):
        if isinstance(value, str) and value in values[:place]:
            yield ConfigFault(("fleet", key, place), f"'{value}' is there twice")


def _not_in(fleet: _Data, model: str, keys: dict[str, str]) -> Iterator[ConfigFault]:
    for key, why in keys.items():
        if key in fleet and fleet[key] != _HARMLESS.get(key):
            yield _fault(key, f"is not for {model}: {why}")


def _self_managed(fleet: _Data, accounts: list[Any]) -> Iterator[ConfigFault]:
    yield from _not_in(fleet, "self-managed", _SERVICE_MANAGED_ONLY)
    if not accounts and fleet.get("accounts") in (None, []):
        yield _fault("accounts", "is empty: self-managed needs the accounts, one at least")
    role = fleet.get("execution_role")
    if isinstance(role, str) and role == fleet.get("administration_role"):
        yield _fault("execution_role", f"'{role}' is the administration role's name already")
    for key in ("administration_role", "execution_role"):
        if isinstance(name := fleet.get(key), str) and len(name) > _ROLE_CHARACTERS and "${" not in name:
            yield _fault(key, f"has {len(name)} characters: {_ROLE_CHARACTERS} at most")


def _service_managed(fleet: _Data, accounts: list[Any], units: list[Any]) -> Iterator[ConfigFault]:
    yield from _not_in(fleet, "service-managed", _SELF_MANAGED_ONLY)
    kind = fleet.get("account_filter", "none")
    if not units and fleet.get("organizational_units") in (None, []):
        why = "AWS takes accounts only as a part of units" if accounts else "name the root for all accounts"
        yield _fault("organizational_units", f"is empty: service-managed needs one at least; {why}")
    if kind == "union":
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-cloudformation-stackset-deploymenttargets.html
        yield _fault(
            "account_filter", "'union' is refused by AWS for a StackSet in a template: add the accounts' units"
        )
    elif accounts and kind == "none":
        yield _fault(
            "account_filter", "is required beside accounts: intersection for only these, difference for all but"
        )
    elif not accounts and kind in ("intersection", "difference"):
        yield _fault("account_filter", f"'{kind}' is of no accounts: name them, or leave it out")
    management = fleet.get("administration_account")
    if management is not None and fleet.get("call_as") != "delegated_admin":
        yield _fault("administration_account", "is not for service-managed but by a delegated administrator")
    if isinstance(management, str) and management in accounts and kind == "intersection":
        yield _fault("accounts", f"'{management}' is the management account, and service-managed never deploys to it")


def _auto_deployment(fleet: _Data) -> Iterator[ConfigFault]:
    auto = _section(fleet, "auto_deployment")
    if auto.get("retain_stacks") is True and auto.get("enabled") is not True:
        place = ("fleet", "auto_deployment", "retain_stacks")
        yield ConfigFault(place, "says what is kept when an account leaves, and nobody looks: enabled is not true")
    by_delegate = fleet.get("call_as") == "delegated_admin"
    if auto.get("enabled") is True and by_delegate and fleet.get("administration_account") is None:
        what = "is required: the management account, in whose StackSets' ARNs the order of auto-deployment is said"
        yield _fault("administration_account", what)


def _count(fleet: _Data, accounts: list[Any]) -> int | None:
    """Return how many accounts there will be in a region; None where only the organization knows."""
    is_all = fleet.get("permission_model") == "self-managed" or fleet.get("account_filter") == "intersection"
    return len(accounts) if accounts and is_all else None


def _operations(operations: _Data, count: int | None) -> Iterator[ConfigFault]:
    """Yield the preferences that AWS would refuse, or would quietly change.

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackSetOperationPreferences.html
    """
    tolerance, concurrency = operations.get("failure_tolerance", 0), operations.get("max_concurrent", 1)
    if count is not None and _is_count(tolerance) and tolerance > count:
        what = f"{tolerance} of {count} accounts cannot fail: {count} at most"
        yield ConfigFault(("fleet", "operations", "failure_tolerance"), what)
    if operations.get("concurrency_mode", "strict") != "strict":
        return
    may_fail, at_once = _as_count(tolerance, count), _as_count(concurrency, count)
    if may_fail is not None and at_once is not None and max(at_once, 1) > may_fail + 1:
        of = "" if _is_count(concurrency) and _is_count(tolerance) else f" of {count} accounts"
        what = (
            f"{concurrency} at a time are more than strict allows for a failure_tolerance of {tolerance}{of}: "
            f"{may_fail + 1} at most, or concurrency_mode: soft"
        )
        yield ConfigFault(("fleet", "operations", "max_concurrent"), what)


def pace_notes(fleet: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what a person should know of how slow a fleet will be, where the file alone tells; it is no fault."""
    operations = _section(dict(fleet), "operations")
    count = _count(dict(fleet), list(fleet.get("accounts", ())))
    tolerance, concurrency = operations.get("failure_tolerance", 0), operations.get("max_concurrent", 1)
    is_strict = operations.get("concurrency_mode", "strict") == "strict"
    if count is None and is_strict and _as_count(tolerance, None) == 0 and not _is_count(concurrency):
        return (
            (
                f"max_concurrent {concurrency} works one account at a time, whatever the units have: "
                "strict does no more than failure_tolerance and one"
            ),
        )
    at_once = max(1, _as_count(concurrency, count) or 1)
    if count is None or count // at_once < _MANY:
        return ()
    minutes = -(-count // at_once) * _MINUTES
    each = "one account" if at_once == 1 else f"{at_once} accounts"
    return (
        (
            f"{count} accounts, {each} at a time: a change of one StackSet takes about {minutes / 60:.0f} h at "
            f"{_MINUTES} min an account; failure_tolerance and max_concurrent make it faster"
        ),
    )


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _as_count(amount: Any, count: int | None) -> int | None:  # noqa: ANN401 - whatever the file says
    """Return an amount as a number of accounts, rounded down as AWS does; None where that cannot be known."""
    if _is_count(amount):
        return int(amount)
    percent = re.fullmatch("([0-9]{1,3})%", amount) if isinstance(amount, str) else None
    return count * int(percent[1]) // 100 if percent and count is not None else None


def _admin_region(region: object, primary: object) -> Iterator[ConfigFault]:
    partitions = known_regions()
    home = partitions.get(primary) if isinstance(primary, str) else None
    partition = partitions.get(region) if isinstance(region, str) else None
    if home and partition and home != partition:
        what = f"'{region}' is in the partition {partition}, '{primary}' in {home}: no StackSet reaches that far"
        yield _fault("admin_region", what)
