"""Fingerprints: the same for the same architecture and data, whatever names, weights and scales."""

from dataclasses import replace

import numpy as np

from diagnose.describing.facts import fingerprints
from diagnose.subject import Output, Seen, Split, Subject, Task
from tests.checks.builders_training import dense, network

OUTPUT = Output("out", Task.MULTICLASS, "sparse_categorical_crossentropy", classes=10)


def subject(rows: int = 50, features: int = 4, dev: int = 20) -> Subject:
    def split(name: str, count: int, seen: Seen) -> Split:
        return Split(name, (np.zeros((count, features)),), (np.zeros(count),), seen)

    return Subject("model", None, (OUTPUT,), split("train", rows, Seen.YES), split("dev", dev, Seen.NO))


def test_more_training_rows_and_another_scale_are_the_same_data() -> None:
    known = fingerprints(subject(), None)
    scaled = subject(rows=500)
    scaled.train.inputs[0][:] = 255
    assert fingerprints(scaled, None) == known and set(known) == {"data"}


def test_other_features_classes_or_dev_rows_are_other_data() -> None:
    given = (subject(), subject(features=5), subject(dev=21), replace(subject(), outputs=(replace(OUTPUT, classes=3),)))
    assert len({fingerprints(one, None)["data"] for one in given}) == 4


def test_the_architecture_is_told_by_its_layers_and_not_by_their_names() -> None:
    named = network(layers=(dense("dense"), dense("dense_1", inbound=("dense",))))
    renamed = network(layers=(dense("dense_34"), dense("dense_35", inbound=("dense_34",))))
    wider = network(layers=(dense("dense"), dense("dense_1", inbound=("dense",), parameters=9)))
    apart = network(layers=(dense("dense"), dense("dense_1")))
    prints = [fingerprints(subject(), one)["architecture"] for one in (named, renamed, wider, apart)]
    assert prints[0] == prints[1] and len(set(prints)) == 3
