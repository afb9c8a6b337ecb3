from pathlib import Path

from builder.local.environment import make_environment

_HOSTILE = {
    "AWS_ACCESS_KEY_ID": "hostile",
    "AWS_CONFIG_FILE": "hostile",
    "AWS_ENDPOINT_URL": "hostile",
    "AWS_ENDPOINT_URL_S3": "hostile",
    "AWS_PROFILE": "hostile",
    "AWS_SESSION_TOKEN": "hostile",
    "AUTH": "hostile",
    "BIND_HOST": "hostile",
    "DOCKER_HOST": "hostile",
    "EDGE_PORT": "hostile",
    "HTTPS_PROXY": "hostile",
    "MINISTACK_REGION": "hostile",
    "PERSIST_STATE": "hostile",
    "STATE_DIR": "hostile",
    "USE_SSL": "hostile",
    "all_proxy": "hostile",
}


def _make(caller: dict[str, str], state: Path | None = None) -> dict[str, str]:
    return make_environment(caller, port=4566, state=state, log_level="CRITICAL")


def test_nothing_of_the_callers_gets_in_that_could_lead_out() -> None:
    assert "hostile" not in _make(_HOSTILE).values()


def test_what_programs_need_to_run_is_kept() -> None:
    kept = {"PATH": "/bin", "HOME": "/home/ann", "LC_ALL": "C.UTF-8", "NODE_PATH": "/node"}
    assert kept.items() <= _make(kept).items()


def test_every_sdk_is_pointed_here_and_reads_no_profile() -> None:
    made = _make({})
    assert made["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"
    assert made["AWS_CONFIG_FILE"] == made["AWS_SHARED_CREDENTIALS_FILE"] == "/dev/null"


def test_policies_are_enforced_only_where_that_is_asked_for() -> None:
    assert _make({"AUTH": "true"})["AUTH"] == "false"
    environment = make_environment({}, port=4566, state=None, log_level="CRITICAL", enforce_iam=True)
    assert environment["AUTH"] == "true"


def test_nothing_is_kept_on_disk_unless_asked_for(tmp_path: Path) -> None:
    assert _make({})["PERSIST_STATE"] == "0"
    assert "STATE_DIR" not in _make({})
    environment = _make({}, tmp_path)
    assert (environment["PERSIST_STATE"], environment["S3_PERSIST"]) == ("1", "1")
    assert Path(environment["STATE_DIR"]).parent == Path(environment["S3_DATA_DIR"]).parent == tmp_path
