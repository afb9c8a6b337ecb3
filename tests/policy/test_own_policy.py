"""Each verb from the command line, by somebody who has its own policy and no other: enough, and nothing too much.

On the embedded AWS with IAM enforced, on a deployment that its root has made. Planning, executing and destroying are
lived through in test_enforced, on accounts of their own.
"""

import io
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import urllib3

from answer import Answer
from builder.aws import Tempo
from builder.cli.main import main
from builder.cli.session import Session
from builder.deploy import Done
from builder.local import EmbeddedAws
from builder.policy import Verb
from builder.policy.rights import CALLS, On
from policy.guarded import Guarded
from samples import sampled

Run = Callable[..., Answer]


@pytest.fixture(scope="module")
def deployed(strict: EmbeddedAws) -> Iterator[Guarded]:
    """The shipped system, the code of its second function packed anew: the same in another archive."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("AWS_ENDPOINT_URL", strict.endpoint)
        account = Guarded("000000770077")
        ended = account.execute(account.admin, account.plan(account.admin))
        assert all(isinstance(outcome, Done) for outcome in ended), ended
        pack_anew(account)
        yield account


def pack_anew(account: Guarded) -> None:
    """Put the same code into another archive, in one region."""
    functions = account.root.client("lambda", "us-west-2")
    url = functions.get_function(FunctionName="tap-dev-secondary")["Code"]["Location"]
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(urllib3.request("GET", url).data)) as old, zipfile.ZipFile(packed, "w") as new:
        for entry in old.infolist():
            entry.date_time = (1999, 1, 1, 0, 0, 0)
            new.writestr(entry, old.read(entry))
    functions.update_function_code(FunctionName="tap-dev-secondary", ZipFile=packed.getvalue())
    # A drill hurts no function that is Pending.
    functions.get_waiter("function_active_v2").wait(FunctionName="tap-dev-secondary", WaiterConfig={"Delay": 1})


@pytest.fixture
def run(strict: EmbeddedAws, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`python -m builder` in the project, by whoever has these keys."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", strict.endpoint)

    def run_it(keys: tuple[str, str], *arguments: str) -> Answer:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys[0])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys[1])
        capsys.readouterr()
        code = main(arguments, partial(Session, tempo=Tempo.quick()))
        wrote = capsys.readouterr()
        return Answer(code, wrote.out, wrote.err)

    return run_it


SHORT = ("--before", "1", "--outage", "1", "--after", "1", "--rate", "4", "--patience", "20")
LIVES: dict[Verb, tuple[tuple[tuple[str, ...], set[int]], ...]] = {
    Verb.STATUS: ((("status",), {0}),),
    Verb.DRIFT: ((("drift",), {0}),),
    Verb.DRILL: (
        (("drill", "replication", "--seconds", "1", "--rate", "4", "--object-rate", "8", "--patience", "20"), {0}),
        (("drill", "failover", *SHORT), {0, 1}),  # 1 where a busy machine sends late: not measured
        (("drill", "restore"), {0}),
    ),
    Verb.FAILBACK: (
        (("call", "PUT", "/items/one", "--data", "{}"), {0}),
        (("failback", "--check", "--sample", "10"), {0}),
        (("failback", "--hold", "us-west-2", "--yes"), {0}),
        (("failback", "--yes"), {0}),
    ),
}
"""Commands of each verb, and how each ends for who may all of it."""
NOT_CHECKED = "the emulator does not check it"
SWALLOWED = "what is pending in a bucket that may not be looked at is unknown, and shown as that"
COVERED = "drift's handlers are allowed dynamodb:Describe*, which has it"
OF_TABLE = "it is asked for with `probe: table` alone, which drill/test_policy does"
LOST = "a probe that is refused counts as lost, as one that never arrived"
HANDLERS = "what CloudFormation's handlers read to detect drift: the emulator detects it without them"
UNSHOWN: dict[Verb, dict[str, str]] = {
    Verb.STATUS: {"cloudformation:ListStacks": NOT_CHECKED, "s3:ListBucket": SWALLOWED},
    Verb.FAILBACK: {"cloudformation:ListStacks": NOT_CHECKED},
    Verb.DRIFT: {
        "cloudformation:BatchDescribeTypeConfigurations": NOT_CHECKED,
        "cloudformation:DetectStackResourceDrift": NOT_CHECKED,
        "cloudformation:ListStacks": NOT_CHECKED,
        "dynamodb:DescribeContinuousBackups": COVERED,
        "dynamodb:DescribeTable": COVERED,
        "dynamodb:DescribeTimeToLive": COVERED,
    },
    Verb.DRILL: {
        "cloudformation:ListStacks": NOT_CHECKED,
        "dynamodb:DeleteItem": OF_TABLE,
        "dynamodb:GetItem": OF_TABLE,
        "dynamodb:PutItem": OF_TABLE,
        "s3:PutObject": LOST,
    },
}


def granted(deployed: Guarded, verb: Verb) -> set[str]:
    return {action for statement in deployed.document(verb)["Statement"] for action in statement["Action"]}


def own(verb: Verb) -> list[str]:
    """What the verb's own calls take here, where there is no other account, signed URL, stack policy, key or alarm."""
    needs = {(action, on) for call in CALLS[verb] for action, on in call.needs}
    absent = {On.ACCOUNT_ROLES, On.SIGNED_FUNCTIONS, On.POLICY_STACKS, On.KEYS, On.ALARMS, On.TOPICS}
    return sorted({action for action, on in needs if on not in absent})


