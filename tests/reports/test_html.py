"""The page: complete, self-contained, safe with hostile names, small."""

import base64
import hashlib
import re
import subprocess
import sys
import time
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from diagnose.diagnosis import ClassLevel, Figure, Source
from diagnose.findings import Interval, Link, Matrix, Samples
from diagnose.reports import notebook, story
from diagnose.reports.html import render
from tests.reports.examples import EVERY, HOSTILE, deep, healthy, hostile, sick, without_dev
from tests.reports.pictures import errors

VOID = {"meta", "img", "br", "link", "input"}
SECTIONS = ["verdict", "next", "ideas", "causes", "errors", "curves", "layers", "data", "coverage", "how", "settings"]


class Page(HTMLParser):
    """The page as a browser reads it: elements with attributes, text, and elements that are still open."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.text.append(data)

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


@pytest.fixture(scope="module", params=EVERY)
def page(request: pytest.FixtureRequest) -> Page:
    return Page(render(EVERY[request.param]()))


def test_every_element_is_closed(page: Page) -> None:
    assert page.open == []


def test_the_sections_are_in_order(page: Page) -> None:
    assert [section["id"] for section in page.of("section")] == SECTIONS
    assert [link["href"] for link in page.of("a") if link["href"] in {f"#{name}" for name in SECTIONS}][1:12] == [
        f"#{name}" for name in SECTIONS
    ]


def test_nothing_points_outside_the_page(page: Page) -> None:
    """Except links to further reading: they load nothing, and send no referrer when followed."""
    for tag, attributes in page.elements:
        if tag == "a" and (attributes["href"] or "").startswith("http"):
            assert "noreferrer" in (attributes["rel"] or "").split()
            continue
        for name in ("src", "href", "action", "data", "poster", "srcset", "xlink:href"):
            target = attributes.get(name)
            assert target is None or target.startswith(("#", "data:image/png;base64,")), (tag, target)
    style = render(healthy()).split("<style>")[1].split("</style>")[0]
    assert "url(" not in style and "@import" not in style


def test_links_inside_the_page_have_a_target(page: Page) -> None:
    names = {attributes.get("id") for _, attributes in page.elements}
    causes = {name for name in names if name and name.startswith("cause-")}
    inner = [
        attributes["href"][1:] for _, attributes in page.elements if (attributes.get("href") or "").startswith("#")
    ]
    missing = {target for target in inner if target not in names and not target.startswith("cause-")}
    assert missing == set() and (not causes or causes <= names)


def test_there_are_no_inline_styles_and_no_handlers(page: Page) -> None:
    for _, attributes in page.elements:
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]


def test_every_id_is_unique(page: Page) -> None:
    names = [attributes["id"] for _, attributes in page.elements if attributes.get("id")]
    assert len(names) == len(set(names))


def test_every_figure_has_a_text_alternative(page: Page) -> None:
    pictures = [attributes for attributes in page.of("svg") if attributes.get("role") == "img"]
    assert all((attributes.get("aria-label") or "").strip() for attributes in pictures)


def test_the_policy_names_exactly_our_style_and_script() -> None:
    text = render(sick())
    policy = next(meta["content"] for meta in Page(text).of("meta") if meta.get("http-equiv"))
    assert policy is not None and "unsafe" not in policy and policy.startswith("default-src 'none'")
    for tag in ("style", "script"):
        inside = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        assert len(inside) == 1
        digest = base64.b64encode(hashlib.sha256(inside[0].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_the_script_is_short() -> None:
    script = render(sick()).split("<script>")[1].split("</script>")[0]
    assert script.count("\n") <= 130


def test_hostile_names_stay_text() -> None:
    page = Page(render(hostile()))
    assert len(page.of("script")) == 1 and page.of("img") == []
    assert HOSTILE in page.words
    assert "49" not in page.words.replace("149", "")
    assert "\u202e" not in render(hostile()) and "\x1b" not in render(hostile())


def test_pictures_are_only_png_in_base64() -> None:
    assert len(Page(render(sick())).of("img")) == 12
    assert 'onload="' not in render(hostile())


def test_the_state_the_headline_and_the_next_step_come_first() -> None:
    words = Page(render(sick())).words
    action = sick().remedies[0].action.replace("5e-4", "5e−4")
    order = ["Sick", sick().headline, "Best next step", action, "Remedy lists", "Causes"]
    places = [words.index(part, words.index("Settings")) for part in order]
    assert places == sorted(places)


def test_the_column_after_the_repair_is_there_only_where_a_verdict_has_it() -> None:
    assert "After the repair" in render(sick())
    assert "After the repair" not in render(healthy())


def test_a_payoff_is_a_number_only_where_it_was_measured() -> None:
    unmeasured = replace(sick(), remedies=sick().remedies[1:2])
    assert "Payoff not measured" in render(unmeasured)
    (remedy,) = unmeasured.remedies
    reasoned = replace(remedy, payoff=replace(remedy.payoff, reason="no layer has a dropout rate"))
    assert "Payoff not measured (no layer has a dropout rate)" in render(replace(unmeasured, remedies=(reasoned,)))
    assert "90.1\u00a0% → 11.0\u00a0%" in render(sick())


def test_no_line_ends_between_a_number_and_its_percent_sign() -> None:
    """Outside pictures, which do not wrap, and code, which is copied."""
    every = "".join(render(EVERY[name]()) for name in EVERY)
    read = re.sub(r"<(pre|code|script|style|svg)\b.*?</\1>", "", every, flags=re.DOTALL)
    assert re.findall(r">[^<]*\d %", read) == [] and read.count("\u00a0%") > 100
    coded = replace(sick().remedies[0], snippet="left = 7 % 2")
    assert "left = 7 % 2" in render(replace(sick(), remedies=(coded,)))


def test_the_state_is_not_said_twice_and_a_source_neither() -> None:
    made = replace(healthy(), headline="No fault found. The dev error is 2 %.")
    assert '<h1 id="h-verdict">The dev error is' in render(made)
    finder = replace(sick().remedies[0], sources=(Source("fast.ai", "learning rate finder", "learning rate finder"),))
    assert "fast.ai: learning rate finder." in Page(render(replace(sick(), remedies=(finder,)))).words


def test_the_places_in_the_lists_are_explained_only_where_they_are_shown() -> None:
    closed = {
        name: [replace(v, verdict="dont-yet", after_repair=None, payoff=None) for v in own]
        for name, own in sick().verdicts.items()
    }
    note = "The numbers are the places"
    assert note in render(sick()) and note not in render(replace(sick(), verdicts=closed))


def test_refuted_causes_come_last_and_are_marked() -> None:
    words = Page(render(sick())).words
    assert words.index("Ruled out: Too deep without skip connections") > words.index("High variance, once repaired")


def test_an_explained_cause_is_listed_once_and_links_to_its_root() -> None:
    causes = render(sick()).split('id="causes"')[1].split('id="errors"')[0]
    tree = causes.split('<ul class="tree">')[1].split("</ul>")[0]
    assert tree.count("Units that never fire") == 1
    assert "Caused by" in causes and causes.count("Leads to") == 1


def test_a_finding_of_a_cause_appears_once_with_its_numbers() -> None:
    made = sick()
    own = next(found for found in made.findings if found.id in made.causes[0].explains)
    quoting = replace(made.causes[0], summary=f"Pixels arrive unscaled. {own.message.capitalize()}; and more.")
    page = Page(render(replace(made, causes=(quoting, *made.causes[1:])))).words
    section = page[page.rindex("Causes") : page.index("How it was decided", page.rindex("Causes"))]
    assert "Pixels arrive unscaled." in section
    assert section.lower().count(own.message.lower()) == 1


def test_what_could_not_be_checked_is_listed_with_the_reason() -> None:
    words = Page(render(sick())).words
    assert "9 of 13 checks ran, 4 could not. No finding here means “not checked”, not “passed”." in words
    for check in sick().checks:
        assert check.reason in words
    for gap in sick().coverage:
        assert gap.what in words and gap.why in words


def test_a_skipped_check_shows_what_to_do_and_what_to_read() -> None:
    way, link = "Pass rows the model was not trained on: --dev PATH.", Link("A <title>", "https://example.org/read")
    checks = tuple(replace(check, how=way if check.reason else "", reading=(link,)) for check in sick().checks)
    page = render(replace(sick(), checks=checks))
    assert way in Page(page).words
    assert '<a href="https://example.org/read" rel="external noreferrer">A &lt;title&gt;</a>' in page
    nothing_to_read = tuple(replace(check, reading=()) for check in sick().checks)
    assert "Further reading" not in render(replace(sick(), checks=nothing_to_read))


def test_a_sample_shows_the_total_number_of_rows() -> None:
    splits = [{"name": "train", "rows": 1_024, "population": 60_000}, {"name": "dev", "rows": 500, "population": 500}]
    words = Page(render(replace(sick(), subject={**sick().subject, "splits": splits}))).words
    assert "1,024 of 60,000" in words and "500 of 500" not in words


def test_rows_of_the_users_data_are_announced() -> None:
    assert "This page contains 12 rows or images of your data." in Page(render(sick())).words
    findings = tuple(
        replace(found, evidence=tuple(shown for shown in found.evidence if not isinstance(shown, Samples)))
        for found in sick().findings
    )
    assert "This page contains no rows of your data." in render(replace(sick(), findings=findings))


def test_the_page_contains_documentation_and_the_command() -> None:
    words = Page(render(sick())).words
    for heading in ("What it measures", "Why it matters", "How it is decided", "Known limits", "References"):
        assert heading in words
    assert sick().settings["command"].splitlines()[0] in words


def test_a_missing_dev_set_is_unknown_and_not_zero() -> None:
    page = render(without_dev())
    assert "dev: unknown" in page and "[unknown]" not in page


def test_a_long_network_is_folded_except_flagged_blocks() -> None:
    blocks = [attributes for attributes in Page(render(deep())).of("details") if attributes.get("class") == "blk"]
    folded = [block for block in blocks if "open" not in block]
    assert len(blocks) == 5 and len(folded) == 1


def test_sizes_and_time() -> None:
    assert len(render(sick()).encode()) <= 500_000
    start = time.process_time()
    page = render(deep(200))
    assert len(page.encode()) <= 2_000_000
    assert time.process_time() - start <= 3.0


@pytest.mark.parametrize("name", EVERY)
def test_the_notebook_shows_a_short_version(name: str) -> None:
    diagnosis = EVERY[name]()
    text = notebook.render(diagnosis)
    page = Page(text)
    assert page.open == [] and page.of("script") == [] and page.of("img") == []
    assert diagnosis.state.word in page.words
    assert text == diagnosis._repr_html_() and len(text) < 32_000


def test_reports_import_neither_keras_nor_a_backend() -> None:
    blocked = ("keras", "tensorflow", "torch", "jax", "sklearn", "pandas", "matplotlib", "scipy")
    code = f"""
