"""Writes and reads a diagnosis as JSON.

Non-finite numbers are written as the strings "NaN", "Infinity" and "-Infinity", as JSON does not have them.
`Where.label` has the key "class" in the file. Unknown keys are ignored on reading, so that an older version can
read a newer file.
"""

import contextlib
import json
import math
import os
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from diagnose.diagnosis import SCHEMA, Diagnosis
from diagnose.errors import InputError
from diagnose.findings import Evidence
from diagnose.upgrading import upgraded

if TYPE_CHECKING:
    from pydantic import TypeAdapter

LONGEST = 150  # bytes of a name made of a model's; file systems allow 255, and the time and a suffix follow
_SURROGATE = re.compile("[\ud800-\udfff]")
NON_FINITE = ("NaN", "Infinity", "-Infinity")
FREE_FORM = ("subject", "settings")  # dictionaries of text and numbers without declared types
KINDS = frozenset(kind.__dataclass_fields__["kind"].default for kind in get_args(Evidence))


class NewerSchema(UserWarning):
    """The file was written by a newer version; unknown parts are left out."""


def to_json(diagnosis: Diagnosis) -> str:
    """Return the diagnosis as JSON text, with keys in the order of the dataclass fields."""
    data = plain(diagnosis)
    for finding in data["findings"]:
        finding["where"] = {("class" if key == "label" else key): at for key, at in finding["where"].items()}
    first = {"schema": data.pop("schema")}
    return json.dumps(first | data, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def from_json(text: str) -> Diagnosis:
    """Read the output of `to_json`, also of an older or newer version.

    Raises:
        InputError: the text is not JSON, or not a diagnosis.
    """
    from pydantic import ValidationError

    try:
        data = json.loads(text)
    except ValueError as error:
        raise InputError(f"not a diagnosis: the text is not JSON ({error})") from error
    if not isinstance(data, dict) or not isinstance(data.get("schema"), int):
        raise InputError('not a diagnosis: the JSON must have an integer "schema"; pass a file written by diagnose')
    if data["schema"] > SCHEMA:
        notice = f"written by a newer version (schema {data['schema']}, not {SCHEMA}); unknown parts are left out"
        warnings.warn(notice, NewerSchema, stacklevel=2)
    try:
        return _adapter().validate_python(_readable(data))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "top level"
        raise InputError(f"not a valid diagnosis: {place}: {first['msg']}") from error


def save(diagnosis: Diagnosis, path: str | Path) -> None:
    """Write the diagnosis as JSON (`.json`), HTML (`.html`) or JUnit XML (`.xml`), atomically.

    Raises:
        InputError: another suffix, or the folder is not writable.
    """
    path = Path(path)
    write_text(_writer(path)(diagnosis), path)


def write_text(text: str, path: Path) -> None:
    """Write `text` to a temporary file, then rename it, so that readers never see half a file.

    Raises:
        InputError: the folder is not writable.
    """
    with _temporary(text, path) as temporary:
        temporary.replace(path)


def write_new(text: str, path: Path) -> Path:
    """Write `text` like `write_text`, to the first of NAME, NAME-2, NAME-3 ... that does not exist; return it.

    Raises:
        InputError: the folder is not writable.
    """
    with _temporary(text, path) as temporary:
        for number in count(1):
            free = path if number == 1 else path.with_stem(f"{path.stem}-{number}")
            try:
                os.link(temporary, free)
            except FileExistsError:
                continue
            except OSError:  # a file system without links
                if free.exists():
                    continue
                temporary.replace(free)
            return free
    raise AssertionError("some name is free")


@contextlib.contextmanager
def _temporary(text: str, path: Path) -> Iterator[Path]:
    """A temporary file with this text beside `path`; it is removed at the end, also after an interrupt.

    A lone surrogate, which stands for bytes of a name that are not UTF-8, is written as a replacement character.
    """
    temporary = path.with_name(f".{plain_name(path.name)}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(encodable(text).encode())
        yield temporary
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}; pass a writable path") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def plain_name(name: str) -> str:
    """A name that every file system takes: letters, digits, dots and hyphens, at most LONGEST bytes in UTF-8."""
    plain = re.sub(r"[^\w.-]+", "_", encodable(name)).encode()[:LONGEST].decode(errors="ignore")
    return plain.strip(".") or "model"


def encodable(text: str) -> str:
    """The text with lone surrogates, which no encoding can write, as replacement characters."""
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def load(path: str | Path) -> Diagnosis:
    """Read a diagnosis from a JSON file.

    Raises:
        InputError: the file is missing, unreadable, or not a diagnosis.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist; pass a JSON file written by diagnose") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as text ({error}); pass a JSON file written by diagnose") from error
    try:
        return from_json(text)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of the output of `to_json`."""
    schema: dict[str, Any] = _with_non_finite(_adapter().json_schema(mode="validation"))
    definitions = schema["$defs"]
    definitions["NonFinite"] = {
        "enum": list(NON_FINITE),
        "description": "a non-finite number",
    }
    place = definitions["Where"]["properties"]
    place["class"] = place.pop("label")
    schema["required"] = [field.name for field in fields(Diagnosis)]
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return schema


def _writer(path: Path) -> Callable[[Diagnosis], str]:
    if path.suffix.lower() == ".json":
        return to_json
    if path.suffix.lower() in (".html", ".htm"):
        from diagnose.reports import html

        return html.render
    if path.suffix.lower() == ".xml":
        from diagnose.reports import junit

        return junit.render
    raise InputError(f'cannot save as "{path.name}": the path must end in .json, .html or .xml (JUnit)')


@cache
def _adapter() -> "TypeAdapter[Diagnosis]":
    from pydantic import TypeAdapter

    return TypeAdapter(Diagnosis)


def plain(value: Any) -> Any:
    """Convert a value to JSON types: dictionaries, lists, text, finite numbers, booleans, None."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list | set | frozenset):
        return [plain(item) for item in (sorted(value) if isinstance(value, set | frozenset) else value)]
    if isinstance(value, Enum):
        value = value.value
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return _number(float(value))
    return plain(value.tolist()) if hasattr(value, "dtype") else str(value)  # dtype: NumPy, not imported here


def _number(value: float) -> float | str:
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _readable(data: dict[str, Any]) -> dict[str, Any]:
    """The data of a file in the form that the dataclasses need."""
    free = {key: _restored(data[key]) for key in FREE_FORM if key in data}
    findings = data.get("findings", [])
    placed = [_with_label(finding) for finding in findings] if isinstance(findings, list) else findings
    known: dict[str, Any] = _known_evidence(upgraded(data) | free | {"findings": placed})
    return known


def _restored(value: Any) -> Any:
    """Convert "NaN", "Infinity" and "-Infinity" to numbers where no type is declared."""
    if isinstance(value, dict):
        return {key: _restored(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_restored(item) for item in value]
    return float(value) if value in NON_FINITE else value


def _with_label(finding: Any) -> Any:
    if not isinstance(finding, dict) or not isinstance(finding.get("where"), dict):
        return finding
    return finding | {"where": {("label" if key == "class" else key): at for key, at in finding["where"].items()}}


def _known_evidence(value: Any) -> Any:
    """Replace evidence of a kind that only a newer version has with a table that says so."""
    if isinstance(value, list):
        return [_known_evidence(item) for item in value]
    if not isinstance(value, dict):
        return value
    value = {key: _known_evidence(item) for key, item in value.items()}
    if isinstance(value.get("evidence"), dict):
        value["evidence"] = _or_table(value["evidence"])
    if isinstance(value.get("evidence"), list):
        value["evidence"] = [_or_table(item) for item in value["evidence"]]
    return value


def _or_table(evidence: Any) -> Any:
    if not isinstance(evidence, dict) or evidence.get("kind") in KINDS:
        return evidence
    reason = f'evidence of the kind "{evidence.get("kind")}" needs a newer version of diagnose'
    return {"kind": "table", "title": str(evidence.get("title", "")), "columns": ["not shown"], "rows": [[reason]]}


def _with_non_finite(node: Any) -> Any:
    if isinstance(node, list):
        return [_with_non_finite(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: _with_non_finite(item) for key, item in node.items()}
    if node.get("type") == "number":
        rest = {key: item for key, item in node.items() if key != "type"}
        return rest | {"anyOf": [{"type": "number"}, {"$ref": "#/$defs/NonFinite"}]}
    return node
