"""Applications of their own, in processes of their own, that keep an account by the client."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from builder.client import RegionUrl

_PYTHON = """
import json, sys
from builder.client import FailoverClient, Limits, RegionUrl, ReplicatedHold
options = json.loads(sys.argv[1])
regions, end = tuple(RegionUrl(*region) for region in options["regions"]), options["endpoint"]
# Patient with functions that start.
limits = Limits(deadline_s=60, attempt_s=20, failures_to_open=1, open_s=0.2, probes_to_close=1, hold_s=0.5)
hold = ReplicatedHold(regions, endpoint=end, limit_s=10) if options["hold"] else None
client = FailoverClient(regions, limits=limits, endpoint=end, hold=hold)
for line in sys.stdin:
    method, body = json.loads(line)
    answer = client.request(method, "/items/account", body=body and json.dumps(body).encode())
    print(json.dumps([answer.region, json.loads(answer.body)["left"]]), flush=True)
"""
_NODE = """
import readline from "node:readline";
const { FailoverClient, replicatedHold } = await import(process.argv[2]);
const options = JSON.parse(process.argv[1]);
const regions = options.regions.map(([name, url]) => ({ name, url }));
const endpoint = options.endpoint ?? undefined;
const limits = { deadlineS: 60, attemptS: 20, failuresToOpen: 1, openS: 0.2, probesToClose: 1, holdS: 0.5 };
const client = new FailoverClient(regions, {
  limits,
  endpoint,
  hold: options.hold ? replicatedHold(regions, { endpoint, limitS: 10 }) : undefined,
});
for await (const line of readline.createInterface({ input: process.stdin })) {
  const [method, body] = JSON.parse(line);
  const answer = await client.request(method, "/items/account", { body: body ? JSON.stringify(body) : undefined });
  console.log(JSON.stringify([answer.region, JSON.parse(answer.body).left]));
}
"""


class Application:
    """An application of its own, which asks what it is options to."""

    def __init__(self, language: str, regions: Sequence[RegionUrl], *, hold: bool, endpoint: str | None = None) -> None:
        named = [[region.name, region.url] for region in regions]
        options = json.dumps({"regions": named, "hold": hold, "endpoint": endpoint})
        source = Path(__file__).parents[2] / "builder" / "client" / "failover.mjs"
        command = [sys.executable, "-c", _PYTHON, options]
        if language == "node":
            command = ["node", "--input-type=module", "-e", _NODE, options, source.as_uri()]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, method: str, left: int | None = None) -> tuple[str, int]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps([method, None if left is None else {"left": left}]) + "\n")
        self.process.stdin.flush()
        region, seen = json.loads(self.process.stdout.readline())
        return region, seen

    def end(self) -> None:
        self.process.communicate(timeout=20)
