"""Every figure of a page for the same thing has the same value, to the digits that are shown."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from diagnose.checks import CHECKS
from diagnose.concluding import conclude
from diagnose.diagnosis import Diagnosis
from diagnose.intervals import paired_interval
from diagnose.measurements import (
    Baseline,
    Candidate,
    Evaluation,
    LearningRate,
    Network,
    OutputBaseline,
    SplitScores,
    Unavailable,
)
from diagnose.measuring.confidence import described
from diagnose.measuring.planning import Measured
from diagnose.measuring.scoring import Reference, constant_reference, row_errors, score
from diagnose.reports.html import render
from diagnose.settings import Settings
from diagnose.subject import Output, Rows, Seen, Split, Subject, Task
from tests.checks.builders_training import network, sweep

OWN_RATE = 0.1
MISSING = Unavailable("not given", "Give it.")
RNG = np.random.default_rng(0)


def examined(
    output: Output, train: tuple[Rows, Rows], dev: tuple[Rows, Rows], best: Rows, rates: LearningRate | None = None
) -> Diagnosis:
    """The diagnosis of these targets and predictions, with every check that needs no more; `best` is a baseline's."""
    reference = constant_reference(output, train[0], "softmax" if output.task.classifies else None)

    def scores(name: str, seen: str, rows: tuple[Rows, Rows]) -> SplitScores:
        found = described(score(output, *rows, reference), output, rows, reference, None)
        return SplitScores(name, seen, len(rows[0]), (replace(found, own_loss=found.loss),))

    evaluation = Evaluation(scores("train", "yes", train), scores("dev", "no", dev), MISSING, MISSING)
    splits = [
        Split(name, (np.zeros((len(rows[0]), 3)),), (rows[0],), seen)
        for name, rows, seen in (("train", train, Seen.YES), ("dev", dev, Seen.NO))
    ]
    subject = Subject("model", None, (output,), splits[0], splits[1])
    known_net = network(output.task)
    measured = {Evaluation: evaluation, Baseline: compared(output, dev, best, reference), Network: known_net}
    measured |= {} if rates is None else {LearningRate: rates}
    outcomes = tuple(check.run(measured) for check in CHECKS)
    return conclude(subject, Settings(), CHECKS, Measured(measured), outcomes)


def compared(output: Output, dev: tuple[Rows, Rows], best: Rows, reference: Reference) -> Baseline:
    truth, net = dev
    mine, theirs = score(output, truth, net, reference), score(output, truth, best, reference)
    errors = [row_errors(output, truth, given, reference) for given in (net, best)]
    candidate = Candidate("ridge", theirs.error, theirs.error_interval, theirs.loss, theirs.skill, 0.1)
    found = OutputBaseline(
        output=output.name,
        candidates=(candidate,),
        best=candidate,
        net_error=mine.error,
        net_skill=mine.skill,
        difference=float((errors[0] - errors[1]).mean()),
        difference_interval=paired_interval(errors[0] - errors[1]),
        relative=0.5,
        signal=theirs.beats_constant_error.low > 0,
        null_skill=(0.0, 0.05),
        train_error=theirs.error,
        rows_train=len(truth),
        rows_dev=len(truth),
    )
    return Baseline((found,), "dev", "no")


def sure(truth: Rows, right: float, classes: int) -> Rows:
    """Probabilities that choose the true class for this share of the rows."""
    chosen = np.where(RNG.random(truth.shape) < right, truth, (truth + 1) % classes)
    return np.eye(classes)[chosen] * 0.7 + 0.3 / classes


def nearly_balanced() -> Diagnosis:
    """The most frequent class of train is the rarer one of dev."""
    train, dev = np.repeat([0, 1], [302, 298]), np.repeat([0, 1], [140, 160])
    output = Output("out", Task.MULTICLASS, "sparse_categorical_crossentropy", classes=2)
    return examined(output, (train, sure(train, 0.5, 2)), (dev, sure(dev, 0.5, 2)), sure(dev, 0.95, 2))


def overfitted() -> Diagnosis:
    train, dev = RNG.integers(0, 5, 2_000), RNG.integers(0, 5, 700)
    output = Output("out", Task.MULTICLASS, "sparse_categorical_crossentropy", classes=5)
    return examined(output, (train, sure(train, 0.98, 5)), (dev, sure(dev, 0.71, 5)), sure(dev, 0.75, 5))


def positions() -> Diagnosis:
    """Many positions a row: the skill is that of the macro dice."""
    train, dev = ((RNG.random((rows, 40)) < 0.1).astype(int) for rows in (300, 120))
    output = Output("out", Task.MULTICLASS, "sparse_categorical_crossentropy", classes=2)
    return examined(output, (train, sure(train, 0.9, 2)), (dev, sure(dev, 0.9, 2)), sure(dev, 0.99, 2))


def too_fast() -> Diagnosis:
    """A rate at which nothing is learned, as the sweep shows."""
    train, dev = RNG.integers(0, 5, 2_000), RNG.integers(0, 5, 700)
    output = Output("out", Task.MULTICLASS, "sparse_categorical_crossentropy", classes=5)
    rates = sweep(OWN_RATE, {1e-4: (0.90, 0.91), 1e-3: (0.93, 0.94), 1e-2: (0.88, 0.90), OWN_RATE: (0.03, 0.05)})
    return examined(output, (train, sure(train, 0.2, 5)), (dev, sure(dev, 0.2, 5)), sure(dev, 0.95, 5), rates)


