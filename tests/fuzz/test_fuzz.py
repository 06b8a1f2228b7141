"""Every target of the fuzzer takes its seeds and some damaged inputs, and the fuzzer finds faults that are planted."""

from __future__ import annotations

import random
import subprocess
import sys
import time

import pytest

from tests.conftest import REPOSITORY
from tests.fuzz import backups, files, formats, planted, texts
from tests.fuzz.__main__ import NAMES, attack
from tests.fuzz.json_patches import MARK, patched
from tests.fuzz.mutation import mutate
from tests.fuzz.target import is_refused

TARGETS = {target.name: target for target in (*texts.TARGETS, *files.TARGETS, *formats.TARGETS, *backups.TARGETS)}
SLOW = ("pdf", "index-files")


def test_the_fuzzer_attacks_every_target():
    assert sorted(NAMES) == sorted(TARGETS)
    assert all(len(target.all_seeds()) for target in TARGETS.values())


@pytest.mark.parametrize("name", NAMES)
def test_seeds_and_damaged_inputs_are_read_or_refused(name):
    target, chance = TARGETS[name], random.Random(7)
    seeds = target.all_seeds()
    refused = [is_refused(target, seed) for seed in seeds]
    assert not all(refused)  # else the target sees nothing
    for _ in range(5 if name in SLOW else 40):
        is_refused(target, mutate(chance, seeds, target.words))


@pytest.mark.parametrize(
    ("name", "sign"),
    [
        ("stumble", "ZeroDivisionError"),
        ("hang", "signal 27"),
        ("crash", "signal 11"),
        ("take_memory", "MemoryTakenError"),
    ],
)
@pytest.mark.parametrize("engine", ["mutation", "hypothesis"])
def test_planted_faults_are_found_with_their_input(name, sign, engine):
    if engine == "hypothesis" and name != "stumble":
        pytest.skip("the process is watched in the same way for all engines")
    outcome = attack(f"planted-{name}", time.time() + 20, seed=1, engines=engine)
    assert sign in outcome.fault
    assert planted.MARK in outcome.data
    assert outcome.tried > 1


def test_atheris_finds_a_planted_fault_where_it_is_installed():
    pytest.importorskip("atheris")
    outcome = attack("planted-stumble", time.time() + 20, seed=1, engines="atheris")
    assert "ZeroDivisionError" in outcome.fault
    assert planted.MARK in outcome.data


def test_the_same_seed_gives_the_same_inputs():
    first, second = ([mutate(random.Random(3), [b"a" * 50, b"b" * 50], [b"w"]) for _ in range(1)] for _ in range(2))
    assert first == second


def test_changes_of_json_are_json_again():
    documents = [{"a": [1, {"b": 2}]}]
    chance = random.Random(1)
    changed = {patched(documents, MARK + chance.randbytes(9)) for _ in range(50)}
    assert len(changed) > 20
    assert patched(documents, b"{raw") == b"{raw"


def test_the_command_tells_what_it_tried():
    command = [sys.executable, "-m", "tests.fuzz", "labels", "--seconds", "1", "--engines", "mutation"]
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "labels" in result.stdout
    assert "no faults" in result.stdout
