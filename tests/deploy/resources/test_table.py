from builder.deploy.resources import Seen
from builder.deploy.resources.global_table import TABLE

ON = {
    "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": "true"},
    "DeletionProtectionEnabled": True,
}


def test_what_is_switched_off_is_warned_of() -> None:
    assert TABLE.warnings(Seen(before=ON, after={})) == (
        "point-in-time recovery is switched off: what it could go back to is gone with it",
        "deletion protection is switched off",
    )
    assert TABLE.warnings(Seen(before={}, after=ON)) == TABLE.warnings(Seen()) == ()


def test_items_that_begin_to_expire_are_warned_of() -> None:
    expiring = {"TimeToLiveSpecification": {"AttributeName": "until", "Enabled": True}}
    assert TABLE.warnings(Seen(before={}, after=expiring)) == (
        "items whose until lies in the past are deleted from now on",
    )
    assert (
        TABLE.warnings(Seen(before=expiring, after=expiring)) == TABLE.warnings(Seen(before=expiring, after={})) == ()
    )
