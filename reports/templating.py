"""Templates with escaping, and the Content-Security-Policy of the pages."""

import base64
import hashlib
import re
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined

from diagnose.reports import numbers, story

_UNIT = re.compile(  # code is copied, pictures do not wrap
    r"<(pre|code|script|style|svg)\b.*?</\1>|(?<=\d) %", re.DOTALL
)
MARK = {"sick": "flag", "attention": "warn", "healthy": "ok", "unknown": "soft"}  # CSS class of each state


def source(name: str) -> str:
    """The text of a template file."""
    return (files("diagnose.reports") / "templates" / name).read_text(encoding="utf-8").replace("\r\n", "\n")


def environment() -> Environment:
    """An environment that escapes every value and fails on a missing one."""
    made = Environment(
        autoescape=True,
        loader=FunctionLoader(source),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(story=story, numbers=numbers, mark=MARK, states=story.STATES, lists=story.LISTS)
    return made


def finished(page: str) -> str:
    """A page or a part of one as it is shown: without control characters, and no line ends between a number and "%"."""
    return _UNIT.sub(lambda found: found[0] if found[1] else "\u00a0%", story.clean(page))


def policy(style: str, script: str = "", allow: str = "") -> str:
    """The Content-Security-Policy of a page: only this style, this script and embedded images.

    `allow`: another source of styles, scripts and requests, for the viewer's own address (`'self'`).
    """
    own, nothing = allow, "'none'"
    rules = {
        "default-src": nothing,
        "style-src": f"{_digest(style)} {own}".rstrip(),
        "script-src": f"{_digest(script)} {own}".strip() or nothing,
        "connect-src": own or nothing,
        "img-src": "data:",
        "base-uri": nothing,
        "form-action": own or nothing,
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _digest(text: str) -> str:
    if not text:
        return ""
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"
