"""What in a model trades train error for a smaller gap: dropout, weight penalties, augmentation."""

from diagnose.measurements import Evaluation, Network, Score, SplitScores

STRONG = 0.2  # dropout rate above which a lower one may lower the train error; as far as the remedy lowers it
WEIGHTY = 0.1  # share of the loss from which on penalties pull at the weights
AUGMENTING = ("Random", "RandAugment", "AugMix")  # beginnings of the names of Keras's augmentation layers


def regularisers(network: Network, evaluation: Evaluation | None) -> frozenset[str]:
    """Which of "dropout", "penalty" and "augmentation" stand in the model, strong enough to raise the train error."""
    found = {
        "dropout": any((layer.dropout or 0.0) > STRONG for layer in network.layers),
        "augmentation": any(layer.kind.startswith(AUGMENTING) for layer in network.layers),
        "penalty": penalty_share_of(network, evaluation) > WEIGHTY,
    }
    return frozenset(name for name, stands in found.items() if stands)


def penalty_share_of(network: Network, evaluation: Evaluation | None) -> float:
    """The penalties as a share of the training loss; 0 if the data loss is unknown."""
    if evaluation is None or not isinstance(evaluation.train, SplitScores) or not network.penalty > 0:
        return 0.0
    data = sum(data_loss(network, score) for score in evaluation.train.scores)
    return network.penalty / (network.penalty + data) if data >= 0 else 0.0


def data_loss(network: Network, score: Score) -> float:
    """The loss of one output without penalties, times the weight of the output."""
    weights = {head.output.name: head.output.weight for head in network.heads}
    return weights.get(score.output, 1.0) * (score.own_loss if score.own_loss is not None else score.loss)
