"""The queue of one region, and where it puts what was tried too often."""

from troposphere import GetAtt, Output, Parameter, Ref, Template, sqs


def template(context):
    """Return the template: the same in every region, as `drift` expects of what stands in several."""
    made = Template(Description=f"{context.project}: the queue of a region")
    retention = made.add_parameter(Parameter("RetentionSeconds", Type="Number"))
    kept = {"SqsManagedSseEnabled": True, "DeletionPolicy": "Delete", "UpdateReplacePolicy": "Delete"}
    failed = made.add_resource(sqs.Queue("Failed", MessageRetentionPeriod=1_209_600, **kept))
    queue = made.add_resource(
        sqs.Queue(
            "Queue",
            MessageRetentionPeriod=Ref(retention),
            RedrivePolicy=sqs.RedrivePolicy(
                deadLetterTargetArn=GetAtt(failed, "Arn"), maxReceiveCount=context.options["failures"]
            ),
            **kept,
        )
    )
    made.add_output(Output("Url", Value=Ref(queue)))
    made.add_output(Output("Arn", Value=GetAtt(queue, "Arn")))
    return made
