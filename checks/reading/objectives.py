"""Families of Keras losses, by their canonical names, and whether a score shows that the model learned."""

from diagnose.measurements import Dataset, Evaluation, Score, SplitScores, TargetStatistics, Unavailable

SPARSE = frozenset({"sparse_categorical_crossentropy"})
CATEGORICAL = frozenset({"categorical_crossentropy", "categorical_focal_crossentropy"})
BINARY = frozenset({"binary_crossentropy", "binary_focal_crossentropy"})
DIVERGENCE = frozenset({"kl_divergence"})
CROSS_ENTROPIES = SPARSE | CATEGORICAL | BINARY | DIVERGENCE
DISTANCES = frozenset(
    {
        "mean_squared_error",
        "mean_absolute_error",
        "huber",
        "log_cosh",
        "mean_absolute_percentage_error",
        "mean_squared_logarithmic_error",
    }
)
HINGES = frozenset({"hinge", "squared_hinge"})


def train_score(evaluation: Evaluation | None, place: int) -> Score | None:
    """The score of one output on train; None if not measured."""
    if evaluation is None or not isinstance(evaluation.train, SplitScores):
        return None
    return evaluation.train.scores[place] if place < len(evaluation.train.scores) else None


def learned(score: Score | None) -> bool:
    """Whether the model's error is better than the best constant prediction's, beyond its interval."""
    return score is not None and score.beats_constant_error.low > 0


def train_target(dataset: Dataset | None, place: int) -> TargetStatistics | None:
    """The targets of one output on train; None if not measured."""
    if dataset is None or isinstance(dataset.train, Unavailable) or place >= len(dataset.train.targets):
        return None
    return dataset.train.targets[place]
