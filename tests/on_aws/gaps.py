"""What the embedded AWS is known to play otherwise, or cannot play."""

GAPS = {
    "test_only_json_s_numbers_are_numbers": "reads YAML 1.1: 007 is 7 and 0x1F is 31",
    "test_a_stack_in_review_shows_no_tags": "shows the tags of the first change set at once",
    "test_a_change_set_s_token_may_be_repeated": "does not recognize a repeated ClientToken",
    "test_an_execution_s_token_may_be_repeated": "does not recognize a repeated ClientRequestToken",
    "test_a_rollback_of_what_never_stood_deletes_it": "rolls back to what the failed creation left",
    "test_a_change_set_shows_the_topics_and_triggers_that_the_stack_has": "shows no more than the change set brings",
    "test_a_change_set_reads_another_stack_s_output_while_it_is_made": "reads outputs when the stack is deployed",
    "test_tags_are_a_change_also_where_nothing_takes_them": "sees no change where no resource takes tags",
    "test_the_tags_of_a_change_set_take_tag_resource": "asks for no permission but CreateChangeSet",
    "test_a_tag_moves_no_revision_is_no_drift_and_is_listed_at_once": "takes a tag of somebody else for drift",
}
"""The tests that it must fail, each with what it does instead."""
