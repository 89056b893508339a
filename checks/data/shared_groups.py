from collections.abc import Iterator

from diagnose.checks.further_reading import NOT_WORKING, RECIPE
from diagnose.checks.reading.wording import percent
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import ALL_ROWS, Dataset, NotMeasured, need
from diagnose.registry import check

TRACE = 0.005  # share of a split's rows whose group is also in train


@check("Groups that are in two splits", family="data", reading=(RECIPE, NOT_WORKING))
def shared_groups(dataset: Dataset) -> Iterator[Finding]:
    """Counts the groups of dev and test that are also in train, by the column named with --group.

    ## What it measures
    For every other split, how many of its groups (patients, speakers, machines) have rows in train, and the share of
    its rows that belong to them.

    ## Why it matters
    Rows of one group are alike. A model that has seen some of them knows the group, and its error on the others is
    lower than on groups that it will meet for the first time.

    ## How it is decided
    A hint from 0.5 % of the split's rows. How much lower the error became is unknown, and a shared group does not speak
    against the model: never more than a hint. Where a split is a sample of its rows and less was found, nothing is
    said: the groups that are missing from a sample may be shared.

    ## Known limits
    A column of few values that are not groups (a country, a sex) is shared by every split. Groups written in two ways
    are two groups. Where the model will serve the very groups that it was trained on, sharing them is right.

    ## References
    - Saeb et al. 2017, "The need to approximate the use-case in clinical machine learning", GigaScience 6
    - Kapoor, Narayanan 2023, "Leakage and the reproducibility crisis in machine-learning-based science", Patterns 4
    """
    overlaps = need(dataset.groups)
    for split, overlap in overlaps.items():
        if overlap.shared_rows < TRACE:
            continue
        yield Finding(
            Severity.HINT,
            f"{overlap.shared:,} of the {overlap.groups:,} groups on {split}, with {percent(overlap.shared_rows)} of "
            f"its rows, are also in train",
            where=Where(split=split),
            value=overlap.shared_rows,
            threshold=TRACE,
            rows=overlap.rows,
        )
    sampled = [split for split in dataset.splits if split.sampled]
    if sampled:
        reason = f"few shared groups were found among {sampled[0].rows:,} rows of {sampled[0].name}, which are a sample"
        raise NotMeasured(reason, ALL_ROWS)
