"""Schedules of the learning rate that end with the training, or long before it: `decay_steps` given in epochs."""

from keras import optimizers

from tests.wards import references as ref
from tests.wards.recipe import Case, healthy, make, sick

schedules = optimizers.schedules
SLOW = {"learning-rate-too-low"}
NONE = make(schedules.CosineDecay, initial_learning_rate=1e-3, decay_steps=12)
SOON = make(schedules.ExponentialDecay, initial_learning_rate=0.1, decay_steps=15, decay_rate=0.1)

SCHEDULES: tuple[Case, ...] = (
    sick(
        "schedule-12-steps-cnn", "schedules", ref.DIGITS_CNN, SLOW, optimizer=make(optimizers.Adam, learning_rate=NONE)
    ),
    sick(
        "schedule-15-steps-sgd", "schedules", ref.DIGITS_SGD, SLOW, optimizer=make(optimizers.SGD, learning_rate=SOON)
    ),
    sick(
        "schedule-12-steps-lstm",
        "schedules",
        ref.WAVES_LSTM,
        SLOW,
        optimizer=make(
            optimizers.Adam,
            learning_rate=make(
                schedules.PolynomialDecay, initial_learning_rate=5e-3, decay_steps=12, end_learning_rate=1e-6
            ),
        ),
    ),
    sick(
        "schedule-20-steps-friedman",
        "schedules",
        ref.FRIEDMAN,
        SLOW,
        optimizer=make(
            optimizers.Adam,
            learning_rate=make(
                schedules.ExponentialDecay, initial_learning_rate=3e-3, decay_steps=20, decay_rate=0.2, staircase=True
            ),
        ),
    ),
    healthy(
        "schedule-cosine-cnn",
        "schedules",
        ref.DIGITS_CNN,
        optimizer=make(
            optimizers.Adam,
            learning_rate=make(
                schedules.CosineDecay,
                initial_learning_rate=1e-4,
                decay_steps=360,
                warmup_target=3e-3,
                warmup_steps=40,
            ),
        ),
    ),
    healthy(
        "schedule-piecewise-sgd",
        "schedules",
        ref.DIGITS_SGD,
        optimizer=make(
            optimizers.SGD,
            learning_rate=make(schedules.PiecewiseConstantDecay, boundaries=(400, 600), values=(0.1, 0.01, 0.001)),
        ),
    ),
    healthy(
        "schedule-exponential-lstm",
        "schedules",
        ref.WAVES_LSTM,
        optimizer=make(
            optimizers.Adam,
            learning_rate=make(schedules.ExponentialDecay, initial_learning_rate=0.01, decay_steps=100, decay_rate=0.5),
        ),
    ),
    healthy(
        "schedule-inverse-time-friedman",
        "schedules",
        ref.FRIEDMAN,
        optimizer=make(
            optimizers.Adam,
            learning_rate=make(schedules.InverseTimeDecay, initial_learning_rate=0.01, decay_steps=50, decay_rate=0.5),
        ),
    ),
)
