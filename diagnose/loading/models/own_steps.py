"""Models that compute their loss in code of their own: a `train_step`, `compute_loss` or `add_loss`."""

from typing import Any

from diagnose.loading.models.losses import LossWords


def own_step(model: Any) -> str:
    """Return the method in which a model computes its own loss; "" if Keras's compiled loss is all.

    A model that was fitted without a compiled loss has layers that call `add_loss`.
    """
    import keras

    for name in ("train_step", "compute_loss"):
        if not getattr(type(model), name).__module__.startswith("keras."):
            return name
    optimizer = getattr(model, "optimizer", None)
    fitted = model.compiled and optimizer is not None and keras.ops.convert_to_numpy(optimizer.iterations) > 0
    return "add_loss" if fitted and getattr(model, "loss", None) is None else ""


def loss_words(model: Any) -> LossWords:
    """How a `Subject` speaks of the loss of such a model."""
    step = own_step(model)
    return LossWords(step if step == "add_loss" else f"{type(model).__name__}.{step}", custom=True)


def own_loss(model: Any) -> Any:
    """The model's own `compute_loss` as a function of targets and outputs; None if it is not all of the step."""
    import keras

    if own_step(model) != "compute_loss":
        return None

    def computed(y_true: Any, y_pred: Any) -> Any:
        with keras.StatelessScope():  # it may update metrics
            return model.compute_loss(x=None, y=y_true, y_pred=y_pred)

    return computed


def has_call(model: Any) -> bool:
    """Whether the model can be called: some have only the parts that their `train_step` calls."""
    import keras

    return type(model).call is not keras.Model.call


def why_opaque(model: Any) -> str:
    """Why the outputs of a model with its own step cannot be computed, as a clause."""
    name = type(model).__name__
    if not has_call(model):
        return f"{name} has no call(), so only its {own_step(model)} knows what it gives for a row"
    return f"{name} feeds its rows to its layers in its own {own_step(model)}, and cannot be called on them"
