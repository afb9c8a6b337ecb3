import itertools
import json
import re
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.deploy.draft.sequence import Ends, count_updates, make_sequence
from builder.errors import Stopped
from builder.template import ListEdit, masked, properties_of, read_template, splice

Json = dict[str, Any]
REGION = {"AWS::Region": "a"}
TOKEN = re.compile(r"(?m)^(Transform: |# ).*$")


def table(*regions: str, kind: str = "GlobalTable", indexes: tuple[str, ...] = (), **more: Any) -> Json:
    keys = ["id", *indexes]
    properties: Json = {
        "TableName": "t",
        "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"} for key in keys],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        **({"GlobalSecondaryIndexes": [index(name) for name in indexes]} if indexes else {}),
        **({"Replicas": [{"Region": region} for region in regions]} if regions else {}),
        **more,
    }
    return {"Type": f"AWS::DynamoDB::{kind}", "Properties": properties}


def index(name: str) -> Json:
    return {"IndexName": name, "KeySchema": [{"AttributeName": name, "KeyType": "HASH"}]}


def text(resource: Json, memory: int = 1) -> str:
    function = {"Type": "AWS::Lambda::Function", "Properties": {"MemorySize": memory}}
    return yaml.safe_dump({"Resources": {"Table": resource, "Function": function}}, sort_keys=False)


def ends(deployed: str, desired: str, **more: Any) -> Ends:
    shown = json.loads(masked(deployed)) if deployed.startswith("{") else masked(deployed)
    return Ends(where="us-east-1/table", deployed=shown, desired=desired, **more)


def sequence(deployed: str, desired: str, **more: Any) -> list[str]:
    updates = make_sequence(ends(deployed, desired, **more))
    assert len(updates) == count_updates(ends(deployed, desired, **more))
    assert [bool(update.because) for update in updates] == [False, *[True] * (len(updates) - 1)]
    return [update.template for update in updates]


def listed(template: str, key: str = "Replicas", name: str = "Region") -> list[Any]:
    properties = properties_of(read_template(template).resource("Table"))
    return [item.get(name) for item in properties.get(key, [])]


def steps(deployed: Json, desired: Json) -> list[list[Any]]:
    return [listed(template) for template in sequence(text(deployed), text(desired))]


def indexes(deployed: Json, desired: Json) -> list[list[Any]]:
    templates = sequence(text(deployed), text(desired))
    for template in templates:
        names = listed(template, "GlobalSecondaryIndexes", "IndexName")
        # DynamoDB refuses an attribute that no key uses, and a key that is not defined.
        assert set(listed(template, "AttributeDefinitions", "AttributeName")) == {"id", *names}
    return [listed(template, "GlobalSecondaryIndexes", "IndexName") for template in templates]


