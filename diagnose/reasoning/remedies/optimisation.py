"""Remedies that change how the model is trained."""

from dataclasses import replace

import numpy as np

from diagnose.checks.reading.replays import as_long_as_the_training, further, shortfall
from diagnose.diagnosis import Effect
from diagnose.findings import Interval
from diagnose.measurements import Evaluation, History, Measurements, Network, SplitScores
from diagnose.reasoning.remedies import in_place
from diagnose.reasoning.remedies.declared import AFRESH, COMPILE, TRAIN, DeclaredRemedy, fastai, fit, yearning
from diagnose.subject import Task
from diagnose.trials.interventions import optimizer


def _best_kept(measured: Measurements) -> tuple[Effect, ...]:
    """The dev error at the epoch of the lowest dev loss, the mean of all trainings that are known.

    The same rows choose the epoch, so it is a forecast; `best_epoch` says whether the rise after it is more than noise.
    Where the loaded weights fall short of every replay of their training, the end of these is what it brings at least.
    """
    history, evaluation = measured.get(History), measured.get(Evaluation)
    if not isinstance(history, History) or not isinstance(evaluation, Evaluation) or history.running:
        return ()
    tasks = {score.task for score in evaluation.train.scores} if isinstance(evaluation.train, SplitScores) else set()
    if len(tasks) != 1 or history.by_output or Task.OWN_LOSS in tasks:
        return ()
    runs = [run for run in history.runs if len(run.dev_loss) > 1 and np.isfinite(run.dev_loss).all()]
    pairs = np.array([(run.dev_error[-1], run.dev_error[int(np.argmin(run.dev_loss))]) for run in runs])
    if not len(pairs) or not np.isfinite(pairs).all():
        return ()
    last, best = pairs.mean(axis=0)
    forecast = Effect(
        code="",
        what="the weights of the epoch with the lowest dev loss",
        before=float(last),
        after=float(best),
        interval=None,
        direction="sufficient",
        seeds=len(runs),
        remedy="keep-best-weights",
        metric="dev RMSE" if Task.REGRESSION in tasks else "dev error",
        forecast=True,
    )
    network = measured.get(Network)
    same = history.dev_origin == "dev" and len(pairs) == len(history.runs)  # the rows, and every replay
    known = same and isinstance(network, Network) and as_long_as_the_training(history, network)
    if not known or shortfall(history, evaluation, "") is None or not isinstance(evaluation.dev, SplitScores):
        return (forecast,)
    loaded, what = evaluation.dev.scores[0].error, "another training with your settings"
    change, half = float(last) - loaded, further(float(pairs[:, 0].std(ddof=1)), len(pairs))
    span = Interval(change - half, change + half)  # of one more training, not of the mean of these
    again = replace(forecast, what=what, before=loaded, after=float(last), interval=span, helps=True, forecast=False)
    return (again,)


_AFRESH = f"import keras\n\n{AFRESH}"

