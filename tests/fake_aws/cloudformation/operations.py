"""Every CloudFormation operation the fake knows, with the parameters it understands; SPEC.md has a heading for each."""

from fake_aws.calls import Operation, mutates, reads
from fake_aws.cloudformation import change_sets, cross_stack, drift, history, policies, stack_changes, stacks, templates
from fake_aws.cloudformation.create_change_set import create_change_set
from fake_aws.cloudformation.stack_sets.operations import STACK_SET_OPERATIONS

OPERATIONS: dict[str, Operation] = STACK_SET_OPERATIONS | {
    "CreateChangeSet": mutates(
        create_change_set,
        *("StackName", "ChangeSetName", "ChangeSetType", "ClientToken", "Description", "OnStackFailure", "RoleARN"),
        *("TemplateBody", "TemplateURL", "UsePreviousTemplate", "Parameters", "Capabilities", "Tags"),
        *("ResourcesToImport", "ImportExistingResources", "DeploymentMode", "DeploymentConfig", "NotificationARNs"),
        *("RollbackConfiguration", "IncludeNestedStacks"),
    ),
    "DescribeChangeSet": reads(
        change_sets.describe_change_set, "ChangeSetName", "StackName", "NextToken", "IncludePropertyValues"
    ),
    "ExecuteChangeSet": mutates(
        change_sets.execute_change_set,
        *("ChangeSetName", "StackName", "ClientRequestToken", "DisableRollback", "RetainExceptOnCreate"),
    ),
    "DeleteChangeSet": mutates(change_sets.delete_change_set, "ChangeSetName", "StackName"),
    "ListChangeSets": reads(change_sets.list_change_sets, "StackName", "NextToken"),
    "DescribeStacks": reads(stacks.describe_stacks, "StackName", "NextToken"),
    "ListStacks": reads(stacks.list_stacks, "StackStatusFilter", "NextToken"),
    "DescribeStackResources": reads(
        stacks.describe_stack_resources, "StackName", "LogicalResourceId", "PhysicalResourceId"
    ),
    "DescribeStackResource": reads(stacks.describe_stack_resource, "StackName", "LogicalResourceId"),
    "ListStackResources": reads(stacks.list_stack_resources, "StackName", "NextToken"),
    "DescribeStackEvents": reads(history.describe_stack_events, "StackName", "NextToken"),
    "DescribeEvents": reads(
        history.describe_events, "StackName", "ChangeSetName", "OperationId", "Filters", "NextToken"
    ),
    "DetectStackDrift": mutates(drift.detect_stack_drift, "StackName"),
    "DescribeStackDriftDetectionStatus": reads(drift.describe_stack_drift_detection_status, "StackDriftDetectionId"),
    "DescribeStackResourceDrifts": reads(
        drift.describe_stack_resource_drifts, "StackName", "StackResourceDriftStatusFilters", "NextToken", "MaxResults"
    ),
    "GetTemplate": reads(templates.get_template, "StackName", "ChangeSetName", "TemplateStage"),
    "GetTemplateSummary": reads(templates.get_template_summary, "StackName", "TemplateBody", "TemplateURL"),
    "DeleteStack": mutates(
        stack_changes.delete_stack,
        *("StackName", "RetainResources", "DeletionMode", "ClientRequestToken", "RoleARN", "DeploymentConfig"),
    ),
    "UpdateTerminationProtection": mutates(
        stack_changes.update_termination_protection, "StackName", "EnableTerminationProtection"
    ),
    "GetStackPolicy": reads(policies.get_stack_policy, "StackName"),
    "SetStackPolicy": mutates(policies.set_stack_policy, "StackName", "StackPolicyBody"),
    "CancelUpdateStack": mutates(stack_changes.cancel_update_stack, "StackName", "ClientRequestToken"),
    "RollbackStack": mutates(
        stack_changes.rollback_stack,
        *("StackName", "ClientRequestToken", "RetainExceptOnCreate", "RoleARN", "DeploymentConfig"),
    ),
    "ListExports": reads(cross_stack.list_exports, "NextToken"),
    "ListImports": reads(cross_stack.list_imports, "ExportName", "NextToken"),
    "ContinueUpdateRollback": mutates(
        stack_changes.continue_update_rollback, "StackName", "ResourcesToSkip", "ClientRequestToken", "RoleARN"
    ),
}