class TestReplicas:
    def test_one_as_the_only_change_is_one_update(self) -> None:
        assert sequence(text(table("a")), text(table("a", "b"))) == [text(table("a", "b"))]
        assert sequence(text(table("a", "b")), text(table("a"))) == [text(table("a"))]

    def test_they_come_one_at_a_time_and_before_others_go(self) -> None:
        assert steps(table("a", "b"), table("a", "c", "d")) == [["a", "c", "b"], ["a", "c", "d", "b"], ["a", "c", "d"]]

    def test_all_else_comes_first(self) -> None:
        desired = text(table("a", "b"), memory=2)
        bodies = sequence(text(table("a")), desired)
        assert [listed(body) for body in bodies] == [["a"], ["a", "b"]]
        assert [read_template(body).resource("Function")["Properties"]["MemorySize"] for body in bodies] == [2, 2]
        assert sequence(text(table("a")), text(table("a", "b")), more_differs=True) == [
            text(table("a")),
            text(table("a", "b")),
        ]

    def test_what_may_differ_unseen_comes_first_too(self) -> None:
        deployed, desired = text(table("a", Note="Stürung")), "# é\n" + text(table("a", "b", Note="Störung"))
        deployed, desired = (template.replace("\\xFC", "ü").replace("\\xF6", "ö") for template in (deployed, desired))
        assert [listed(template) for template in sequence(deployed, desired)] == [["a"], ["a", "b"]]

    def test_another_order_of_keys_items_and_comments_is_no_other_change(self) -> None:
        deployed = json.dumps({"Resources": {"Table": dict(reversed(table("b", "a").items()))}})
        assert len(sequence(deployed, "# why\n" + yaml.safe_dump({"Resources": {"Table": table("a", "b", "c")}}))) == 1

    def test_the_last_is_the_desired_template_to_the_byte(self) -> None:
        desired = "# why\n" + text(table("a", "b", "c"))
        assert sequence(text(table("a")), desired)[-1] == desired
        assert len(sequence(text(table("a")), desired)) == 2

    def test_no_one_more_or_less_is_one_update(self) -> None:
        assert len(sequence(text(table("a", "b")), text(table("b", "a"), memory=2))) == 1
        assert len(sequence(text(table("a")), text(table("a", BillingMode="PAY_PER_REQUEST")))) == 1

    def test_a_region_is_known_by_its_parameters(self) -> None:
        own = table("a", "b", Replicas=[{"Region": {"Ref": "AWS::Region"}}, {"Region": {"Ref": "Other"}}])
        values = {"values_before": REGION, "values_after": {**REGION, "Other": "b"}}
        assert len(sequence(text(table("a", "b")), text(own), **values)) == 1
        first, second, _ = sequence(text(table("a", "c")), text(own), **values)
        assert listed(first) == [{"Ref": "AWS::Region"}, "c"]
        assert listed(second) == [{"Ref": "AWS::Region"}, {"Ref": "Other"}, "c"]

    def test_a_default_is_what_nobody_gives_and_never_what_waits_for_an_output(self) -> None:
        own = table("a", "b", Replicas=[{"Region": {"Ref": "AWS::Region"}}, {"Region": {"Ref": "Other"}}])
        desired = "Parameters: {Other: {Type: String, Default: b}}\n" + text(own)
        ways: Json = {"values_before": REGION, "values_after": REGION}
        assert len(sequence(text(table("a", "b")), desired, **ways)) == 1
        ways["values_after"] = {**REGION, "Other": None}
        assert len(sequence(text(table("a", "b")), desired, **ways)) == 3

    @pytest.mark.parametrize("desired", [text(table("a", "b", kind="Table")), "Resources: {}\n"])
    def test_a_table_that_comes_or_goes_has_none(self, desired: str) -> None:
        assert sequence("Resources: {}", desired) == [desired]
        assert sequence(text(table("a", "b")), desired) == [desired]

    @pytest.mark.parametrize("replicas", [{"Fn::If": ["C", [], []]}, "x", None])
    def test_a_list_that_only_a_deployment_tells_has_none(self, replicas: object) -> None:
        desired = text(table("a", Replicas=replicas))
        assert sequence(text(table("a", "b", "c")), desired) == [desired]


