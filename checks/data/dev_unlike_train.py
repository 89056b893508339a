from collections.abc import Iterator

from diagnose.checks.further_reading import LEAKAGE, NOT_WORKING
from diagnose.checks.reading.gaps import Gap, Level, candidate_level, level, scale_of
from diagnose.checks.reading.wording import number, percent
from diagnose.findings import Finding, Severity, Table, Where
from diagnose.measurements import Baseline, Evaluation, Score, Shift, SplitShift, TargetShift
from diagnose.registry import check

ROWS = 30  # of the split; fewer say little about its source
BEYOND = 0.1  # share of targets outside the range of train; of independent rows, about 2 / rows are
APART = 0.75  # area under the curve of a useful two-sample classifier
DISTANCE = 0.4  # of the distribution functions of one feature
TARGETS = 0.25  # of those of the target, or of the share of a class
NOTABLE = 0.1  # of the target's variance: a gap that matters if targets lie outside the range of train
RULE = 0.25  # skill within a split from which its inputs tell its targets
HALF = 0.5  # share of this skill that a baseline fitted on train must lose on a split with another rule
SURE = 100  # rows of the split from which on another rule is an error
HARM = 0.25  # share of the gap between train and the split that a baseline must show, too


@check("A dev set unlike train", family="data", reading=(LEAKAGE, NOT_WORKING))
def dev_unlike_train(shift: Shift, evaluation: Evaluation | None, baseline: Baseline | None) -> Iterator[Finding]:
    """Compares the inputs and targets of dev and test with those of train, and measures what the difference costs.

    ## What it measures
    The share of numeric targets outside the range of train; the area under the curve of a classifier that tells rows of
    the split from rows of train, cross-validated, and the distance of the distributions of every feature and target,
    both compared with splits without a difference; whether the split goes on where sorted training rows end. The cost:
    the error of the network on the split against train, and that of the same kind of baseline on the split against
    other rows of train.

    ## Why it matters
    A gap to a dev set from another source, another time or the end of a sorted file is neither variance nor a lack of
    rows: more rows of the same kind and regularisation do not close it. `validation_split` takes the last rows as they
    stand.

    ## How it is decided
    Reported from 30 rows on, if 10 % of the targets lie outside the range of train; if the classifier's area under the
    curve is above 0.75 with its interval, or a feature's distance above 0.4, and above all splits without a difference;
    or if the targets' distance is above 0.25 and above all of those. If neighbouring rows of the file are alike (a
    series), the splits without a difference are blocks of train; with --group, the rows of some groups. A hint, or a
    warning if the cost is measured: the network's error is higher on the split, and so is the baseline's, by a quarter
    of the gap or more, at 95 %. An error (a warning below 100 rows) if baselines that are fitted and evaluated within
    train, and within the split, have a skill of 0.25 or more, while neither the network nor a baseline fitted on train
    beats the constant prediction on the split, and this baseline loses half of that skill: its inputs or targets mean
    something else there (another vocabulary, other columns, other classes). For targets outside the range the network's
    error is enough, if it rises by a tenth of the target's variance.

    ## Known limits
    A rule that is a little different on the split is not seen. New groups (patients, speakers) whose column is not
    named with --group look like another source. A blurred or noisy copy of the same pictures may look alike in the
    pooled pixels.

    ## References
    - Lopez-Paz, Oquab 2017, "Revisiting Classifier Two-Sample Tests", arXiv:1610.06545
    - Rabanser, Guennemann, Lipton 2019, "Failing Loudly", arXiv:1810.11953
    - Ng 2018, "Machine Learning Yearning", chapters 5 to 6 and 40 to 43
    """
    for split, found in shift.splits.items():
        if found.rows < ROWS:
            continue
        for target in found.targets:
            net, base = _gaps(evaluation, baseline, split, target.output)
            harmful = net is not None and base is not None and base.counts and base.size >= HARM * net.size
            if target.beyond >= BEYOND:
                yield _beyond(split, found, target, net)
            elif target.distance >= TARGETS and target.distance > target.null:
                yield _targets(split, found, target, harmful)
        net, base = _gaps(evaluation, baseline, split, found.targets[0].output)
        harmful = net is not None and base is not None and base.counts and base.size >= HARM * net.size
        if differences := _differences(split, found):
            yield _inputs(split, found, " and ".join(differences), base if harmful else None)
        yield from _own_rule(evaluation, baseline, split)


def _own_rule(evaluation: Evaluation | None, baseline: Baseline | None, split: str) -> Iterator[Finding]:
    """Outputs that the inputs tell within train and within the split, but by another rule."""
    for output in baseline.outputs if baseline is not None and baseline.held_out == split else ():
        ours, theirs = output.within_split("train"), output.within_split(split)
        scores = _scores(evaluation, split, output.output)
        if output.signal or ours is None or theirs is None or scores is None or scores[1].beats_constant_error.low > 0:
            continue
        least = min(ours.skill, theirs.skill)
        if least < RULE or output.best.skill >= HALF * least or not (ours.signal and theirs.signal):
            continue  # few rows, or a rare class, may hide in the errors that a baseline predicts the split
        yield Finding(
            Severity.ERROR if output.rows_dev >= SURE else Severity.WARNING,
            f"the inputs tell {output.output} within train (skill {number(ours.skill)}) and within {split} (skill"
            f" {number(theirs.skill)}), but neither the network nor a baseline fitted on train predicts it on {split}"
            f" (skill {number(output.net_skill)} and {number(output.best.skill)})",
            where=Where(output=output.output, split=split),
            value=output.best.skill,
            unit="skill",
            threshold=RULE,
            rows=output.rows_dev,
        )