FRESH_START = DeclaredRemedy(
    "restart-finite",
    "Go back to the last finite weights, or start again, and stop at the first NaN",
    "Once a weight is NaN, training cannot recover it.",
    _AFRESH
    + COMPILE.replace("$optimizer", "$optimizer_at_lower_rate")
    + f"\nstop = keras.callbacks.TerminateOnNaN()\n{fit(callbacks='[stop]')}",
    "one training run",
)
LOWER_RATE = DeclaredRemedy(
    "lower-learning-rate",
    "Lower the learning rate and train again from fresh weights",
    "Steps this large overshoot the minimum, or push weights to where the gradient is zero.",
    _AFRESH + TRAIN.replace("$optimizer", "$optimizer_at_lower_rate"),
    "one line and one training run",
    (fastai("learning rate finder", "learning rate finder"),),
    named_action="Lower the learning rate to $lower_rate and train again from fresh weights",
    trial=optimizer.LOWER_RATE,
)
WARM_UP = DeclaredRemedy(
    "warm-up",
    "Warm the learning rate up over the first tenth of the training, then let it fall",
    "The first steps from fresh weights are the most harmful: transformers and adaptive optimizers need small ones.",
    "import keras\n\n"
    "steps = $steps  # of the whole training: epochs times batches\n"
    f"warm = max(1, steps // {optimizer.WARM})\n"
    "rates = keras.optimizers.schedules.CosineDecay(\n"
    "    0.0, decay_steps=max(1, steps - warm), warmup_target=$rate, warmup_steps=warm\n"
    ")\n" + AFRESH + TRAIN.replace("$optimizer", "$optimizer_on_schedule"),
    "a few lines and one training run",
    (fastai("learning rate finder", "one-cycle training"),),
    named_action="Warm the learning rate up to $rate over the first tenth of the training, then let it fall",
    in_place=in_place.warmed_up,
    trial=optimizer.WARM_UP,
    option=optimizer.ONE_CYCLE,
)
ANNEAL = DeclaredRemedy(
    "anneal-learning-rate",
    "Let the learning rate rise over the first tenth of the training, and then fall to zero",
    "Large steps find the region of a minimum, small ones its ground; with a constant rate the end is left to chance.",
    "import keras\n\n"
    "steps = $steps  # of the whole training: epochs times batches\n"
    f"warm = max(1, steps // {optimizer.WARM})\n"
    "rates = keras.optimizers.schedules.CosineDecay(\n"
    "    0.0, decay_steps=max(1, steps - warm), warmup_target=$own_rate, warmup_steps=warm\n"
    ")\n" + AFRESH + TRAIN.replace("$optimizer", "$optimizer_on_schedule"),
    "a few lines and one training run",
    (fastai("learning rate finder", "one-cycle training"),),
    option=optimizer.ANNEAL,
)
RESTART_RATE = DeclaredRemedy(
    "restart-learning-rate",
    f"Let the learning rate fall to zero {optimizer.CYCLES} times, each time over twice as many steps",
    "After each fall, large steps lead out of the minimum that was found, and the next one may be wider (Loshchilov "
    "and Hutter 2017, arXiv:1608.03983).",
    "import keras\n\n"
    "steps = $steps  # of the whole training: epochs times batches\n"
    f"first = -(-steps // {2**optimizer.CYCLES - 1})  # {optimizer.CYCLES} falls of 1, 2, 4 ... times as many steps\n"
    "rates = keras.optimizers.schedules.CosineDecayRestarts($own_rate, first, t_mul=2.0)\n"
    + _AFRESH.removeprefix("import keras\n\n")
    + TRAIN.replace("$optimizer", "$optimizer_on_schedule"),
    "a few lines and one training run",
    (fastai("learning rate finder", "stochastic gradient descent with restarts"),),
    option=optimizer.RESTARTS,
)
CYCLE_RATE = DeclaredRemedy(
    "cycle-learning-rate",
    f"Let the learning rate rise from a quarter of itself and fall back, {optimizer.CYCLES} times",
    "Large steps cross flat parts of the loss, small ones settle, and no single rate has to do both (Smith 2017, "
    "arXiv:1506.01186).",
    "import keras\n\n\n"
    "@keras.saving.register_keras_serializable()\n"
    "class Triangles(keras.optimizers.schedules.LearningRateSchedule):\n"
    "    def __init__(self, high, half):\n"
    "        self.high, self.half = high, half  # half a cycle, in steps\n\n"
    "    def __call__(self, step):\n"
    '        place = keras.ops.cast(step, "float32") / self.half % 2\n'
    f"        return self.high * (1 - {1 - 1 / optimizer.LOWEST} * keras.ops.abs(place - 1))\n\n"
    "    def get_config(self):\n"
    '        return {"high": self.high, "half": self.half}\n\n\n'
    "steps = $steps  # of the whole training: epochs times batches\n"
    f"rates = Triangles($own_rate, -(-steps // {2 * optimizer.CYCLES}))\n"
    + _AFRESH.removeprefix("import keras\n\n")
    + TRAIN.replace("$optimizer", "$optimizer_on_schedule"),
    "a few lines and one training run",
    (fastai("learning rate finder", "cyclical learning rates"),),
    option=optimizer.TRIANGLES,
)
ADD_MOMENTUM = DeclaredRemedy(
    "add-momentum",
    f"Give the optimizer a momentum of {optimizer.MOMENTUM}",
    "Momentum adds up small steps in the same direction and cancels those that go back and forth.",
    "import keras\n\n"
    "old = model\n"
    "config = old.optimizer.get_config()\n"
    f'config = {{key: {optimizer.MOMENTUM} if key == "momentum" else own for key, own in config.items()}}\n'
    "model = keras.models.clone_model(old)  # fresh weights\n"
    + TRAIN.replace("$optimizer", "type(old.optimizer).from_config(config)"),
    "one line and one training run",
    option=optimizer.MOMENTUM_ADDED,
)
RAISE_RATE = DeclaredRemedy(
    "raise-learning-rate",
    "Raise the learning rate and train again",
    "At a low rate the weights hardly change in the given number of steps.",
    _AFRESH + TRAIN.replace("$optimizer", "$optimizer_at_higher_rate"),
    "one line and one training run",
    (fastai("learning rate finder", "learning rate finder"),),
    named_action="Raise the learning rate to $higher_rate and train again",
    trial=optimizer.RAISE_RATE,
    option=optimizer.RAISE_RATE,
)
TRAIN_LONGER = DeclaredRemedy(
    "train-longer",
    "Train longer, until the dev error stops falling",
    "The error was still falling when training stopped.",
    "import keras\n\n"
    "stop = keras.callbacks.EarlyStopping(patience=5, restore_best_weights=True)\n"
    + fit(epochs="100", callbacks="[stop]"),
    "one longer training run",
    (yearning("train longer", "chapter 1; optimisation, course material"),),
    goes_on=True,
)
KEEP_BEST = DeclaredRemedy(
    "keep-best-weights",
    "Keep the weights of the best epoch",
    "The last weights are worse than those of an earlier epoch.",
    _AFRESH + COMPILE + "\n"
    "best = keras.callbacks.EarlyStopping(patience=$epochs, restore_best_weights=True)  # a patience of 5 saves time\n"
    + fit(callbacks="[best]"),
    "one line and one training run",
    (yearning("early stopping", "chapter 27"),),
    measured=_best_kept,
)
CLIP = DeclaredRemedy(
    "clip-gradients",
    "Clip the global gradient norm at 1 and lower the learning rate",
    "A single huge gradient undoes many steps.",
    "import keras\n\n"
    "old = model\n"
    "config = old.optimizer.get_config() | {\n"
    f'    "learning_rate": $lower_rate, "global_clipnorm": {optimizer.LIMIT}, "clipnorm": None, "clipvalue": None\n'
    "}\n"
    "model = keras.models.clone_model(old)  # fresh weights\n"
    + TRAIN.replace("$optimizer", "type(old.optimizer).from_config(config)"),
    "one line and one training run",
    trial=optimizer.CLIP,
)
DEFAULT_OPTIMIZER = DeclaredRemedy(
    "default-optimizer",
    "Go back to Adam with its default settings",
    "Adam learns something on nearly every sound model, so it is a good starting point.",
    _AFRESH + TRAIN.replace("$optimizer", "keras.optimizers.Adam($adam_rate)"),
    "one line and one training run",
    named_action="Go back to Adam at a learning rate of $adam_rate",
    in_place=in_place.default_adam,
    trial=optimizer.ADAM,
)
BATCH = DeclaredRemedy(
    "usual-batch-size",
    "Use a batch of 32 to 256 rows",
    "With one row per step the gradient is noisy; with all rows per step there are few steps.",
    _AFRESH + COMPILE + "\n" + fit(batch_size="64"),
    "one training run",
    in_place=in_place.usual_batch,
)
