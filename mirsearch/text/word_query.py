"""The language of words: AND, OR, NOT, "phrases", nano*, FIELD:word and parentheses. One parser, one tree.

Every place that takes words uses it: the text of a query, filters, lists, and keywords that are looked for in captions.
An index turns the tree into its own queries; nothing of the text is pasted into them.

A text with AND, OR or NOT in capitals, or with a field, is an expression: a condition that is read strictly. Any other
text is plain words, and never an error: parentheses and quotes that do not pair are then punctuation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from mirsearch.errors import UsageError
from mirsearch.settings import LIMITS
from mirsearch.text.terms import PREFIX_SIGN, Term
from mirsearch.text.tokens import STOP_WORDS, tokens, word_prefix

FIELDS = ("caption", "title", "text", "heading", "label", "mentions")
"""Fields that a word can be limited to. `text` is what was read in the panel, `label` its letter."""
WORD_FIELDS = ("caption", "text", "title", "mentions")
"""Texts in which a word without a field is looked for."""
MAX_DEPTH = 16
"""Most parentheses and NOTs inside one another."""

_QUOTES = '"\u201c\u201d\u201e\u00ab\u00bb'
_PIECE = re.compile(
    rf"(?P<phrase>[{_QUOTES}][^{_QUOTES}]*[{_QUOTES.replace(chr(0x201E), '')}])|(?P<quote>[{_QUOTES}])|(?P<sign>[()])"
    rf"|(?P<word>[^\s(){_QUOTES}]+)"
)
_FIELD = re.compile(rf"({'|'.join(FIELDS)}):", re.IGNORECASE)
_OPERATORS = ("AND", "OR", "NOT")
_EXCERPT = 24
_AS_TEXT = "put it in quotes if it is text"


@dataclass(frozen=True, slots=True)
class Word:
    """Consecutive tokens, in one field or (None) in any of WORD_FIELDS. A token may end in PREFIX_SIGN if it is alone.

    `typed` is the word as it was written. `is_common`: a stop word that stands alone.
    """

    term: Term
    field: str | None = None
    typed: str = ""
    is_common: bool = False

    @property
    def prefix(self) -> str | None:
        """Return the beginning of words that this stands for, or None."""
        return self.term[0][:-1] if self.term[0].endswith(PREFIX_SIGN) else None

    @property
    def letter(self) -> str:
        """Return the word as the letter of a panel."""
        return self.typed.strip(f"(){PREFIX_SIGN} ")


@dataclass(frozen=True, slots=True)
class Both:
    """All parts hold."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """At least one part holds."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Node


Node = Word | Both | Either | Not


