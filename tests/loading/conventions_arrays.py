"""Arrays as people name and keep them, and what becomes of them."""

import numpy as np

from tests.loading.conventions import DIGITS, PIXELS, TABLE, TWO, Convention, X, Y, archive, both, idx, npy, npz, rows

ARRAYS: dict[str, Convention] = {
    "train.npz and dev.npz": Convention(
        both(npz("train.npz", x=X, y=Y), npz("dev.npz", x=X[:5], y=Y[:5])), TABLE, rows(train=12, dev=5)
    ),
    "all four files": Convention(
        both(*(npz(f"{name}.npz", x=X, y=Y) for name in ("training", "valid", "testing", "train-dev"))),
        TABLE,
        rows(train=12, dev=12, test=12, train_dev=12),
    ),
    "prefixes in one npz": Convention(
        npz("all.npz", x_train=X, y_train=Y, x_val=X[:4], y_val=Y[:4], x_test=X[:2], y_test=Y[:2]),
        TABLE,
        rows(train=12, dev=4, test=2),
    ),
    "capital X": Convention(
        npz("d.npz", X_train=X, Y_train=Y, X_test=X[:3], Y_test=Y[:3]), TABLE, rows(train=12, test=3)
    ),
    "train_images": Convention(npz("d.npz", train_images=X, train_labels=Y), TABLE, rows(train=12)),
    "train_x": Convention(npz("d.npz", train_x=X, train_y=Y, dev_x=X, dev_y=Y), TABLE, rows(train=12, dev=12)),
    "x and y": Convention(npz("d.npz", x=X, y=Y), TABLE, rows(only=12)),
    "inputs and targets": Convention(npz("d.npz", inputs=X, targets=Y), TABLE, rows(only=12)),
    "data and target": Convention(npz("d.npz", data=X, target=Y), TABLE, rows(only=12)),
    "arr_0 and arr_1": Convention(lambda folder: np.savez(folder / "d.npz", X, Y), TABLE, rows(only=12)),
    "arr_0 to arr_3": Convention(
        lambda folder: np.savez(folder / "d.npz", X, Y, X[:2], Y[:2]), TABLE, rows(train=12, test=2)
    ),
    "the model's own names": Convention(npz("d.npz", features=X, label=Y), TABLE, rows(only=12)),
    "npy files": Convention(npy(x_train=X, y_train=Y, x_dev=X[:6], y_dev=Y[:6]), TABLE, rows(train=12, dev=6)),
    "npy files, no split": Convention(npy(X=X, y=Y), TABLE, rows(only=12)),
    "folders of npy files": Convention(
        lambda folder: [((folder / s).mkdir(), npy(x=X, y=Y)(folder / s)) for s in ("train", "validation")],
        TABLE,
        rows(train=12, dev=12),
    ),
    "two inputs by number": Convention(
        npz("d.npz", x_train_0=X, x_train_1=X, y_train_0=Y, y_train_1=Y),
        TWO,
        {"train": ((12, 3), (12, 3), (12,), (12,))},
    ),
    "two inputs by name": Convention(
        npz("d.npz", left=X, right=X, label=Y, price=Y), TWO, {"": ((12, 3), (12, 3), (12,), (12,))}
    ),
    "both written by other tools": Convention(
        npz("d.npz", Xtr=X, ytr=Y, Xte=X[:3], yte=Y[:3]), TABLE, rows(train=12, test=3)
    ),
    "trX and teX": Convention(npz("d.npz", trX=X, trY=Y, teX=X[:2], teY=Y[:2]), TABLE, rows(train=12, test=2)),
    "X_tr": Convention(npz("d.npz", X_tr=X, y_tr=Y, X_val=X[:4], y_val=Y[:4]), TABLE, rows(train=12, dev=4)),
    "trainX": Convention(npz("d.npz", trainX=X, trainY=Y, testX=X, testY=Y), TABLE, rows(train=12, test=12)),
    "train_data": Convention(npz("d.npz", train_data=X, train_labels=Y), TABLE, rows(train=12)),
    "data and labels": Convention(npz("d.npz", data=X, labels=Y), TABLE, rows(only=12)),
    "features and labels": Convention(npz("d.npz", features=X, labels=Y), TABLE, rows(only=12)),
    "X and Y": Convention(npz("d.npz", X=X, Y=Y), TABLE, rows(only=12)),
    "inputs and outputs": Convention(npz("d.npz", inputs=X, outputs=Y), TABLE, rows(only=12)),
    "arrays by position, as train_test_split returns them": Convention(
        lambda folder: np.savez(folder / "d.npz", X, X[:2], Y, Y[:2]), TABLE, rows(train=12, test=2)
    ),
    "a compressed npz": Convention(
        lambda folder: np.savez_compressed(folder / "d.npz", x=X, y=Y), TABLE, rows(only=12)
    ),
    "a target of another name": Convention(
        npz("d.npz", x_train=X, price_train=Y), TABLE, rows(train=12), {"target": "price"}
    ),
    "two arrays of one meaning": Convention(
        npz("d.npz", x_train=X, X_train_=X, y_train=Y),
        TABLE,
        "d.npz: x_train and X_train_ mean the same (input): leave one of them out",
    ),
    "a single value": Convention(
        npz("d.npz", x=np.float32(1), y=Y), TABLE, "d.npz: x must have rows as its first axis, got a single value"
    ),
    "other names": Convention(
        npz("d.npz", foo=X, bar=Y), TABLE, "no inputs among foo, bar: name the arrays x and y, or x_train, y_train"
    ),
    "two inputs of which one is missing": Convention(
        npz("d.npz", left=X, label=Y, price=Y), TWO, "the model has the inputs left, right, but the data has left"
    ),
    "pickled objects": Convention(
        npz("d.npz", x=X, y=np.array([None] * 12, dtype=object)),
        TABLE,
        'd.npz: its array "y" holds pickled Python objects, which are never loaded: save numbers or text of one type',
    ),
    "an archive of something else": Convention(
        archive("d.npz", "data/train.csv"),
        TABLE,
        "d.npz is an archive that holds data/train.csv, not arrays: unpack it and pass what is inside",
    ),
    "an Excel workbook": Convention(
        archive("d.npz", "[Content_Types].xml"), TABLE, "d.npz is an Excel workbook: save its sheet as CSV"
    ),
    "a model in place of data": Convention(
        archive("d.npz", "config.json"), TABLE, "d.npz is a Keras model, not data: pass the model first, then the data"
    ),
    "groups and times beside the arrays": Convention(
        npz("d.npz", x=X, y=Y, site=Y, day=Y), TABLE, rows(only=12), {"group": "site", "time": "day"}
    ),
    "idx files": Convention(idx("train-images-idx3-ubyte", "t10k-images-idx3-ubyte"), PIXELS, DIGITS),
    "idx files with points": Convention(idx("train-images.idx3-ubyte", "t10k-images.idx3-ubyte"), PIXELS, DIGITS),
    "gzipped idx files": Convention(idx("train-images-idx3-ubyte.gz", "t10k-images-idx3-ubyte.gz"), PIXELS, DIGITS),
    "idx files, each in a folder of its name": Convention(
        idx("train-images-idx3-ubyte", "t10k-images-idx3-ubyte", in_folders=True), PIXELS, DIGITS
    ),
}
