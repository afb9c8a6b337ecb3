from cfnlint.helpers import REGIONS
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from builder.deploy.resources import HOLDERS
from builder.deploy.resources.guarded_only import GUARDED_ONLY


def test_every_type_is_one_that_aws_has_somewhere() -> None:
    known = {name for region in REGIONS for name in PROVIDER_SCHEMA_MANAGER.get_resource_types(region)}
    assert set(HOLDERS) <= known


def test_no_type_with_a_module_of_its_own_is_said_again() -> None:
    assert len(HOLDERS) == len(GUARDED_ONLY) + 8


def test_every_type_says_what_goes_with_it() -> None:
    assert all(holder.lost for holder in HOLDERS.values())
