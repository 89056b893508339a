"""Every word of the field that the report uses in tables and figures is one that `diagnose explain` knows."""

import re
from html import unescape

import pytest

from diagnose.reports import error_table
from diagnose.reports.html import render
from diagnose.reports.terms import ASKED, FIELD, GLOSSARY, meaning
from tests.reports.examples import EVERY

# Heads of tables in everyday words.
PLAIN = re.split(
    r",\s+",
    """idea, now, after the repair, because, cost, quantity, class, rows, positions, split, origin, actual,
    predicted, count, share of actual, layer, kind, parameters, output, input, type, what, why, how to get it,
    how, change, measured, without, with, checks, family, name, evidence, clean, findings, not run, crashed,
    smallest, mean, largest, one row, value, step, kernel, predicted class, true class, share of true class,
    measured shaded: no alarm, constant features, dead, shape, machine learning yearning, fast.ai, nan or
    infinite, examples""",
)
# Words of figure titles that name no quantity of the field.
TITLES = r"rows|class|layer|words?|units|features?|targets?|inputs?|outputs|change|time|tokens?|pixel|mistakes"


def texts(page: str, pattern: str) -> set[str]:
    found = re.findall(pattern, page, re.DOTALL)
    plain = (" ".join(unescape(re.sub(r"<[^>]+>", " ", text)).replace("\u00a0", " ").split()) for text in found)
    return {text for text in plain if text}


def known(text: str) -> bool:
    """Whether the words, or a run of them, are explained."""
    words = re.sub(r"[^\w% -]", " ", text.lower()).split()
    runs = (" ".join(words[start:end]) for start in range(len(words)) for end in range(start + 1, len(words) + 1))
    return any(meaning(run) is not None for run in runs)


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return {name: render(make()) for name, make in EVERY.items() if name != "hostile"}


def test_heads_of_tables_are_everyday_words_or_explained(pages: dict[str, str]) -> None:
    heads = set().union(*(texts(page, r'<th scope="col"[^>]*>(.*?)</th>') for page in pages.values()))
    unknown = {head for head in heads if head.lower() not in PLAIN and not known(head)}
    assert len(heads) > 20 and unknown <= {error_table.NONE, "train", "dev", "test", "train-dev"}
    for head in ("Precision", "Recall", "F1 score", "IoU", error_table.CONFUSED, "Macro recall", "Macro dice"):
        assert meaning(head) is not None, head


def test_quantities_of_the_errors_are_explained(pages: dict[str, str]) -> None:
    tables = [table for page in pages.values() for table in re.findall(r'<table class="cards sides">.*?</table>', page)]
    rows = set().union(*(texts(table, r'<th scope="row">(.*?)</th>') for table in tables))
    assert {"Skill", "Loss", "Error rate", "Constant prediction"} <= rows
    assert {row for row in rows if row != "Rows" and not known(row)} == set()


def test_titles_of_figures_name_what_is_explained(pages: dict[str, str]) -> None:
    titles = set().union(*(texts(page, r"<figcaption[^>]*>\s*<b>(.*?)</b>") for page in pages.values()))
    assert len(titles) > 10
    assert {title for title in titles if not known(title) and not re.search(TITLES, title.lower())} == set()


def test_a_word_has_one_meaning_and_a_synonym_leads_to_one() -> None:
    assert not {word.lower() for word in FIELD} & set(GLOSSARY)
    assert not {asked for asked in ASKED if asked in {word.lower() for word in FIELD} | set(GLOSSARY)}
    for asked, name in ASKED.items():
        assert name in FIELD or name in GLOSSARY
        found = meaning(asked)
        assert found is not None and found[0] == name


@pytest.mark.parametrize("name", FIELD)
def test_every_meaning_is_a_sentence(name: str) -> None:
    assert (FIELD[name][0].isupper() or FIELD[name].startswith("`")) and FIELD[name].endswith(".")