class TestIndexes:
    @pytest.mark.parametrize("kind", ["Table", "GlobalTable"])
    def test_two_more_are_two_updates_and_all_else_comes_before_them(self, kind: str) -> None:
        plain, more = table(kind=kind), table(kind=kind, indexes=("x", "y"))
        assert indexes(plain, more) == [["x"], ["x", "y"]]
        bodies = sequence(text(plain), text(more, memory=2))
        assert [listed(body, "GlobalSecondaryIndexes", "IndexName") for body in bodies] == [[], ["x"], ["x", "y"]]
        assert [read_template(body).resource("Function")["Properties"]["MemorySize"] for body in bodies] == [2, 2, 2]

    def test_where_there_is_no_room_others_go_first(self) -> None:
        names = [f"i{number:02}" for number in range(21)]
        updates = indexes(table(indexes=tuple(names[:19])), table(indexes=tuple(names[1:])))
        assert [len(index_names) for index_names in updates] == [18, 19, 20]
        assert updates[-1] == names[1:]

    def test_they_go_one_at_a_time(self) -> None:
        assert indexes(table(indexes=("x", "y", "z")), table(indexes=("y",))) == [["y", "z"], ["y"]]
        assert indexes(table(indexes=("x", "y")), table()) == [["y"], []]

    def test_tables_wait_for_each_other(self) -> None:
        def two(first: Json, second: Json) -> str:
            whole = json.loads(json.dumps({"Table": first, "Other": second}))
            return yaml.safe_dump({"Resources": whole}, sort_keys=False)

        plain, indexed = table(), table(indexes=("x",))
        assert sequence(two(plain, plain), two(indexed, indexed)) == [two(indexed, plain), two(indexed, indexed)]
        # And so they do for a replica.
        assert len(sequence(two(table("a"), table("a")), two(table("a", "b"), table("a", "b")))) == 2

    def test_they_come_before_others_go_and_before_replicas(self) -> None:
        deployed, desired = table("a", indexes=("x",)), table("a", "b", indexes=("y",))
        assert indexes(deployed, desired) == [["y", "x"], ["y"], ["y"]]
        assert steps(deployed, desired) == [["a"], ["a"], ["a", "b"]]

    def test_a_replica_s_settings_of_an_index_come_and_go_with_it(self) -> None:
        def replica(region: str, *names: str) -> Json:
            entries = [{"IndexName": name, "ContributorInsightsSpecification": {"Enabled": True}} for name in names]
            return {"Region": region, **({"GlobalSecondaryIndexes": entries} if names else {})}

        deployed = table(indexes=("x", "z"), Replicas=[replica("a", "x"), replica("b", "x", "z"), replica("c", "z")])
        desired = table(indexes=("y", "z"), Replicas=[replica("a", "y"), replica("b", "y", "z")])
        updates = [
            [[entry["IndexName"] for entry in item.get("GlobalSecondaryIndexes", [])] for item in _replicas(template)]
            for template in sequence(text(deployed), text(desired))
        ]
        assert updates == [[["y", "x"], ["y", "z", "x"], ["z"]], [["y"], ["y", "z"], ["z"]], [["y"], ["y", "z"]]]


def _replicas(template: str) -> list[Json]:
    return list(properties_of(read_template(template).resource("Table"))["Replicas"])


def expiring(attribute: str | None, *, on: bool = True) -> Json:
    more: Json = {"TimeToLiveSpecification": {"AttributeName": attribute, "Enabled": on}} if attribute else {}
    return table("a", "b", **more)


def expiry(template: str) -> Any:
    return properties_of(read_template(template).resource("Table")).get("TimeToLiveSpecification")


OFF: Json = {"AttributeName": "ends", "Enabled": False}


class TestTimeToLive:
    @pytest.mark.parametrize("attribute", ["until", None])
    @pytest.mark.parametrize("write", [text, lambda resource, _=1: json.dumps({"Resources": {"Table": resource}})])
    def test_another_attribute_or_none_is_off_first(self, attribute: str | None, write: Any) -> None:
        desired = write(expiring(attribute))
        first, last = sequence(write(expiring("ends")), desired)
        assert (expiry(first), last) == (OFF, desired)
        # Begun again in between, the rest is left.
        assert sequence(first, desired) == [desired]

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            (expiring(None), expiring("ends")),
            (expiring("ends"), expiring("ends", on=False)),
            (expiring("ends", on=False), expiring("until")),
            (expiring("ends", on=False), expiring(None)),
            (expiring("ends"), expiring("ends")),
        ],
    )
    def test_all_else_is_one_update(self, before: Json, after: Json) -> None:
        assert sequence(text(before), text(after, 2)) == [text(after, 2)]

    def test_it_comes_before_indexes_and_replicas_and_takes_all_else_along(self) -> None:
        before = expiring("ends")
        after = table("a", "b", "c", indexes=("x",), TimeToLiveSpecification={"AttributeName": "b", "Enabled": True})
        templates = sequence(text(before), text(after, 2))
        on = {"AttributeName": "b", "Enabled": True}
        assert [expiry(template) for template in templates] == [OFF, on, on, on]
        assert [listed(template) for template in templates] == [["a", "b"]] * 3 + [["a", "b", "c"]]
        assert [_names(template) for template in templates] == [set(), set(), {"x"}, {"x"}]
        for place, template in enumerate(templates[:-1]):
            assert sequence(template, text(after, 2)) == templates[place + 1 :]

    def test_what_only_a_deployment_tells_is_left_alone(self) -> None:
        after = table("a", TimeToLiveSpecification={"AttributeName": {"Ref": "Name"}, "Enabled": True})
        assert len(sequence(text(table("a", TimeToLiveSpecification=OFF)), text(after))) == 1

    def test_an_attribute_that_is_not_shown_is_not_sent_again(self) -> None:
        with pytest.raises(Stopped, match=r"a `\?` in the deployed template"):
            make_sequence(ends(text(expiring("Störung")), text(expiring("ends"))))


