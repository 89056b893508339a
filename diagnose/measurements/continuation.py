"""What trainings that go on from the loaded weights reach on dev rows."""

from dataclasses import dataclass

from diagnose.findings import Interval


@dataclass(frozen=True)
class Continuation:
    """Trainings from the loaded weights with the user's own settings, of at most `steps` more steps, one per seed.

    `before` and `after` are the errors on the same dev rows, in the unit of `metric`: "dev error" (an error rate), "dev
    RMSE" or "dev loss". Each training counts at the best of a few places, the loaded weights among them; the place is
    chosen on one half of the dev rows and the error read on the other, so that the choice brings no luck. `change` is
    the interval of `after` - `before`, over rows and seeds, `skill` the gain in skill. `helps` as in `Effect`.
    """

    output: str
    metric: str
    before: float
    after: float
    change: Interval
    skill: float
    steps: int
    seeds: int
    helps: bool | None
