from collections.abc import Iterator

import numpy as np

from diagnose.checks.further_reading import NOT_WORKING, RECIPE
from diagnose.checks.reading.wording import number
from diagnose.findings import Finding, Severity, Table, Where
from diagnose.measurements import Array, Dataset, Flags, InputStatistics, SplitStatistics
from diagnose.registry import check

FACTOR = 3.0  # ratio of spreads; sampling and ordinary drift stay below it in most features
FEW_FACTOR = 10.0  # the same for fewer than FEW features: one trending series may triple its spread
FEW = 4  # features or channels
AGREE = 2.0  # the middle 80 % of the ratios lie within this factor of their median: one factor for all
STANDARD = 0.2  # |mean| and |std - 1| of a standardised feature, with room for the sampling of a small split
MOST = 0.8  # share of the features that must look standardised
SHIFT = 0.5  # in standard deviations: a mean that a standardised feature cannot have
SPREAD = 2.0  # factor: a standard deviation that a standardised feature cannot have
ROWS = 20  # of a split; the moments of fewer rows are unreliable
SHOWN = 10  # features in the evidence


@check("Splits with different preprocessing", family="data", reading=(RECIPE, NOT_WORKING))
def preprocessing_mismatch(dataset: Dataset) -> Iterator[Finding]:
    """Looks for a split whose inputs were scaled differently from those of train.

    ## What it measures
    Mean and standard deviation of every feature or channel on each split, compared with train.

    ## Why it matters
    A model trained on values around 1 and evaluated on values around 100 is evaluated on inputs it never saw. The gap
    then looks like overfitting or data mismatch, and the remedies for those do not help.

    ## How it is decided
    An error if most features differ from train by one common factor of at least 3 (10 with fewer than four features or
    channels), or if one of the two splits is standardised (80 % of the features with mean 0 and standard deviation 1,
    within 0.2) while most features of the other are far from it.

    ## Known limits
    Shifts other than a common factor are left to the check on data mismatch. Tokens, text, and splits of fewer than 20
    rows are not judged.

    ## References
    - Sculley et al. 2015, "Hidden Technical Debt in Machine Learning Systems", NeurIPS
    - Breck, Polyzotis, Roy, Whang, Zinkevich 2019, "Data Validation for Machine Learning", MLSys (skew)
    """
    for split in dataset.splits[1:]:
        if min(split.rows_used, dataset.train.rows_used) < ROWS:
            continue
        for ours, theirs in zip(dataset.train.inputs, split.inputs, strict=True):
            if ours.kind in ("dense", "image", "sequence") and ours.std.size == theirs.std.size:
                yield from _compare(ours, theirs, split)


def _compare(ours: InputStatistics, theirs: InputStatistics, split: SplitStatistics) -> Iterator[Finding]:
    varies = (ours.std > 0) & (theirs.std > 0)
    if not varies.any():
        return
    factor = _common_factor(ours.std[varies], theirs.std[varies])
    if factor is not None:
        way = f"{number(factor)} times" if factor > 1 else f"1/{number(1 / factor)} of"
        message = f"the spread of {ours.name} on {split.name} is {way} that on train in most features"
        yield _finding(message, factor, ours, theirs, split)
    elif _standardised(ours, varies) and _far_from_standard(theirs, varies, ours.kind):
        yield _finding(f"{ours.name} is standardised on train but not on {split.name}", None, ours, theirs, split)
    elif _standardised(theirs, varies) and _far_from_standard(ours, varies, ours.kind):
        yield _finding(f"{ours.name} is standardised on {split.name} but not on train", None, ours, theirs, split)


def _common_factor(ours: Array, theirs: Array) -> float | None:
    ratios = theirs / ours
    factor = float(np.median(ratios))
    needed = FACTOR if ratios.size >= FEW else FEW_FACTOR
    if 1 / needed < factor < needed:
        return None
    low, high = np.quantile(ratios, (0.1, 0.9))
    return factor if low >= factor / AGREE and high <= factor * AGREE else None


def _standardised(inputs: InputStatistics, varies: Flags) -> bool:
    looks = (np.abs(inputs.mean) < STANDARD) & (np.abs(inputs.std - 1) < STANDARD)
    return bool(np.mean(looks[varies]) >= MOST)


def _far_from_standard(inputs: InputStatistics, varies: Flags, kind: str) -> bool:
    if varies.sum() < FEW and kind != "image":
        return False  # one or two drifting columns look the same
    std = inputs.std[varies]
    far = (np.abs(inputs.mean[varies]) > SHIFT * std) & ((std > SPREAD) | (std < 1 / SPREAD))
    return bool(np.mean(far) > 0.5)


def _finding(
    message: str, factor: float | None, ours: InputStatistics, theirs: InputStatistics, split: SplitStatistics
) -> Finding:
    rows = range(min(ours.mean.size, SHOWN))
    names = ours.feature_names or tuple(f"{i + 1}" for i in range(ours.mean.size))
    table = Table(
        f"{ours.name} on train and on {split.name}",
        ("feature", "mean on train", "spread on train", f"mean on {split.name}", f"spread on {split.name}"),
        tuple((names[i], *map(float, (ours.mean[i], ours.std[i], theirs.mean[i], theirs.std[i]))) for i in rows),
    )
    return Finding(
        Severity.ERROR,
        message,
        where=Where(split=split.name, feature=ours.name),
        value=factor,
        threshold=None if factor is None else (FACTOR if factor > 1 else 1 / FACTOR),
        rows=split.rows_used,
        evidence=(table,),
    )
