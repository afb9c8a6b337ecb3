from builder.deploy.resources import HOLDERS, Seen


def test_a_key_that_is_disabled_is_warned_of() -> None:
    for holder in (HOLDERS["AWS::KMS::Key"], HOLDERS["AWS::KMS::ReplicaKey"]):
        (warning,) = holder.warnings(Seen(before={"Enabled": "true"}, after={"Enabled": "false"}))
        assert "nothing it encrypts can be read" in warning
        assert holder.warnings(Seen(before={}, after={"Enabled": False})) != ()
        assert holder.warnings(Seen(before={"Enabled": False}, after={})) == ()
        assert holder.warnings(Seen()) == ()
