"""Rows of the splits: shared or conflicting ones, samples of them, their moments and tokens."""

import numpy as np
import pytest

from diagnose.checks.data.conflicting_labels import conflicting_labels
from diagnose.checks.data.missing_classes import missing_classes
from diagnose.checks.data.preprocessing_mismatch import preprocessing_mismatch
from diagnose.checks.data.shared_rows import shared_rows
from diagnose.checks.data.token_range import token_range
from diagnose.findings import Examined, Outcome, Severity, Skipped
from diagnose.measurements import (
    Dataset,
    Network,
    Twins,
)
from tests.checks import builders as b

ERROR, WARNING, HINT, INFO = [Severity.ERROR], [Severity.WARNING], [Severity.HINT], [Severity.INFO]


@pytest.mark.parametrize(
    ("conflicting", "duplicates", "found"),
    [(None, None, []), (0.0, 0.0, []), (0.005, 0.01, INFO), (0.02, 0.03, HINT), (0.15, 0.6, HINT)],
)
def test_conflicting_labels(conflicting: float | None, duplicates: float | None, found: list[Severity]) -> None:
    twins = {"conflicting": conflicting, "duplicates": duplicates}
    data = b.dataset(b.split(**{name: b.twins(share) for name, share in twins.items() if share is not None}))
    assert b.severities(conflicting_labels, data, b.network()) == found


def test_equal_rows_may_have_different_regression_targets() -> None:
    data = b.dataset(b.split(conflicting=b.twins(0.3), duplicates=b.twins(0.3)))
    assert (
        b.findings(conflicting_labels, data, b.network(heads=[b.head(b.regression(), activation="linear", units=1)]))
        == ()
    )


@pytest.mark.parametrize(
    ("shared", "repeats", "found"),
    [
        (0.0, 0.0, []),
        (0.004, 0.0, []),
        (0.03, 0.0, HINT),
        (0.3, 0.0, [Severity.WARNING]),
        (0.3, 0.25, []),  # few distinct rows: they collide by chance
        (0.95, 0.9, []),
        (1.0, 0.0, [Severity.WARNING]),
    ],
)
def test_shared_rows(shared: float, repeats: float, found: list[Severity]) -> None:
    assert b.severities(shared_rows, overlapping(b.twins(shared), b.twins(repeats))) == found


def scored(name: str, error: float, new: float | None, new_rows: int = 700) -> object:
    """A split of 1,000 rows; `new` is the error on those that train does not share."""
    rest = () if new is None else (b.score(new, rows=new_rows),)
    return b.scores(name, b.score(error), new=rest, new_rows=new_rows if rest else None)


@pytest.mark.parametrize(
    ("error", "new", "found"),
    [
        (0.10, 0.14, Severity.WARNING),  # the shared rows hide four points
        (0.10, 0.10, Severity.HINT),  # they are as hard as the others
        (0.10, 0.105, Severity.HINT),
    ],
)
def test_a_leak_is_as_serious_as_the_errors_that_it_hides(error: float, new: float, found: Severity) -> None:
    evaluation = b.evaluation(b.scores("train"), scored("dev", error, new))
    [finding] = b.findings(shared_rows, overlapping(b.twins(0.3)), evaluation)
    assert finding.severity is found
    assert ("on the 700 new rows" in finding.message) is (found is Severity.WARNING)


def test_conflicts_that_make_up_much_of_the_error_are_a_warning() -> None:
    def judged(outvoted: float, error: float, duplicates: float = 0.1) -> list[Severity]:
        twins = {"conflicting": b.twins(0.1), "outvoted": b.twins(outvoted), "duplicates": b.twins(duplicates)}
        evaluation = b.evaluation(b.scores("train", b.score(error)))
        return b.severities(conflicting_labels, b.dataset(b.split(**twins)), b.network(), evaluation)

    assert judged(0.05, 0.12) == [Severity.WARNING]
    assert judged(0.05, 0.40) == HINT  # most of the error comes from elsewhere
    assert judged(0.005, 0.01) == HINT
    assert judged(0.05, 0.12, duplicates=0.5) == HINT  # inputs with few values


def test_training_data_as_dev_set_is_named() -> None:
    [finding] = b.findings(shared_rows, overlapping(b.twins(1.0)))
    assert finding.message == "dev is the same data as train" and finding.interval is None


HELD = 1024 / 60_000  # share of train that a callback holds


@pytest.mark.parametrize("found", range(12))
def test_a_leak_of_a_fifth_in_a_sample_is_seen_or_skipped(found: int) -> None:
    """Of 1,024 rows on both sides about 3 or 4 twins are found."""
    outcome = shared_rows.run({Dataset: sampled(shared=Twins(1024, found, HELD, every=False))})
    if isinstance(outcome, Skipped):
        assert "1,024 of 10,000 rows of dev were compared with 1.7 % of train" in outcome.reason
        assert "--rows all" in outcome.how
    else:
        assert isinstance(outcome, Examined)
        [finding] = outcome.findings
        assert finding.interval is not None and finding.interval.low >= 0.005
    assert isinstance(outcome, Examined) is (found > 1)


