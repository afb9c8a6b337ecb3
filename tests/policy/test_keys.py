"""What customer-managed keys take of a caller, and nothing of who has none."""

from typing import Any

import pytest

from builder.assembly.render import make_assembly
from builder.policy import PolicyContext, Verb, bind_templates
from builder.policy.rights import PolicyCaller, caller_rights
from loaded_config import make_loaded_config
from policy.system import ACCOUNT

CALLER = PolicyCaller(deployment="tap-dev", tag="builder:deployment")


def granted(verb: Verb, **sections: Any) -> dict[str, set[str]]:
    """Return each action of KMS with the ARNs it is allowed on."""
    assembly = make_assembly(make_loaded_config(**sections))
    rights = caller_rights(bind_templates(assembly), PolicyContext("aws", ACCOUNT, "dev"), verb, CALLER)
    arns: dict[str, set[str]] = {}
    for grant in rights.granted:
        if grant.action.startswith("kms:"):
            arns.setdefault(grant.action, set()).update(grant.place.arns)
    return arns


@pytest.mark.parametrize("verb", [Verb.PLAN, Verb.DRILL, Verb.EXECUTE, Verb.DESTROY])
def test_without_keys_nobody_needs_any_action_of_kms(verb: Verb) -> None:
    assert granted(verb) == {}


@pytest.mark.parametrize("encryption", [{"key": "managed"}, {"key": "alias/shop", "functions": False}])
def test_a_drill_uses_them_through_the_services_in_both_regions(encryption: Any) -> None:
    keys = {f"arn:aws:kms:{region}:{ACCOUNT}:key/*" for region in ("us-east-1", "us-west-2")}
    assert granted(Verb.DRILL, encryption=encryption) == {"kms:Decrypt": keys, "kms:GenerateDataKey": keys}


def test_whoever_deploys_a_table_may_do_with_its_key_what_dynamodb_does() -> None:
    actions = granted(Verb.EXECUTE, encryption={"key": "managed"}).keys()
    needed = ("Encrypt", "ReEncryptFrom", "ReEncryptTo", "CreateGrant", "ReplicateKey")
    assert {f"kms:{name}" for name in needed} <= actions
