"""Find values in a text: numbers, quoted strings, names, dates, lists, yes and no."""

from __future__ import annotations

import re
from collections.abc import Iterable

from workersai.local.engines.words import words_of

__all__ = ["Clues"]

_FORMATS = {
    "date-time": r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d)?",
    "date": r"\b\d{4}-\d\d-\d\d\b",
    "time": r"\b\d{1,2}:\d\d(?::\d\d)?\b",
    "email": r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+",
    "uri": r"\bhttps?://[^\s\"'<>)]+",
    "uuid": r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b",
    "ipv4": r"\b\d{1,3}(?:\.\d{1,3}){3}\b",
}
_EXPRESSION = re.compile(r"[\d(][\d.\s()]*(?:[-+*/^%]+[\s(]*[\d.]+[\s)]*)+")
_NUMBER = re.compile(r"(?<![\w.])-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_NUMBER_WORDS = {
    word: str(value)
    for value, word in enumerate(
        [
            "zero",
            "-",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
        ]
    )
    if word != "-"
}
_APOSTROPHE = "'\u2019"
_QUOTED = re.compile(
    r'"([^"]+)"|\u201c([^\u201d]+)\u201d|«([^»]+)»|「([^」]+)」|`([^`]+)`|(?<!\w)\'([^\']+)\'(?!\w)'
)
_WORDLIKE = re.compile(rf"[^\W\d_][\w.{_APOSTROPHE}-]*")
_AFTER = re.compile(
    rf"\b(?:in|at|for|to|of|about|from|named|called|near)\s+((?:the\s+)?[^\W\d_][\w{_APOSTROPHE}-]*)",
    re.IGNORECASE,
)
_MEMBER = rf"[\w{_APOSTROPHE}-]+"
_LIST = re.compile(rf"{_MEMBER}(?:\s*,\s*{_MEMBER})*(?:\s*,?\s+(?:and|or)\s+{_MEMBER})?")
_SEPARATOR = re.compile(r"\s*,?\s+(?:and|or)\s+|\s*,\s*")
_NEGATIVE = re.compile(
    rf"\b(?:not|no|never|without|false|off|disabled?|\w+n[{_APOSTROPHE}]t)\b", re.IGNORECASE
)
_SENTENCE_END = ".!?:\n"


class Clues:
    """The values in one text; each is used once, in the order of the text."""

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        self._plain = _mask(text, (*_FORMATS.values(),))
        self._numbers = _numbers_of(self._plain)
        self._strings = _strings_of(text)

    def number(self, *, whole: bool) -> float | int | None:
        """Return the next unused number; a whole one if *whole* is set."""
        for position, found in enumerate(self._numbers):
            value = float(found)
            if not whole or value.is_integer():
                del self._numbers[position]
                return int(value) if value.is_integer() and "." not in found else value
        return None

    def string(self) -> str | None:
        """Return the next unused quoted string or name."""
        return self._strings.pop(0) if self._strings else None

    def strings(self) -> list[str]:
        """Return the members of the longest list in the text, or else every unused string."""
        quoted = _QUOTED.search(self.text) is not None
        lists = [] if quoted else [_SEPARATOR.split(m.group()) for m in _LIST.finditer(self._plain)]
        longest = max(lists, key=len, default=[])
        found = longest if len(longest) > 1 else self._strings
        self._strings = []
        return [item for item in found if item]

    def numbers(self, *, whole: bool) -> list[float | int]:
        """Return every unused number."""
        found: list[float | int] = []
        while (value := self.number(whole=whole)) is not None:
            found.append(value)
        return found

    def formatted(self, kind: str) -> str | None:
        """Return the first value of a JSON-schema format, such as a date, an address or a uuid."""
        match = re.search(_FORMATS[kind], self.text) if kind in _FORMATS else None
        return match.group() if match else None

    def expression(self) -> str | None:
        """Return the first arithmetic expression."""
        match = _EXPRESSION.search(self.text)
        return match.group().strip() if match else None

    def member(self, options: Iterable[object]) -> object | None:
        """Return the option whose words the text mentions."""
        mentioned = self.members(options)
        return mentioned[0] if mentioned else None

    def members(self, options: Iterable[object]) -> list[object]:
        """Return every option whose words the text mentions."""
        present = set(words_of(self.text)) | set(re.findall(r"\w+", self.text.lower()))
        return [option for option in options if _mentions_all(str(option), present)]

    def truth(self) -> bool:
        """Return False if the text has a word such as no, not, without or off; True otherwise."""
        return _NEGATIVE.search(self.text) is None

    def labelled(self, name: str) -> str | None:
        """Return the value beside a name, with an equals sign, a colon or `is` between them."""
        spoken = re.escape(name).replace("_", r"[\s_-]")
        match = re.search(
            rf"\b{spoken}\b\s*(?:=|:|\bis\b|\bof\b|(?=[\"“\d-]))\s*(?:\"([^\"]*)\"|“([^”]*)”|([^\s,;]+))",
            self.text,
            re.IGNORECASE,
        )
        if match is None:
            return None
        value = next(group for group in match.groups() if group is not None)
        return value.rstrip(".?!)")

    def take(self, value: str) -> None:
        """Mark a value as used, so that no other argument gets it."""
        self._numbers = [found for found in self._numbers if found != value]
        self._strings = [found for found in self._strings if found != value]


def _mask(text: str, patterns: Iterable[str]) -> str:
    for pattern in patterns:
        text = re.sub(pattern, lambda match: " " * len(match.group()), text)
    return text


def _numbers_of(text: str) -> list[str]:
    digits = [(match.start(), match.group().replace(",", "")) for match in _NUMBER.finditer(text)]
    spelled = [
        (match.start(), _NUMBER_WORDS[match.group()])
        for match in re.finditer(r"\b[a-z]+\b", text.lower())
        if match.group() in _NUMBER_WORDS
    ]
    return [value for _, value in sorted((*digits, *spelled))]


def _strings_of(text: str) -> list[str]:
    quoted = [next(filter(None, match.groups())) for match in _QUOTED.finditer(text)]
    rest = _QUOTED.sub(lambda match: "," * len(match.group()), text)
    inside, opening = _names_of(rest)
    after = [match.group(1) for match in _AFTER.finditer(rest) if words_of(match.group(1))]
    ordered = [*quoted, *inside, *after, *opening]
    return list(dict.fromkeys(value.removeprefix("the ") for value in ordered))


def _names_of(text: str) -> tuple[list[str], list[str]]:
    """Find runs of capitalised words: those inside sentences, and those that begin one."""
    runs: list[tuple[bool, list[str]]] = []
    end = -1
    for match in _WORDLIKE.finditer(text):
        word = re.sub(rf"[{_APOSTROPHE}]s$", "", match.group().rstrip(f".-{_APOSTROPHE}"))
        capital = word[:1].isupper() and (len(word) > 1 or not word.isascii())
        between = text[end : match.start()] if end >= 0 else "."
        if capital and runs and end >= 0 and between == " " and runs[-1][1]:
            runs[-1][1].append(word)
        else:
            opens = any(mark in between for mark in _SENTENCE_END)
            runs.append((opens, [word] if capital and words_of(word) else []))
        end = match.start() + len(word)
    inside = [" ".join(words) for opens, words in runs if words and not opens]
    return inside, [" ".join(words) for opens, words in runs if words and opens]


def _mentions_all(option: str, present: set[str]) -> bool:
    words = words_of(option) or re.findall(r"\w+", option.lower())
    return bool(words) and all(word in present for word in words)
