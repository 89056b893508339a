"""Tables and texts as people write them, and what becomes of them."""

from diagnose.loading.signatures import Port, Signature
from tests.loading.conventions import CATEGORIES, TABLE, TEXT, TWO, Convention, both, csv, parquet, rows, texts, written

TABLES: dict[str, Convention] = {
    "one csv": Convention(csv("data.csv"), TABLE, rows(only=12)),
    "train.csv and test.csv": Convention(both(csv("train.csv"), csv("test.csv", 4)), TABLE, rows(train=12, test=4)),
    "semicolons": Convention(csv("train.csv", header="a;b;c;label", separator=";"), TABLE, rows(train=12)),
    "tabs": Convention(csv("train.tsv", header="a\tb\tc\tlabel", separator="\t"), TABLE, rows(train=12)),
    "bars": Convention(csv("train.csv", header="a|b|c|label", separator="|"), TABLE, rows(train=12)),
    "comments above the header": Convention(
        csv("train.csv", header="# made in 2024\n# by hand\na,b,c,label"), TABLE, rows(train=12)
    ),
    "a header in a comment, as numpy.savetxt writes it": Convention(
        csv("train.csv", header="# a,b,c,label"), TABLE, rows(train=12)
    ),
    "the target in the first column": Convention(
        written("train.csv", "label,a,b,c\n0,1,2,3\n1,4,5,6\n"), TABLE, rows(train=2), {}
    ),
    "a target by the output's name": Convention(
        written("train.csv", "a,b,c,Label\n1,2,3,0\n"), TABLE, rows(train=1), {}
    ),
    "no header, the last column": Convention(csv("train.csv", header=None), TABLE, rows(train=12), {"target": "-1"}),
    "two targets for two outputs": Convention(
        written("train.csv", "left,right,label,price\n1,2,0,3\n4,5,1,6\n"),
        Signature((Port("left", (1,)), Port("right", ())), TWO.outputs),
        {"train": ((2,), (2,), (2,), (2,))},
        {"target": "label,price"},
    ),
    "two targets side by side": Convention(
        written("train.csv", "a,b,c,u,v\n1,2,3,4,5\n"), TABLE, {"train": ((1, 3), (1, 2))}, {"target": "u, v"}
    ),
    "row numbers of pandas": Convention(
        written("train.csv", ",a,b,c,label\n0,1,2,3,0\n1,4,5,6,1\n"), TABLE, rows(train=2)
    ),
    "row names of R": Convention(
        written("train.csv", '"a","b","c","label"\n"1",1,2,3,0\n"2",4,5,6,1\n'), TABLE, rows(train=2)
    ),
    "a delimiter at the end of each line": Convention(
        written("train.csv", "a,b,c,label\n1,2,3,0,\n4,5,6,1,\n"), TABLE, rows(train=2)
    ),
    "columns counted by pandas": Convention(
        written("train.csv", "0,1,2,3\n1.5,2,3,0\n4.5,5,6,1\n"), TABLE, rows(train=2), {"target": "3"}
    ),
    "utf-16": Convention(written("train.csv", "a,b,c,label\n1,2,3,0\n", "utf-16"), TABLE, rows(train=1)),
    "a byte order mark": Convention(written("train.csv", "label,a,b,c\n1,2,3,0\n", "utf-8-sig"), TABLE, rows(train=1)),
    "latin-1": Convention(
        written("train.csv", "a,b,c,größe\n1,2,3,0\n", "latin-1"), TABLE, rows(train=1), {"target": "größe"}
    ),
    "old line ends": Convention(written("train.csv", "a,b,c,label\r1,2,3,0\r4,5,6,1\r"), TABLE, rows(train=2)),
    "quotes, commas and line ends inside": Convention(
        written("train.csv", 'name,a,b,c,label\n"Ann, B.",1,2,3,0\n"Bob\nC.",4,5,6,1\n'), TABLE, rows(train=2)
    ),
    "features and targets in files of their own": Convention(
        both(
            written("x_train.csv", ",a,b,c\n0,1,2,3\n1,4,5,6\n"),
            written("y_train.csv", ",label\n0,0\n1,1\n"),
            written("x_test.csv", ",a,b,c\n0,1,2,3\n"),
            written("y_test.csv", ",label\n0,0\n"),
        ),
        TABLE,
        rows(train=2, test=1),
    ),
    "numbers in blanks, with the subjects beside them": Convention(
        both(
            written("train/X_train.txt", "  1.0 2.0 3.0\n  4.0 5.0 6.0\n"),
            written("train/y_train.txt", "5\n1\n"),
            written("train/subject_train.txt", "7\n9\n"),
        ),
        TABLE,
        rows(train=2),
        {"group": "subject"},
    ),
    "features and targets of different length": Convention(
        both(written("x.csv", "a,b,c\n1,2,3\n"), written("y.csv", "label\n0\n1\n")),
        TABLE,
        "x.csv has 1 rows and y.csv has 2: they must have the same number of rows",
    ),
    "JSON Lines": Convention(
        written("train.jsonl", '{"a": 1, "b": 2, "c": 3, "label": "no"}\n\n{"a": 4, "b": 5, "c": 6, "label": "yes"}\n'),
        TABLE,
        rows(train=2),
    ),
    "JSON Lines with lists": Convention(
        written("train.ndjson", '{"x": [1, 2, 3], "id": 7, "y": [1]}\n{"x": [4, 5, 6], "id": 8, "y": [0]}\n'),
        TABLE,
        {"train": ((2, 3), (2, 1))},
        {},
    ),
    "Parquet": Convention(parquet("train.parquet"), TABLE, rows(train=12)),
    "inputs by column, text and numbers": Convention(
        written("train.csv", "age,town,label\n40,Rome,0\n30,,1\n"), CATEGORIES, {"train": ((2,), (2,), (2,))}
    ),
    "no header and no target": Convention(
        csv("train.csv", header=None),
        TABLE,
        "the target column is unclear: pass --target with a number from 0 to 3, or -1 for the last: the file has no",
        {},
    ),
    "no target that is called so": Convention(
        written("train.csv", "a,b,c,d\n1,2,3,0\n"),
        TABLE,
        "the target column is unclear: pass --target with one of a, b, c, d",
        {},
    ),
    "a wrong target": Convention(
        csv("train.csv"), TABLE, "it has no column lable: pass --target with one of a, b, c, label", {"target": "lable"}
    ),
    "a wrong number": Convention(
        csv("train.csv", header=None), TABLE, "it has no column 4: pass --target with a number from 0", {"target": "4"}
    ),
    "a target without values": Convention(
        written("train.jsonl", '{"x": [1, 2, 3], "y": null}\n'),
        TABLE,
        "the target y has no values: check --target",
        {},
    ),
    "a wrong group": Convention(
        csv("train.csv"), TABLE, "it has no column site: pass --group with one of a, b, c, label", {"group": "site"}
    ),
    "a time that is none": Convention(
        written("train.csv", "a,b,c,when,label\n1,2,3,2024-05-01,0\n1,2,3,May,0\n"),
        TABLE,
        '--time when: "May" is neither a number nor a date: write dates as 2024-12-31',
        {"time": "when"},
    ),
    "one-hot columns would fit": Convention(
        written("train.csv", "a,b,town,label\n1,2,Rome,0\n"),
        TABLE,
        "train.csv has 2 numeric feature columns and text in town, but the model takes 3 numbers a row: "
        "one number for each of town would give exactly 3: encode them as in training",
    ),
    "too many columns": Convention(
        written("train.csv", "a,b,c,d,e,label\n1,2,3,4,5,0\n7,8,6,4,5,0\n"),
        TABLE,
        "has 5 numeric feature columns, but the model takes 3 numbers a row: leave out what the model was not fed, "
        "or check --target",
    ),
    "text for a model of categories": Convention(
        written("train.csv", "age,town,label\nold,Rome,0\n"),
        CATEGORIES,
        'the column age holds text (such as "old"), but the model\'s input "age" takes numbers (float32): encode it as',
    ),
    "an input without its column": Convention(
        written("train.csv", "age,city,label\n40,Rome,0\n"),
        CATEGORIES,
        "there are no columns for the model's inputs town among age, city: name the columns like the inputs",
    ),
    "decimal commas": Convention(
        written("train.csv", "a;b;c;label\n1,5;2;3;0\n2,5;3;4;1\n"),
        TABLE,
        'but the model takes 3 numbers a row: a has decimal commas ("1,5"): save it with points',
    ),
    "numbers but for a few cells": Convention(
        written("train.csv", "a,b,c,label\n" + "1,2,3,0\n" * 9 + "-,2,3,0\n"),
        TABLE,
        'a holds numbers but for "-" and the like: correct or empty these cells',
    ),
    "only text": Convention(
        written("train.csv", "a,label\nu,0\nv,1\n"),
        Signature((Port("x", None),), TABLE.outputs),
        "train.csv has no columns of numbers besides the target: check --target and the delimiter",
    ),
    "missing tokens": Convention(
        written("train.csv", "a,b,c,label\n1,,3,0\n"),
        Signature((Port("tokens", (3,), "int32"),), TABLE.outputs),
        "values are missing in b (1), but the model takes whole numbers (int32): fill them as in training",
    ),
    "lists of different length": Convention(
        written("train.jsonl", '{"x": [1, 2, 3], "y": 0}\n{"x": [1], "y": 1}\n'),
        TABLE,
        "the lists in x have different lengths or kinds: pad them to one length as in training",
        {},
    ),
    "two columns of lists": Convention(
        written("train.jsonl", '{"u": [1], "v": [2], "y": 0}\n'),
        TABLE,
        'the model\'s input "features" must be one column of lists, got u, v: keep one of them',
        {},
    ),
    "a line that is not JSON": Convention(
        written("train.jsonl", '{"a": 1}\n{"a": \n'), TABLE, "train.jsonl: line 2 is not JSON (", {}
    ),
    "a line that is not JSON object": Convention(
        written("train.jsonl", "[1, 2]\n"),
        TABLE,
        'line 1 is not a JSON object: write one per line, such as {"x": 1, "y": 0}',
        {},
    ),
    "only a comment": Convention(
        written("train.csv", "# nothing\n\n"), TABLE, "has no rows: pass a table with one row per example"
    ),
    "a header without rows": Convention(
        written("train.csv", "a,b,c,label\n"),
        TABLE,
        "train.csv has no rows below its header: pass a table with one row",
    ),
    "bytes instead of text": Convention(
        lambda folder: (folder / "train.csv").write_bytes(b"a,b,c,label\n1,\0,3,4\n"),
        TABLE,
        "train.csv is not text: save it as CSV in UTF-8",
    ),
    "rows of different length": Convention(
        written("train.csv", "a,b,c,label\n1,2,3,0\n1,2,3,0,5,6\n"), TABLE, "train.csv cannot be read as a table ("
    ),
    "two columns of one name in Parquet": Convention(
        written("train.jsonl", '{"a": 1, " a": 2, "y": 0}\n'),
        TABLE,
        "two of its columns are called a: rename one of them",
        {},
    ),
    "a damaged Parquet file": Convention(
        lambda folder: (folder / "train.parquet").write_bytes(b"PAR1 and no more"),
        TABLE,
        "train.parquet is a damaged Parquet file (",
    ),
}

