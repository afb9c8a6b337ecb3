"""E9542: the variables of a function under a key that is named by its alias."""

from collections.abc import Iterator

from cfnlint.template.template import Template

from builder.rules._rule import Fault, Rule, fault
from builder.rules._statements import written
from builder.rules._worlds import resources


class FunctionKeyAlias(Rule):
    """Lambda asks KMS for a grant, and KMS makes none for an alias."""

    id = "E9542"
    shortdesc = "A function names its key by the key's own ARN"
    description = (
        "Lambda refuses KmsKeyArn with the ARN of an alias: KMS creates the grant that it asks for on a key alone, "
        "and says 'Key Aliases are not supported for this operation'."
    )
    source_url = "https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateGrant.html"
    topics = ("resources", "lambda", "kms")

    def faults(self, cfn: Template) -> Iterator[Fault]:
        """Yield every function whose key is surely an alias."""
        for function in resources(cfn, "AWS::Lambda::Function"):
            key = function.get("Properties", "KmsKeyArn")
            if _is_alias(key.value):
                yield fault(key, "an alias, and Lambda takes the ARN of the key itself")


def _is_alias(value: object) -> bool:
    # Pseudo-parameters have colons of their own.
    parts = (written(value) or "").replace("AWS::", "").split(":")
    return len(parts) > 5 and parts[2] == "kms" and parts[5].startswith("alias/")
