"""AWS::Lambda::Url: it holds no data, but a new one has another address than the one clients know."""

from builder.deploy.resources.holder import Holder, Seen


def _warnings(seen: Seen) -> tuple[str, ...]:
    if seen.before is None or seen.after is None or seen.before.get("AuthType") == seen.after.get("AuthType"):
        return ()
    if seen.after.get("AuthType") == "NONE":
        return ("anyone may call it, unsigned",)
    return ("callers that do not sign their requests are turned away",)


HOLDER = Holder(warnings=_warnings)
