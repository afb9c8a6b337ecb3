"""The step of a change set: what CloudFormation shows of it, checked against its draft."""

from builder.aws import Clients
from builder.deploy.change_sets.change_set import PendingChangeSet, console_link, delete_change_set
from builder.deploy.change_sets.review import rate_risk, read_findings, review
from builder.deploy.desired import MASK
from builder.deploy.draft.adoption import check_only_tags, no_tags
from builder.deploy.draft.expected import with_lost
from builder.deploy.draft.parts import no_echo_parameters, without_values
from builder.deploy.draft.records import DraftStep
from builder.deploy.handovers.transfers import check_transfer, with_transfer
from builder.deploy.observe.stacks import observe_stack
from builder.deploy.plan.exports import missing_export_finding, missing_exports
from builder.deploy.records import Step


async def review_step(clients: Clients, pending: PendingChangeSet, part: DraftStep) -> Step | None:
    """Wait until a change set is created and return its step; None if it changes nothing.

    CloudFormation lists nested stacks whether or not they change: a change set that lists nothing else is deleted.
    """
    desired, hidden = part.desired, no_echo_parameters(part.desired)
    reviewed = await review(clients, pending)
    if part.adoption is not None:
        if reviewed is None:
            raise no_tags(desired, await observe_stack(clients, desired.site, desired.name))
        check_only_tags(desired.id, reviewed.changes)
    is_import = part.type == "IMPORT"
    if reviewed is not None or is_import:
        check_transfer(desired.id, part.transfer, reviewed.changes if reviewed else (), is_import=is_import)
    if reviewed is None:
        return None
    if reviewed.idle and part.only_nested:
        await delete_change_set(clients, pending)
        return None
    changes = with_transfer(with_lost(reviewed.changes, part.lost), part.transfer)
    return Step(
        stack=desired.id,
        region=desired.region,
        name=desired.name,
        type=part.type,
        change_set=pending.change_set,
        stack_arn=pending.stack_arn,
        template_sha256=desired.sha256,
        parameters={
            name: MASK if name in hidden else str(value)
            for name, value in desired.parameters.items()
            if name not in desired.previous
        },
        needs=desired.needs,
        found=part.found,
        risk=rate_risk(changes),
        console=console_link(pending),
        changes=without_values(changes) if part.secret else changes,
        findings=(
            *await read_findings(clients, pending, reviewed.children),
            *(missing_export_finding(export) for export in missing_exports(reviewed.reason)),
        ),
        part=part.number,
        account=desired.account,
        nested=pending.nested,
        adoption=part.adoption,
    )
