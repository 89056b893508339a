"""Forecasting with recurrent nets: windows of a series, and the value or values that follow."""

from dataclasses import replace

import keras
import numpy as np
from keras import layers

from tests.wards import references as ref
from tests.wards.data import Array, Data
from tests.wards.families.rows import cut_off, drawn
from tests.wards.models import head, inputs
from tests.wards.recipe import Recipe, healthy, make, sick


def windows(series: Array, steps: int, ahead: int = 1) -> tuple[Array, Array]:
    """Windows (rows, steps, 1) and the `ahead` values that follow each (rows, ahead)."""
    rows = len(series) - steps - ahead + 1
    x = np.stack([series[start : start + steps] for start in range(rows)])
    y = np.stack([series[start + steps : start + steps + ahead] for start in range(rows)])
    return x[..., None].astype("float32"), y.astype("float32")


def seasons(length: int = 900, noise: float = 0.15) -> Array:
    """A short and a long season with noise, standardised."""
    rng = np.random.default_rng(0)
    time = np.arange(length)
    series = np.sin(2 * np.pi * time / 7) + 0.7 * np.sin(2 * np.pi * time / 30) + rng.normal(0, noise, length)
    return np.asarray((series - series.mean()) / series.std())


def seasonal(steps: int = 14, ahead: int = 1, scale: float = 1.0, level: float = 0.0) -> Data:
    """Windows of the seasons, dev the last third of the time; values of size `scale` around `level`."""
    x, y = windows(seasons() * scale + level, steps, ahead)
    return cut_off(x, y, "regression", ahead)


def quarter_wave(steps: int = 12) -> Data:
    """A wave of four steps and a bit: one step alone tells nothing of the next."""
    time = np.arange(700)
    series = np.sin(2 * np.pi * time / 4.05) * 1.4 + np.random.default_rng(0).normal(0, 0.1, 700)
    return cut_off(*windows(series, steps), "regression", 1)


def growing(steps: int = 10, differences: bool = False) -> Data:
    """A trend with a season, scaled to 0..1 by the train part, which the last third of the time leaves.

    `differences`: the change from the last step is the target and the steps' changes are the input, standardised.
    """
    time = np.arange(700)
    series = 0.01 * time + 0.4 * np.sin(2 * np.pi * time / 12) + np.random.default_rng(0).normal(0, 0.03, 700)
    if differences:
        series = np.diff(series)
        return cut_off(*windows((series - series.mean()) / series.std(), steps), "regression", 1)
    train = series[: round(len(series) * 0.7)]
    return cut_off(*windows((series - train.min()) / (train.max() - train.min()), steps), "regression", 1)


def shops(steps: int = 10, ordered: bool = False) -> Data:
    """Sales of eight shops, one after another in the file, the largest last; dev drawn, or the last rows."""
    rng = np.random.default_rng(0)
    parts = []
    for size in (1.0, 1.2, 1.5, 1.7, 2.0, 2.3, 4.5, 5.0):
        week = np.sin(2 * np.pi * (np.arange(130) + rng.integers(7)) / 7)
        parts.append(windows(size * (1 + 0.5 * week) + rng.normal(0, 0.1, 130), steps))
    x, y = (np.concatenate(part) / 2 - 1 for part in zip(*parts, strict=True))
    return (cut_off if ordered else drawn)(x, y, "regression", 1, share=0.25)


def loaded() -> Data:
    """Load of the next hour from past loads and temperatures, (rows, 12, 2): warm hours raise it beyond a threshold."""
    rng = np.random.default_rng(0)
    time = np.arange(900)
    heat = np.sin(2 * np.pi * time / 24) + 0.1 * np.cumsum(rng.normal(0, 0.3, 900)) / 3
    load = 0.5 * np.sin(2 * np.pi * time / 12) + np.maximum(heat - 0.3, 0) * 2 + rng.normal(0, 0.1, 900)
    columns = [windows((one - one.mean()) / one.std(), 12) for one in (load, heat)]
    return cut_off(np.concatenate([x for x, _ in columns], axis=2), columns[0][1], "regression", 1)