class TestRefusals:
    def test_an_index_does_not_become_another_under_its_name(self) -> None:
        other = table(
            "a", indexes=("x",), GlobalSecondaryIndexes=[{**index("x"), "KeySchema": index("id")["KeySchema"]}]
        )
        with pytest.raises(Stopped, match="Table: the index x cannot get another key") as refused:
            make_sequence(ends(text(table("a", indexes=("x",))), text(other)))
        assert "another name" in refused.value.next_step

    def test_an_entry_with_a_question_mark_is_not_sent_again(self) -> None:
        entry = {"Region": "b", "Tags": [{"Key": "k", "Value": "Störung"}]}
        deployed = table(Replicas=[{"Region": "a"}, entry])
        with pytest.raises(Stopped, match=r"us-east-1/table/Table: b goes after .* a `\?`, which may stand for"):
            make_sequence(
                ends(yaml.safe_dump({"Resources": {"Table": deployed}}, allow_unicode=True), text(table("a")))
            )

    def test_nor_one_that_refers_to_what_goes(self) -> None:
        deployed = table(Replicas=[{"Region": "a"}, {"Region": "b", "KMSMasterKeyId": {"Ref": "Key"}}])
        with pytest.raises(Stopped, match="refers to Key, which goes with them"):
            make_sequence(ends(text(deployed), text(table("a", "c"))))

    def test_a_text_that_cannot_be_cut_is_not_sent(self) -> None:
        merged = "x: &r [{Region: a}, {Region: b}, {Region: c}]\n"
        desired = f"{merged}Resources: {{Table: {{Type: AWS::DynamoDB::GlobalTable, Properties: {{Replicas: *r}}}}}}"
        with pytest.raises(Stopped, match="cannot be cut"):
            make_sequence(ends(text(table("a")), desired))

    @pytest.mark.parametrize("item", ["<<: *r", "Region: *r", "{Region: b, Tags: *r}"])
    def test_nor_is_one_with_aliases(self, item: str) -> None:
        anchor = "x: &r " + ("{Region: b}" if "<<" in item else "b" if "Tags" not in item else "[{Key: k}]")
        items = f"      - Region: a\n      - {item}\n      - Region: c\n"
        body = "Resources:\n  Table:\n    Type: AWS::DynamoDB::GlobalTable\n    Properties:\n      Replicas:\n"
        with pytest.raises(Stopped, match="cannot be cut"):
            make_sequence(ends(text(table("a")), f"{anchor}\n{body}{items}"))

    @pytest.mark.parametrize("deployed", [": [", "[1]", ""])
    def test_a_deployed_template_that_cannot_be_read_stops_it(self, deployed: str) -> None:
        with pytest.raises(Stopped, match="cannot be read"):
            make_sequence(ends(deployed, text(table("a"))))


HEAD = """\
Description: "Störung 🙂 11.10"\t# after a tab
Resources:
  Other: {Type: A, Properties: {A: 0060, B: '012345678901', C: 11.10}}
"""
TAIL = "  # after all\n  Last: {Type: B, Properties: {D: 1_000}}"
ORDINARY = ["a", "b", "c", "d"]


