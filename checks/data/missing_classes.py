from collections.abc import Iterator

from diagnose.checks.further_reading import REAL_WORLD
from diagnose.checks.reading.wording import counted, listed, percent
from diagnose.findings import Finding, Severity, Table, Where
from diagnose.measurements import Dataset, Network, NotMeasured, SplitStatistics
from diagnose.registry import check
from diagnose.subject import Output

ABUNDANT = 0.01  # share of a split's rows in classes that train lacks; above, its error rate is meaningless
LACKED = 0.05  # share of train's rows in classes that another split lacks; above, its figures leave much out
BY_CHANCE = 1e-3  # probability that a random sample of that size has no row of them
FEW = 10  # training rows of a class; with fewer, it can hardly be learned
SHOWN = 20  # classes in the evidence


@check(
    "Classes missing from the training data", family="data", needs_task=True, needs_all_rows=True, reading=(REAL_WORLD,)
)
def missing_classes(dataset: Dataset, network: Network) -> Iterator[Finding]:
    """Compares the classes of every split with those of train, in both directions.

    ## What it measures
    Rows per class on every split, for classification outputs.

    ## Why it matters
    A class that never occurs in train cannot be predicted: every row of it is an error that no training removes. A
    typical reason is that sorted data was cut into splits.

    ## How it is decided
    Rows of another split in classes that train lacks are an error from 1 % of that split's rows, else a warning.
    Classes of train that another split lacks are a warning if they make up 5 % of train's rows and a random sample of
    that size would lack them all less than once in a thousand. Classes with fewer than 10 training rows are a hint. All
    rows are needed: a class absent from a sample may still be in the data.

    ## Known limits
    At most 1,000 distinct labels are compared. Classes that occur in no split are not found.

    ## References
    - Ng 2018, *Machine Learning Yearning*, chapters 5 and 6 (dev and test sets from the same distribution)
    """
    for place, head in enumerate(network.heads):
        if not head.output.task.classifies:
            continue
        known = _counts(dataset.train, place)
        if place == 0:
            yield from _set_aside(head.output, dataset)
        if not known:
            continue
        _refuse_sampled_labels(dataset.train, place)
        for split in dataset.splits[1:]:
            yield from _unknown(head.output, known, _counts(split, place), split)
            yield from _lacking(head.output, known, _counts(split, place), split)
        yield from _rare(head.output, known)


def _refuse_sampled_labels(train: SplitStatistics, place: int) -> None:
    """Refuse to judge if train has so many labels that only some were read.

    Raises:
        NotMeasured: only some of the labels were read.
    """
    read = train.targets[place].rows
    if read < train.rows:
        reason = f"all labels are needed, but only those of {read:,} of {train.rows:,} training rows were read"
        raise NotMeasured(reason, "There are too many labels to read: compare the classes of the splits yourself.")


def _counts(split: SplitStatistics, place: int) -> dict[float, int]:
    target = split.targets[place]
    return {label: count for label, count in zip(target.classes, target.counts, strict=True) if count > 0}


def _unknown(
    output: Output, known: dict[float, int], counts: dict[float, int], split: SplitStatistics
) -> Iterator[Finding]:
    missing = [label for label in counts if label not in known]
    if not missing:
        return
    rows = sum(counts[label] for label in missing)
    share = rows / sum(counts.values())
    yield _lacked_by_train(output, share, {output.class_name(label): counts[label] for label in missing}, split)


def _lacked_by_train(output: Output, share: float, missing: dict[str, int], split: SplitStatistics) -> Finding:
    shown = list(missing)
    return Finding(
        Severity.ERROR if share >= ABUNDANT else Severity.WARNING,
        f"{percent(share)} of the labels on {split.name} belong to {counted(len(missing), 'class', 'classes')} "
        f"that train lacks: {listed(shown)}",
        where=Where(output=output.name, split=split.name, label=shown[0]),
        value=share,
        threshold=0.0,
        rows=split.rows,
        evidence=(
            Table(
                f"Classes on {split.name} that train lacks",
                ("class", f"rows on {split.name}"),
                tuple(missing.items())[:SHOWN],
            ),
        ),
    )


def _set_aside(output: Output, dataset: Dataset) -> Iterator[Finding]:
    """Classes that train lacks and that have no number: their rows could not be evaluated."""
    for split in dataset.splits[1:]:
        if split.unknown_classes:
            counts = dict(split.unknown_classes)
            share = sum(counts.values()) / (sum(counts.values()) + split.rows)
            yield _lacked_by_train(output, share, counts, split)


def _lacking(
    output: Output, known: dict[float, int], counts: dict[float, int], split: SplitStatistics
) -> Iterator[Finding]:
    """Classes of train that the split lacks, though a random sample would have them."""
    lacked = [label for label in known if label not in counts]
    share = sum(known[label] for label in lacked) / sum(known.values())
    if not counts or share < LACKED or (1 - share) ** sum(counts.values()) > BY_CHANCE:
        return
    shown = [output.class_name(label) for label in lacked]
    yield Finding(
        Severity.WARNING,
        f"{split.name} has no row of {counted(len(lacked), 'class', 'classes')} with {percent(share)} of the rows of "
        f"train: {listed(shown)}",
        where=Where(output=output.name, split=split.name, label=shown[0]),
        value=share,
        threshold=LACKED,
        rows=split.rows,
    )


def _rare(output: Output, known: dict[float, int]) -> Iterator[Finding]:
    rare = sorted((label for label, count in known.items() if count < FEW), key=lambda label: known[label])
    if not rare:
        return
    shown = [f"{output.class_name(label)} ({known[label]})" for label in rare]
    yield Finding(
        Severity.HINT,
        f"{counted(len(rare), 'class', 'classes')} of {output.name} {'has' if len(rare) == 1 else 'have'} fewer than"
        f" {FEW} rows in train: {listed(shown)}",
        where=Where(output=output.name, split="train", label=output.class_name(rare[0])),
        value=float(known[rare[0]]),
        threshold=float(FEW),
        rows=sum(known.values()),
    )
