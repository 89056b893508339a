"""Whether a net for tokens sees their order, where the order tells the target."""

from collections.abc import Iterator

from diagnose.checks.further_reading import ARCHITECTURES, RECIPE
from diagnose.checks.reading.gaps import lacking_threshold
from diagnose.checks.reading.skills import does_clearly_better, skill_bars
from diagnose.checks.reading.wording import skill_text
from diagnose.findings import Finding, Where
from diagnose.measurements import DOES_NOT_APPLY, Baseline, NotMeasured
from diagnose.registry import check

SAME = 0.01  # standard deviations of the outputs; a net that sees the order changes by about one


@check("Order of tokens not seen", family="network", reading=(ARCHITECTURES, RECIPE))
def order_not_seen(baseline: Baseline) -> Iterator[Finding]:
    """Puts the tokens of each row in another order, and looks whether the net notices.

    ## What it measures
    The mean change of the net's outputs when the tokens of each row are shuffled (padding at the end stays), in
    standard deviations of the outputs over rows. And the skill on the same rows of baselines that count tokens, and of
    a linear model that also gets where each token stands and what stands beside it.

    ## Why it matters
    Attention, averages and sums over the steps treat a row as a bag: "the dog bites the man" is "the man bites the
    dog". Without positions, recurrent layers or convolutions, a net cannot learn what the order decides.

    ## How it is decided
    Reported if the outputs change by less than 0.01 standard deviations, and the linear model with the order beats
    every baseline without it (their 95 % intervals do not overlap) and the net: an error if both by more than 0.25 of
    skill, a warning above 0.1. A net that treats rows as bags where the order tells nothing is fine.

    ## Known limits
    Only rows of token ids are shuffled, not texts, nor series of numbers. A net that sees a part of the order, as
    convolutions under a global maximum do, changes its outputs and is not judged.

    ## References
    - Vaswani et al. 2017, "Attention Is All You Need", arXiv:1706.03762, section 3.5
    - Zaheer et al. 2017, "Deep Sets", arXiv:1703.06114
    """
    known = [output for output in baseline.outputs if output.order_change is not None]
    if not known:
        raise NotMeasured("no input holds rows of tokens whose order a baseline was given", DOES_NOT_APPLY)
    for output in known:
        ordered = next((one for one in output.candidates if one.ordered), None)
        if ordered is None or output.order_change is None or not output.order_change < SAME:
            continue
        bags = [one for one in output.candidates if not one.ordered]
        severity = does_clearly_better(ordered, bags, output.net_skill)
        if severity is not None:
            bag = max(bags, key=lambda one: one.skill)
            yield Finding(
                severity,
                f"the outputs stay the same when the tokens of each row change places, and a linear model that gets "
                f"their order reaches skill {skill_text(ordered.skill)} (without it {bag.name}: "
                f"{skill_text(bag.skill)}, the net: {skill_text(output.net_skill)})",
                where=Where(output=output.output, split=baseline.held_out),
                value=ordered.skill - bag.skill,
                unit="skill",
                threshold=lacking_threshold(severity),
                rows=output.rows_dev,
                evidence=(skill_bars(output),),
            )
