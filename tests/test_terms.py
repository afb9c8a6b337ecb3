import botocore.session

from builder.terms import STATUSES, Operation


def test_every_status_that_botocore_knows_is_classified_and_no_other() -> None:
    loader = botocore.session.get_session().get_component("data_loader")
    model = loader.load_service_model("cloudformation", "service-2")
    assert set(STATUSES) == set(model["shapes"]["StackStatus"]["enum"])


def test_a_busy_stack_is_waited_for_and_no_other_is() -> None:
    for status, facts in STATUSES.items():
        busy = status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS"
        assert (facts.operation is Operation.WAIT) == busy == (not facts.settled), status


def test_nothing_failed_or_rolled_back_counts_as_good() -> None:
    good = {status for status, facts in STATUSES.items() if facts.good}
    assert good == {"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE", "DELETE_COMPLETE"}
