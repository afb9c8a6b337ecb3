"""What reviewers see: the Markdown is read by a parser of the same dialect as GitHub's."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from builder.deploy.records import Orphan, PendingReview, Plan, PostponedStack, PropertyChange
from builder.report import markdown
from builder.report.screen import printable
from builder.terms import Arn, LogicalId, Region, StackId, StackName
from report.sample import FUNCTION, HOSTILE, REPLACED, SERVICE, TABLE, change, deferred, deletion, hit, plan, step

TABLE_TAGS = {"table", "thead", "tbody", "tr", "th", "td"}
OURS = {"h3", "p", "strong", "ul", "li", "a", "details", "summary", "pre", "code", *TABLE_TAGS}
PLAN = plan(
    step(SERVICE, changes=(FUNCTION,)),
    step(TABLE, changes=(REPLACED,), risk="replace"),
    deferred("eu-west-1/service", changes=(change("Role", action="Add"),), risk="create"),
    guards=(hit(TABLE, "Table"),),
    unchanged=(StackId("us-west-2/storage"),),
)


class Seen(HTMLParser):
    """Which elements a page consists of, the cells of its table row by row, and all its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.rows: list[list[str]] = []
        self.text = ""
        self.links: list[str] = []
        self.feed(MarkdownIt("commonmark").enable("table").render(page))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]
        if tag == "tr":
            self.rows.append([])
        if tag in {"th", "td"}:
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data.strip("\n")


def test_one_table_of_regions_and_stacks_has_the_riskiest_first() -> None:
    seen = Seen(markdown.plan_markdown(PLAN, "plan.json"))
    assert [row[:4] for row in seen.rows[:3]] == [
        ["region", "stack", "does", "resources"],
        ["us-east-1", "table", "replace", "1 replaced, to be allowed"],
        ["us-east-1", "service", "update", "1 updated"],
    ]
    assert seen.rows[3][:3] == ["eu-west-1", "service", "create, later"]
    assert seen.links == ["https://console", "https://console"]


def test_the_page_begins_with_the_counts_and_what_stops_it() -> None:
    page = markdown.plan_markdown(PLAN, "plan.json")
    assert page.startswith("### 0 to create, 3 to update (1 replacement), 1 unchanged\n")
    assert page.index("<code>--allow us-east-1/table/Table</code>") < page.index("| region |")


def test_the_details_are_folded_and_a_diff() -> None:
    page = markdown.plan_markdown(PLAN, "plan.json")
    assert (
        "<details><summary>us-east-1/service: update</summary>\n\n"
        "```diff\n@@ tap-dev-x @@\n! Function  AWS::Lambda::Function  updated\n"
        "    Properties.MemorySize\n-     128\n+     256\n    Tags\n```\n</details>\n"
    ) in page


def test_nothing_in_a_plan_is_markup() -> None:
    shown = hostile()
    seen = Seen(markdown.plan_markdown(shown, HOSTILE))
    assert seen.tags <= OURS
    assert {len(row) for row in seen.rows} == {5}
    assert {link for link in seen.links if not link.startswith("https://console")} == set()
    # Blanks aside, every hostile text is there as it is: in the order, two stacks, and a value before and after.
    one_line = "".join(printable(HOSTILE).replace("\n", "").split())
    assert "".join(seen.text.split()).count(one_line) >= 8


def hostile() -> Plan:
    touched = PropertyChange(path=HOSTILE, before=HOSTILE, after=f"{HOSTILE}!")
    resource_change = change(
        HOSTILE, type=HOSTILE, properties=(touched,), losses=(HOSTILE,), warnings=(HOSTILE,), action="Modify"
    )
    return plan(
        step(
            f"us-east-1/{HOSTILE}",
            name=StackName(HOSTILE),
            changes=(resource_change,),
            findings=(HOSTILE,),
            region=Region(HOSTILE),
        ),
        deferred("r/later", because=HOSTILE),
        deletion(HOSTILE),
        id=HOSTILE,
        guards=(hit(f"us-east-1/{HOSTILE}", HOSTILE),),
        pending=(PendingReview(stack=StackId(HOSTILE), change_set=Arn(HOSTILE), created=HOSTILE, allow=HOSTILE),),
        unchanged=(StackId(HOSTILE),),
        orphans=(Orphan(stack=StackId(HOSTILE), region=Region("r")),),
    )