def live(run: Run, keys: tuple[str, str], verb: Verb) -> tuple[list[int], str]:
    answers = [run(keys, *command) for command, _ in LIVES[verb]]
    return [int(answer.code) for answer in answers], "\n".join(f"{answer.out}\n{answer.err}" for answer in answers)


@pytest.fixture
def restored(deployed: Guarded, run: Run) -> Iterator[None]:
    """What a drill that lacks something has left is undone."""
    yield
    assert run((deployed.account, "test"), "drill", "restore").code == 0


@pytest.mark.parametrize(
    "verb", [pytest.param(verb, marks=[pytest.mark.acceptance] if verb is Verb.DRILL else []) for verb in LIVES]
)
def test_its_own_policy_is_enough(deployed: Guarded, run: Run, verb: Verb) -> None:
    codes, output = live(run, deployed.keys(verb), verb)
    assert all(code in allowed for code, (_, allowed) in zip(codes, LIVES[verb], strict=True)), (codes, output)
    assert not [word for word in ("not allowed", "not authorized", "DOES NOT ANSWER") if word in output], output


@pytest.mark.parametrize(
    ("verb", "action"),
    sampled(((verb, action) for verb in LIVES for action in own(verb) if action not in UNSHOWN[verb]), every=30),
    ids=str,
)
@pytest.mark.usefixtures("restored")
def test_an_action_taken_out_is_missed_and_told_by_its_name(
    deployed: Guarded, run: Run, verb: Verb, action: str
) -> None:
    codes, output = live(run, deployed.keys(verb, without=(action,)), verb)
    assert action in output, (codes, output)


@pytest.mark.acceptance
@pytest.mark.parametrize("verb", list(LIVES))
@pytest.mark.usefixtures("restored")
def test_what_cannot_be_shown_is_missed_by_nothing(deployed: Guarded, run: Run, verb: Verb) -> None:
    """So the list is no longer than it has to be: an action that breaks something here does not belong on it."""
    without = [action for action, why in UNSHOWN[verb].items() if why in {NOT_CHECKED, SWALLOWED, COVERED, OF_TABLE}]
    codes, output = live(run, deployed.keys(verb, without=without), verb)
    assert all(code in allowed for code, (_, allowed) in zip(codes, LIVES[verb], strict=True)), (codes, output)


@pytest.mark.parametrize("verb", list(LIVES))
def test_every_action_is_shown_or_has_a_reason_why_not(deployed: Guarded, verb: Verb) -> None:
    more = granted(deployed, verb) - set(own(verb))
    assert set(UNSHOWN[verb]) <= granted(deployed, verb)
    # HANDLERS has the reason.
    assert (more != set()) == (verb is Verb.DRIFT), more
