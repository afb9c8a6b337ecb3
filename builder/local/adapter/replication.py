"""A bucket's ReplicationConfiguration from its CloudFormation shape to the S3 API's, and what S3 refuses of it.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-add-config.html
"""

from collections.abc import Mapping
from typing import Any

from builder.local.adapter.s3_request import make_body

Configuration = Mapping[str, Any]

_SCHEMA = "must be specified for this version of Cross Region Replication configuration schema"
_GUIDE = "Please refer to S3 Developer Guide for more information."


def make_request_body(configuration: Configuration) -> bytes:
    """Return the body of PutBucketReplication that says what `configuration` says."""
    wanted = {"Role": configuration["Role"], "Rules": [_rule(rule) for rule in configuration["Rules"]]}
    return make_body("PutBucketReplication", ReplicationConfiguration=wanted)


def read_configuration(kept: Configuration) -> Configuration:
    """Return the configuration that a template would have to say for the emulator to keep what it keeps."""
    return {"Role": kept["Role"], "Rules": [_in_template(rule) for rule in kept["Rules"]]}


def find_refusal(configuration: Configuration) -> str | None:
    """Return S3's words for the first rule that its newer schema (V2: the rule has a Filter) refuses, or None."""
    for rule in configuration["Rules"]:
        if "Filter" not in rule:
            continue
        for required in ("Priority", "DeleteMarkerReplication"):
            if required not in rule:
                return f"{required} {_SCHEMA}. {_GUIDE}"
        tagged = "TagFilter" in rule["Filter"] or rule["Filter"].get("And", {}).get("TagFilters")
        if tagged and rule["DeleteMarkerReplication"].get("Status") == "Enabled":
            return "Delete marker replication is not supported if any Tag filter is specified."
    return None


def destinations(configuration: Configuration) -> list[str]:
    """Return the names of the destination buckets, in the order of the rules."""
    return [str(rule["Destination"]["Bucket"]).rpartition(":")[2] for rule in configuration["Rules"]]


def _in_template(rule: Configuration) -> dict[str, Any]:
    made = {"Id" if name == "ID" else name: value for name, value in rule.items()}
    if "Filter" in made:
        made["Filter"] = {"TagFilter" if name == "Tag" else name: value for name, value in made["Filter"].items()}
        if "And" in made["Filter"]:
            both = made["Filter"]["And"]
            made["Filter"]["And"] = {"TagFilters" if name == "Tags" else name: value for name, value in both.items()}
    return made


def _rule(rule: Configuration) -> dict[str, Any]:
    made = {"ID" if name == "Id" else name: value for name, value in rule.items()}
    if "Priority" in made:
        made["Priority"] = int(made["Priority"])
    if "Filter" in made:
        made["Filter"] = _filter(made["Filter"])
    return made


def _filter(found: Configuration) -> dict[str, Any]:
    made = {"Tag" if name == "TagFilter" else name: value for name, value in found.items()}
    if "And" in made:
        made["And"] = {"Tags" if name == "TagFilters" else name: value for name, value in made["And"].items()}
    return made