import sys
for name in {blocked!r}:
    sys.modules[name] = None
from diagnose.reports import html, notebook, terminal
from diagnose.storing import load
old = load("tests/reports/fixtures/schema-1.json")
print(len(html.render(old)) > 10_000, len(notebook.render(old)) > 100, len(terminal.render(old)) > 100)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.split() == ["True", "True", "True"], done.stderr


def test_names_of_right_to_left_scripts_are_isolated_from_the_figures_beside_them() -> None:
    name = "\u05d7\u05ea\u05d5\u05dc"
    (level,) = errors({"dev": (0.2, 0.1, 0.3)}, constant=0.5)
    seen = ClassLevel(name, 0.5, 0.5, 9, 0.5, Interval(0, 1), 0.5, 0.5, 0.5, Interval(0, 1), name, 0.5)
    matrix = Matrix(
        "Confusion", "actual", "predicted", (name, "b", "c"), (name, "b", "c"), ((1, 2, 0), (0, 1, 0), (0, 0, 1))
    )
    made = replace(sick(), subject={"name": name}, errors=(replace(level, classes=(seen,)),), findings=(), causes=())
    page = render(replace(made, figures=(Figure("errors", matrix),)))
    assert page.count(f"<bdi>{name}</bdi>") == 3 and f'<bdi title="{name}">{name}</bdi>' in page
    isolated = re.search(r"([^{}]*)\{ unicode-bidi: isolate; \}", page)
    assert isolated is not None and {"text", "tspan", "td", "th"} <= set(re.findall(r"[\w.]+", isolated[1]))


def test_causes_that_another_explains_start_folded() -> None:
    folded = [part for part in Page(render(sick())).of("details") if (part.get("class") or "").startswith("cause")]
    assert [part["id"] for part in folded] == [
        f"cause-{c.code}" for c in sick().causes if c.code in story.above(sick())
    ] and folded
    assert all("open" not in part for part in folded)


def test_an_explained_cause_that_an_experiment_confirmed_is_not_folded() -> None:
    below = story.above(sick())
    confirmed = tuple(replace(c, state="confirmed") if c.code in below else c for c in sick().causes)
    assert '<details class="cause' not in render(replace(sick(), causes=confirmed))


def test_a_figure_that_a_cause_shows_is_not_repeated_in_its_section() -> None:
    (shown, *_), cause = sick().causes[0].evidence, sick().causes[0]
    page = render(replace(sick(), figures=(Figure("curves", shown),)))
    curves = page.split('id="curves"')[1].split("</section>")[0]
    assert "<figure>" not in curves
    assert f'With its cause: <a href="#cause-{cause.code}">{shown.title}</a>.' in curves
    alone = render(replace(sick(), figures=(Figure("curves", shown),), causes=()))
    assert "<figure>" in alone.split('id="curves"')[1].split("</section>")[0]
