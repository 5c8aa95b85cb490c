"""Words that a person reads and that no catalogue of translations knows: they stand outside gettext.

Templates: text, and attributes that are read or read out. Python: what is written like words for a person, a label or a
sentence; not docstrings, and not what goes into logs.
"""

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

# Two letters that are not both capitals: TXT and UTC are the same everywhere.
WORD = re.compile(r"[^\W\d_][^\W\d_A-Z]|[^\W\d_A-Z][^\W\d_]")
QUERY = re.compile(r"\?\w+=\S*")  # The end of an address.
# "Save changes", but not "SELECT 1": the first word has small letters, or is one letter long.
SENTENCE = re.compile(r"(?:[A-Z][\w’'-]*[a-z][\w’'-]*,?|A|I|“[^”]*”) [^<>=|]*[a-z][^<>=|]*")
SHOWN = "0"  # Stands where a variable or a translation is shown.

READ_ATTRIBUTES = {
    *("alt", "aria-label", "aria-description", "caption", "description", "eyebrow", "heading", "help", "hx-confirm"),
    *("label", "lead", "note", "placeholder", "summary", "text", "title"),
}
GETTEXT = {
    *("_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy"),
    *("pgettext", "pgettext_lazy", "npgettext", "npgettext_lazy"),
}
READ_KEYWORDS = {
    *("description", "empty_label", "empty_value_display", "help_text", "label", "verbose_name", "verbose_name_plural"),
}


class _Page(HTMLParser):
    """Collects what of a page is read."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[int, str]] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "style"):
            self._inside.append(tag)
        for name, value in attrs:
            bare = name.lstrip(":")
            if value and (bare in READ_ATTRIBUTES or SENTENCE.fullmatch(value)) and not name.startswith((":", "x-")):
                self._note(value)

    def handle_endtag(self, tag: str) -> None:
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self._note(data)

    def _note(self, text: str) -> None:
        if WORD.search(text):
            self.found.append((self.getpos()[0], " ".join(text.split())))


def unknown_in_template(text: str, *, is_html: bool) -> Iterator[tuple[int, str]]:
    """Line and words of what the template says outside {% translate %} and {% blocktranslate %}."""
    said = _without_tags(text)
    if is_html:
        page = _Page()
        page.feed(said)
        page.close()
        yield from page.found
    else:
        for number, line in enumerate(said.splitlines(), 1):
            if WORD.search(QUERY.sub("", line)):
                yield number, line.strip()
    for match in re.finditer(r"\s:[\w-]+=\"[^\"]*\b_\(", text):
        # A component's dynamic attribute is no tag: what it says would not be collected.
        yield text.count("\n", 0, match.start()) + 1, match.group().strip()


def _without_tags(text: str) -> str:
    """The template as a browser would get it: nothing for tags, a sign for what they show, the same lines."""
    from django.template.base import Lexer, TokenType

    said: list[str] = []
    hidden_until = ""
    for token in Lexer(text).tokenize():
        name = token.contents.split(maxsplit=1)[0] if token.contents.strip() else ""
        if hidden_until:
            said.append("\n" * token.contents.count("\n"))
            if token.token_type == TokenType.BLOCK and name == hidden_until:
                hidden_until = ""
        elif token.token_type == TokenType.TEXT:
            said.append(token.contents)
        elif token.token_type == TokenType.VAR:
            said.append(SHOWN)
        elif name in ("comment", "blocktranslate", "blocktrans"):
            hidden_until = f"end{name}"
            said.append("" if name == "comment" else SHOWN)
        elif name in ("translate", "firstof", "url", "static"):
            said.append(SHOWN)
    return re.sub(rf"(</?){SHOWN}", r"\1x", "".join(said))  # <{{ element }}>


def unknown_in_code(source: str) -> Iterator[tuple[int, str]]:
    """Line and words of what the module says to people outside gettext."""
    tree = ast.parse(source)
    known = set(_known(tree))
    labels = set(_labels(tree))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or node in known:
            continue
        if SENTENCE.fullmatch(node.value) or (node in labels and WORD.search(node.value)):
            yield node.lineno, node.value


def _labels(tree: ast.AST) -> Iterator[ast.AST]:
    """What is shown however it is written: label="..." and the second half of DRAFT = "draft", "..."."""
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg in READ_KEYWORDS:
            yield node.value
        elif isinstance(node, ast.ClassDef) and any("Choices" in ast.unparse(base) for base in node.bases):
            for line in node.body:
                if isinstance(line, ast.Assign) and isinstance(line.value, ast.Tuple):
                    yield line.value.elts[-1]


def _known(tree: ast.AST) -> Iterator[ast.AST]:
    """Strings that are in the catalogue, or that people don't read."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value  # A docstring.
        elif isinstance(node, ast.Call) and _is_silent(node.func):
            yield from ast.walk(node)
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "permissions":
            yield from ast.walk(node)  # Names of rows, in English as Django writes its own.


def _is_silent(function: ast.expr) -> bool:
    if isinstance(function, ast.Name):
        return function.id in GETTEXT
    return (
        isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id == "logger"
    )


def unknown_words(path: Path) -> Iterator[tuple[int, str]]:
    """Line and words that the file says outside gettext."""
    text = path.read_text()
    if path.suffix == ".py":
        yield from unknown_in_code(text)
    else:
        yield from unknown_in_template(text, is_html=path.suffix == ".html")
