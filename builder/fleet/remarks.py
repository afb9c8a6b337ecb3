"""What a person should know of a set's plan beside what it does: who is left out, what was not looked at; pure."""

from collections.abc import Iterator

from builder.deploy.sequence import Ends, count_updates
from builder.deploy.template import read_template
from builder.fleet.records import Does, Instance
from builder.fleet.setting import Observed, Setting
from builder.terms import counted

IN_HAND = frozenset({"PENDING", "RUNNING"})


def find_remarks(does: Does, setting: Setting) -> tuple[str, ...]:
    """Return the remarks, those about accounts first."""
    return (
        *setting.aim.remarks,
        *(_of_body(setting) if does == "update" else ()),
        *(_of_instances(does, setting, setting.observed) if setting.observed else ()),
    )


def _of_body(setting: Setting) -> Iterator[str]:
    body = setting.definition.body
    if body is None:
        yield "its template lies in a bucket: what it changes in the stacks was not looked at"
        return
    if "Transform" in read_template(body, setting.definition.stack_set.id):
        yield "its template has a transform: what that makes of it was not looked at"
    ends = setting.observed and Ends(
        where=setting.definition.stack_set.id,
        deployed=setting.observed.body,
        desired=body,
        values_before=setting.observed.parameters,
        values_after=setting.definition.parameters,
    )
    steps = count_updates(ends) if ends else 1
    if steps > 1:
        yield (
            f"AWS takes this change in {steps} updates, one replica or index more or less at a time, and would refuse "
            "it in each account: render and deploy them one by one"
        )


def _of_instances(does: Does, setting: Setting, observed: Observed) -> Iterator[str]:
    instances = observed.instances
    if does == "create" and instances:
        because = "it is replaced" if setting.change and setting.change.is_replaced else "its creation failed before"
        yield f"{because}: CloudFormation makes it anew and deletes the {counted(len(instances), 'stack')} that it has"
    if not observed.overrides_known:
        yield f"{counted(len(instances), 'instance')}: parameters of their own were not looked at; --overrides does"
    behind = sum(one.status == "OUTDATED" for one in instances)
    if behind and does == "update":
        yield f"{behind} instances are behind the set's template: the update changes more in them than is shown"
    yield from _of_states(instances)
    yield from _of_skipped(setting)


def _of_skipped(setting: Setting) -> Iterator[str]:
    """Yield who is passed over though an instance stands there; of who was never taken aim at it is said already."""
    accounts: dict[tuple[object, str], list[str]] = {}
    for one in setting.skipped():
        accounts.setdefault((one.site.account, one.because), []).append(one.site.region)
    for (account, because), regions in accounts.items():
        if not any(remark.startswith(f"{account} is left out") for remark in setting.aim.remarks):
            yield f"{account} is skipped in {', '.join(regions)}: {because}; what stands there stays as it is"


def _of_states(instances: tuple[Instance, ...]) -> Iterator[str]:
    in_hand = sum(one.detailed_status in IN_HAND for one in instances)
    if in_hand:
        yield f"{in_hand} instances are in the hands of an operation that runs; python -m builder fleet status shows it"
    for one in instances:
        if one.status == "INOPERABLE":
            yield (
                f"{one.site.account} {one.site.region} is INOPERABLE, and no update reaches it: delete the instance "
                "with its stack retained, then the stack by hand"
            )
