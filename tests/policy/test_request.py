import re

import pytest

from builder.policy import PolicyRequest, Verb, make_document, make_rights, service_role_rights
from policy.system import CALLER, CONTEXT, SHIPPED, VIA_ROLE


def actions(*verbs: Verb, of_service_role: bool = False) -> set[str]:
    request = PolicyRequest(verbs=verbs, caller=VIA_ROLE, of_service_role=of_service_role)
    return {grant.action for grant in make_rights(SHIPPED, CONTEXT, request).granted}


def test_several_verbs_make_one_policy() -> None:
    both = actions(Verb.PLAN, Verb.EXECUTE)
    assert both == actions(Verb.PLAN) | actions(Verb.EXECUTE)
    assert both > actions(Verb.PLAN)


@pytest.mark.parametrize("of_service_role", [True, False])
def test_every_statement_s_id_is_its_own_and_one_that_iam_takes(*, of_service_role: bool) -> None:
    request = PolicyRequest(verbs=tuple(Verb), caller=CALLER, of_service_role=of_service_role)
    ids = [statement["Sid"] for statement in make_document(make_rights(SHIPPED, CONTEXT, request))["Statement"]]
    assert all(re.fullmatch("[A-Za-z0-9]+", sid) for sid in ids)
    assert len(ids) == len(set(ids))


def test_the_service_role_s_policy_is_another() -> None:
    own, service = actions(Verb.EXECUTE), actions(Verb.EXECUTE, of_service_role=True)
    reads = {"dynamodb:GetResourcePolicy", "dynamodb:ListTagsOfResource", "s3:ListBucket"}
    assert own & service == {"iam:PassRole", *reads}
    assert service == {grant.action for grant in service_role_rights(SHIPPED, CONTEXT, Verb.EXECUTE).granted}
