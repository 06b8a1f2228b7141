"""Find notes of third parties' rights in captions: parts of a figure that the article's licence does not cover."""

from __future__ import annotations

import re

_VERBS = r"(?:re-?produced|re-?printed|re-?published|re-?used|re-?drawn|adapted|adopted|modified|used|taken|obtained)"
_PHRASE = re.compile(
    rf"\b{_VERBS}\b[^.;]{{0,60}}?\b(?:with|by|under)\b[^.;]{{0,30}}?\bpermission\b"
    r"|\b(?:re-?produced|re-?printed|re-?published|re-?drawn|adapted)\b[^.;()]{0,40}?\bfrom\b"
    r"|\bwith\s+(?:the\s+)?(?:kind\s+)?permission\s+(?:from|of)\b"
    r"|\b(?:image|figure|photo|micrograph|picture)s?\s+courtesy\b|\bcourtesy\s+of\b"
    r"|\b(?:copyright|©)\s*+(?:©|\(c\))?+\s*+(?:19|20)\d\d\b",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"(?<!\bet al)(?<!\bRef)(?<!\bRefs)(?<!\bFig)(?<!\bNo)[.](?=\s+[A-Z(\[]|\s*$)")
MAX_CLAUSE_CHARS = 300
MAX_NOTE_CHARS = 1_000


def permission_note(caption: str) -> str | None:
    """Return the clauses that name another rights holder ("reproduced with permission …"); None if there are none."""
    clauses: list[str] = []
    position = 0
    while (match := _PHRASE.search(caption, position)) is not None:
        limit = min(len(caption), match.start() + MAX_CLAUSE_CHARS)
        end = _SENTENCE_END.search(caption, match.end(), limit)
        position = max(match.end(), end.end() if end else limit)
        clause = caption[match.start() : position].strip(" .;,")
        if clause not in clauses:
            clauses.append(clause)
    return join_notes(*clauses)


def join_notes(*notes: str | None) -> str | None:
    """Return the notes as one text without repeats; None if there are none."""
    unique = dict.fromkeys(note for note in notes if note)
    return "; ".join(unique)[:MAX_NOTE_CHARS] or None
