from builder.topology import names


def test_every_name_holds_project_and_environment() -> None:
    made = [
        names.stack_name("tap", "table"),
        names.computed_table_name("tap", "table"),
        names.computed_table_name("tap", "orders"),
        names.function_name("tap", "function", role="primary", region="us-east-1"),
        names.function_name("tap", "api", role="primary", region="us-east-1"),
        names.computed_bucket_name("tap", "bucket", "us-east-1"),
        names.computed_bucket_name("tap", "uploads", "us-east-1"),
        names.stack_set_name("tap", "us-east-1", "table"),
        names.administration_role_name("tap"),
        names.execution_role_name("tap"),
    ]

    assert [name.replace(names.SUFFIX, "dev") for name in made] == [
        "tap-dev-table",
        "tap-dev-global",
        "tap-dev-orders",
        "tap-dev-primary",
        "tap-dev-api-us-east-1",
        "tap-dev-${AWS::AccountId}-us-east-1-an",
        "tap-dev-uploads-${AWS::AccountId}-us-east-1-an",
        "tap-dev-us-east-1-table",
        "tap-dev-stackset-administration",
        "tap-dev-stackset-execution",
    ]


def test_the_same_names_serve_every_environment() -> None:
    assert names.SUFFIX in names.computed_bucket_name("tap", "bucket", "us-east-1")
