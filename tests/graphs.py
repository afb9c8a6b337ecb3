"""Graphs drawn at random, for what has to hold of all of them."""

from hypothesis import strategies as st

Graph = dict[str, tuple[str, ...]]
_NODES = "abcdefgh"


def any_graphs() -> st.SearchStrategy[Graph]:
    """Return graphs of up to eight nodes that may need each other, and themselves, in circles."""
    return st.permutations(_NODES).flatmap(lambda order: _graphs(dict.fromkeys(order, order)))


def acyclic() -> st.SearchStrategy[Graph]:
    """Return graphs of up to eight nodes, in any order, that have an order of needs."""

    def within(orders: tuple[list[str], list[str]]) -> st.SearchStrategy[Graph]:
        shown, done = orders
        return _graphs({node: done[: done.index(node)] for node in shown})

    return st.tuples(st.permutations(_NODES), st.permutations(_NODES)).flatmap(within)


def _graphs(allowed: dict[str, list[str]]) -> st.SearchStrategy[Graph]:
    """Return graphs of some of the nodes, each of which needs some of those that are allowed to it."""

    def of(nodes: set[str]) -> st.SearchStrategy[Graph]:
        needs = {
            node: st.lists(st.sampled_from(others), unique=True, max_size=4).map(tuple) if others else st.just(())
            for node, among in allowed.items()
            if node in nodes
            for others in [[other for other in among if other in nodes]]
        }
        return st.fixed_dictionaries(needs)

    return st.sets(st.sampled_from(_NODES), max_size=len(_NODES)).flatmap(of)
