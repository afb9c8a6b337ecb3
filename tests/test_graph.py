"""Order, closure and circles of any graph, and that none of them hangs on the order within a set."""

import pytest
from hypothesis import given, settings

from builder.errors import BadInput
from builder.graph import as_circle, closure, dependants, find_circle, make_layers, make_order, strongly_connected
from graphs import Graph, acyclic, any_graphs


@settings(deadline=None)
@given(acyclic())
def test_each_node_comes_after_all_that_it_needs(needs: Graph) -> None:
    order = make_order(needs)

    assert sorted(order) == sorted(needs)
    for node, needed in needs.items():
        assert all(order.index(need) < order.index(node) for need in needed)


@settings(deadline=None)
@given(acyclic())
def test_a_layer_is_as_far_as_the_longest_way_to_it(needs: Graph) -> None:
    layers = make_layers(needs)
    depths = {node: depth for depth, layer in enumerate(layers) for node in layer}

    for node, needed in needs.items():
        assert depths[node] == max((depths[need] + 1 for need in needed), default=0)
    places = list(needs)
    assert all([*layer] == sorted(layer, key=places.index) for layer in layers)


@settings(deadline=None)
@given(acyclic())
def test_the_order_within_the_needs_makes_no_difference(needs: Graph) -> None:
    assert make_order({node: needed[::-1] for node, needed in needs.items()}) == make_order(needs)


def test_without_needs_the_order_is_the_graph_s() -> None:
    assert make_order({"b": (), "a": (), "c": ()}) == ("b", "a", "c")


def test_what_is_needed_and_no_node_counts_as_met() -> None:
    assert make_order({"b": ("gone", "a"), "a": ("gone",)}) == ("a", "b")


@settings(deadline=None)
@given(any_graphs())
def test_all_that_is_needed_over_any_number_of_steps_is_the_closure(needs: Graph) -> None:
    for node, needed in needs.items():
        assert closure(needs, node) == set(needed).union(*(closure(needs, need) for need in needed))


def test_a_node_is_in_its_own_closure_only_in_a_circle() -> None:
    needs = {"a": ("b",), "b": ("a",), "c": ("a",)}
    assert closure(needs, "a") == {"a", "b"}
    assert closure(needs, "c") == {"a", "b"}
    assert closure(needs, "nowhere") == set()


@settings(deadline=None)
@given(acyclic())
def test_backwards_twice_is_the_same_graph(needs: Graph) -> None:
    back = dependants(needs)

    assert [*back] == [*needs]
    assert all((node in back[need]) is (need in needs[node]) for node in needs for need in needs)
    assert {node: set(needed) for node, needed in dependants(back).items()} == {
        node: set(needed) for node, needed in needs.items()
    }


@settings(deadline=None)
@given(any_graphs())
def test_there_is_an_order_or_a_circle_is_told(needs: Graph) -> None:
    circle = find_circle(needs)
    if not circle:
        assert len(make_order(needs)) == len(needs)
        assert [*strongly_connected(needs)] == []
        return
    assert all(node in needs[after] for node, after in zip(circle, (*circle[1:], circle[0]), strict=True))
    with pytest.raises(BadInput) as error:
        make_order(needs)
    assert error.value.what == f"go in a circle: {as_circle(circle)}"


@settings(deadline=None)
@given(any_graphs())
def test_strongly_connected_are_those_that_need_each_other(needs: Graph) -> None:
    groups = [*strongly_connected(needs)]
    group_of = {node: group for group in groups for node in group}

    assert sum(len(group) for group in groups) == len(group_of)
    for node in needs:
        mutual = tuple(other for other in needs if other in closure(needs, node) and node in closure(needs, other))
        assert group_of.get(node, ()) == mutual


def test_a_circle_is_told_with_its_names() -> None:
    assert as_circle(("a", "b")) == "a -> b -> a"
    assert as_circle(()) == ""
    with pytest.raises(BadInput, match="needs: go in a circle: a -> a"):
        make_order({"a": ("a",)})
