"""Who writes the template of a built-in stack."""

from collections.abc import Callable, Mapping

from troposphere import Template

from builder.components.alarms import template as alarms
from builder.components.artifacts import template as artifacts
from builder.components.bucket import template as bucket
from builder.components.drill import template as drill
from builder.components.function import template as function
from builder.components.key import template as key
from builder.components.table import template as table
from builder.config import Wanted
from builder.topology import Stack

TEMPLATES: Mapping[str, Callable[[Wanted, Stack], Template]] = {
    "bucket": bucket.make_template,
    "table": table.make_template,
    "function": function.make_template,
    "drill": drill.make_template,
    "key": key.make_template,
    "alarms": alarms.make_template,
    "artifacts": artifacts.make_template,
}