def shifted() -> Diagnosis:
    """Targets of dev lie elsewhere than those of train."""
    train, dev = RNG.normal(0, 2, (800, 1)), RNG.normal(9, 1, (300, 1))
    output = Output("out", Task.REGRESSION, "mean_squared_error")
    noise = [RNG.normal(0, 1, part.shape) for part in (train, dev)]
    return examined(output, (train, train + noise[0]), (dev, dev + 3 * noise[1]), dev + 0.1 * noise[1])


Key = tuple[str, str]  # what, and of which split or baseline


def known(diagnosis: Diagnosis) -> dict[Key, float]:
    """What the page is about: error, skill and constant prediction of each split, and the baseline's error."""
    values: dict[Key, float] = {("rate", "own"): OWN_RATE, ("skill", "at the own rate"): 0.04}
    for error in diagnosis.errors:
        percent = 100 if error.unit == "error rate" else 1
        values |= {
            ("error", error.split): percent * error.error,
            ("constant", error.split): percent * error.constant_error,
            ("skill", error.split): error.skill,
            ("error", "baseline"): percent * (error.baseline_error or 0.0),
        }
    return values


NUMBER = r"(?:RMSE )?(−?-?\d[\d,]*\.?\d*(?:e[−-]?\d+)?)"
PATTERNS: tuple[tuple[str, Callable[[re.Match[str]], Key]], ...] = (
    (rf"\b(train|dev) error (?:is|of) {NUMBER}", lambda m: ("error", m[1])),
    (rf"[Oo]f the {NUMBER} % (train|dev) error", lambda m: ("error", m[2])),
    (rf"against {NUMBER}(?: %)? on (train|dev)", lambda m: ("error", m[2])),
    (rf"(train|dev) rows the net.s error is {NUMBER}", lambda m: ("error", m[1])),
    (rf"that of ridge {NUMBER}", lambda m: ("error", "baseline")),
    (rf"\b(?:ridge|baseline: ridge): {NUMBER}", lambda m: ("error", "baseline")),
    (rf"(?<!\w)(train|dev): {NUMBER}(?: %)? \[", lambda m: ("error", m[1])),
    (rf"your model: {NUMBER}", lambda m: ("error", "dev")),
    (rf"constant(?: prediction)?(?:, | on )(train|dev): {NUMBER}", lambda m: ("constant", m[1])),
    (rf"best constant prediction.s {NUMBER}", lambda m: ("constant", "train")),
    (rf"(train|dev) error is [^;.]*\(skill {NUMBER}\)", lambda m: ("skill", m[1])),
    (rf"(train|dev) rows the net.s error is [^(]*\(skill {NUMBER}\)", lambda m: ("skill", m[1])),
    (rf"the network \(skill {NUMBER}\)", lambda m: ("skill", "dev")),
    (rf"(?:[Ll]earning rate|yours) {NUMBER}(?= is| usable| skill|;|$)", lambda m: ("rate", "own")),
    (rf"yours(?: is)? at {NUMBER}", lambda m: ("rate", "own")),
    (rf"skill (?:is|on train:) {NUMBER} at {OWN_RATE}\b", lambda m: ("skill", "at the own rate")),
)
ROWS = {"Error rate": "error", "RMSE": "error", "Constant prediction": "constant", "Skill": "skill"}


def figures(page: str) -> Iterator[tuple[Key, str]]:
    """All figures of a page with what they say: in sentences, in alternative texts, in the table of errors."""
    page = page.replace("\u00a0", " ")
    labels = " ".join(re.findall(r'aria-label="([^"]+)"', page))
    visible = re.sub(r"<(style|script|title)\b.*?</\1>", " ", page, flags=re.DOTALL)
    text = " ".join((re.sub(r"<[^>]+>", "", visible) + " " + labels).replace("&#39;", "'").split())
    for pattern, key in PATTERNS:
        for match in re.finditer(pattern, text):
            numbers = [part for part in match.groups() if part and part[-1].isdigit()]
            yield key(match), numbers[-1]
    table = page.split('class="cards sides"')[1].split("</table>", maxsplit=1)[0]
    splits = re.findall(r'<th scope="col" class="r">([\w-]+)', table)
    for name, what in ROWS.items():
        row = re.search(rf'<th scope="row">{name}</th>(.*?)</tr>', table)
        cells = re.findall(r'<span class="num">([^<]+)', row[1]) if row else []
        yield from (((what, split), cell.removesuffix(" %")) for split, cell in zip(splits, cells, strict=False))


def agrees(shown: str, value: float) -> bool:
    """Whether a number as text is this value, rounded to its digits."""
    exact = Decimal(shown.replace("−", "-").replace(",", ""))
    half = 0.5 * 10.0 ** int(exact.as_tuple().exponent)
    return abs(float(exact) - value) <= half * 1.001


CASES = (nearly_balanced, overfitted, positions, shifted, too_fast)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_figures_of_the_same_thing_agree(case: Callable[[], Diagnosis]) -> None:
    diagnosis = case()
    values, found = known(diagnosis), [*figures(render(diagnosis))]
    assert len({key for key, _ in found}) >= 6 and len(found) >= 12  # it finds them
    assert [(key, shown, values[key]) for key, shown in found if not agrees(shown, values[key])] == []


def test_a_learning_rate_and_the_skill_at_it_are_found_in_words_and_in_figures() -> None:
    found = [key for key, _ in figures(render(too_fast()))]
    assert found.count(("rate", "own")) >= 3 and found.count(("skill", "at the own rate")) >= 2


def test_a_figure_that_disagrees_is_found() -> None:
    diagnosis = nearly_balanced()
    wrong = tuple(replace(error, skill=error.skill + 0.1) for error in diagnosis.errors)
    found = figures(render(replace(diagnosis, errors=wrong)))
    values = known(diagnosis)
    assert {key[0] for key, shown in found if not agrees(shown, values[key])} == {"skill"}
