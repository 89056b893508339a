"""What trainings that go on from the loaded weights reach on dev rows."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Continuation:
    """Trainings from the loaded weights with the user's own settings, one per seed; `what` says how long, as a phrase.

    `before` and `after` are the errors on the same dev rows, in the unit of `metric`: "dev error" (an error rate), "dev
    RMSE" or "dev loss". Each training counts at the best of a few places, the loaded weights among them; the place is
    chosen on one half of the dev rows and the error read on the other, so that the choice brings no luck. `skill` is
    the gain in skill. `output` is the output that was judged, "" if there is only one. `helps` as in `Effect`.
    """

    output: str
    metric: str
    what: str
    before: float
    after: float
    skill: float
    helps: bool | None

    def concerns(self, output: str | None) -> bool:
        """Whether it tells of this output; None is the only one, or all."""
        return self.output in ("", output) or output is None
