"""Reports of drills as files say them, as far as a history looks into them."""

import json
from pathlib import Path
from typing import Any

LIMITS = {
    "rpo_seconds": 5.0,
    "rto_seconds": 60.0,
    "failback_seconds": 60.0,
    "availability_percent": 95.0,
    "stale_reads": None,
}
ABOUT: dict[str, Any] = {
    "deployment": "tap-dev",
    "environment": "dev",
    "assembly": "c0ffee" * 10 + "abcd",
    "account": "123456789012",
    "by": "arn:aws:sts::123456789012:assumed-role/drills/ada",
    "primary": "us-east-1",
    "secondaries": ["us-west-2"],
    "to": "us-west-2",
    "began": "2026-01-01T12:00:00+00:00",
    "rate": 10.0,
    "service_s": 5.0,
    "service": "a good answer to PUT /items/<id>",
    "probe": "PUT /items/{id}",
    "fault": "reserved concurrency of tap-dev-primary set to 0",
    "log_sha256": "0" * 64,
    "versions": {"builder": "0.1.0"},
}


def claim(drill: str, **values: Any) -> dict[str, Any]:
    """A failover's report: numbers by name, `limits`, `more` checks and `verdict` as given; the rest is `about`.

    Without a number it has an RTO, since every drill has something.
    """
    if "more" not in values and not LIMITS.keys() & values.keys():
        values["rto_seconds"] = 2.5
    limits = LIMITS | values.pop("limits", {})
    checks = [_check(name, values.pop(name), limit) for name, limit in limits.items() if name in values]
    checks += values.pop("more", [])
    verdicts = {check["verdict"] for check in checks}
    follows = "failed" if "missed" in verdicts else "not measured" if "not measured" in verdicts else "passed"
    verdict = values.pop("verdict", follows)
    about = {**ABOUT, **values, "drill": drill}
    return {"verdict": verdict, "version": 2, "kind": "failover", "about": about, "checks": checks}


def _check(name: str, measured: float | None, limit: float | None) -> dict[str, Any]:
    low = name == "availability_percent"
    fails = measured is None or (limit is not None and (measured < limit if low else measured > limit))
    verdict = "missed" if fails else "no objective" if limit is None else "holds"
    return {"name": name, "pair": None, "measured": measured, "limit": limit, "verdict": verdict}


def put(folder: Path, report: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps(report))