TEXTS: dict[str, Convention] = {
    "texts by class": Convention(texts("pos/1.txt", "pos/2.txt", "neg/1.txt"), TEXT, {"": ((3,), (3,))}),
    "texts by split and class": Convention(
        texts("train/pos/1.txt", "train/neg/1.txt", "train/unsup/1.txt", "test/pos/1.txt", "test/neg/1.txt"),
        TEXT,
        {"train": ((2,), (2,)), "test": ((2,), (2,))},
    ),
    "an unpacked archive of texts": Convention(
        both(texts("reviews/pos/1.txt", "reviews/neg/1.txt"), written("README.1.0", "read me")),
        TEXT,
        {"": ((2,), (2,))},
    ),
    "one text per line, labels beside it": Convention(
        both(written("train.txt", "good film\nbad film\n"), written("train_labels.txt", "1\n0\n")),
        TEXT,
        {"train": ((2,), (2,))},
    ),
    "one text per line, labels.txt": Convention(
        both(written("reviews.txt", "good film\nbad film\n"), written("labels.txt", "pos\nneg\n")),
        TEXT,
        {"": ((2,), (2,))},
    ),
    "a column of text": Convention(
        written("train.tsv", "label\ttext\nham\tSee you, soon\nspam\tWin; now\n"), TEXT, {"train": ((2,), (2,))}
    ),
    "two columns of text": Convention(
        written("train.csv", "title,text,label\nu,v,0\n"),
        Signature((Port("words", (1,), "string"),), TABLE.outputs),
        'the model\'s input "words" takes 1 text a row, but title, text hold text: keep what the model was fed',
    ),
    "more lines than labels": Convention(
        both(written("train.txt", "good\nbad\n"), written("train_labels.txt", "1\n")),
        TEXT,
        "train.txt has 2 lines and train_labels.txt has 1: each line must have one label",
    ),
    "a class of texts that train does not have": Convention(
        texts("train/pos/1.txt", "train/neg/1.txt", "test/so/1.txt", "test/lala/1.txt"),
        TEXT,
        "none of the class folders lala, so is among the training classes neg, pos: rename them",
    ),
    "texts for a model of numbers": Convention(
        texts("pos/1.txt", "neg/1.txt"),
        TABLE,
        'holds text, but the model takes numbers ("features" (3,)): turn the text into numbers as in training, with '
        "--loader FILE.py:FUNCTION",
    ),
}