def test_a_link_cannot_leave_its_cell() -> None:
    console = 'https://console/?a=b|c)d e"<x>'
    seen = Seen(markdown.plan_markdown(plan(step(TABLE, console=console, changes=(FUNCTION,))), "plan.json"))
    assert seen.links == ["https://console/?a=b%7Cc%29d%20e%22%3Cx%3E"]


@pytest.mark.slow
@pytest.mark.parametrize("stacks", [1, 40, 500, 2000])
def test_however_long_a_plan_is_it_fits_a_comment_and_what_is_cut_is_counted(stacks: int) -> None:
    page = markdown.plan_markdown(long(stacks), "plan.json")
    assert len(page) < 65_536
    rows, details = page.count("[review]("), page.count("<details><summary>us-east-1/")
    not_in_table = counted(r"Not in the table: (\d+) no riskier than these \(\d+ update\)", page)
    not_in_details = counted(r"The details of the last (\d+) are cut", page)
    assert rows + not_in_table == stacks
    assert details + not_in_details == stacks
    assert (not_in_table > 0) == ("python -m builder show plan.json" in page) == (stacks >= 500)


def test_one_stack_alone_can_be_too_long_too() -> None:
    changes = tuple(change(f"Function{number}") for number in range(500))
    page = markdown.plan_markdown(plan(step(TABLE, changes=changes)), "plan.json")
    assert page.count("! Function") + counted(r"and (\d+) lines more", page) == 500


def test_hundreds_of_guards_and_unchanged_stacks_are_cut_and_counted() -> None:
    guards = tuple(hit(TABLE, f"Table{number}") for number in range(1000))
    unchanged = tuple(StackId(f"r/stack-{number}") for number in range(2000))
    page = markdown.plan_markdown(
        plan(step(TABLE, changes=(FUNCTION,)), guards=guards, unchanged=unchanged), "plan.json"
    )
    assert page.count("- <code>--allow") + counted(r"- and (\d+) more", page) == 1000
    assert page.count("<code>r/stack") + counted(r"</code> and (\d+) more", page) == 2000
    assert len(page) < 65_536


def counted(pattern: str, page: str) -> int:
    match = re.search(pattern, page)
    return int(match[1]) if match else 0


def long(stacks: int) -> Plan:
    value = PropertyChange(path="/Properties/Environment", before="x" * 300, after="y" * 300)
    changes = (change(logical_id=LogicalId("Function"), properties=(value,)),)
    console = f"https://console/{'c' * 400}"
    return plan(*(step(f"us-east-1/stack-{n:04}", changes=changes, console=console) for n in range(stacks)))


def test_what_is_left_alone_or_out_is_named() -> None:
    orphan = Orphan(stack=StackId("us-east-1/stray"), region=Region("us-east-1"))
    page = markdown.plan_markdown(plan(step(TABLE), orphans=(orphan,), left_out=(SERVICE,)), "plan.json")
    assert "left alone: <code>us-east-1/stray</code>\n" in page
    assert "In a skipped region, left out: <code>us-east-1/service</code>\n" in page


def test_what_is_postponed_says_why() -> None:
    waiting = PostponedStack(stack=StackId("us-west-2/storage"), because=("its role", "its rules"))
    page = markdown.plan_markdown(plan(step(TABLE), postponed=(waiting,)), "plan.json")
    assert "Postponed until the skipped region answers again:\n\n- <code>us-west-2/storage</code> its role" in page
    many = tuple(replace(waiting, because=("why " * 900,)) for _ in range(90))
    page = markdown.plan_markdown(plan(step(TABLE), postponed=many), "plan.json")
    assert len(page) <= markdown.LIMIT
    assert re.search(r"- and \d+ more\n$", page)


def test_a_plan_that_changes_nothing_says_so() -> None:
    assert "No changes." in markdown.plan_markdown(plan(unchanged=(TABLE,)), "plan.json")
