"""Recipes that work: the healthy ward trains them unchanged, the sick ward with one fault."""

import keras
from keras import optimizers

from tests.wards import data, models
from tests.wards.recipe import Make, Recipe, make


def adam(learning_rate: float = 1e-3, **settings: object) -> Make:
    return make(optimizers.Adam, learning_rate=learning_rate, **settings)


def sgd(learning_rate: float = 0.01, **settings: object) -> Make:
    return make(optimizers.SGD, learning_rate=learning_rate, **settings)


def loss(kind: type, **settings: object) -> Make:
    """A loss with settings, for example `loss(keras.losses.Huber, delta=2.0)`."""
    return make(kind, **settings)


LOGITS = loss(keras.losses.SparseCategoricalCrossentropy, from_logits=True)

DIGITS_MLP = Recipe(make(data.digits), make(models.mlp), adam())
DIGITS_SGD = Recipe(make(data.digits), make(models.mlp), sgd(0.1))
DIGITS_CNN = Recipe(make(data.digits, layout="image"), make(models.cnn), adam(), epochs=12)
DIGITS_RESIDUAL = Recipe(make(data.digits, layout="image"), make(models.residual_cnn), adam(3e-3), epochs=10)
DIGITS_TRANSFORMER = Recipe(make(data.digits, layout="rows"), make(models.transformer), adam(3e-3), epochs=25)
TRAITS = Recipe(make(data.digit_traits), make(models.mlp), adam())
TWO_OUTPUTS = Recipe(make(data.digit_and_ink), make(models.two_outputs), adam(3e-3), epochs=30)
AUTOENCODER = Recipe(make(data.reconstruction), make(models.autoencoder), adam(3e-3), epochs=40)

WINE = Recipe(make(data.table, name="wine"), make(models.mlp, hidden=(32,)), sgd(0.05), epochs=60, batch_size=16)
IRIS = Recipe(make(data.table, name="iris"), make(models.mlp, hidden=(16,)), adam(0.01), epochs=40, batch_size=16)
CANCER = Recipe(make(data.table, name="breast_cancer"), make(models.mlp, hidden=(32, 16)), adam(), epochs=30)
CANCER_SGD = Recipe(make(data.table, name="breast_cancer"), make(models.mlp, hidden=(32, 16)), sgd(0.05), epochs=30)
DIABETES = Recipe(
    make(data.table, name="diabetes"), make(models.mlp, hidden=(16,), l2=0.01), adam(), epochs=30, batch_size=16
)

FRIEDMAN = Recipe(make(data.friedman), make(models.mlp), adam(3e-3))
MOONS = Recipe(make(data.moons), make(models.mlp, hidden=(32, 32)), adam(0.01), epochs=30)
CIRCLES = Recipe(make(data.circles), make(models.mlp, hidden=(32, 32)), adam(0.01), epochs=30)
XOR = Recipe(make(data.xor), make(models.mlp, hidden=(16,)), adam(0.05), epochs=300, batch_size=4)
XOR_NOISY = Recipe(make(data.xor, rows=200), make(models.mlp, hidden=(16,)), adam(0.02), epochs=60)
RARE = Recipe(make(data.rare), make(models.mlp, hidden=(16,)), adam(), epochs=20)

WAVES_LSTM = Recipe(make(data.waves), make(models.rnn), adam(5e-3), epochs=12)
WAVES_GRU = Recipe(make(data.waves), make(models.rnn, cell="GRU"), adam(5e-3), epochs=12)
ECHO = Recipe(make(data.echo), make(models.rnn, cell="GRU", units=16), adam(0.01), epochs=12)
SENTENCES = Recipe(make(data.sentences), make(models.mlp, hidden=(32,), embedding=16), adam(5e-3), epochs=15)
SENTENCES_TRANSFORMER = Recipe(make(data.sentences), make(models.transformer), adam(2e-3), epochs=6)

FASHION = Recipe(
    make(data.pictures, rows=6000), make(models.cnn, strides=2, dense=64), adam(2e-3), epochs=6, batch_size=64
)
FASHION_SGD = Recipe(
    make(data.pictures, rows=6000, layout="flat"), make(models.mlp, hidden=(64,)), sgd(0.1), epochs=6, batch_size=64
)
MNIST = Recipe(
    make(data.pictures, name="mnist_784", layout="flat"),
    make(models.mlp, hidden=(64,)),
    adam(),
    epochs=8,
    batch_size=64,
)
PIMA = Recipe(make(data.pima), make(models.mlp, hidden=(16,), l2=1e-3), adam(3e-3), epochs=20)
ADULT = Recipe(make(data.adult, rows=8000), make(models.mlp), adam(5e-3), epochs=15, batch_size=64)
CARS = Recipe(make(data.cars), make(models.mlp, hidden=(32,)), adam(5e-3), epochs=40)
REVIEWS = Recipe(make(data.reviews), make(models.mlp, hidden=(), embedding=32), adam(0.02), epochs=15)
