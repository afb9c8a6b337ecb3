"""AWS::CloudFormation::StackSet: it holds the stacks of all its accounts, and these go with it.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-stackset.html
"""

from builder.deploy.resources.holder import Holder

TYPE = "AWS::CloudFormation::StackSet"
HOLDER = Holder(lost="its stack in every account and region, with all that is in them", name_property="StackSetName")
