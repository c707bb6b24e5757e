"""Docstrings and comments say things the way an engineer says them aloud, as far as a pattern can tell.

Ruff holds the style of docstrings; this holds their words. CONTRIBUTING.md has the rules.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src" / "micacl"

# The first word of a docstring is a verb or a noun, no riddle.
RIDDLE = re.compile(r"(What|Whether|Which|How|Who|Whom|Whose|Where|Why|Of)\b")
# An argument's entry is a noun phrase, no fragment: "seed: Of the proposals.", "folder: The search's."
FRAGMENT = re.compile(r"^ +\w+: (Of\b.*|(The|A|Its) [\w ]+'s\.)$", re.MULTILINE)
# A word of our own where there is a standard one, and what to say.
PHRASES = {
    r"g(o|oes|oing|one) on\b": "resume, continue",
    r"mend(s|ed|ing)?\b": "fix",
    r"h(o|e)ld against\b": "check against",
    r"(stands?|stood|standing) in(?! for)\b": "is recorded in",
    r"(takes?|taken|taking|took) in\b": "decode, cache, read",
    r"lent\b": "",
    r"makes? of\b": "",
    r"sa(y|ys|id) of\b": "",
    r"(is|are) (known|told) of\b": "",
    r"to be had\b": "available",
    r"(row|line|second|epoch|file|test|record)s? an? (row|epoch|second|step|run|clip|class|setting|job)\b": "per",
}
PHRASE = re.compile(r"\b(" + "|".join(PHRASES) + ")", re.IGNORECASE)


def docstrings(code: str) -> Iterator[tuple[int, str]]:
    """Line and text of each docstring."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text is not None:
                yield node.body[0].lineno, text


def comments(code: str) -> Iterator[tuple[int, str]]:
    """Line and text of each run of comments, so that a phrase may break over two lines."""
    first, last, words = 0, -1, ""
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type != tokenize.COMMENT:
            continue
        line, text = token.start[0], token.string.lstrip("# ")
        if line == last + 1:
            words, last = f"{words} {text}", line
            continue
        yield first, words
        first, last, words = line, line, text
    yield first, words


def findings() -> Iterator[str]:
    """One line for each offence, with its place."""
    for path in sorted(SOURCE.rglob("*.py")):
        code = path.read_text(encoding="utf-8")
        name = path.relative_to(SOURCE).as_posix()
        for line, text in docstrings(code):
            if RIDDLE.match(text):
                yield f"{name}:{line}: begins with {text.split()[0]!r}; begin with a verb: {text.splitlines()[0]}"
            for entry in FRAGMENT.findall("\n" + text):
                yield f"{name}:{line}: a fragment; write a whole noun phrase: {entry[0]}"
        for line, text in (*docstrings(code), *comments(code)):
            for found in PHRASE.findall(" ".join(text.split())):
                yield f"{name}:{line}: {found[0]!r}; say {_better(found[0])}"


def _better(found: str) -> str:
    (word,) = (word for pattern, word in PHRASES.items() if re.fullmatch(pattern, found, re.IGNORECASE))
    return word or "it in other words"


def test_docstrings_and_comments_are_said_plainly() -> None:
    offences = list(findings())
    assert not offences, "\n" + "\n".join(offences)
