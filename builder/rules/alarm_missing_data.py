"""W9561: an alarm on a table's metrics that says what missing data is."""

from collections.abc import Iterator

from cfnlint.template.template import Template

from builder.rules._rule import Fault, Rule, fault
from builder.rules._worlds import resources

_AS_IT_IS = ("ignore",)


class AlarmMissingData(Rule):
    """With metric math it is not documented, so that only alarms on one metric are looked at."""

    id = "W9561"
    shortdesc = "TreatMissingData means nothing for metrics of DynamoDB"
    description = (
        "Alarms on metrics of AWS/DynamoDB keep their state while data is missing, whatever TreatMissingData says: one "
        "that is to go on when nobody writes any more never does, and one that went on stays so."
    )
    source_url = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html"
    topics = ("resources", "cloudwatch", "dynamodb")

    def faults(self, cfn: Template) -> Iterator[Fault]:
        """Yield every word on missing data that no alarm heeds."""
        for alarm in resources(cfn, "AWS::CloudWatch::Alarm"):
            properties = alarm.get("Properties")
            treatment = properties.get("TreatMissingData")
            if (
                properties.get("Namespace").text == "AWS/DynamoDB"
                and treatment.present
                and treatment.text not in _AS_IT_IS
            ):
                yield fault(treatment, "alarms on metrics of AWS/DynamoDB always ignore missing data: take this out")