def test_a_sample_that_is_large_enough_is_clean() -> None:
    assert b.findings(shared_rows, sampled(shared=Twins(5_000, 0, 0.4, every=False))) == ()


def test_rows_that_repeat_by_chance_in_a_sample_do_not_look_like_a_leak() -> None:
    repeated = Twins(1024, 20, HELD, every=False)
    outcome = shared_rows.run({Dataset: sampled(shared=Twins(1024, 20, HELD, every=False), duplicates=repeated)})
    assert isinstance(outcome, Skipped)


def test_a_sample_of_unknown_size_is_never_clean() -> None:
    outcome = shared_rows.run({Dataset: sampled(shared=Twins(1024, 0, None, every=False), population=None)})
    assert isinstance(outcome, Skipped) and "the total is unknown" in outcome.reason


def test_conflicting_labels_in_a_sample() -> None:
    """Without a twin among 1,024 of 60,000 rows, a share above the threshold remains possible."""

    def outcome(found: int, rows: int, searched: float) -> Outcome:
        data = b.dataset(b.split(conflicting=Twins(rows, found, searched, every=False)))
        return conflicting_labels.run({Dataset: data, Network: b.network()})

    few = outcome(0, 1024, HELD)
    assert isinstance(few, Skipped) and "may have a twin with another label" in few.reason
    enough = outcome(0, 20_000, 0.4)
    assert isinstance(enough, Examined) and enough.findings == ()
    many = outcome(40, 1024, HELD)
    assert isinstance(many, Examined) and many.findings[0].severity is Severity.HINT


def test_a_missing_class_needs_all_rows() -> None:
    train = b.split(y=b.labels({0.0: 1000, 1.0: 24}), sampled=True, population=60_000)
    outcome = missing_classes.run({Dataset: b.dataset(train), Network: b.network()})
    assert isinstance(outcome, Skipped)
    assert outcome.reason == "needs all rows; train is a sample of 1,024 out of 60,000 rows"
    assert "--rows all" in outcome.how


def overlapping(shared: Twins, repeated: Twins | None = None) -> Dataset:
    train, dev = (b.split(name, duplicates=repeated or b.twins(0.0)) for name in ("train", "dev"))
    return b.dataset(train, dev=dev, shared_rows={"dev": shared})


def sampled(shared: Twins, duplicates: Twins | None = None, population: int | None = 10_000) -> Dataset:
    """A dev set of which some rows are held; `duplicates` of train and dev."""
    dev = b.split("dev", rows=1024, duplicates=duplicates, sampled=True, population=population)
    train = b.split(rows=1024, duplicates=duplicates, sampled=True, population=60_000)
    return b.dataset(train, dev=dev, shared_rows={"dev": shared})


PIXELS = {"kind": "image", "shape": (28, 28, 1), "features": 1}
SCALES = np.geomspace(0.5, 5000, 8)


@pytest.mark.parametrize(
    ("train", "dev", "found"),
    [
        (b.inputs(), b.inputs(0.1, 1.1), []),  # sampling
        (b.inputs(0.0, SCALES), b.inputs(0.4 * SCALES, 1.4 * SCALES), []),  # drift
        (b.inputs(features=1), b.inputs(5.0, 4.0, features=1), []),  # one trending series
        (b.inputs(0.3, 0.3, **PIXELS), b.inputs(76.0, 76.0, **PIXELS), ERROR),  # 0-1 and 0-255
        (b.inputs(), b.inputs(3 * SCALES, SCALES), ERROR),  # standardised and raw
        (b.inputs(3 * SCALES, SCALES), b.inputs(), ERROR),
        (b.inputs(0.0, 1.0, kind="tokens"), b.inputs(0.0, 100.0, kind="tokens"), []),
    ],
)
def test_preprocessing_mismatch(train: object, dev: object, found: list[Severity]) -> None:
    data = b.dataset(b.split(x=train), dev=b.split("dev", x=dev))
    assert b.severities(preprocessing_mismatch, data) == found


def test_moments_of_few_rows_are_not_compared() -> None:
    small = b.split("dev", x=b.inputs(0.0, 255.0), rows=10, rows_used=10)
    assert b.findings(preprocessing_mismatch, b.dataset(b.split(), dev=small)) == ()


@pytest.mark.parametrize(("low", "high", "found"), [(0, 9999, []), (0, 10_000, ERROR), (-1, 50, ERROR)])
def test_token_range(low: float, high: float, found: list[Severity]) -> None:
    tokens = b.inputs(kind="tokens", vocabulary=10_000, low=np.full(8, float(low)), high=np.full(8, float(high)))
    assert b.severities(token_range, b.dataset(b.split(x=tokens))) == found


def test_tokens_without_a_known_vocabulary_are_not_judged() -> None:
    assert b.findings(token_range, b.dataset(b.split(x=b.inputs(kind="tokens", vocabulary=None)))) == ()
