from builder import __version__
from builder.drill.context import versions


def test_what_the_report_names_is_what_runs() -> None:
    found = versions()
    assert found["builder"] == __version__
    assert all(found[name] for name in ("python", "boto3", "botocore", "urllib3"))
