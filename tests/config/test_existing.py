"""What dr.yaml may say of tables and buckets that exist, and the errors for names that none can have."""

import re

import pytest

from answer import ROOT
from config.project import Project


@pytest.mark.parametrize("name", ["orders", "Orders_2.x-y", "a_b", "orders-${EnvironmentSuffix}", "o" * 255])
def test_a_table_s_name_is_taken_as_it_stands(dr: Project, name: str) -> None:
    dr.write(f"{BEGIN}tables: {{orders: {{existing: '{name}'}}}}\n")
    assert dr.read().config.tables["orders"].existing == name


@pytest.mark.parametrize("name", ["acme-uploads", "1.2.3", "${EnvironmentSuffix}-files", "acme.${EnvironmentSuffix}"])
def test_a_bucket_s_name_is_taken_as_it_stands(dr: Project, name: str) -> None:
    dr.write(f"{BEGIN}buckets: {{uploads: {{existing: '{name}'}}}}\n")
    assert dr.read().config.buckets["uploads"].existing == name


BEGIN = "project: shop\nenvironment: dev\nregions: {primary: us-east-1, secondaries: [us-west-2]}\n"
FLEET = "fleet: {permission_model: self-managed, accounts: ['444455556666']}\n"


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (
            "table: {existing: 'my orders'}",
            "4: table.existing: 'my orders': a table's name: letters, digits",
        ),
        ("table: {existing: ab}", "4: table.existing: 'ab' cannot be a table's name, which has 3 to 255"),
        (
            "table: {existing: 'a${AWS::AccountId}'}",
            "4: table.existing: 'a${AWS::AccountId}': a table's name",
        ),
        ("table: {existing: 3}", "4: table.existing: "),
        ("table: {exist: orders}", "4: table.exist: "),
        (
            "buckets: {uploads: {existing: Uploads}}",
            "4: buckets.uploads.existing: 'Uploads': a bucket's name: lower-case letters",
        ),
        ("bucket: {existing: -uploads}", "4: bucket.existing: '-uploads': a bucket's name"),
        ("bucket: {existing: up}", "4: bucket.existing: 'up' cannot be a bucket's name, which has 3 to 63"),
        (
            "bucket: {existing: up..loads}",
            "4: bucket.existing: 'up..loads' cannot be a bucket's name: no two dots",
        ),
        (
            "bucket: {existing: 10.0.0.1}",
            "4: bucket.existing: '10.0.0.1' cannot be a bucket's name: no two dots",
        ),
        (
            "table: {existing: orders}\ntables: {carts: {existing: orders}}",
            "5: tables.carts.existing: the table 'orders' is table already",
        ),
        (
            "buckets: {a: {existing: files}, b: {existing: files}}",
            "4: buckets.b.existing: the bucket 'files' is buckets.a already",
        ),
        (
            f"{FLEET}table: {{existing: orders}}",
            "5: table.existing: is not for a fleet, whose accounts have each a table and a bucket of their own",
        ),
    ],
)
def test_what_cannot_be_one_is_told_at_its_place(dr: Project, section: str, message: str) -> None:
    dr.write(f"{BEGIN}{section}\n")
    answers = dr.errors()
    assert any(answer.startswith(message) for answer in answers), answers


def test_a_table_and_a_bucket_may_have_one_name(dr: Project) -> None:
    dr.write(f"{BEGIN}table: {{existing: orders}}\nbucket: {{existing: orders}}\n")
    assert dr.read().config.bucket is not None


def test_the_example_of_the_docs_is_read(dr: Project) -> None:
    page = (ROOT / "docs" / "adopting.md").read_text()
    (block,) = [text for text in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if "existing:" in text]
    dr.write(block)

    config = dr.read().config

    assert (config.tables["orders"].existing, config.buckets["uploads"].existing) == ("acme-orders", "acme-uploads")
