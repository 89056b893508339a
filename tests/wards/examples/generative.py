"""Examples that generate: autoencoders, adversarial pairs, diffusion. Most train in a step of their own."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tests.wards.examples.example import Example, Logs, above, below, last, own
from tests.wards.examples.rows import digits, held_out, points


def noisy(callbacks: Sequence[Any], rate: float = 5e-3) -> tuple[Any, Logs]:
    """A convolutional autoencoder that takes noise out of images."""
    x, _ = digits()
    noise = keras.random.normal(x.shape, stddev=0.2, seed=0)
    train, dev = held_out(keras.ops.convert_to_numpy(x + noise).clip(0, 1), x)
    source = keras.Input((8, 8, 1))
    tensor = layers.MaxPooling2D(padding="same")(layers.Conv2D(24, 3, activation="relu", padding="same")(source))
    tensor = layers.Conv2DTranspose(24, 3, strides=2, activation="relu", padding="same")(tensor)
    model = keras.Model(source, layers.Conv2D(1, 3, activation="sigmoid", padding="same")(tensor))
    model.compile(keras.optimizers.Adam(rate), "binary_crossentropy")
    return model, last(model.fit(*train, epochs=10, validation_data=dev, verbose=0, callbacks=callbacks))


class Sampling(layers.Layer):
    """A code drawn from the distribution that the encoder gives."""

    def __init__(self) -> None:
        super().__init__()
        self.seeds = keras.random.SeedGenerator(0)

    def call(self, inputs: Any) -> Any:
        mean, log_variance = inputs
        return mean + keras.ops.exp(0.5 * log_variance) * keras.random.normal(keras.ops.shape(mean), seed=self.seeds)


class WithDivergence(Sampling):
    """The same, adding its divergence to the loss."""

    def call(self, inputs: Any) -> Any:
        mean, log_variance = inputs
        each = 1 + log_variance - mean**2 - keras.ops.exp(log_variance)
        self.add_loss(-0.5 * keras.ops.mean(keras.ops.sum(each, axis=1)) / 64)
        return super().call(inputs)


def encoder() -> Any:
    source = keras.Input((8, 8, 1))
    hidden = layers.Dense(64, "relu")(layers.Flatten()(source))
    mean, log_variance = layers.Dense(4, name="mean")(hidden), layers.Dense(4, name="log_variance")(hidden)
    return keras.Model(source, [mean, log_variance, Sampling()([mean, log_variance])], name="encoder")


def decoder() -> Any:
    hidden = [layers.Dense(64, "relu"), layers.Dense(64, "sigmoid"), layers.Reshape((8, 8, 1))]
    return keras.Sequential([keras.Input((4,)), *hidden], name="decoder")


class Variational(keras.Model):
    """A variational autoencoder with a step of its own and three metrics; it has no `call`."""

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = weight  # of the divergence
        self.encoder, self.decoder = encoder(), decoder()
        names = ("loss", "reconstruction_loss", "kl_loss")
        self.trackers = [keras.metrics.Mean(name=name) for name in names]

    @property
    def metrics(self) -> list[Any]:
        return self.trackers

    def train_step(self, data: Any) -> Any:
        with tf.GradientTape() as tape:
            mean, log_variance, code = self.encoder(data)
            each = keras.losses.binary_crossentropy(data, self.decoder(code))
            reconstruction = tf.reduce_mean(tf.reduce_sum(each, axis=(1, 2)))
            divergence = -0.5 * (1 + log_variance - tf.square(mean) - tf.exp(log_variance))
            divergence = tf.reduce_mean(tf.reduce_sum(divergence, axis=1))
            total = reconstruction + self.weight * divergence
        weights = self.trainable_weights
        self.optimizer.apply_gradients(zip(tape.gradient(total, weights), weights, strict=True))
        for tracker, value in zip(self.trackers, (total, reconstruction, divergence), strict=True):
            tracker.update_state(value)
        return {tracker.name: tracker.result() for tracker in self.trackers}


def variational(callbacks: Sequence[Any], weight: float = 1.0, rate: float = 3e-3) -> tuple[Any, Logs]:
    x, _ = digits()
    model = Variational(weight)
    model.compile(keras.optimizers.Adam(rate))
    return model, last(model.fit(x, epochs=20, batch_size=64, verbose=0, callbacks=callbacks))


def added_loss(callbacks: Sequence[Any]) -> tuple[Any, Logs]:
    """The same as one functional model: a layer adds its divergence to the compiled loss."""
    x, _ = digits()
    source = keras.Input((8, 8, 1))
    hidden = layers.Dense(64, "relu")(layers.Flatten()(source))
    code = WithDivergence()([layers.Dense(4)(hidden), layers.Dense(4)(hidden)])
    model = keras.Model(source, decoder()(code))
    model.compile(keras.optimizers.Adam(3e-3), "binary_crossentropy")
    settings = {"epochs": 20, "batch_size": 64, "validation_split": 0.2, "verbose": 0, "callbacks": callbacks}
    return model, last(model.fit(x, x, **settings))


def _net(*units: int, out: int, width: int) -> Any:
    hidden = [layer for size in units for layer in (layers.Dense(size), layers.LeakyReLU(0.2))]
    return keras.Sequential([keras.Input((width,)), *hidden, layers.Dense(out)])


class Adversarial(keras.Model):
    """Generator and discriminator with two optimizers and two losses."""

    def __init__(self) -> None:
        super().__init__()
        self.generator, self.discriminator = _net(64, 64, out=2, width=4), _net(64, 64, out=1, width=2)
        self.seeds = keras.random.SeedGenerator(0)
        self.d_tracker, self.g_tracker = keras.metrics.Mean(name="d_loss"), keras.metrics.Mean(name="g_loss")

    def compile(self, d_optimizer: Any, g_optimizer: Any, loss_fn: Any) -> None:
        super().compile()
        self.d_optimizer, self.g_optimizer, self.loss_fn = d_optimizer, g_optimizer, loss_fn

    @property
    def metrics(self) -> list[Any]:
        return [self.d_tracker, self.g_tracker]

    def train_step(self, real: Any) -> Any:
        count = tf.shape(real)[0]
        fake = self.generator(keras.random.normal((count, 4), seed=self.seeds))
        labels = tf.concat([tf.ones((count, 1)), tf.zeros((count, 1))], axis=0)
        with tf.GradientTape() as tape:
            d_loss = self.loss_fn(labels, self.discriminator(tf.concat([real, fake], axis=0)))
        weights = self.discriminator.trainable_weights
        self.d_optimizer.apply_gradients(zip(tape.gradient(d_loss, weights), weights, strict=True))
        with tf.GradientTape() as tape:
            fake = self.generator(keras.random.normal((count, 4), seed=self.seeds))
            g_loss = self.loss_fn(tf.ones((count, 1)), self.discriminator(fake))
        weights = self.generator.trainable_weights
        self.g_optimizer.apply_gradients(zip(tape.gradient(g_loss, weights), weights, strict=True))
        self.d_tracker.update_state(d_loss)
        self.g_tracker.update_state(g_loss)
        return {"d_loss": self.d_tracker.result(), "g_loss": self.g_tracker.result()}


def adversarial(callbacks: Sequence[Any], of_generator: float = 1e-3) -> tuple[Any, Logs]:
    model = Adversarial()
    model.compile(
        keras.optimizers.Adam(1e-3, beta_1=0.5),
        keras.optimizers.Adam(of_generator, beta_1=0.5),
        keras.losses.BinaryCrossentropy(from_logits=True),
    )
    fed = tf.data.Dataset.from_tensor_slices(points()).shuffle(2_000, seed=0).batch(64)
    logs = last(model.fit(fed, epochs=12, verbose=0, callbacks=callbacks))
    return model, logs | _drawn(model)


def _drawn(model: Any) -> Logs:
    """How far drawn rows lie from the centre, and from their mean."""
    drawn = keras.ops.convert_to_numpy(model.generator(keras.random.normal((500, 4), seed=3)))
    apart = float(np.linalg.norm(drawn - drawn.mean(0), axis=1).mean())
    return {"radius": float(np.linalg.norm(drawn, axis=1).mean()), "spread": apart}


class Critic(Adversarial):
    """Wasserstein loss with a penalty of the gradient, three steps of the critic for each of the generator."""

    def train_step(self, real: Any) -> Any:
        count = tf.shape(real)[0]
        for _ in range(3):
            with tf.GradientTape() as tape:
                fake = self.generator(keras.random.normal((count, 4), seed=self.seeds))
                d_loss = tf.reduce_mean(self.discriminator(fake)) - tf.reduce_mean(self.discriminator(real))
                d_loss += 10.0 * self._penalty(real, fake)
            weights = self.discriminator.trainable_weights
            self.d_optimizer.apply_gradients(zip(tape.gradient(d_loss, weights), weights, strict=True))
        with tf.GradientTape() as tape:
            fake = self.generator(keras.random.normal((count, 4), seed=self.seeds))
            g_loss = -tf.reduce_mean(self.discriminator(fake))
        weights = self.generator.trainable_weights
        self.g_optimizer.apply_gradients(zip(tape.gradient(g_loss, weights), weights, strict=True))
        self.d_tracker.update_state(d_loss)
        self.g_tracker.update_state(g_loss)
        return {"d_loss": self.d_tracker.result(), "g_loss": self.g_tracker.result()}

    def _penalty(self, real: Any, fake: Any) -> Any:
        mixed = real + keras.random.uniform((tf.shape(real)[0], 1), seed=self.seeds) * (fake - real)
        with tf.GradientTape() as tape:
            tape.watch(mixed)
            given = self.discriminator(mixed)
        slope = tf.sqrt(tf.reduce_sum(tf.square(tape.gradient(given, mixed)), axis=1) + 1e-12)
        return tf.reduce_mean(tf.square(slope - 1))


def wasserstein(callbacks: Sequence[Any]) -> tuple[Any, Logs]:
    model = Critic()
    rate = {"beta_1": 0.5, "beta_2": 0.9}
    model.compile(keras.optimizers.Adam(1e-3, **rate), keras.optimizers.Adam(1e-3, **rate), None)
    logs = last(model.fit(points(), epochs=12, batch_size=64, verbose=0, callbacks=callbacks))
    return model, logs | _drawn(model)


class Diffusion(keras.Model):
    """Guesses the noise in a row; a slow copy of the weights does the guessing when it is used."""

    def __init__(self) -> None:
        super().__init__()
        self.network, self.ema_network = (_net(64, 64, out=2, width=3) for _ in range(2))
        self.seeds = keras.random.SeedGenerator(0)
        self.noise_tracker = keras.metrics.Mean(name="n_loss")

    @property
    def metrics(self) -> list[Any]:
        return [self.noise_tracker]

    def _mixed(self, rows: Any) -> tuple[Any, Any]:
        noise = keras.random.normal(tf.shape(rows), seed=self.seeds)
        share = keras.random.uniform((tf.shape(rows)[0], 1), seed=self.seeds)
        mixed = tf.cos(share * 1.5) * rows + tf.sin(share * 1.5) * noise
        return tf.concat([mixed, share], axis=1), noise

    def train_step(self, rows: Any) -> Any:
        mixed, noise = self._mixed(rows)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(noise - self.network(mixed, training=True)))
        weights = self.network.trainable_weights
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        self.noise_tracker.update_state(loss)
        for weight, slow in zip(self.network.weights, self.ema_network.weights, strict=True):
            slow.assign(0.95 * slow + 0.05 * weight)
        return {"n_loss": self.noise_tracker.result()}

    def test_step(self, rows: Any) -> Any:
        mixed, noise = self._mixed(rows)
        self.noise_tracker.update_state(tf.reduce_mean(tf.square(noise - self.ema_network(mixed, training=False))))
        return {"n_loss": self.noise_tracker.result()}


def diffusion(callbacks: Sequence[Any], rate: float = 3e-3) -> tuple[Any, Logs]:
    train, dev = (tf.data.Dataset.from_tensor_slices(rows[0]).batch(64) for rows in held_out(points()))
    model = Diffusion()
    model.compile(keras.optimizers.AdamW(rate))
    return model, last(model.fit(train, epochs=12, validation_data=dev, verbose=0, callbacks=callbacks))


GENERATIVE = (
    Example("denoising autoencoder", "generative", noisy, below("val_loss", 0.3)),
    Example("variational autoencoder", "generative", variational, below("loss", 27.5), own()),
    Example("variational autoencoder, added loss", "generative", added_loss, below("val_loss", 0.45), own()),
    Example("adversarial pair", "generative", adversarial, above("radius", 0.6), own()),
    Example("adversarial pair, Wasserstein", "generative", wasserstein, above("radius", 0.6), own()),
    Example("diffusion", "generative", diffusion, below("val_n_loss", 0.6), own()),
)
