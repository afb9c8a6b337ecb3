"""Templates: bytes and their meaning, known once, by everything that reads or writes one.

`text` turns bytes into data and data into bytes, as CloudFormation and every YAML reader take them, and compares two
templates as far as GetTemplate shows them. `template` resolves values and their references, and has the `Template`
itself: its sections, its outputs, its binding.
`splice` changes a text at places and keeps every other byte, by means of `places`. `references` finds references to a
resource, and `ownership` makes the changes that move a resource from one stack to another. `stack_policy` reads stack
policies.
"""

from builder.template.ownership import (
    Literals,
    is_placeholder_only,
    is_retained,
    released,
    with_resources,
    without,
)
from builder.template.places import Unspliceable
from builder.template.references import Reference, Unmovable, references_to
from builder.template.splice import ListEdit, chosen, lines_of, put_values, splice
from builder.template.stack_policy import (
    OPEN_POLICY,
    UpdateAction,
    canonical_policy,
    denial,
    is_open,
    open_for,
    same_policy,
)
from builder.template.template import (
    NO_VALUE,
    PLACEHOLDER,
    Binding,
    DeclaredOutputs,
    Template,
    TemplatePath,
    as_list,
    at,
    conditions_in,
    fill,
    in_account,
    is_known,
    names_in,
    properties_of,
    read_deployed,
    read_template,
)
from builder.template.text import (
    Comparison,
    S3Location,
    as_shown,
    compare_data,
    compare_template,
    find_object,
    masked,
    may_be_no_text,
    parse_template,
    text_of,
    write_template,
)

__all__ = [
    "NO_VALUE",
    "OPEN_POLICY",
    "PLACEHOLDER",
    "Binding",
    "Comparison",
    "DeclaredOutputs",
    "ListEdit",
    "Literals",
    "Reference",
    "S3Location",
    "Template",
    "TemplatePath",
    "Unmovable",
    "Unspliceable",
    "UpdateAction",
    "as_list",
    "as_shown",
    "at",
    "canonical_policy",
    "chosen",
    "compare_data",
    "compare_template",
    "conditions_in",
    "denial",
    "fill",
    "find_object",
    "in_account",
    "is_known",
    "is_open",
    "is_placeholder_only",
    "is_retained",
    "lines_of",
    "masked",
    "may_be_no_text",
    "names_in",
    "open_for",
    "parse_template",
    "properties_of",
    "put_values",
    "read_deployed",
    "read_template",
    "references_to",
    "released",
    "same_policy",
    "splice",
    "text_of",
    "with_resources",
    "without",
    "write_template",
]
