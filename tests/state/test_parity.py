from dataclasses import replace

from builder.state.differences import find_disparities
from builder.state.records import Disparity, Settings
from state.rig import EAST, WEST


def side(region: str, words: dict[str, str] | None = None, thing: str = "app/Function", **values: str) -> Settings:
    return Settings(thing=thing, region=EAST if region == "east" else WEST, values=values, own_words=words or {})


def test_a_setting_that_differs_is_told_with_every_region_s_value() -> None:
    disparities = find_disparities([side("east", memory="1", code="a"), side("west", memory="2", code="a")])
    assert disparities == (Disparity(thing="app/Function", setting="memory", values={EAST: "1", WEST: "2"}),)


def test_a_setting_that_one_region_lacks_is_a_difference() -> None:
    (disparity,) = find_disparities([side("east"), side("west", extra="x")])
    assert disparity.values == {EAST: "(none)", WEST: "x"}


def test_a_region_s_own_words_count_as_their_names() -> None:
    own = [side("east", {"Role": "primary"}, ROLE="primary"), side("west", {"Role": "secondary"}, ROLE="secondary")]
    assert find_disparities(own) == ()
    crossed = [
        side("east", {"Role": "primary"}, ROLE="secondary"),
        side("west", {"Role": "secondary"}, ROLE="secondary"),
    ]
    assert find_disparities(crossed) == ()


def test_what_aws_names_otherwise_in_each_region_is_no_difference() -> None:
    keys = {EAST: "1111-aaaa", WEST: "2222-bbbb"}

    def at(region: str, key: str, ids: dict[str, str]) -> Settings:
        there = EAST if region == "east" else WEST
        return replace(side(region, KEY=key, encryption=f"arn:aws:kms:{there}:1:key/{key}"), ids=ids)

    east = at("east", keys[EAST], {"net/Key": keys[EAST], "net.Id": keys[EAST], "net.Short": "aws"})
    west = at("west", keys[WEST], {"net/Key": keys[WEST], "net.Id": keys[WEST], "net.Short": "aws"})
    assert find_disparities([east, west]) == ()
    # Another region's key is one.
    crossed = at("west", keys[EAST], {"net/Key": keys[WEST]})
    assert [entry.setting for entry in find_disparities([east, crossed])] == ["encryption"]
    other = at("west", "3333-cccc", {"net/Key": keys[WEST]})
    assert [entry.setting for entry in find_disparities([east, other])] == ["KEY", "encryption"]


def test_a_word_of_one_s_own_in_one_region_only_is_a_difference() -> None:
    odd = [side("east", {"Role": "primary"}, ROLE="primary"), side("west", {"Role": "secondary"}, ROLE="third")]
    assert len(find_disparities(odd)) == 1


def test_what_stands_in_one_region_only_has_nothing_to_differ_from() -> None:
    assert find_disparities([side("east", memory="1"), side("west", thing="other", memory="2")]) == ()
