"""Autoencoders, variational and denoising ones: losses in a train step or a layer, and losses whose floor is not 0."""

from dataclasses import replace
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from tests.wards import data as rows
from tests.wards.data import Array, Data
from tests.wards.recipe import Case, Recipe, healthy, make, sick
from tests.wards.references import adam

# --- data -----------------------------------------------------------------------------------------


def own_targets(data: Data, code: int = 8) -> Data:
    """The inputs as targets. `code`: how many principal components a sound autoencoder comes up to."""
    train, dev = ((x, x) for x in (data.train[0], data.judged[0]))
    return Data(train, dev, ("regression",), data.train[0].shape[1:], code=code)


def grey(top: float = 1.0, standardised: bool = False, code: int = 8) -> Data:
    """Digits, 64 pixels between 0 and `top`, or standardised, as their own targets."""
    data = rows.digits(top=top)
    return own_targets(rows.standard(data) if standardised else data, code)


def cells(code: int = 5) -> Data:
    """The 30 standardised columns of the breast cancer table as their own targets."""
    return own_targets(rows.table("breast_cancer"), code)


# --- networks -------------------------------------------------------------------------------------


def plain(data: Data, code: int = 8, out: str | None = "sigmoid", width: int = 64) -> keras.Model:
    """Dense encoder and decoder around a linear code."""
    source = keras.Input(data.train[0].shape[1:])
    tensor = layers.Dense(code, name="code")(layers.Dense(width, "relu")(source))
    tensor = layers.Dense(source.shape[1], out)(layers.Dense(width, "relu")(tensor))
    return keras.Model(source, tensor, name="autoencoder")


def convolutional(data: Data, channels: int = 8) -> keras.Model:
    """Strided convolutions to a code of 2 x 2 x `channels`, and transposed ones back."""
    source = keras.Input((64,))
    tensor = layers.Reshape((8, 8, 1))(source)
    for filters in (16, channels):
        tensor = layers.Conv2D(filters, 3, 2, "same", activation="relu" if filters == 16 else None)(tensor)
    for filters in (16, 16):
        tensor = layers.Conv2DTranspose(filters, 3, 2, "same", activation="relu")(tensor)
    tensor = layers.Conv2D(1, 3, padding="same", activation="sigmoid")(tensor)
    return keras.Model(source, layers.Flatten()(tensor), name="convolutional_autoencoder")


@keras.saving.register_keras_serializable("wards")
class Sampling(layers.Layer):
    """A draw from the code's normal distribution, its mean in inference; adds the KL divergence times `weight`."""

    def __init__(self, weight: float = 0.0, **settings: Any) -> None:
        super().__init__(**settings)
        self.weight, self.seeds = weight, keras.random.SeedGenerator(0)

    def call(self, code: Any, training: bool = False) -> Any:
        mean, log_variance = code
        if self.weight:
            self.add_loss(self.weight * divergence(mean, log_variance))
        noise = keras.random.normal(ops.shape(mean), seed=self.seeds)
        return mean + ops.exp(0.5 * log_variance) * noise if training else mean

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"weight": self.weight}


def divergence(mean: Any, log_variance: Any) -> Any:
    """Mean KL divergence of the codes from the standard normal distribution."""
    return -0.5 * ops.mean(ops.sum(1 + log_variance - mean**2 - ops.exp(log_variance), axis=1))


def added_divergence(data: Data, weight: float, code: int = 8, out: str | None = "sigmoid") -> keras.Model:
    """A variational autoencoder whose KL term a layer adds to the compiled loss."""
    source = keras.Input(data.train[0].shape[1:])
    tensor = layers.Dense(64, "relu")(source)
    drawn = Sampling(weight)([layers.Dense(code, name="mean")(tensor), layers.Dense(code, name="log_variance")(tensor)])
    tensor = layers.Dense(source.shape[1], out)(layers.Dense(64, "relu")(drawn))
    return keras.Model(source, tensor, name="variational")


@keras.saving.register_keras_serializable("wards")
class Variational(keras.Model):
    """A variational autoencoder with a train step of its own: summed cross-entropy plus KL times `weight`."""

    def __init__(self, weight: float = 1.0, code: int = 8, pixels: int = 64, **settings: Any) -> None:
        super().__init__(**settings)
        self.settings = {"weight": weight, "code": code, "pixels": pixels}
        self.encoder, self.mean, self.log_variance = layers.Dense(64, "relu"), layers.Dense(code), layers.Dense(code)
        self.sampling = Sampling()
        self.decoder, self.pixels = layers.Dense(64, "relu"), layers.Dense(pixels, "sigmoid")
        self.total = keras.metrics.Mean(name="loss")

    def call(self, x: Any, training: bool = False) -> Any:
        return self.with_code(x, training)[0]

    def with_code(self, x: Any, training: bool) -> tuple[Any, Any, Any]:
        hidden = self.encoder(x)
        mean, log_variance = self.mean(hidden), self.log_variance(hidden)
        drawn = self.sampling([mean, log_variance], training=training)
        return self.pixels(self.decoder(drawn)), mean, log_variance

    def loss_of(self, x: Any, training: bool) -> Any:
        y, mean, log_variance = self.with_code(x, training)
        summed = ops.mean(keras.losses.binary_crossentropy(x, y)) * self.settings["pixels"]
        return summed + self.settings["weight"] * divergence(mean, log_variance)

    def train_step(self, data: Any) -> dict[str, Any]:
        import tensorflow as tf

        with tf.GradientTape() as tape:
            loss = self.loss_of(data[0], True)
        gradients = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
        self.total.update_state(loss)
        return {"loss": self.total.result()}

    def test_step(self, data: Any) -> dict[str, Any]:
        self.total.update_state(self.loss_of(data[0], False))
        return {"loss": self.total.result()}

    @property
    def metrics(self) -> list[Any]:
        return [self.total]

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | self.settings


