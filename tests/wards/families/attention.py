"""Transformers: blocks of attention, as people write them, on tokens and on rows of pixels."""

from dataclasses import replace
from typing import Any

import keras
import numpy as np
from keras import layers, optimizers

from tests.wards import data
from tests.wards import references as ref
from tests.wards.data import Data
from tests.wards.families.rows import drawn, times
from tests.wards.models import Positions, head, inputs
from tests.wards.recipe import Recipe, healthy, make, sick


def which_first(rows: int = 1000, steps: int = 12, vocabulary: int = 30, padded: int = 0) -> Data:
    """Tokens (rows, steps) in which 1 and 2 occur once each: is 1 the first? `padded` zeros follow."""
    rng = np.random.default_rng(0)
    x = rng.integers(3, vocabulary, (rows, steps))
    places = np.stack([rng.permutation(steps)[:2] for _ in range(rows)])
    x[np.arange(rows), places[:, 0]] = 1
    x[np.arange(rows), places[:, 1]] = 2
    x = np.pad(x, ((0, 0), (0, padded))).astype("int32")
    return replace(drawn(x, (places[:, 0] < places[:, 1]).astype("int64"), "binary", 1), vocabulary=vocabulary)


def mentions(rows: int = 900, padded: int = 0, vocabulary: int = 80) -> Data:
    """Short texts of 6 tokens about one of four topics, each with a third of its tokens from ten words of its own."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 4, rows)
    own = 1 + 10 * y[:, None] + rng.integers(0, 10, (rows, 6))
    x = np.where(rng.random((rows, 6)) < 0.4, own, rng.integers(1, vocabulary, (rows, 6)))
    x = np.pad(x, ((0, 0), (0, padded))).astype("int32")
    return replace(drawn(x, y, "multiclass", 4), vocabulary=vocabulary)


def last_marker(rows: int = 1200, steps: int = 16, vocabulary: int = 40) -> Data:
    """Tokens (rows, steps) in which 1 to 3 occur once each: which of them comes last?"""
    rng = np.random.default_rng(0)
    x = rng.integers(4, vocabulary, (rows, steps))
    places = np.stack([rng.permutation(steps)[:3] for _ in range(rows)])
    for marker in range(3):
        x[np.arange(rows), places[:, marker]] = marker + 1
    return replace(drawn(x.astype("int32"), places.argmax(axis=1), "multiclass", 3), vocabulary=vocabulary)


@keras.saving.register_keras_serializable("wards")
class Places(Positions):
    """Learned positions that let a mask pass."""

    def __init__(self, steps: int, width: int, **settings: Any) -> None:
        super().__init__(steps, width, **settings)
        self.supports_masking = True


@keras.saving.register_keras_serializable("wards")
class Block(layers.Layer):
    """Self-attention and a dense part, each with a shortcut and layer normalisation: "pre", "post" or "none"."""

    def __init__(
        self,
        width: int,
        heads: int = 2,
        norm: str = "post",
        dropout: float = 0.0,
        shortcut: bool = True,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        self.own = {"width": width, "heads": heads, "norm": norm, "dropout": dropout, "shortcut": shortcut}
        self.attention = layers.MultiHeadAttention(heads, width // heads)
        self.dense = keras.Sequential([layers.Dense(2 * width, "relu"), layers.Dense(width)])
        self.norms = [layers.LayerNormalization(), layers.LayerNormalization()]
        self.dropouts = [layers.Dropout(dropout), layers.Dropout(dropout)]
        self.supports_masking = True

    def build(self, shape: Any) -> None:
        self.attention.build(shape, shape)
        self.dense.build(shape)
        for norm in self.norms:
            norm.build(shape)

    def call(self, tensor: Any, training: bool = False, mask: Any = None) -> Any:
        seen = None if mask is None else mask[:, None, :]
        tensor = self.joined(0, tensor, lambda part: self.attention(part, part, attention_mask=seen), training)
        return self.joined(1, tensor, self.dense, training)

    def joined(self, place: int, tensor: Any, part: Any, training: bool) -> Any:
        order, norm = self.own["norm"], self.norms[place]
        change = self.dropouts[place](part(norm(tensor) if order == "pre" else tensor), training=training)
        tensor = tensor + change if self.own["shortcut"] else change
        return norm(tensor) if order == "post" else tensor

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | self.own


def encoder(
    data: Data,
    *,
    width: int = 24,
    blocks: int = 1,
    heads: int = 2,
    norm: str = "pre",
    dropout: float = 0.0,
    shortcut: bool = True,
    positions: bool = True,
    masked: bool = False,
) -> keras.Model:
    """Embedded tokens (or projected rows of numbers) with positions, the blocks, an average over the steps."""
    source = inputs(data)
    if data.vocabulary:
        tensor = layers.Embedding(data.vocabulary, width, mask_zero=masked)(source)
    else:
        tensor = layers.Dense(width)(source)
    if positions:
        tensor = Places(source.shape[1], width)(tensor)
    for _ in range(blocks):
        tensor = Block(width, heads, norm, dropout, shortcut)(tensor)
    return keras.Model(source, head(data)(layers.GlobalAveragePooling1D()(tensor)), name="encoder")


def bag(data: Data, *, width: int = 24, recurrent: bool = False) -> keras.Model:
    """Embedded tokens, averaged over the steps (or read by a GRU), and a dense layer."""
    source = inputs(data)
    tensor = layers.Embedding(data.vocabulary, width)(source)
    tensor = layers.GRU(width)(tensor) if recurrent else layers.GlobalAveragePooling1D()(tensor)
    return keras.Model(source, head(data)(layers.Dense(width, "relu")(tensor)), name="bag")


def warm_up(rate: float, steps: int) -> Any:
    """Adam whose rate rises to `rate` over `steps` and falls to 0 over ten times as many."""
    return optimizers.schedules.CosineDecay(0.0, 10 * steps, warmup_target=rate, warmup_steps=steps)


ORDER = Recipe(make(which_first), make(encoder), ref.adam(3e-3), epochs=15)
LAST = Recipe(make(last_marker), make(bag, recurrent=True), ref.adam(5e-3), epochs=15)
ROWS = Recipe(make(data.digits, layout="rows"), make(encoder, blocks=2), ref.adam(3e-3), epochs=12)
TOPICS = Recipe(make(mentions), make(encoder), ref.adam(3e-3), epochs=5)
PADDED = replace(TOPICS, data=make(mentions, padded=42), model=make(encoder, masked=True, norm="pre"), epochs=4)
WARMED = replace(
    ROWS,
    model=make(encoder, blocks=3, norm="post"),
    optimizer=make(optimizers.Adam, learning_rate=make(warm_up, rate=3e-3, steps=100)),
)

ATTENTION = (
    sick("transformer-adam-x30", "transformer", WARMED, {"learning-rate-too-high"}, optimizer=ref.adam(0.1)),
    sick(
        "transformer-order-not-seen",
        "transformer",
        ORDER,
        {"order-not-seen", "high-bias", "unexplained"},
        model=ORDER.model.but(positions=False),
    ),
    sick(
        "transformer-eight-blocks-no-shortcut",
        "transformer",
        ROWS,
        {"too-deep-plain", "vanishing-gradients", "bad-initialization"},
        model=ROWS.model.but(blocks=8, norm="none", shortcut=False),
    ),
    sick(
        "transformer-pixels-0-255",
        "transformer",
        ROWS,
        {"inputs-not-scaled"},
        spoil=(make(times, factor=255.0),),
        model=ROWS.model.but(norm="none"),
    ),
    sick(
        "transformer-dropout-0.98",
        "transformer",
        ROWS,
        {"dropout-too-high", "over-regularized"},
        model=ROWS.model.but(dropout=0.98),
    ),
    sick(
        "transformer-adam-1e-5",
        "transformer",
        ROWS,
        {"learning-rate-too-low", "undertrained"},
        optimizer=ref.adam(1e-5),
    ),
    healthy("transformer-order", "transformer", ORDER),
    healthy("transformer-post-norm-warm-up", "transformer", WARMED),
    healthy("transformer-rows-pre-norm", "transformer", ROWS),
    healthy("transformer-topics", "transformer", TOPICS),
    healthy("transformer-topics-masked", "transformer", PADDED, epochs=6),
    healthy("transformer-four-blocks-dropout", "transformer", ROWS, model=ROWS.model.but(blocks=4, dropout=0.1)),
    # Appended, so that no case above changes its half.
    sick(
        "tokens-averaged-order-decides",
        "transformer",
        LAST,
        {"order-not-seen", "high-bias", "unexplained"},
        model=make(bag),
    ),
    healthy("tokens-gru-order-decides", "transformer", LAST),
    healthy("tokens-averaged-topics", "transformer", TOPICS, model=make(bag), epochs=8),
)
