"""Reading templates back.

Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_GetTemplate.html and
API_GetTemplateSummary
"""

from typing import Any

from fake_aws.calls import Reply, Request
from fake_aws.cloudformation.inputs import required_capabilities, sent_body
from fake_aws.cloudformation.lookup import change_set_named, stack_with_id
from fake_aws.cloudformation.shown import masked
from fake_aws.cloudformation.template import Template, read
from fake_aws.cloudformation.types import schema
from fake_aws.refusals import Unsupported, validation_error


def get_template(request: Request, params: dict[str, Any]) -> Reply:
    """Answer GetTemplate: the text as it was sent, but for what is not ASCII, of a stack or a change set."""
    if "ChangeSetName" in params:
        deployed = change_set_named(request, params)[1].desired
    elif "StackName" in params:
        deployed = stack_with_id(request, params["StackName"]).deployed
    else:
        raise validation_error("StackName or ChangeSetName must be specified")
    body = deployed.body
    if deployed.processed is not None and params.get("TemplateStage", "Processed") == "Processed":
        body = deployed.processed
    return {"TemplateBody": masked(body), "StagesAvailable": ["Original", "Processed"]}


def get_template_summary(request: Request, params: dict[str, Any]) -> Reply:
    """Answer GetTemplateSummary for a template or a stack."""
    if params.keys() & {"TemplateBody", "TemplateURL"}:
        body = sent_body(request, params)
    elif "StackName" in params:
        body = stack_with_id(request, params["StackName"]).deployed.body
    else:
        raise Unsupported("GetTemplateSummary without a template or StackName")
    template = read(body)
    capabilities = required_capabilities(template)
    iam = sorted({each["Type"] for each in template.resources.values() if each["Type"].startswith("AWS::IAM::")})
    return {
        "Parameters": [_declaration(key, each) for key, each in template.parameters.items()],
        "Description": template.description,
        "Capabilities": capabilities or None,
        "CapabilitiesReason": f"The following resource(s) require capabilities: [{', '.join(iam)}]" if iam else None,
        "ResourceTypes": sorted({each["Type"] for each in template.resources.values()}),
        "ResourceIdentifierSummaries": _identifiers(template) or None,
        "Version": "2010-09-09",
    }


def _identifiers(template: Template) -> list[dict[str, Any]]:
    """Return, by type that can be imported, the template's resources and what identifies each."""
    types = sorted({each["Type"] for each in template.resources.values()})
    return [
        {
            "ResourceType": type_name,
            "LogicalResourceIds": sorted(lid for lid, each in template.resources.items() if each["Type"] == type_name),
            "ResourceIdentifiers": sorted(schema(type_name).identifier),
        }
        for type_name in types
        if schema(type_name).importable
    ]


def _declaration(key: str, declared: dict[str, Any]) -> dict[str, Any]:
    return {
        "ParameterKey": key,
        "DefaultValue": str(declared["Default"]) if "Default" in declared else None,
        "ParameterType": declared["Type"],
        "NoEcho": str(declared.get("NoEcho", False)).lower() == "true",
        "Description": declared.get("Description"),
        "ParameterConstraints": {"AllowedValues": [str(each) for each in declared.get("AllowedValues", [])]},
    }
