"""The glossary of the report. The page marks each term at its first use in a section."""

import re

from markupsafe import Markup

from diagnose.reports.svg import joined, tag
from diagnose.reports.terms import ALSO, GLOSSARY, canonical

_COMMON = {"disease", "direction", "confidence"}  # also everyday words, so they are only marked explicitly
_NAMES = sorted({*GLOSSARY, *ALSO} - _COMMON, key=len, reverse=True)
_TERM = "|".join(re.escape(name).replace(r"\ ", r"[ -]") + ("s?" if name[-1] != "s" else "") for name in _NAMES)
# Text that must not wrap: 90 %, 6e-05, --dev PATH.
_KEPT = (
    r"(?<![\w.])\d[\d.,]*(?:e[-−+]?\d+| %|–\d[\d.,]*)|(?<![\w-])--[a-z][a-z-]+(?: (?:[A-Z]{2,}|quick|standard|deep)\b)?"
)
_NUMBER = re.compile(f"({_KEPT})")
_PIECE = re.compile(rf"(?P<number>{_KEPT})|(?<![\w-])(?P<term>{_TERM})(?![\w-])", re.IGNORECASE)
_EXPONENT = re.compile(r"e([-−+]?)0*(\d+)$")


class Words:
    """Turns text into HTML: terms become buttons that show their meaning, and numbers such as 90 % do not wrap.

    Each term is marked once per section; `section` starts a new one. `used` collects the terms that the page explains.
    """

    def __init__(self) -> None:
        self.used: dict[str, str] = {}
        self._marked_terms: set[str] = set()

    def section(self) -> str:
        """Start a new section. Returns "", for use in a template."""
        self._marked_terms.clear()
        return ""

    def plain(self, text: str) -> Markup:
        """The text without marked terms, for headings and links. Numbers and options do not wrap."""
        return joined(_whole(part) if n % 2 else part for n, part in enumerate(_NUMBER.split(text)))

    def __call__(self, text: str) -> Markup:
        parts: list[str | Markup] = []
        end = 0
        for piece in _PIECE.finditer(text):
            parts += [text[end : piece.start()], self._marked(piece)]
            end = piece.end()
        return joined([*parts, text[end:]])

    def _marked(self, piece: re.Match[str]) -> str | Markup:
        return _whole(piece.group()) if piece["number"] else self.term(piece.group())

    def term(self, text: str) -> str | Markup:
        """A term as a button at its first use in a section, then as plain text."""
        name = canonical(text)
        if name in self._marked_terms:
            return text
        self._marked_terms.add(name)
        self.used[name] = GLOSSARY[name]
        return tag("button", text, type="button", class_="term", popovertarget=target(name))


def _whole(text: str) -> Markup:
    """A number or an option that does not wrap; exponents as elsewhere on the page: 3.5e4, 6e−5."""
    if text.startswith("--"):
        return tag("code", text, class_="num")
    return tag(
        "span", _EXPONENT.sub(lambda power: f"e{'−' if power[1] in ('-', '−') else ''}{power[2]}", text), class_="num"
    )


def target(name: str) -> str:
    """The id of a term's explanation."""
    return f"term-{name.replace(' ', '-')}"
