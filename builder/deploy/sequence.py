"""From the deployed template to the desired one in as many updates as it takes; pure.

AWS takes some changes only one at a time, such as a global table's replicas. What has to come singly is said by the
module of its type in `resources`; here its steps become whole templates, derived from the deployed one.
"""

import copy
from collections.abc import Mapping
from typing import Any

from builder.deploy.resources import HOLDERS
from builder.deploy.template import properties_of, read_template, resources_of, write_template


def make_sequence(deployed: object, desired: str) -> tuple[str, ...]:
    """Return the templates to deploy one after the other, the desired one last; only that where it needs no others.

    `deployed` is as GetTemplate answers.
    """
    current, wanted = read_template(deployed), read_template(desired)
    between: list[dict[str, Any]] = []
    for name, resource in resources_of(wanted).items():
        before = resources_of(current).get(name)
        holder = HOLDERS.get(str(resource.get("Type")))
        if before is None or holder is None or before.get("Type") != resource.get("Type"):
            continue
        for properties in holder.sequence(properties_of(before), properties_of(resource)):
            current = _with_properties(current, name, properties)
            between.append(current)
    if between and between[-1] == wanted:
        between.pop()
    return (*(write_template(template) for template in between), desired)


def _with_properties(template: Mapping[str, Any], name: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    changed: dict[str, Any] = copy.deepcopy(dict(template))
    changed["Resources"][name]["Properties"] = dict(properties)
    return changed
