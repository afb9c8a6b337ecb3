from builder.local.adapter.replication import destinations, find_refusal, make_request_body, read_configuration
from local.adapter.templates import replication

_TAG = {"Key": "a", "Value": "b"}


def test_a_body_is_in_the_words_of_the_s3_api() -> None:
    body = make_request_body(replication("there", Filter={"And": {"Prefix": "p/", "TagFilters": [_TAG]}})).decode()
    assert "<ID>all</ID>" in body
    assert "<And><Prefix>p/</Prefix><Tag><Key>a</Key><Value>b</Value></Tag></And>" in body


def test_what_is_kept_is_read_back_as_the_template_said_it() -> None:
    tagged = {"Filter": {"And": {"Prefix": "p/", "Tags": [_TAG]}}}
    kept = {"Role": "role", "Rules": [{"ID": "a", **tagged}, {"ID": "b", "Filter": {"Tag": _TAG}}, {"Prefix": ""}]}
    assert read_configuration(kept) == {
        "Role": "role",
        "Rules": [
            {"Id": "a", "Filter": {"And": {"Prefix": "p/", "TagFilters": [_TAG]}}},
            {"Id": "b", "Filter": {"TagFilter": _TAG}},
            {"Prefix": ""},
        ],
    }


def test_a_single_tag_is_translated_too() -> None:
    body = make_request_body(replication("there", Filter={"TagFilter": _TAG})).decode()
    assert "<Filter><Tag><Key>a</Key><Value>b</Value></Tag></Filter>" in body


def test_a_priority_given_as_a_parameters_text_is_a_number() -> None:
    assert b"<Priority>7</Priority>" in make_request_body(replication("there", Priority="7"))


def test_destinations_are_bucket_names() -> None:
    assert destinations(replication("there")) == ["there"]


def test_an_ordinary_rule_is_not_refused() -> None:
    assert find_refusal(replication("there")) is None


def test_a_rule_of_the_older_schema_needs_neither_priority_nor_delete_markers() -> None:
    older = replication("there", Filter=None, Priority=None, DeleteMarkerReplication=None)
    assert find_refusal(older) is None
    assert b"<Priority>" not in make_request_body(older)


def test_a_filter_requires_priority_and_delete_marker_replication() -> None:
    for required in ("Priority", "DeleteMarkerReplication"):
        refusal = find_refusal(replication("there", **{required: None}))
        assert refusal is not None
        assert refusal.startswith(f"{required} must be specified")


def test_a_tag_filter_excludes_delete_markers() -> None:
    for tagged in ({"TagFilter": _TAG}, {"And": {"TagFilters": [_TAG]}}):
        refusal = find_refusal(replication("there", Filter=tagged))
        assert refusal is not None
        assert "Delete marker replication is not supported" in refusal
    assert (
        find_refusal(replication("there", Filter={"TagFilter": _TAG}, DeleteMarkerReplication={"Status": "Disabled"}))
        is None
    )
