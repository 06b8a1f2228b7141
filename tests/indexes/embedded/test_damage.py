"""Damage in any file of an index leads to the right answers or to a refusal, never to others without a word.

This is a short run of benchmarks/indexes/bit_flips.py and kills.py.
"""

from __future__ import annotations

import json
import os
import sys

import pytest

from benchmarks.indexes import bit_flips, kills

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the harness forks")


def test_flipped_bits(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["bit_flips", "--flips", "13", "--panels", "48", "--seed", "3"])
    monkeypatch.setattr(bit_flips.rounded_file, "MIN_MATRIX_NUMBERS", 1)
    assert bit_flips.main() == 0
    shown = capsys.readouterr().out
    assert json.loads(shown.splitlines()[-1]) == {"trials": 13, "wrong": 0}
    assert "refused" in shown


def test_kills(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["kills", "--kills", "16", "--seed", "4"])
    assert kills.main() == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {"migration right": 2, "writing right": 14}
