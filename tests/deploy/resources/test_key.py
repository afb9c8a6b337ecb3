from builder.deploy.resources import Seen
from builder.deploy.resources.key import KEY, REPLICA_KEY


def test_a_key_that_is_disabled_is_warned_of() -> None:
    for holder in (KEY, REPLICA_KEY):
        (warning,) = holder.warnings(Seen(before={"Enabled": "true"}, after={"Enabled": "false"}))
        assert "nothing it encrypts can be read" in warning
        assert holder.warnings(Seen(before={}, after={"Enabled": False})) != ()
        assert holder.warnings(Seen(before={"Enabled": False}, after={})) == ()
        assert holder.warnings(Seen()) == ()
