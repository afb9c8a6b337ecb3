from builder.drill.service import Second, count_traffic
from drill.hand_made import PRIMARY, SECONDARY, good, lost, over


def test_every_attempt_counts_in_the_second_of_its_answer() -> None:
    writes = [good("a", 0.1), good("b", 0.995), over("c", 1.2), lost("d", 1.3, status=None)]
    assert count_traffic([*writes, good("o", 0.2, what="object")]) == (
        Second(0, PRIMARY, good=1, failed=0),
        Second(1, PRIMARY, good=1, failed=2),
        Second(1, SECONDARY, good=1, failed=1),
    )