def block(names: list[str], key: str, name: str, indent: str) -> str:
    if not names:
        return ""
    items = [
        f"{indent}# {value}\n{indent}- {name}: {value} # why\n{indent}  KeySchema: [{{AttributeName: {value}}}]\n\n"
        for value in names
    ]
    return f"      {key}:\n{''.join(items)}"


def flow(names: list[str], key: str, name: str, indent: str) -> str:
    gap = f",\n{indent}  " if indent else ", "
    items = [f'{{{name}: "{value}", KeySchema: [{{AttributeName: {value}, KeyType: HASH}}]}}' for value in names]
    return f"      {key}: [ {gap.join(items)} ]\n" if names else ""


LAYOUTS = [(block, "        "), (block, "      "), (flow, ""), (flow, "        ")]


def in_yaml(replicas: list[str], indexes: list[str], layout: int, breaks: str) -> str:
    make, indent = LAYOUTS[layout]
    lists = make(replicas, "Replicas", "Region", indent) + make(indexes, "GlobalSecondaryIndexes", "IndexName", indent)
    definitions = "".join(f"        - {{AttributeName: {name}, AttributeType: S}}\n" for name in ["id", *indexes])
    body = (
        "  Table:\n    Type: AWS::DynamoDB::GlobalTable\n    Properties:\n      TableName: Ümlaut\n"
        f"      AttributeDefinitions:\n{definitions}{lists}      # between\n      KeySchema: [{{AttributeName: id}}]\n"
    )
    return (HEAD + body + TAIL).replace("\n", breaks)


def in_json(replicas: list[str], indexes: list[str], indent: str | int | None) -> str:
    made = table(*replicas, indexes=tuple(indexes), Note="Störung", Number=11.1)
    return json.dumps({"Resources": {"Other": {"Type": "A"}, "Table": made}}, indent=indent, ensure_ascii=False)


def outside(template: str) -> str:
    """The template without what its three lists hold, in which alone states differ."""
    lists = {
        key: ListEdit(stays=lambda _: False) for key in ("Replicas", "GlobalSecondaryIndexes", "AttributeDefinitions")
    }
    bare = splice(template, ("Resources", "Table", "Properties"), lists, lambda _: lambda _: "")
    return re.sub(r"(?m)^ *# ([a-d])\r?\n|^\s*$\r?\n?", "", bare)


@pytest.mark.slow
@settings(deadline=None)
@given(
    st.lists(st.sets(st.sampled_from(ORDINARY), min_size=1), min_size=2, max_size=2),
    st.lists(st.sets(st.sampled_from(ORDINARY)), min_size=2, max_size=2),
    st.sampled_from(["\n", "\r\n"]),
    st.one_of(st.integers(0, 3), st.sampled_from(["\t", "json", "compact"])),
)
def test_from_any_to_any_one_at_a_time_and_all_else_to_the_byte(
    replicas: list[set[str]], indexes: list[set[str]], breaks: str, layout: int | str
) -> None:
    def make(regions: set[str], names: set[str]) -> str:
        if isinstance(layout, int):
            return in_yaml(sorted(regions), sorted(names), layout, breaks)
        indents: dict[str, str | int | None] = {"\t": "\t", "json": 2, "compact": None}
        return in_json(sorted(regions), sorted(names), indents[layout])

    deployed, desired = (make(*both) for both in zip(replicas, indexes, strict=True))
    templates = sequence(deployed, desired)
    assert templates[-1] == desired
    held = [(replicas[0], indexes[0]), *((set(listed(template)), _names(template)) for template in templates)]
    for place, ((regions, names), (next_regions, next_names)) in enumerate(itertools.pairwise(held)):
        assert len(regions ^ next_regions) + len(names ^ next_names) <= 1
        assert {"id", *next_names} == set(listed(templates[place], "AttributeDefinitions", "AttributeName"))
    assert {outside(template) for template in templates} == {outside(desired)}
    # Begun again in the middle it goes on with the same bytes.
    for place, template in enumerate(templates[:-1]):
        left = templates[place + 1 :]
        assert sequence(template, desired)[-len(left) :] == left


def _names(template: str) -> set[str]:
    return set(listed(template, "GlobalSecondaryIndexes", "IndexName"))
