"""Formats that are recognised but not read: the message says what to do instead."""

from typing import NoReturn

from diagnose.errors import InputError
from diagnose.loading.data.loader_templates import is_records, not_understood
from diagnose.loading.data.sources import Format, Source
from diagnose.loading.magic import PACKED, PICKLED

_RECORDS = "holds TFRecords, which do not say what is input and what is target: pass arrays or tables"
_PICKLE = "is a Python pickle, which runs code when it is opened and is never loaded: save arrays with numpy.savez"


def _has_records(source: Source) -> bool:
    return any(is_records(path) for path in (source.entries if source.is_folder else [source.path]))


def _refuse_records(source: Source) -> NoReturn:
    raise not_understood(f"{source.path} {_RECORDS}", source.path, source.signature)


def _refuse_packed(source: Source) -> NoReturn:
    raise InputError(f"{source.path} is a packed file: unpack it and pass what is inside")


def _refuse_pickle(source: Source) -> NoReturn:
    raise not_understood(f"{source.path} {_PICKLE}", source.path, source.signature)


TFRECORDS = Format("TFRecords", recognises=_has_records, read=_refuse_records)
PACKED_FILES = Format("packed files", recognises=lambda s: s.start.startswith(PACKED), read=_refuse_packed)
PICKLES = Format("Python pickles", recognises=lambda s: s.start.startswith(PICKLED), read=_refuse_pickle)
