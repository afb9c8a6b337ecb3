from builder import __version__
from builder.drill.context import versions


def test_what_the_report_names_is_what_runs() -> None:
    by_name = versions()
    assert by_name["builder"] == __version__
    assert all(by_name[name] for name in ("python", "boto3", "botocore", "urllib3"))