def slipped(data: Data, rows: int = 3) -> Data:
    """Dev targets that belong to earlier windows: cut with another window length."""
    return data.mapped(y=lambda y: np.roll(y, rows, axis=0), splits=("dev",))


def forecaster(
    data: Data,
    *,
    cell: str = "LSTM",
    units: tuple[int, ...] = (24,),
    out: str | None = None,
    dropout: float = 0.0,
) -> keras.Model:
    """Recurrent layers, then one dense layer on the last step."""
    tensor = source = inputs(data)
    for depth, size in enumerate(units, 1):
        tensor = getattr(layers, cell)(size, return_sequences=depth < len(units))(tensor)
        if dropout:
            tensor = layers.Dropout(dropout)(tensor)
    return keras.Model(source, head(data, activation=out)(tensor), name="forecaster")


def causal_convolutions(data: Data) -> keras.Model:
    """Dilated causal convolutions, the last step at the end."""
    tensor = source = inputs(data)
    for dilation in (1, 2, 4):
        tensor = layers.Conv1D(24, 3, padding="causal", dilation_rate=dilation, activation="relu")(tensor)
    return keras.Model(source, head(data)(tensor[:, -1]), name="causal_convolutions")


SEASONAL = Recipe(make(seasonal), make(forecaster), ref.adam(5e-3), epochs=25)
GRU = replace(SEASONAL, model=make(forecaster, cell="GRU"))
TREND = Recipe(make(growing, differences=True), make(forecaster), ref.adam(5e-3), epochs=25)
SHOPS = Recipe(make(shops), make(forecaster, cell="GRU"), ref.adam(5e-3), epochs=20)
WAVE = Recipe(make(quarter_wave), make(forecaster, cell="GRU"), ref.adam(5e-3), epochs=15)

FORECASTING = (
    sick(
        "forecast-trend-beyond-sigmoid",
        "forecasting",
        TREND,
        {"output-range-mismatch", "dev-unlike-train", "data-mismatch"},
        data=make(growing),
        model=TREND.model.but(out="sigmoid"),
    ),
    sick(
        "forecast-in-thousands",
        "forecasting",
        SEASONAL,
        {"targets-not-scaled", "inputs-not-scaled"},
        data=make(seasonal, scale=900.0, level=4000.0),
    ),
    sick("forecast-adam-x200", "forecasting", SEASONAL, {"learning-rate-too-high"}, optimizer=ref.adam(1.0)),
    sick(
        "forecast-window-of-one",
        "forecasting",
        WAVE,
        {"no-signal", "window-too-short"},
        data=make(quarter_wave, steps=1),
    ),
    sick(
        "forecast-last-shops-as-dev",
        "forecasting",
        SHOPS,
        {"dev-unlike-train", "data-mismatch"},
        data=make(shops, ordered=True),
    ),
    sick(
        "forecast-dev-windows-slipped",
        "forecasting",
        SEASONAL,
        {"labels-not-paired", "labels-misaligned"},
        handed=(make(slipped),),
    ),
    sick(
        "forecast-sgd-1e-4",
        "forecasting",
        SEASONAL,
        {"learning-rate-too-low", "undertrained"},
        optimizer=ref.sgd(1e-4),
    ),
    healthy("forecast-lstm", "forecasting", SEASONAL),
    healthy(
        "forecast-stacked-gru-dropout",
        "forecasting",
        GRU,
        model=make(forecaster, cell="GRU", units=(32, 16), dropout=0.1),
    ),
    healthy("forecast-three-steps-ahead", "forecasting", SEASONAL, data=make(seasonal, ahead=3)),
    healthy("forecast-trend-by-differences", "forecasting", TREND),
    healthy("forecast-load-by-heat", "forecasting", GRU, data=make(loaded)),
    healthy("forecast-shops", "forecasting", SHOPS),
    healthy("forecast-causal-convolutions", "forecasting", SEASONAL, model=make(causal_convolutions)),
)
