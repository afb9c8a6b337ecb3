from builder.aws import observe_account
from builder.terms import Region
from deploy.rig import ACCOUNT, Rig


def test_the_account_is_asked_of_the_region_itself() -> None:
    rig = Rig()
    assert rig.run(lambda: observe_account(rig.clients, Region("us-west-2"))) == ACCOUNT
    assert {call.region for call in rig.world.calls} == {"us-west-2"}
