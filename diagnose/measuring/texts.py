"""Texts as numbers: TF-IDF of words and pairs of words."""

from typing import Any

import numpy as np

from diagnose.measurements import DOES_NOT_APPLY, Array, NotMeasured
from diagnose.subject import Rows


def terms(rows: list[Rows], like: Rows, most: int) -> tuple[list[Array], tuple[str, ...]]:
    """Return the TF-IDF [rows, terms] of the most frequent words and pairs of words of `like`, and the terms.

    Raises:
        NotMeasured: the texts `like` have no words.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(
        ngram_range=(1, 2), sublinear_tf=True, max_features=most, token_pattern=r"(?u)\b\w+\b", dtype=np.float64
    )
    try:
        vectorizer.fit(_texts(like))
    except ValueError as empty:
        raise NotMeasured("the texts have no words", DOES_NOT_APPLY) from empty
    tables = [np.asarray(vectorizer.transform(_texts(part)).todense()) for part in rows]
    return tables, tuple(vectorizer.get_feature_names_out())


def is_text(rows: Rows) -> bool:
    """Whether the rows are strings."""
    return rows.dtype.kind in "OSU"


def _texts(rows: Rows) -> list[str]:
    """One text a row; several columns are joined."""
    return [" ".join(map(_text, row)) for row in rows.reshape(len(rows), -1)]


def _text(cell: Any) -> str:
    return cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)