def variational(data: Data, weight: float = 1.0) -> keras.Model:
    """The variational autoencoder, built."""
    model = Variational(weight)
    model(data.train[0][:1])
    return model


@keras.saving.register_keras_serializable("wards")
class Denoiser(keras.Model):
    """An autoencoder whose train step adds noise to the inputs and keeps the clean ones as targets."""

    def __init__(
        self, noise: float = 0.3, code: int = 8, pixels: int = 64, out: str = "sigmoid", **settings: Any
    ) -> None:
        super().__init__(**settings)
        self.settings = {"noise": noise, "code": code, "pixels": pixels, "out": out}
        self.encoder, self.code = layers.Dense(64, "relu"), layers.Dense(code)
        self.decoder, self.last = layers.Dense(64, "relu"), layers.Dense(pixels, out)
        self.seeds = keras.random.SeedGenerator(0)

    def call(self, x: Any) -> Any:
        return self.last(self.decoder(self.code(self.encoder(x))))

    def train_step(self, data: Any) -> dict[str, Any]:
        x, y = data
        noisy = x + self.settings["noise"] * keras.random.normal(ops.shape(x), seed=self.seeds)
        return super().train_step((noisy, y))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | self.settings


def denoiser(data: Data, **settings: Any) -> keras.Model:
    """The denoiser, built."""
    model = Denoiser(**settings)
    model(data.train[0][:1])
    return model


# --- measures -------------------------------------------------------------------------------------


def fewer_components(data: Data, count: int) -> Array:
    """Reconstruction from a few principal components: the KL term and the noise let some dimensions of a code go."""
    from sklearn.decomposition import PCA

    components = PCA(count, random_state=0).fit(data.train[0])
    return np.asarray(components.inverse_transform(components.transform(data.judged[0])))


# --- cases ----------------------------------------------------------------------------------------

SLOW = {"learning-rate-too-low", "undertrained"}
COLLAPSE = {"over-regularized", "collapsed-outputs", "unbalanced-losses"}

GREY = Recipe(make(grey), make(plain), adam(3e-3), "binary_crossentropy", epochs=20)
STANDARD = replace(
    GREY, data=make(grey, standardised=True), model=GREY.model.but(out="linear"), loss="mean_squared_error"
)
VAE = replace(GREY, model=make(variational), compiling=make(dict, loss=None), baseline=make(fewer_components, count=4))
ADDED = replace(
    GREY, model=make(added_divergence, weight=1e-3), loss="mean_squared_error", baseline=make(fewer_components, count=4)
)
DENOISER = replace(GREY, model=make(denoiser), baseline=make(fewer_components, count=6))

AUTOENCODER: tuple[Case, ...] = (
    sick("vae-adam-x30", "autoencoder", VAE, {"learning-rate-too-high", "collapsed-outputs"}, optimizer=adam(0.1)),
    sick("vae-kl-weight-100", "autoencoder", VAE, COLLAPSE, model=VAE.model.but(weight=100.0)),
    sick(
        "autoencoder-sigmoid-on-standardised",
        "autoencoder",
        STANDARD,
        {"output-range-mismatch"},
        model=STANDARD.model.but(out="sigmoid"),
    ),
    # The squared error is a mean over pixels and the KL term a sum over the code.
    sick("vae-kl-summed-error-averaged", "autoencoder", ADDED, COLLAPSE, model=ADDED.model.but(weight=1.0)),
    sick(
        "autoencoder-pixels-0-255-bce",
        "autoencoder",
        GREY,
        {"inputs-not-scaled", "targets-not-scaled", "output-range-mismatch", "wrong-loss"},
        data=make(grey, top=255.0),
    ),
    sick("vae-adam-1e-6", "autoencoder", VAE, SLOW, optimizer=adam(1e-6)),
    sick("denoiser-adam-x100", "autoencoder", DENOISER, {"learning-rate-too-high"}, optimizer=adam(0.3)),
    sick(
        "autoencoder-code-of-1",
        "autoencoder",
        GREY,
        {"bottleneck", "high-bias", "beaten-by-baseline"},
        model=GREY.model.but(code=1),
    ),
    healthy("autoencoder-grey-bce", "autoencoder", GREY),
    healthy("vae-own-train-step", "autoencoder", VAE),
    healthy("vae-add-loss", "autoencoder", ADDED),
    healthy("denoiser-own-train-step", "autoencoder", DENOISER),
    healthy(
        "autoencoder-table", "autoencoder", STANDARD, data=make(cells), model=STANDARD.model.but(code=5), epochs=60
    ),
    healthy("autoencoder-convolutional", "autoencoder", GREY, model=make(convolutional), loss="mean_squared_error"),
)
