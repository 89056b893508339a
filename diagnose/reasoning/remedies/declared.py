"""What a declared remedy is made of."""

from collections.abc import Callable
from dataclasses import dataclass

from diagnose.diagnosis import Effect, Source
from diagnose.measurements import Measurements, Repaired
from diagnose.reasoning.remedies.in_place import InPlace
from diagnose.subject import Task
from diagnose.trials.plan import Intervention

YEARNING = "Machine Learning Yearning"
FASTAI = "fast.ai"
DAYS, WEEKS = "days", "days to weeks"  # costs that come after all others


def fit(rows: str = "x_train, y_train", **own: str) -> str:
    """The call that trains a model as the user did; `own` are arguments in place of the user's, or beside them, `rows`
    what it trains on.

    It is one line, so that a script of several remedies can train once, with the arguments of all.
    """
    arguments = {"batch_size": "$batch_size", "epochs": "$epochs"} | own
    text = ", ".join(f"{name}={value}" for name, value in arguments.items())
    return f"model.fit({rows}, ${{validation}}{text}){'' if 'epochs' in own else '$length'}"


AFRESH = "old = model\nmodel = keras.models.clone_model(old)  # fresh weights\n"
COMPILE = "model.compile(optimizer=$optimizer, loss=old.loss$metrics)"  # as it was compiled
TRAIN = f"{COMPILE}\n{fit()}"
TRAIN_ON_SPLIT = (
    f"{AFRESH}{COMPILE}\n{fit().replace('${validation}', 'validation_data=(x_dev, y_dev), ')}"  # the snippet makes dev
)


HEADS = "heads = [layer for layer in model.layers if any(layer.output is tensor for tensor in model.outputs)]\n"
READOUTS = (
    f"{HEADS}heads.append([layer for layer in model.layers if layer.weights][-1])  # before an activation by itself\n"
)


@dataclass(frozen=True)
class DeclaredRemedy:
    """An action, where it comes from, and how it is tried.

    `title` is the action without numbers, `action` may name some. `snippet` runs as it is, given the user's `model`,
    `x_train, y_train, x_dev, y_dev`; names with a dollar sign are filled in (`reasoning.snippets`). Where it needs a
    new training, it trains as the user did (`fit`). `cost` is the effort for the user: a line, a run, weeks. `tasks`
    are those it is for (None: all). `trial` does to a training plan what the snippet does to the model (tested), to see
    whether it restores learning; `option` does the same in a model that learns, to see whether the dev error falls.
    None if it cannot be automated, or is not yet. `in_place` tells whether a model already has what it advises; where a
    trial or an option does (`DoesNotApply.needless`), that counts as well. `measured` returns the effects of a
    remedy that an instrument has tried already, () if it has not; `scored` returns its scores of the model with the
    remedy, where that needs no training. `goes_on`: it is carried out by training on from the
    loaded weights, which `trials.continuing` tries. `lessens`: what it weakens ("dropout", "penalty", "augmentation":
    `checks.reading.regularisers`), "" for nothing of the kind. `own_code`: it changes code of the user's own, which a
    saved model names and does not hold.
    """

    code: str
    title: str
    why: str
    snippet: str
    cost: str
    sources: tuple[Source, ...] = ()
    named_action: str = ""
    tasks: frozenset[Task] | None = None
    trial: Intervention | None = None
    option: Intervention | None = None
    in_place: InPlace | None = None
    measured: Callable[[Measurements], tuple[Effect, ...]] | None = None
    scored: Callable[[Measurements], Repaired | None] | None = None
    goes_on: bool = False
    lessens: str = ""
    own_code: bool = False

    @property
    def automated(self) -> bool:
        """Whether a program can carry it out, and see what it brings."""
        return self.goes_on or any(way is not None for way in (self.trial, self.option, self.measured))

    @property
    def slow(self) -> bool:
        """Whether it takes days or more, so that quicker remedies come first."""
        return self.cost in (DAYS, WEEKS)

    @property
    def action(self) -> str:
        """What to do, with numbers if there are any."""
        return self.named_action or self.title


def yearning(item: str, chapter: str) -> Source:
    """A place in Machine Learning Yearning."""
    return Source(YEARNING, item, chapter)


def fastai(item: str, lesson: str = "order of steps against overfitting") -> Source:
    """A place in fast.ai's lessons."""
    return Source(FASTAI, item, lesson)


def rebuilt(name: str, edit: str) -> str:
    """A snippet that rebuilds the model with the settings of its layers changed by `edit`, and trains it as before.

    Args:
        name: of the function that changes a layer.
        edit: its lines between `config = layer.get_config()` and the return, indented by four spaces.
    """
    return (
        f"import keras\n\n\ndef {name}(layer):\n    config = layer.get_config()\n{edit}"
        "    return layer.__class__.from_config(config)\n\n\n"
        f"old = model\nmodel = keras.models.clone_model(old, clone_function={name})  # fresh weights\n{TRAIN}"
    )


def with_heads(snippet: str, heads: str = HEADS) -> str:
    """The same snippet, with `heads` defined: the layers that produce the outputs, or also the last one with weights
    (`READOUTS`).
    """
    return snippet.replace("import keras\n\n\n", f"import keras\n\n{heads}\n\n", 1)
