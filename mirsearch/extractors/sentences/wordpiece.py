"""BERT's tokenizer: words in lower case without accents, split into the longest pieces of a vocabulary.

Devlin et al., "BERT: Pre-training of deep bidirectional transformers" (NAACL 2019); the splitting of words: Wu et al.,
"Google's neural machine translation system" (arXiv 1609.08144).

Why not the library `tokenizers`: it brings 35 MB with an HTTP client, for what is a look-up in a list of words.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from itertools import islice

from mirsearch.text.foreign import clean_surrogates

_MAX_WORD_CHARS = 100
"""A longer word has no pieces: it is unknown, as in BERT."""
_CONTINUED = "##"
_IDEOGRAPHS = (
    (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F),
)  # fmt: skip
"""Characters of which each is a word, as BERT tells them."""


class WordPieceTokenizer:
    """Turns texts into the numbers of their pieces: [CLS], the pieces, [SEP]. A text that is too long is cut off."""

    def __init__(self, vocabulary: Sequence[str], length: int) -> None:
        self._numbers = {piece: number for number, piece in enumerate(vocabulary)}
        missing = [name for name in ("[CLS]", "[SEP]", "[UNK]") if name not in self._numbers]
        if missing or length < 2:
            raise ValueError(f"the vocabulary has no {missing[0]}" if missing else f"{length} pieces hold no text")
        self._start, self._end, self._unknown = (self._numbers[name] for name in ("[CLS]", "[SEP]", "[UNK]"))
        self.length = length

    def __call__(self, text: str) -> list[int]:
        """Return the numbers of a text's pieces, at most `length` of them."""
        pieces = (piece for word in split_words(clean_surrogates(text)) for piece in self._pieces(word))
        return [self._start, *islice(pieces, self.length - 2), self._end]

    def _pieces(self, word: str) -> list[int]:
        """Return the pieces of a word, each the longest that fits; of a word that does not split, [UNK]."""
        if len(word) > _MAX_WORD_CHARS:
            return [self._unknown]
        pieces: list[int] = []
        start = 0
        while start < len(word):
            prefix = _CONTINUED if start else ""
            for end in range(len(word), start, -1):
                number = self._numbers.get(prefix + word[start:end])
                if number is not None:
                    break
            else:
                return [self._unknown]
            pieces.append(number)
            start = end
        return pieces


def split_words(text: str) -> Iterator[str]:
    """Yield the words of a text in lower case, without accents; each sign of punctuation and ideograph is one."""
    word: list[str] = []
    for char in unicodedata.normalize("NFD", _clean(text).lower()):
        if unicodedata.category(char) == "Mn":  # an accent
            continue
        is_space = char.isspace()
        if is_space or _is_punctuation(char):
            if word:
                yield "".join(word)
                word.clear()
            if not is_space:
                yield char
        else:
            word.append(char)
    if word:
        yield "".join(word)


def _clean(text: str) -> str:
    """Return the text without control characters, with spaces for white space and around ideographs."""
    return "".join(_clean_character(char) for char in text)


def _clean_character(char: str) -> str:
    code = ord(char)
    if char in "\t\n\r" or unicodedata.category(char) == "Zs":
        return " "
    if code in (0, 0xFFFD) or unicodedata.category(char)[0] == "C":
        return ""
    return f" {char} " if any(first <= code <= last for first, last in _IDEOGRAPHS) else char


def _is_punctuation(char: str) -> bool:
    """Return whether BERT takes a character for punctuation: all of ASCII but letters and digits, and Unicode's P."""
    if char < "\x80":
        return char.isprintable() and not char.isalnum() and char != " "
    return unicodedata.category(char)[0] == "P"
