"""Optimizers: restored from what a file says, or made from what the user says."""

import inspect
from collections.abc import Mapping
from typing import Any

from diagnose.errors import InputError

ASSUMED_RATE = 1e-3  # Keras's default for Adam
_OLD_NAMES = {"lr": "learning_rate"}
_OLD_CLASSES = {"LossScaleOptimizerV1": "LossScaleOptimizer", "LossScaleOptimizerV3": "LossScaleOptimizer"}
# Written by some version of Keras 2 and without effect on the update itself.
_SILENT = {"is_legacy_optimizer", "jit_compile", "decay", "name"}


def make_optimizer(name: str, rate: float | None) -> Any:
    """An optimizer by its name, with Keras's defaults for everything but the learning rate.

    Raises:
        InputError: Keras has no such optimizer.
    """
    import keras

    try:
        optimizer = keras.optimizers.get(name)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"--optimizer must be an optimizer of Keras, such as sgd, adam, adamw or rmsprop, got {name!r}"
        ) from error
    if rate is not None:
        optimizer.learning_rate = rate
    return optimizer


def restore_optimizer(config: Any, custom: Mapping[str, Any], rate: float | None = None) -> tuple[Any, tuple[str, ...]]:
    """Make the optimizer that a file describes, and note what could not be taken over literally.

    Args:
        config: a name, or {"class_name", "config"} as Keras 1, 2 or 3 write it.
        custom: the user's own objects by name.
        rate: a learning rate that replaces the one in the config.

    Raises:
        InputError: the optimizer is not part of Keras.
    """
    import keras

    if isinstance(config, str):
        return make_optimizer(config, rate), ()
    name = str(config["class_name"]).rsplit(">", 1)[-1]
    cls = custom.get(name) or getattr(keras.optimizers, name, None)
    if not inspect.isclass(cls) or not issubclass(cls, keras.optimizers.Optimizer):
        raise InputError(
            f"the optimizer {name} is not part of Keras 3: pass --optimizer and --learning-rate, "
            "for example --optimizer adam --learning-rate 0.001"
        )
    if name == "LossScaleOptimizer":
        return _scaled(config["config"], custom, rate)
    settings = {_OLD_NAMES.get(key, key): value for key, value in (config.get("config") or {}).items()}
    if rate is not None:
        settings |= {"learning_rate": rate, "decay": 0.0}
    notes = _repair(settings, name)
    known = inspect.signature(cls.__init__).parameters
    lost = sorted(k for k, v in settings.items() if k not in known and k not in _SILENT and v not in (None, False, 0))
    if lost:
        notes += (f"{', '.join(lost)} of the optimizer {name} is not known to Keras 3 and was left out",)
    return cls(**{key: value for key, value in settings.items() if key in known}), notes


def _scaled(settings: dict[str, Any], custom: Mapping[str, Any], rate: float | None) -> tuple[Any, tuple[str, ...]]:
    """An optimizer whose loss is scaled, as mixed precision needs it."""
    import keras

    inner, notes = restore_optimizer(settings["inner_optimizer"], custom, rate)
    scale = {key: settings[key] for key in ("initial_scale", "dynamic_growth_steps") if settings.get(key)}
    return keras.optimizers.LossScaleOptimizer(inner, **scale), notes


def without_prefix(config: Any) -> Any:
    """The config of an optimizer, and of all inside it, with the class names and modules of Keras 3.

    Keras 2.11 to 2.15 wrote its own optimizers into HDF5 files and SavedModels as "Custom>Adam", and kept older ones
    in modules of their own.
    """
    if not isinstance(config, dict):
        return config
    config = {key: without_prefix(value) for key, value in config.items()}
    if isinstance(config.get("class_name"), str):
        name = config["class_name"].removeprefix("Custom>")
        config["class_name"] = _OLD_CLASSES.get(name, name)
        module, registered = str(config.get("module")), str(config.get("registered_name"))
        if module.startswith(("keras.", "tf_keras.")) and registered in {"None", name, f"Custom>{name}"}:
            home = "keras.optimizers.schedules" if "schedule" in module else "keras.optimizers"
            config.update(module=home, registered_name=None)
    return config


def _repair(settings: dict[str, Any], name: str) -> tuple[str, ...]:
    """Change the settings in place: schedules become objects, Keras 2's `decay` the schedule it stood for."""
    import keras

    for key in [key for key, value in settings.items() if value is None]:
        del settings[key]  # an unset epsilon means Keras's default
    rate, decay = settings.get("learning_rate"), settings.pop("decay", 0.0) or 0.0
    if isinstance(rate, dict):
        given = {key: value for key, value in (rate.get("config") or {}).items() if value is not None}
        settings["learning_rate"] = keras.optimizers.schedules.deserialize({**rate, "config": given})
    elif decay and isinstance(rate, int | float):
        settings["learning_rate"] = keras.optimizers.schedules.InverseTimeDecay(rate, 1, decay)
        return (
            f"decay={decay:g} of the optimizer {name} (Keras 2) was read as InverseTimeDecay({rate:g}, 1, {decay:g})",
        )
    return ()


def learning_rate(optimizer: Any) -> tuple[float, str | None]:
    """The rate at the optimizer's present step, and the class of its schedule (None: a constant rate)."""
    import keras

    schedule = getattr(optimizer, "_learning_rate", None)
    scheduled = isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule)
    return float(keras.ops.convert_to_numpy(optimizer.learning_rate)), type(schedule).__name__ if scheduled else None


def optimizer_settings(optimizer: Any) -> dict[str, float]:
    """The optimizer's other numbers: momentum, weight decay, clipping, ... (switches as 0 and 1)."""
    numbers = {k: v for k, v in optimizer.get_config().items() if isinstance(v, int | float) and k != "learning_rate"}
    return {name: float(value) for name, value in numbers.items()}
