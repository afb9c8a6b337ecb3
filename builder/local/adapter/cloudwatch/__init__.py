"""CloudWatch: alarms on one metric or on metric math, and the state that they have by what was published.

`expressions` computes metric math, `evaluation` the state of an alarm. `alarms` is the resource type and the API.
"""

from builder.local.adapter.cloudwatch import alarms, evaluation, expressions

__all__ = ["alarms", "evaluation", "expressions"]
