"""The situation of a quiet hour: how to practise and measure a failover; pure."""

from builder.runbook.lines import LineMaker, chosen, who_am_i
from builder.runbook.records import Condition, RunbookState, RunbookStep, Situation, TypedCommand
from builder.runbook.system import RunbookSystem
from builder.terms import Region

PRACTICE = "practice"


def practice(system: RunbookSystem, primary: Region) -> Situation:
    """Return the situation in which a failover is practised."""
    make = LineMaker(system=system, state=RunbookState(Condition.WELL))
    to = system.others(primary)[0]
    history = make.builder("drill", "history", says="a table with a row for each drill")
    restored = "what it undid, or that no drill has left anything"
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
                "however it ends. Exit code 1 says that a promise was missed, or a number could not be measured.",
                lines=(_drill(make),),
            ),
        ),
        cannot=(f"Clients of {primary} are refused for half a minute, and go to {to}: it is a real failover.",),
        done=(RunbookStep(text="The report is in drills/, and compared with those before.", lines=(history,)),),
        back=(
            RunbookStep(
                text="Only after a drill that was killed.",
                lines=(make.builder("drill", "restore", *_which(system), says=restored),),
            ),
        ),
    )


def _drill(make: LineMaker) -> TypedCommand:
    sure = ("--yes-in-production",) if make.system.request.production else ()
    says = "RPO and RTO, the verdict, and where the report is"
    return make.builder(
        "drill", "failover", *_which(make.system), *sure, says=says, exits=(0, 1), shows=("report.html",)
    )


def _which(system: RunbookSystem) -> tuple[str, ...]:
    """Return the options that choose the drilled components, if there are several and dr.yaml does not choose."""
    if system.request.drills_components:
        return ()
    urls = [function for function in system.functions if function.has_url]
    kinds = (("table", system.tables), ("function", urls), ("bucket", system.buckets))
    return tuple(word for kind, named in kinds for word in chosen(kind, [part.component for part in named]))
