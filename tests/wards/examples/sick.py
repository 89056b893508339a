"""Trainings of the same kinds with one planted fault. One that goes well in spite of it is not counted."""

from collections.abc import Callable
from functools import partial
from typing import Any

from tests.wards.examples.example import Example, Logs, above
from tests.wards.examples.generative import GENERATIVE, adversarial, diffusion, noisy, variational
from tests.wards.examples.metric import METRIC, pairs, triplets, two_views
from tests.wards.examples.own_loops import LOOPS, accumulating, adversary, own_step

HIGH, LOW = "learning-rate-too-high", "learning-rate-too-low"
HEALTHY = {example.name: example for example in (*GENERATIVE, *METRIC, *LOOPS)}
RATED: tuple[tuple[str, Callable[..., Any]], ...] = (
    ("denoising autoencoder", noisy),
    ("variational autoencoder", variational),
    ("diffusion", diffusion),
    ("siamese pairs", pairs),
    ("triplets", triplets),
    ("two views", two_views),
    ("own step", own_step),
    ("accumulated gradients", accumulating),
    ("adversarial rows", adversary),
)


def _sick(
    name: str,
    of: str,
    train: Callable[..., Any],
    fault: str,
    *answers: str,
    good: Callable[[Logs], bool] | None = None,
) -> Example:
    """`good`: whether it went well in spite of the fault; None: as the healthy one shows it."""
    healthy = HEALTHY[of]
    return Example(name, healthy.kind, train, good or healthy.good, healthy.states, fault, frozenset(answers))


def _rated() -> Any:
    for of, train in RATED:
        yield _sick(f"{of}, rate 1", of, partial(train, rate=1.0), "rate too high", HIGH)
        yield _sick(f"{of}, rate 1e-6", of, partial(train, rate=1e-6), "rate too low", LOW)


def _collapsed() -> Any:
    of, good = "variational autoencoder", above("kl_loss", 0.5)
    for weight in (10.0, 30.0, 100.0):
        train = partial(variational, weight=weight)
        yield _sick(f"{of}, divergence x {weight:.0f}", of, train, "collapse", "posterior-collapse", good=good)
    of, good = "adversarial pair", lambda logs: 0.6 < logs["radius"] < 1.7 and logs["spread"] > 0.5
    for rate in (0.1, 1.0, 3.0):
        train = partial(adversarial, of_generator=rate)
        yield _sick(f"{of}, generator's rate {rate:g}", of, train, "collapse", "generator-collapse", HIGH, good=good)


SICK: tuple[Example, ...] = (*_rated(), *_collapsed())