def _gaps(
    evaluation: Evaluation | None, baseline: Baseline | None, split: str, output: str
) -> tuple[Gap | None, Gap | None]:
    """How much higher the errors on the split are: of the network than on train, of a baseline than within train.

    None if they are not, or not known.
    """
    scores = _scores(evaluation, split, output)
    if scores is None:
        return None, None
    train, other = scores
    net = Gap(level(train, scale_of(train)), level(other, scale_of(train)))
    return (net if net.counts else None), _baseline_gap(baseline, split, train)


def _baseline_gap(baseline: Baseline | None, split: str, train: Score) -> Gap | None:
    known = baseline.outputs if baseline is not None and baseline.held_out == split else ()
    found = next((one for one in known if one.output == train.output), None)
    within = found.within_split("train") if found is not None else None
    if found is None or within is None or not within.signal:
        return None
    scale = scale_of(train)
    own = within.error if train.task.classifies else (within.error / scale) ** 2
    low, high = within.error_interval.low, within.error_interval.high
    width = high - low if train.task.classifies else (high**2 - low**2) / scale**2
    return Gap(Level(own, width / (2 * 1.96)), candidate_level(found.best, train))


def _scores(evaluation: Evaluation | None, split: str, output: str) -> tuple[Score, Score] | None:
    if evaluation is None:
        return None
    train, other = evaluation.score("train", output), evaluation.score(split, output)
    return (train, other) if train is not None and other is not None else None


def _differences(split: str, found: SplitShift) -> list[str]:
    """What tells the inputs of the split from those of train, in words; empty if they are alike."""
    said = []
    if found.auc_interval.low >= APART and found.auc > found.null_auc:
        said.append(
            f"rows of {split} can be told from those of train by their inputs (area under the curve "
            f"{number(found.auc)}, without a difference up to {number(found.null_auc)})"
        )
    feature = found.features[0]
    if feature.distance >= DISTANCE and feature.distance > found.null_distance:
        said.append(
            f"{feature.name} is distributed differently on {split} and on train (distance {number(feature.distance)}, "
            f"without a difference up to {number(found.null_distance)})"
        )
    return said


def _beyond(split: str, found: SplitShift, target: TargetShift, net: Gap | None) -> Finding:
    runs = f"{number(target.range[0])} to {number(target.range[1])}"
    ours = f"{number(target.train_range[0])} to {number(target.train_range[1])}"
    return Finding(
        Severity.WARNING if net is not None and net.size >= NOTABLE else Severity.HINT,
        f"{percent(target.beyond)} of the targets of {target.output} on {split} lie outside the range of train "
        f"({split} {runs}, train {ours}){_in_order(found)}",
        where=Where(output=target.output, split=split),
        value=target.beyond,
        threshold=BEYOND,
        rows=found.rows,
    )


def _targets(split: str, found: SplitShift, target: TargetShift, harmful: bool) -> Finding:
    return Finding(
        Severity.WARNING if harmful else Severity.HINT,
        f"the targets of {target.output} are distributed differently on {split} and on train (distance "
        f"{number(target.distance)}, in random splits up to {number(target.null)}){_in_order(found)}",
        where=Where(output=target.output, split=split),
        value=target.distance,
        threshold=TARGETS,
        rows=found.rows,
    )


def _inputs(split: str, found: SplitShift, differences: str, harm: Gap | None) -> Finding:
    costs = ""
    if harm is not None:
        low, high = number(harm.lower.value), number(harm.upper.value)
        costs = f"; the error of a baseline is {low} on other rows of train and {high} on {split}"
    return Finding(
        Severity.HINT if harm is None else Severity.WARNING,
        differences + _in_order(found) + costs,
        where=Where(split=split, feature=found.features[0].name),
        value=found.auc,
        threshold=APART,
        interval=found.auc_interval,
        rows=found.rows,
        evidence=(_table(split, found),),
    )


def _in_order(found: SplitShift) -> str:
    if not found.continues:
        return ""
    return f"; train is in the order of {found.continues}, and the split goes on where train ends"


def _table(split: str, found: SplitShift) -> Table:
    return Table(
        f"Features that differ most between {split} and train",
        ("feature", "distance", f"share of {split} outside train's range", f"range on {split}", "range on train"),
        tuple(
            (
                one.name,
                one.distance,
                one.beyond,
                f"{number(one.range[0])} to {number(one.range[1])}",
                f"{number(one.train_range[0])} to {number(one.train_range[1])}",
            )
            for one in found.features
        ),
    )
