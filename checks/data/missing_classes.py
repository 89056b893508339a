from collections.abc import Iterator

from diagnose.checks.further_reading import REAL_WORLD
from diagnose.checks.reading.wording import counted, listed, percent
from diagnose.findings import Finding, Severity, Table, Where
from diagnose.measurements import Dataset, Network, NotMeasured, SplitStatistics
from diagnose.registry import check
from diagnose.subject import Output

ABUNDANT = 0.01  # share of a split's rows in classes that train lacks; above, its error rate is meaningless
FEW = 10  # training rows of a class; with fewer, it can hardly be learned
SHOWN = 20  # classes in the evidence


@check(
    "Classes missing from the training data", family="data", needs_task=True, needs_all_rows=True, reading=(REAL_WORLD,)
)
def missing_classes(dataset: Dataset, network: Network) -> Iterator[Finding]:
    """Compares the classes of every split with those of train.

    ## What it measures
    Rows per class on every split, for classification outputs.

    ## Why it matters
    A class that never occurs in train cannot be predicted: every row of it is an error that no training removes. A
    typical reason is that sorted data was cut into splits.

    ## How it is decided
    Rows of another split in classes that train lacks are an error from 1 % of that split's rows, else a warning.
    Classes with fewer than 10 training rows are a hint. All rows are needed: a class absent from a sample may still be
    in the data.

    ## Known limits
    At most 1,000 distinct labels are compared. Classes that occur in no split are not found.

    ## References
    - Ng 2018, *Machine Learning Yearning*, chapters 5 and 6 (dev and test sets from the same distribution)
    """
    for place, head in enumerate(network.heads):
        if not head.output.task.classifies:
            continue
        known = _counts(dataset.train, place)
        if not known:
            continue
        _refuse_sampled_labels(dataset.train, place)
        for split in dataset.splits[1:]:
            yield from _unknown(head.output, known, _counts(split, place), split)
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
    shown = [output.class_name(label) for label in missing]
    yield Finding(
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
                tuple((output.class_name(label), counts[label]) for label in missing[:SHOWN]),
            ),
        ),
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
