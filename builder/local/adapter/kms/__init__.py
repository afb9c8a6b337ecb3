"""KMS: keys of several regions and their aliases, as templates make them and as other services find them.

`keys` finds a key for a service, and deletes multi-Region keys in AWS's order. `policies` has what KMS checks of a key
policy. `resources` is the three resource types, `users` has what other types ask of a key. `access` says who
may use one, `rights` which calls of KMS CloudFormation makes.
"""

from builder.local.adapter.kms import access, keys, policies, resources, rights, users

__all__ = ["access", "keys", "policies", "resources", "rights", "users"]
