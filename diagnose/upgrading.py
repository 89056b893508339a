"""Upgrades results of older versions to the current schema."""

import math
from collections.abc import Iterator
from typing import Any

SPLITS = {"train": "train", "train-dev": "train_dev", "dev": "dev", "test": "test"}


def upgraded(data: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON of a result in the current form.

    Older versions have no `errors`, only a bar chart of them for each output, with the splits as labels.
    """
    if "errors" in data or not isinstance(data.get("figures"), list):
        return data
    ladders = [
        figure["evidence"]
        for figure in data["figures"]
        if isinstance(figure, dict) and figure.get("section") == "errors" and isinstance(figure.get("evidence"), dict)
    ]
    names = [*_outputs(data.get("subject")), *(f"output {place + 1}" for place in range(len(ladders)))]
    errors = [error for name, ladder in zip(names, ladders, strict=False) for error in _errors(name, ladder)]
    others = [
        figure for figure in data["figures"] if not (isinstance(figure, dict) and figure.get("section") == "errors")
    ]
    return data | {"errors": errors, "figures": others}


def _outputs(subject: Any) -> list[str]:
    outputs = subject.get("outputs") if isinstance(subject, dict) else None
    named = outputs if isinstance(outputs, list) else []
    return [str(output.get("name", "")) for output in named if isinstance(output, dict)]


def _errors(output: str, ladder: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The errors in one bar chart."""
    if ladder.get("kind") != "bars":
        return
    levels = dict(zip(ladder.get("labels", []), _levels(ladder), strict=False))
    baseline = next((label for label in levels if "baseline" in str(label)), None)  # "best baseline", "baseline: ridge"
    shared = {
        "constant_error": levels.get("constant prediction", (math.nan, None))[0],
        "target_error": levels.get("target", (None, None))[0],
        "baseline": str(baseline).removeprefix("baseline: ").removesuffix(" baseline") if baseline else None,
        "baseline_error": levels[baseline][0] if baseline else None,
        "baseline_interval": levels[baseline][1] if baseline else None,
    }
    for label, (value, interval) in levels.items():
        split = SPLITS.get(str(label).replace("_", "-"))
        if split is not None:
            unit = "RMSE" if ladder.get("unit") == "RMSE" else "error rate"
            own = {"output": output, "split": split, "unit": unit, "error": value, "interval": interval}
            yield own | {"rows": None, "population": None, "skill": math.nan} | shared


def _levels(ladder: dict[str, Any]) -> Iterator[tuple[Any, dict[str, Any] | None]]:
    """Each value with its interval, None if it has none."""
    lows, highs = ladder.get("lows") or [], ladder.get("highs") or []
    for place, value in enumerate(ladder.get("values", [])):
        known = place < min(len(lows), len(highs)) and lows[place] != highs[place]
        yield value, {"low": lows[place], "high": highs[place]} if known else None
