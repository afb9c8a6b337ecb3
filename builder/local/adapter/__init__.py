"""What the emulator lacks of the AWS that this project deploys to, added from outside, by service.

Nothing of the emulator is edited: its tables of resource handlers and actions are given ours in their place, in the
order of `installation`. `emulator` lists every private name of it that is touched; `handlers` has what handlers take,
answer and raise. `replication` is what writes between regions wait for, `regions` has those that are lost for a while,
`control` is where a drill sets both. Each service has a chapter of its own: `cloudformation`, `stack_sets`,
`organizations`, `kms`, `dynamodb`, `s3`, `functions`, `cloudwatch`, `iam`, `fis`; `topics` is SNS, and `added_types`
has types of two more.
"""

from builder.local.adapter.installation import install

__all__ = ["install"]
