import pytest

from builder.deploy.change_sets.change_set import BUCKET_BYTES, INLINE_BYTES, place_template
from builder.deploy.records import Origin, PlanOptions
from builder.errors import BadInput
from builder.terms import AccountId
from deploy.chained import KEYS, make_stack
from deploy.rig import ACCOUNT, Rig


def through(bucket: str | None) -> Origin:
    options = PlanOptions(artifacts_bucket=bucket)
    return Origin(deployment="tap-dev", assembly="a" * 64, plan="p", options=options, account=AccountId(ACCOUNT))


def test_a_template_that_fits_goes_with_the_request(rig: Rig) -> None:
    stack = make_stack(KEYS, "#" * INLINE_BYTES)
    assert rig.run(lambda: place_template(rig.clients, stack, through("artifacts"))) == {"TemplateBody": stack.template}
    assert rig.world.calls == []


def test_a_larger_one_needs_a_bucket_and_says_how_to_name_it(rig: Rig) -> None:
    stack = make_stack(KEYS, "#" * (INLINE_BYTES + 1))
    with pytest.raises(BadInput, match="51,201 bytes; CloudFormation takes 51,200") as caught:
        rig.run(lambda: place_template(rig.clients, stack, through(None)))
    assert caught.value.next_step.startswith("--artifacts-bucket NAME-{region}")


def test_the_largest_is_refused_with_or_without(rig: Rig) -> None:
    stack = make_stack(KEYS, "é" * (BUCKET_BYTES // 2 + 1))
    with pytest.raises(BadInput, match="1,048,576 at most"):
        rig.run(lambda: place_template(rig.clients, stack, through("artifacts")))
