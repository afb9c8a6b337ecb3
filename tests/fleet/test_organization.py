import pytest

from builder.errors import AwsError, BadInput
from builder.fleet.targets import Organization, observe_organization
from fake_aws import Organization as Company
from fake_aws.organizations.records import ROOT
from fleet.rig import BODY, STORAGE, FleetRig
from fleet.stack_sets import ACCOUNTS, ADMIN, SERVICE_MANAGED, WEST, fleet_deployment, fleet_template, sites

A, B, C = ACCOUNTS
GONE = "777788889999"


@pytest.fixture
def company(rig: FleetRig) -> Company:
    """An organisation whose management account administers, with one unit inside another."""
    rig.world.page_size = 1
    rig.world.organization = made = Company(ADMIN)
    outer = made.unit("outer", A, GONE)
    made.unit("inner", B, C, parent=outer)
    made.suspended.add(GONE)
    return made


def observe(rig: FleetRig, *units: str) -> Organization:
    return rig.run(lambda: observe_organization(rig.clients, WEST, units))


def test_everybody_in_a_unit_and_below_it_is_found_over_all_pages(rig: FleetRig, company: Company) -> None:
    outer = next(unit.id for unit in company.units.values() if unit.name == "outer")
    organization = observe(rig, outer, ROOT)
    assert organization.management == ADMIN
    assert sorted(organization.members[outer]) == sorted([A, B, C, GONE])
    assert sorted(organization.members[ROOT]) == sorted([A, B, C, GONE, ADMIN])
    assert organization.inactive == {GONE: "SUSPENDED"}


def test_where_no_unit_is_named_nobody_is_asked(rig: FleetRig) -> None:
    assert observe(rig) == Organization()
    assert rig.world.calls == []


def test_whoever_may_not_look_is_told_so(rig: FleetRig, company: Company) -> None:
    rig.world.organization = None
    with pytest.raises(AwsError, match="AWSOrganizationsNotInUseException"):
        observe(rig, ROOT)


def test_a_service_managed_fleet_is_planned_and_deployed_through_its_units(rig: FleetRig, company: Company) -> None:
    rig.world.page_size = 20
    targets = {"OrganizationalUnitIds": [ROOT]}
    template = fleet_template({STORAGE: BODY}, targets, SERVICE_MANAGED, {"MaxConcurrentCount": 1})
    plan = rig.plan(fleet_deployment(template))
    (planned,) = plan.sets
    assert sorted(planned.joining) == sorted(sites(WEST, A, B, C))
    assert set(planned.remarks) == {
        f"{GONE} is left out: it is SUSPENDED",
        f"{ADMIN} is left out: it is the organisation's management account",
    }
    rig.execute(plan)
    assert {instance.site.account for instance in rig.instances() if instance.status == "CURRENT"} >= {A, B, C}


def test_the_management_account_by_name_is_refused_and_no_change_set_stays(rig: FleetRig, company: Company) -> None:
    targets = {"OrganizationalUnitIds": [ROOT], "Accounts": [ADMIN], "AccountFilterType": "UNION"}
    template = fleet_template({STORAGE: BODY}, targets, SERVICE_MANAGED)
    with pytest.raises(BadInput, match="management account"):
        rig.plan(fleet_deployment(template))
    assert rig.operations("DeleteChangeSet") + rig.operations("DeleteStack") > 0
