"""The order of a plan's steps: the steps of each stack, and what each step waits for; pure."""

import itertools
from collections.abc import Mapping
from typing import NamedTuple

from builder.deploy.records import AnyStep, Deferred, Deletion, Plan
from builder.terms import StackId

StackSteps = tuple[AnyStep, ...]
"""The steps of one stack, at least one: a deletion, a policy that lets change sets pass, the change sets in the order
of their parts, its policy, its protection. Or the step of one upload, which counts as a stack of its own."""


def make_stack_steps(plan: Plan) -> dict[StackId, StackSteps]:
    """Return the steps of each stack, in the plan's order. A deletion comes before the stack's other steps."""
    stacks: dict[StackId, StackSteps] = {}
    change_sets = sorted(plan.change_sets, key=lambda change_set: change_set.part)
    opening = [policy for policy in plan.policies if policy.opens]
    closing = [policy for policy in plan.policies if not policy.opens]
    for step in (*plan.uploads, *opening, *change_sets, *closing, *plan.protections, *plan.deletions):
        others = stacks.get(step.stack, ())
        stacks[step.stack] = (step, *others) if isinstance(step, Deletion) else (*others, step)
    return stacks


class StepPlace(NamedTuple):
    """A stack and one of its steps, counted from 0."""

    stack: StackId
    place: int


def make_waits(steps: Mapping[StepPlace, AnyStep | None]) -> dict[StepPlace, tuple[StepPlace, ...]]:
    """Return what each step waits for: the step before it on its stack, and the last step of each stack that it needs.

    A need that is no stack of the plan is unchanged and counts as done. A stack without a step waits for nothing.
    A need that is updated again after this stack counts as done before that update.
    """
    of_stack: dict[StackId, list[StepPlace]] = {}
    for at in steps:
        of_stack.setdefault(at.stack, []).append(at)

    def end(need: StackId, stack: StackId) -> tuple[StepPlace, ...]:
        early = tuple(itertools.takewhile(lambda at: stack not in _completed_after(steps[at]), of_stack.get(need, ())))
        return early[-1:]

    waits = {}
    for at, step in steps.items():
        before = (StepPlace(at.stack, at.place - 1),) if at.place else ()
        ends = (end(need, at.stack) for need in step.needs if need != at.stack) if step else ()
        waits[at] = (*before, *(place for places in ends for place in places)) if step else ()
    return waits


def _completed_after(step: AnyStep | None) -> frozenset[StackId]:
    """Return the stacks that a step waits for although they need the step's stack."""
    if not isinstance(step, Deferred) or step.desired.interim is None:
        return frozenset()
    return frozenset(step.desired.interim.until) & frozenset(step.needs)
