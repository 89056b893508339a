from collections.abc import Iterator

from diagnose.checks.further_reading import NOT_WORKING, RECIPE
from diagnose.checks.reading.wording import percent
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import ALL_ROWS, Dataset, NotMeasured, need
from diagnose.registry import check

TRACE = 0.005  # share of a split's rows whose group is also in train


@check("Groups in more than one split", family="data", reading=(RECIPE, NOT_WORKING))
def shared_groups(dataset: Dataset) -> Iterator[Finding]:
    """Counts the groups of dev and test that are also in train, by the column named with --group.

    ## What it measures
    For every split other than train, how many of its groups (patients, speakers, machines) have rows in train, and the
    share of its rows that belong to them.

    ## Why it matters
    Rows of one group are similar. A model that has seen some of them knows the group, so its error on the rest is lower
    than on new groups.

    ## How it is decided
    A hint from 0.5 % of the split's rows. Never more than a hint: how much the error is understated is unknown, and a
    shared group is not a fault of the model. If a split is a sample and less was found, it is not judged: groups absent
    from the sample may be shared.

    ## Known limits
    A column with few values that are not groups (a country, a sex) is shared by every split. A group spelled in two
    ways counts as two groups. If the model will serve the same groups it was trained on, sharing them is right.

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
        reason = f"few shared groups were found, but the {sampled[0].rows:,} rows of {sampled[0].name} are a sample"
        raise NotMeasured(reason, ALL_ROWS)