@dataclass(frozen=True, slots=True)
class WordQuery:
    """A text that was read. `tree` None: it has no word. `binds`: it is an expression, a condition by itself."""

    text: str
    tree: Node | None
    binds: bool


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of the text: kind is phrase, word, (, ), AND, OR, NOT, field (of what follows it) or quote."""

    kind: str
    text: str
    start: int


@lru_cache(maxsize=64)
def parse_words(text: str, origin: str = "--text", field: str | None = None) -> WordQuery:
    """Read a text. `field` is that of words without one. Raises UsageError for an expression that is not well formed.

    `origin` names the option in errors. Plain words are cut at `LIMITS.field_chars`; an expression may not be longer.
    """
    pieces = list(_pieces(text[: LIMITS.field_chars]))
    has_words = any(piece.kind in ("word", "phrase") and any(map(str.isalnum, piece.text)) for piece in pieces)
    if not has_words:  # nothing but AND, OR, NOT: then these are words
        pieces = [_Piece("word", piece.text, piece.start) if piece.kind in _OPERATORS else piece for piece in pieces]
    binds = any(piece.kind in (*_OPERATORS, "field") for piece in pieces)
    if binds and len(text) > LIMITS.field_chars:
        raise UsageError(f"{origin} has {len(text):,} characters", f"give at most {LIMITS.field_chars:,}")
    if binds:
        tree = _Parser(text, pieces, origin, field).parse()
    else:
        found = (_leaf(piece, field) for piece in pieces if piece.kind in ("word", "phrase"))
        tree = _join(Both, [node for node in found if node is not None])
    return WordQuery(text, _without_common_words(tree), binds)


def parse_condition(text: str, origin: str = "--text", field: str | None = None) -> Node | None:
    """Return the tree of a text that is a condition; None if it has no word. Raises UsageError, also for many words."""
    tree = parse_words(text, origin, field).tree
    if tree is not None and len(list(leaves(tree))) > LIMITS.query_terms:
        raise UsageError(f"{origin} has more than {LIMITS.query_terms} words", "give fewer, or leave out --require")
    return tree


def _pieces(text: str) -> Iterator[_Piece]:
    for found in _PIECE.finditer(text):
        start, part = found.start(), found[0]
        if found["word"] is None:
            yield _Piece("phrase" if found["phrase"] else "quote" if found["quote"] else part, part, start)
            continue
        named = _FIELD.match(part)
        follows = text[found.end() : found.end() + 1]
        if named and (named.end() < len(part) or (follows and follows in f"({_QUOTES}")):
            yield _Piece("field", named[1].lower(), start)
            if named.end() < len(part):
                yield _Piece("word", part[named.end() :], start + named.end())
        else:
            yield _Piece(part if part in _OPERATORS else "word", part, start)


def _leaf(piece: _Piece, field: str | None) -> Node | None:
    """Return the condition of a word or phrase, or None if it has no letter or digit."""
    if piece.kind == "word":
        prefix = word_prefix(piece.text)
        if prefix:
            beginning = Word((prefix + PREFIX_SIGN,), field, piece.text)
            (stem,) = tokens(prefix)  # "particles*" must find the word that is indexed as "particle"
            return beginning if stem.startswith(prefix) else Either((beginning, Word((stem,), field, piece.text)))
    term = tuple(tokens(piece.text))
    if not term:
        return None
    is_common = piece.kind == "word" and field is None and len(term) == 1 and term[0] in STOP_WORDS
    return Word(term, field, piece.text.strip(_QUOTES), is_common)


def _join(kind: type[Both] | type[Either], parts: Sequence[Node]) -> Node | None:
    return kind(tuple(parts)) if len(parts) > 1 else (parts[0] if parts else None)


class _Parser:
    """Reads the pieces of an expression. NOT binds most tightly, then AND (which may be left out), then OR."""

    def __init__(self, text: str, pieces: Sequence[_Piece], origin: str, field: str | None) -> None:
        self._text, self._pieces, self._origin, self._field = text, pieces, origin, field
        self._at = self._depth = 0

    def parse(self) -> Node | None:
        for piece in self._pieces:
            if piece.kind == "quote":
                raise self._error("a quote is not closed", piece, "close it, or leave it out")
        tree = self._either(self._field)
        if self._at < len(self._pieces):
            raise self._error("a parenthesis was not opened", self._pieces[self._at], _AS_TEXT)
        return tree

    @property
    def _kind(self) -> str:
        return self._pieces[self._at].kind if self._at < len(self._pieces) else "end"

    def _either(self, field: str | None) -> Node | None:
        parts = [self._both(field)]
        while self._kind == "OR":
            operator = self._pieces[self._at]
            self._at += 1
            parts.append(self._both(field))
            self._check_sides(operator, parts)
        return _join(Either, [part for part in parts if part is not None])

    def _both(self, field: str | None) -> Node | None:
        parts: list[Node | None] = []
        while self._kind not in ("end", "OR", ")"):
            if self._kind == "AND":
                operator = self._pieces[self._at]
                self._at += 1
                has_right = self._kind not in ("end", "OR", "AND", ")")
                parts.append(self._single(field) if has_right else None)
                self._check_sides(operator, parts)
            else:
                parts.append(self._single(field))
        return _join(Both, [part for part in parts if part is not None])

    def _single(self, field: str | None) -> Node | None:
        piece = self._pieces[self._at]
        self._at += 1
        if piece.kind in ("word", "phrase"):
            return _leaf(piece, field)
        if self._depth >= MAX_DEPTH:
            raise self._error(f"more than {MAX_DEPTH} conditions are inside one another", piece, "write it in fewer")
        self._depth += 1
        node: Node | None
        if piece.kind == "(":
            node = self._either(field)
            if self._kind != ")":
                raise self._error("a parenthesis is not closed", piece, f"close it, or {_AS_TEXT}")
            self._at += 1
        elif self._kind in ("end", "OR", "AND", ")"):
            raise self._error(f"{piece.text} has no word after it", piece, f"add one, or {_AS_TEXT}")
        else:
            node = self._single(piece.text if piece.kind == "field" else field)
            node = Not(node) if node is not None and piece.kind == "NOT" else node
        self._depth -= 1
        return node

    def _check_sides(self, operator: _Piece, parts: Sequence[Node | None]) -> None:
        """Raise UsageError if an operator lacks the condition before or after it."""
        sides = {"before": len(parts) > 1 and parts[-2] is not None, "after": parts[-1] is not None}
        for side, is_there in sides.items():
            if not is_there:
                remedy = f'add one, or write "{operator.text.lower()}" for the word'
                raise self._error(f"{operator.text} has no word {side} it", operator, remedy)

    def _error(self, problem: str, piece: _Piece, remedy: str) -> UsageError:
        start, end = max(piece.start - _EXCERPT, 0), piece.start + len(piece.text) + _EXCERPT
        before, after = "…" * (start > 0), "…" * (end < len(self._text))
        excerpt = before + self._text[start:end] + after
        return UsageError(f"{self._origin}: {problem}, at character {piece.start + 1} of {excerpt!r}", remedy)


def _without_common_words(tree: Node | None) -> Node | None:
    """Return the tree without stop words that stand alone, unless it has no others."""

    def prune(node: Node) -> Node | None:
        if isinstance(node, Word):
            return None if node.is_common else node
        if isinstance(node, Not):
            part = prune(node.part)
            return None if part is None else Not(part)
        return _join(type(node), [part for part in map(prune, node.parts) if part is not None])

    return None if tree is None else (prune(tree) or tree)


def leaves(node: Node | None, negated: bool = True) -> Iterator[Word]:
    """Yield the words of a tree from left to right; without `negated`, those that are not under NOT."""
    if isinstance(node, Word):
        yield node
    elif isinstance(node, Not):
        if negated:
            yield from leaves(node.part)
    elif node is not None:
        for part in node.parts:
            yield from leaves(part, negated)
