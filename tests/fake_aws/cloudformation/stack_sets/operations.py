"""Every StackSet operation the fake knows, with the parameters it understands."""

from fake_aws.calls import Operation, mutates, reads
from fake_aws.cloudformation.stack_sets import imports, instances, set_operations, sets

_DEFINITION = (
    *("StackSetName", "Description", "TemplateBody", "TemplateURL", "Parameters", "Capabilities", "Tags"),
    *("AdministrationRoleARN", "ExecutionRoleName", "PermissionModel", "AutoDeployment", "CallAs", "ManagedExecution"),
)
_OPERATION = ("OperationPreferences", "OperationId", "Accounts", "DeploymentTargets", "Regions")
_INSTANCES = ("StackSetName", "CallAs", *_OPERATION)

STACK_SET_OPERATIONS: dict[str, Operation] = {
    "CreateStackSet": mutates(sets.create_stack_set, "ClientRequestToken", *_DEFINITION),
    "UpdateStackSet": mutates(sets.update_stack_set, "UsePreviousTemplate", *_DEFINITION, *_OPERATION),
    "DescribeStackSet": reads(sets.describe_stack_set, "StackSetName", "CallAs"),
    "ListStackSets": reads(sets.list_stack_sets, "NextToken", "MaxResults", "Status", "CallAs"),
    "DeleteStackSet": mutates(sets.delete_stack_set, "StackSetName", "CallAs"),
    "CreateStackInstances": mutates(instances.create_stack_instances, "ParameterOverrides", *_INSTANCES),
    "UpdateStackInstances": mutates(instances.update_stack_instances, "ParameterOverrides", *_INSTANCES),
    "DeleteStackInstances": mutates(instances.delete_stack_instances, "RetainStacks", *_INSTANCES),
    "ImportStacksToStackSet": mutates(
        imports.import_stacks,
        *("StackSetName", "StackIds", "OrganizationalUnitIds", "OperationPreferences", "OperationId", "CallAs"),
    ),
    "DescribeStackInstance": reads(
        instances.describe_stack_instance, "StackSetName", "StackInstanceAccount", "StackInstanceRegion", "CallAs"
    ),
    "ListStackInstances": reads(
        instances.list_stack_instances,
        *("StackSetName", "NextToken", "MaxResults", "Filters", "StackInstanceAccount", "StackInstanceRegion"),
        "CallAs",
    ),
    "DetectStackSetDrift": mutates(
        set_operations.detect_stack_set_drift, "StackSetName", "OperationPreferences", "OperationId", "CallAs"
    ),
    "ListStackInstanceResourceDrifts": reads(
        instances.list_stack_instance_resource_drifts,
        *("StackSetName", "NextToken", "MaxResults", "StackInstanceResourceDriftStatuses", "StackInstanceAccount"),
        *("StackInstanceRegion", "OperationId", "CallAs"),
    ),
    "DescribeStackSetOperation": reads(
        set_operations.describe_stack_set_operation, "StackSetName", "OperationId", "CallAs"
    ),
    "ListStackSetOperations": reads(
        set_operations.list_stack_set_operations, "StackSetName", "NextToken", "MaxResults", "CallAs"
    ),
    "ListStackSetOperationResults": reads(
        set_operations.list_stack_set_operation_results,
        *("StackSetName", "OperationId", "NextToken", "MaxResults", "CallAs", "Filters"),
    ),
    "StopStackSetOperation": mutates(set_operations.stop_stack_set_operation, "StackSetName", "OperationId", "CallAs"),
}
