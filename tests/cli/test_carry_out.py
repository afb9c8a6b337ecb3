import json
from pathlib import Path

from answer import Command


def test_execution_follows_the_needs(project: Path, builder: Command, credentials: None) -> None:
    builder("plan")
    answer = builder("execute", "plan.json", "--json")
    events = [json.loads(line) for line in answer.out.splitlines()]
    done = {e["stack"]: i for i, e in enumerate(events) if e["event"] == "stack.finished"}
    started = {e["stack"]: i for i, e in enumerate(events) if e["event"] == "stack.started"}
    assert done["us-west-2/storage"] < started["us-east-1/storage"]
    assert done["us-east-1/table"] < min(started["us-east-1/service"], started["us-west-2/service"])
    assert {e["event"] for e in events} == {"run.begun", "stack.started", "stack.status", "stack.finished", "run.ended"}
