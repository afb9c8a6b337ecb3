"""Who may use a key, where policies are enforced: what a service does with it, it does for its caller or for a role.

Sources: https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html and
https://docs.aws.amazon.com/kms/latest/developerguide/services-dynamodb.html
"""

from collections.abc import Mapping

from builder.local.adapter.emulator import AccountRegion, account_id, acting_in
from builder.local.adapter.iam import policies
from builder.local.adapter.kms.keys import UnusableKey, is_aws_managed


def check_use(action: str, arn: str, service: str, context: Mapping[str, str], *, role: str = "") -> None:
    """Raise UnusableKey unless the caller, or a role, may use a key through a service in an encryption context."""
    if not policies.is_enforced() or is_aws_managed(arn):
        return
    region = arn.split(":")[3]
    keys = {
        "kms:ViaService": f"{service}.{region}.amazonaws.com",
        "kms:CallerAccount": account_id(),
        **{f"kms:EncryptionContext:{name}": value for name, value in context.items()},
    }
    with acting_in(AccountRegion(account_id(), region)), policies.acting_as(role):
        if policies.is_allowed(f"kms:{action}", arn, keys, as_caller=not role):
            return
        who = policies.who_acts() if role else policies.who_calls()
    message = f"User: {who} is not authorized to perform: kms:{action} on resource: {arn}"
    raise UnusableKey("AccessDeniedException", message)
