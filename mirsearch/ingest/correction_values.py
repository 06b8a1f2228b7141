"""What a person writes for a correction, as changes of a panel's fields: of the command's options, or of a table."""

from __future__ import annotations

from typing import Any

from mirsearch import settings
from mirsearch.corpus import KINDS, TECHNIQUES
from mirsearch.errors import UsageError

MAX_LABEL_CHARS = 8
"""Most characters of a panel's letter."""
KIND_OF_TECHNIQUE = {"EDX": "map", "EBSD": "map"}
"""Kinds of panels by technique. Panels of the other techniques are micrographs."""


def parse_changes(label: str | None, kind: str | None, technique: str | None, caption: str | None) -> dict[str, Any]:
    """Return the changes that are asked for (None: none), checked, by the name of the field. Raises UsageError."""
    changes: dict[str, Any] = {}
    if label is not None:
        changes["label"] = _parse_label(label)
    if kind is not None:
        named = {name.lower(): name for name in TECHNIQUES} | {name.lower(): name for name in KINDS}
        chosen = _match_name("--kind", kind, named)
        changes["kind"] = chosen if chosen in KINDS else KIND_OF_TECHNIQUE.get(chosen, "micrograph")
        if chosen not in KINDS:
            changes["technique"] = chosen
    if technique is not None:
        changes["technique"] = _match_name("--technique", technique, {name.lower(): name for name in TECHNIQUES})
    if caption is not None:
        changes["caption"] = _parse_caption(caption)
    return changes


def _match_name(option: str, name: str, known: dict[str, str]) -> str:
    if name.lower() not in known:
        raise UsageError(f"{option} {name!r} is not known", f"one of {', '.join(dict.fromkeys(known.values()))}")
    return known[name.lower()]


def _parse_label(text: str) -> str | None:
    stripped = text.strip().strip("()")
    if len(stripped) > MAX_LABEL_CHARS or not all(char.isprintable() for char in stripped):
        raise UsageError(
            f"--label {text!r} is not a letter of a panel", f"at most {MAX_LABEL_CHARS} characters, for instance b"
        )
    return stripped or None


def _parse_caption(text: str) -> str:
    limit = settings.LIMITS.caption_chars
    if len(text) > limit:
        raise UsageError(f"--caption has {len(text)} characters", f"give at most {limit}")
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
