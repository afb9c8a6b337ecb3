"""What the page consists of; how it looks and is used in a browser is in test_page_in_chromium.py."""

import base64
import hashlib
import re
from html.parser import HTMLParser

from builder.deploy.records import Orphan, PendingReview, PlanOptions, PostponedStack, PropertyChange
from builder.report import html
from builder.terms import Arn, Region, StackId
from report.sample import FUNCTION, HOSTILE, REPLACED, SERVICE, TABLE, change, deferred, deletion, hit, plan, step

VOID = {"meta", "rect", "path"}


class Seen(HTMLParser):
    """The elements of a page with their attributes, whether they are well nested, and the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(page)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in {"meta", "br", "wbr"}:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str, attribute: str) -> list[str]:
        return [facts[attribute] or "" for name, facts in self.elements if name == tag and attribute in facts]


def test_the_page_is_complete_in_itself() -> None:
    page = html.plan_page(plan(step(TABLE, changes=(REPLACED,))), "plan.json")
    seen = Seen(page)
    assert not {"script", "img", "link", "iframe", "form"} & {tag for tag, _ in seen.elements}
    assert not any(name.startswith("on") or name in {"src", "style"} for _, facts in seen.elements for name in facts)
    assert "url(" not in page.replace("url(#tip)", "")


def test_its_policy_lets_in_its_own_style_and_nothing_else() -> None:
    page = html.plan_page(plan(step(TABLE)), "plan.json")
    (style,) = re.findall(r"<style>(.*?)</style>", page, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert Seen(page).all("meta", "content")[0] == policy


def test_nothing_in_a_plan_is_markup() -> None:
    touched = PropertyChange(path=HOSTILE, before=HOSTILE, after=f'{{"{HOSTILE[:5]}": 1}}')
    resource_change = change(HOSTILE, type=HOSTILE, properties=(touched,), losses=(HOSTILE,), warnings=(HOSTILE,))
    shown = plan(
        step(TABLE, console='https://x/"onclick="alert(1)', changes=(resource_change,), findings=(HOSTILE,)),
        deferred(f"r/{HOSTILE}", because=HOSTILE),
        deletion(HOSTILE),
        id=HOSTILE,
        guards=(hit(TABLE, HOSTILE),),
        pending=(PendingReview(stack=StackId(HOSTILE), change_set=Arn(HOSTILE), created=HOSTILE, allow=HOSTILE),),
        unchanged=(StackId(HOSTILE),),
        orphans=(Orphan(stack=StackId(HOSTILE), region=Region("r")),),
        options=PlanOptions(role_arn=HOSTILE),
    )
    seen = Seen(html.plan_page(shown, HOSTILE))
    harmless = Seen(html.plan_page(plan(step(TABLE, changes=(resource_change,))), "plan.json"))
    assert "script" not in {tag for tag, _ in seen.elements}
    assert not any(name.startswith("on") for _, facts in seen.elements for name in facts)
    assert "<script>alert(1)</script></details> *x*" in seen.text
    assert "\x1b" not in harmless.text
    assert "\u202e" not in harmless.text


def test_every_link_within_the_page_leads_somewhere() -> None:
    shown = plan(step(TABLE), deferred(TABLE, part=2), step(SERVICE, needs=(TABLE,)))
    seen = Seen(html.plan_page(shown, "plan.json"))
    ids = [facts["id"] for _, facts in seen.elements if "id" in facts]
    assert len(ids) == len(set(ids))
    inner = [link[1:] for link in seen.all("a", "href") if link.startswith("#")]
    assert set(inner) <= set(ids)
    assert inner.count("entry-0") == 2  # from what waits for it, and from the picture
    labels = [facts["aria-labelledby"] for _, facts in seen.elements if "aria-labelledby" in facts]
    assert set(labels) <= set(ids)


def test_values_are_shown_as_people_read_them() -> None:
    touched = (
        PropertyChange(path="/Properties/Replicas/2", after='{"Region":"eu-west-1"}'),
        PropertyChange(path="/Properties/MemorySize", before="128", after="256"),
        PropertyChange(path="/Tags"),
    )
    text = Seen(html.plan_page(plan(step(TABLE, changes=(change(properties=touched),))), "plan.json")).text
    assert '{\n  "Region": "eu-west-1"\n}' in text
    assert re.search(r"/Properties/MemorySize\s+before 128\s+after 256", text)
    assert re.search(r"before \(none\)\s+after", text)
    assert re.search(r"/Tags\s+values not told", text)


def test_what_is_out_of_the_ordinary_is_said() -> None:
    losing = change("Table", losses=("the replica in us-west-2",), warnings=("recovery is switched off",))
    shown = plan(
        step(TABLE, changes=(losing,), findings=("WARN odd",)),
        deletion("r/old"),
        options=PlanOptions(role_arn="arn:role", deployment_mode="EXPRESS"),
        unchanged=(SERVICE,),
        orphans=(Orphan(stack=StackId("us-east-1/stray"), region=Region("us-east-1")),),
        left_out=(StackId("eu-west-1/service"),),
        postponed=(PostponedStack(stack=TABLE, because=("its role", "its rules")),),
    )
    text = Seen(html.plan_page(shown, "plan.json")).text
    for sentence in (
        "Loses the replica in us-west-2",
        "Warning: recovery is switched off",
        "Validation: WARN odd",
        "the whole stack is deleted: the assembly has it no more",
        "arn:role",
        "EXPRESS",
        "Unchanged: us-east-1/service",
        "left alone: us-east-1/stray",
        "left out: eu-west-1/service",
        "us-east-1/table: its role; its rules",
        "python -m builder execute plan.json",
    ):
        assert sentence in text


def test_a_plan_that_changes_nothing_says_only_that() -> None:
    text = Seen(html.plan_page(plan(unchanged=(TABLE, SERVICE)), "plan.json")).text
    assert "No changes: all 2 stacks are as they should be." in text
    assert "Order of the steps" not in text
    assert "builder execute" not in text


def test_500_stacks_are_one_page_of_moderate_size() -> None:
    shown = plan(*(step(f"region-{n % 17}/stack-{n:03}", changes=(FUNCTION,)) for n in range(500)))
    assert len(html.plan_page(shown, "plan.json")) < 1_500_000
