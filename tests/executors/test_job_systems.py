"""The example for Slurm and PBS in docs/many-machines.md; commands in place of the system's start its jobs here."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mirsearch.executors.choice import open_executor
from tests.executors.test_choice import reverse

pytest.importorskip("dask_jobqueue")

ROOT = Path(__file__).parents[2]
SUBMIT = """#!/bin/sh
cp "$1" {folder}/job.sh
setsid sh {folder}/job.sh > {folder}/job.log 2>&1 &
echo $! > {folder}/job.pid
echo "Submitted batch job $!"
"""


def example() -> str:
    """Return the example of the page, on any free port."""
    page = (ROOT / "docs" / "many-machines.md").read_text()
    (code,) = re.findall(r"```python\n(.*?SLURMCluster.*?)```", page, re.DOTALL)
    assert '"port": 8786' in code
    return str(code).replace('"port": 8786', '"port": 0')


def put_command(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)
    (folder / name).chmod(0o755)


def test_the_example_submits_jobs_whose_workers_work_for_the_printed_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_command(tmp_path, "sbatch", SUBMIT.format(folder=shlex.quote(str(tmp_path))))
    put_command(tmp_path, "scancel", "#!/bin/sh\nkill -- -$1\n")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.chdir(tmp_path)
    code = example().replace("cluster = ", "import sys\ncluster = ").replace("maximum=100", "maximum=1")
    code = code.replace("input(", "print(", 1) + "\nsys.stdout.flush()\nsys.stdin.readline()\ncluster.close()\n"
    (tmp_path / "start.py").write_text(code)
    run = subprocess.Popen([sys.executable, "start.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert run.stdin is not None
    assert run.stdout is not None
    try:
        words = run.stdout.readline().split()
        assert words[:4] == ["mirsearch", "ingest", "figures", "--workers"]
        executor = open_executor(words[4])
        try:
            assert executor.submit(reverse, b"abc").result(timeout=120) == b"cba"
        finally:
            executor.shutdown(wait=False)
        job = (tmp_path / "job.sh").read_text()
        assert "#SBATCH -t 04:00:00" in job
        assert "export MIRSEARCH_THREADS=1" in job
        assert f"dask_worker {words[4]} " in job
        run.stdin.close()
        assert run.wait(timeout=60) == 0
    finally:
        run.kill()
        run.wait()
        run.stdout.close()
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            os.killpg(int((tmp_path / "job.pid").read_text()), signal.SIGKILL)
