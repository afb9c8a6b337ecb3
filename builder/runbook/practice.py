"""How a failover is practised and measured; pure."""

from builder.runbook.lines import LineMaker, who_am_i
from builder.runbook.records import Condition, RunbookState, RunbookStep, Situation
from builder.runbook.system import RunbookSystem
from builder.terms import Region

PRACTICE = "practice"


def practice(system: RunbookSystem, primary: Region) -> Situation:
    """Return how a failover is practised."""
    make = LineMaker(system=system, state=RunbookState(Condition.WELL))
    to = system.others(primary)[0]
    sure = ("--yes-in-production",) if system.request.production else ()
    return Situation(
        key=PRACTICE,
        title="Practise it",
        in_short=f"A drill takes {primary} away for half a minute, measures what that costs, and gives it back.",
        signs=(RunbookStep(text="A quiet hour, and everybody knows of it."),),
        needs=(
            who_am_i(make, primary),
            RunbookStep(text="All regions are well.", lines=(make.builder("status", says="every row as ever"),)),
        ),
        steps=(
            RunbookStep(
                text="The drill. It refuses with exit code 4 where something is not well, and undoes its fault "
                "however it ends.",
                lines=(make.builder("drill", "failover", *sure, says="RPO and RTO, and that they hold"),),
            ),
        ),
        cannot=(f"Clients of {primary} are refused for half a minute, and go to {to}: it is a real failover.",),
        done=(
            RunbookStep(
                text="The report is in drills/, and compared with those before.",
                lines=(make.builder("drill", "history", says="a table with a row for each drill"),),
            ),
        ),
        back=(
            RunbookStep(
                text="Only after a drill that was killed.",
                lines=(make.builder("drill", "restore", says="what it undid, or that no drill has left anything"),),
            ),
        ),
    )
