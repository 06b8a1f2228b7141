"""The border of the program: light start, exit codes, and one clear line for every bad input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zlib
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.support.cli_runner import run


def run_python(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **variables}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)


def one_line(text: str) -> str:
    """The one line a refusal prints on stderr."""
    lines = text.strip().splitlines()
    assert len(lines) == 1, text
    assert lines[0].startswith("mirsearch: ")
    assert "Traceback" not in text
    return lines[0]


def noise_image(height: int = 120, width: int = 160) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 255, (height, width, 3), dtype=np.uint8)


@pytest.fixture
def micrograph(tmp_path) -> Path:
    path = tmp_path / "good.png"
    cv2.imwrite(str(path), cv2.GaussianBlur(noise_image(), (0, 0), 3))
    return path


def test_import_and_core_commands_never_load_torch(micrograph, tmp_path):
    code = (
        "import sys\nfrom typer.testing import CliRunner\nimport mirsearch\nfrom mirsearch.cli import app\n"
        f"r = CliRunner().invoke(app, ['ingest', {str(micrograph)!r}, '--index', {str(tmp_path / 'i')!r}])\n"
        "print(r.exit_code, 'torch' in sys.modules)"
    )
    assert run_python(code).stdout.strip() == "0 False"


def test_version():
    import mirsearch

    assert run("--version").out.strip() == f"mirsearch {mirsearch.__version__}"
    module = subprocess.run(
        [sys.executable, "-m", "mirsearch", "--version"], capture_output=True, text=True, check=True
    )
    assert mirsearch.__version__ in module.stdout


def test_plugins_all_load_or_name_the_extra_that_is_missing():
    found = run("plugins", "--format", "json").json()
    assert {"folder", "jats", "exsclaim", "efficientnet", "rapidocr", "tesseract", "embedded"} <= {
        each["name"] for each in found
    }
    errors = {each["name"]: each["error"] for each in found if each["error"]}
    extra = dict.fromkeys(
        ("resnet18-gem", "resnet50-gem", "resnet101-gem", "resnet152-gem", "open-clip", "timm"), "torch"
    )
    modules = {
        "mrc": "mrcfile",
        "hdf5": "h5py",
        "lif": "liffile",
        "nd2": "nd2",
        "heic": "pi_heif",
        "czi": "imagecodecs",
    }
    needing = {name for name in extra if not find_spec("torch")} | {
        name for name, module in modules.items() if not find_spec(module)
    }
    assert set(errors) == needing
    assert all(f"pip install 'mirsearch[{extra.get(name, 'formats')}]'" in error for name, error in errors.items())
    assert "efficientnet" in run("plugins").out


def test_unknown_option_is_a_wrong_call():
    assert run("query", "--nonsense", code=2).out == ""


def write_bomb(path: Path) -> None:
    """A PNG that claims 30,000 × 30,000 px; all black, so its file is small."""
    header = (30000).to_bytes(4, "big") * 2 + b"\x08\x00\x00\x00\x00"
    rows = zlib.compress(b"\x00" * 1_000_000, 9)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b""))


def write_bad_images(folder: Path, good: Path) -> dict[str, str]:
    """Files that can't be read, each with a word its refusal must say."""
    (folder / "text.png").write_text("not an image at all")
    (folder / "empty.png").write_bytes(b"")
    (folder / "truncated.png").write_bytes(good.read_bytes()[:200])
    write_bomb(folder / "bomb.png")
    return {"text.png": "image", "empty.png": "empty", "truncated.png": "truncated", "bomb.png": "30"}


def test_bad_images_are_reported_and_the_others_are_ingested(micrograph, tmp_path):
    words = write_bad_images(tmp_path, micrograph)
    index = tmp_path / "index"
    summary = run("ingest", tmp_path, "--index", index, "--format", "json", code=1).json()
    assert summary["figures"]["new"] == 1
    reasons = {Path(each["file"]).name: each["reason"] for each in summary["failures"]}
    assert set(reasons) == set(words)
    for name, word in words.items():
        assert word in reasons[name].lower(), reasons[name]
        line = one_line(run("analyze", tmp_path / name, code=1).err)
        assert name in line
        assert one_line(run("query", tmp_path / name, "--index", index, code=1).err)
    errors = run("ingest", tmp_path, "--index", index, code=1).err
    assert errors.count("\n") == len(words)


def test_analyze_goes_on_after_a_bad_file(micrograph, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"")
    ran = run("analyze", tmp_path / "bad.png", micrograph, "--format", "json", code=1)
    assert [each["file"] for each in ran.json()] == [str(micrograph)]
    assert "bad.png" in one_line(ran.err)


def save_odd_images(folder: Path) -> list[Path]:
    """Images of unusual kinds, all of which must work."""
    rgb = Image.fromarray(cv2.GaussianBlur(noise_image(), (0, 0), 3))
    deep = np.asarray(rgb.convert("L")).astype(np.uint16) * 200
    rgb.convert("CMYK").save(folder / "cmyk.jpg")
    Image.fromarray(deep).save(folder / "deep.png")
    Image.fromarray(deep).save(folder / "deep.tif")
    rgb.convert("RGBA").save(folder / "alpha.png")
    rgb.save(folder / "animated.gif", save_all=True, append_images=[rgb.rotate(90)], duration=100)
    rgb.convert("P").save(folder / "palette.bmp")
    rgb.save(folder / "web.webp")
    exif = Image.Exif()
    exif[0x0112] = 6
    rgb.save(folder / "rotated.jpg", exif=exif)
    rgb.save(folder / "pages.tif", save_all=True, append_images=[rgb.rotate(180)])
    return sorted(folder.iterdir())


def test_odd_images_work(tmp_path):
    folder = tmp_path / "odd"
    folder.mkdir()
    files = save_odd_images(folder)
    found = run("analyze", *files, "--format", "json").json()
    sizes = {(Path(each["file"]).name, each["page"]): (each["width"], each["height"]) for each in found}
    assert sizes[("rotated.jpg", 0)] == (120, 160)
    assert sizes[("pages.tif", 1)] == (160, 120)
    assert len(sizes) == len(files) + 1
    summary = run("ingest", folder, "--index", tmp_path / "index", "--format", "json").json()
    assert summary["figures"]["new"] == len(files) + 1
    assert summary["failures"] == []


def test_analyze_json_keeps_its_contract(micrograph, tmp_path):
    overlay = tmp_path / "overlay.png"
    found = run("analyze", micrograph, "--caption", "SEM image", "--overlay", overlay, "--format", "json").json()
    assert {"file", "page", "width", "height", "panels"} == set(found[0])
    panel = found[0]["panels"][0]
    assert {"label", "box", "kind", "caption", "text", "scale"} <= set(panel)
    assert panel["caption"] == "SEM image"
    assert cv2.imread(str(overlay)) is not None
    assert "good.png" in run("analyze", micrograph).out


def test_analyze_takes_captions_from_a_table(micrograph, tmp_path):
    (tmp_path / "c.csv").write_text("file,caption\ngood.png,TEM of rods\n", encoding="utf-8")
    found = run("analyze", micrograph, "--captions", tmp_path / "c.csv", "--format", "json").json()
    assert found[0]["panels"][0]["caption"] == "TEM of rods"


def test_captions_of_one_name_go_to_the_file_they_mean(micrograph, tmp_path):
    files = [tmp_path / folder / "good.png" for folder in ("one", "two", "three")]
    for file in files:
        file.parent.mkdir()
        file.write_bytes(micrograph.read_bytes())
    table = tmp_path / "c.csv"
    table.write_text("file,caption\none/good.png,TEM of rods\ntwo/good.png,SEM of wires\n", encoding="utf-8")
    found = run("analyze", *files, "--captions", table, "--caption", "AFM", "--format", "json").json()
    assert [each["panels"][0]["caption"] for each in found] == ["TEM of rods", "SEM of wires", "AFM"]


def test_pages_before_a_damaged_one_count(tmp_path):
    path = tmp_path / "pages.tif"
    pages = [Image.fromarray(noise_image()[:, :, 0]) for _ in range(2)]
    pages[0].save(path, save_all=True, append_images=pages[1:])
    path.write_bytes(path.read_bytes()[:-1000])
    ran = run("analyze", path, "--format", "json", code=1)
    assert [page["page"] for page in ran.json()] == [0]
    assert "pages.tif" in one_line(ran.err)


def test_an_overlay_path_that_ends_with_a_slash_is_a_folder(micrograph, tmp_path):
    run("analyze", micrograph, "--overlay", f"{tmp_path / 'drawn'}/")
    assert [path.name for path in (tmp_path / "drawn").iterdir()] == ["good.overlay.png"]
    result = run("analyze", micrograph, "--overlay", f"{micrograph}/", code=2)
    assert "good.png is a file" in result.err


def test_overlays_of_one_name_do_not_replace_each_other(micrograph, tmp_path):
    other = tmp_path / "other" / "good.jpg"
    other.parent.mkdir()
    Image.open(micrograph).convert("RGB").resize((64, 48)).save(other)
    run("analyze", micrograph, other, "--overlay", tmp_path / "drawn")
    assert [each.name for each in sorted((tmp_path / "drawn").iterdir())] == [
        "good-2.overlay.png", "good.overlay.png",
    ]  # fmt: skip


def test_a_failed_analysis_is_reported_and_the_others_go_on(micrograph, tmp_path, monkeypatch):
    from mirsearch.analysis.analyzer import FigureAnalyzer

    small = tmp_path / "small.png"
    Image.open(micrograph).resize((64, 48)).save(small)
    original = FigureAnalyzer.analyze

    def fail_for_small(self, pixels, *args, **named):
        if pixels.shape[0] == 48:
            raise IndexError("no such row")
        return original(self, pixels, *args, **named)

    monkeypatch.setattr(FigureAnalyzer, "analyze", fail_for_small)
    ran = run("analyze", small, micrograph, "--format", "json", code=1)
    assert [Path(each["file"]).name for each in ran.json()] == ["good.png"]
    assert "small.png: the analysis failed: IndexError: no such row" in one_line(ran.err)


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="file names are text there")
def test_json_of_a_name_that_is_no_text_is_still_json(micrograph, tmp_path):
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/odd\xff.png")
    Path(odd).write_bytes(micrograph.read_bytes())
    for encoding in ("utf-8:strict", "latin-1"):
        ran = run_python(
            f"import sys; sys.argv = ['mirsearch', 'analyze', {odd!r}, '--caption', '5 µm, α', '--format', 'json'];"
            "from mirsearch.cli import main; main()", PYTHONIOENCODING=encoding,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        assert json.loads(ran.stdout)[0]["file"] == odd


def test_lines_for_a_stream_that_lacks_letters(micrograph, tmp_path):
    (tmp_path / "captions.csv").write_text("file,caption\ngood.png,Grains of α-Fe\n", encoding="utf-8")
    index = str(tmp_path / "i")
    run("ingest", tmp_path, "--index", index)
    for words in (["export"], ["query", "--text", "grains", "--format", "csv"], ["export", "--attribution"]):
        ran = run_python(
            f"import sys; sys.argv = ['mirsearch', *{words!r}, '--index', {index!r}];"
            "from mirsearch.cli import main; main()", PYTHONIOENCODING="latin-1",
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
    target = tmp_path / "odd.json"
    odd = os.fsdecode(b"\xff")
    run("query", "--text", f"grains {odd}", "--format", "json", "--output", target, "--index", index)
    assert json.loads(target.read_text(encoding="utf-8"))["query"]["text"] == f"grains {odd}"


def test_an_interruption_before_the_command_runs_is_one_line():
    ran = run_python(
        "import mirsearch.cli as cli\n"
        "def stopped(): raise KeyboardInterrupt\n"
        "cli.app = stopped\n"
        "cli.main()"
    )  # fmt: skip
    assert ran.returncode == 130
    assert one_line(ran.stderr) == "mirsearch: interrupted"


def test_nothing_to_ingest(tmp_path):
    (tmp_path / "nothing").mkdir()
    line = one_line(run("ingest", tmp_path / "nothing", "--index", tmp_path / "i", code=1).err)
    assert "nothing" in line
    assert not (tmp_path / "i").exists()
    assert "no such file" in one_line(run("ingest", tmp_path / "not-there", "--index", tmp_path / "i", code=2).err)


def test_missing_and_foreign_indexes(micrograph, tmp_path):
    line = one_line(run("query", "--text", "x", "--index", tmp_path / "none", code=1).err)
    assert "none" in line
    assert "ingest" in line
    (tmp_path / "file").write_text("hello")
    assert "file" in one_line(run("ingest", micrograph, "--index", tmp_path / "file", code=1).err)
    full = tmp_path / "full"
    full.mkdir()
    (full / "thesis.tex").write_text("precious")
    assert "full" in one_line(run("ingest", micrograph, "--index", full, code=1).err)
    assert (full / "thesis.tex").read_text() == "precious"


def test_index_of_another_extractor(micrograph, tmp_path):
    from mirsearch.indexes import open_index
    from mirsearch.indexes.base import ExtractorIdentity

    other = open_index(str(tmp_path / "other"), create=ExtractorIdentity("someone-elses", "7", 12))
    other.close()
    line = one_line(run("ingest", micrograph, "--index", tmp_path / "other", code=1).err)
    assert "someone-elses" in line
    assert "--index" in line
    line = one_line(run("query", micrograph, "--index", tmp_path / "other", "--extractor", "efficientnet", code=1).err)
    assert "someone-elses" in line


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["IMAGE", "--panel", "q"],
        ["IMAGE", "--crop", "0,0,9999,5"],
        ["IMAGE", "--crop", "0,0,5,5", "--panel", "a"],
        ["IMAGE", "--scale", "500 apples"],
        ["IMAGE", "--like", "abc"],
        ["IMAGE", "--top", "0"],
        ["IMAGE", "--page", "3"],
        ["--panel", "a", "--text", "x"],
        ["--text", "x", "-o", "out.txt"],
    ],
)
def test_wrong_queries(words, micrograph, tmp_path):
    index = tmp_path / "index"
    run("ingest", micrograph, "--index", index)
    words = [str(micrograph) if word == "IMAGE" else word for word in words]
    ran = run("query", *words, "--index", index, code=2)
    one_line(ran.err)
    assert ran.out == ""


def test_unknown_ids_are_named(micrograph, tmp_path):
    run("ingest", micrograph, "--index", tmp_path / "i")
    for command in (["show", "ffffffffffffffff"], ["delete", "ffffffffffffffff", "-y"], ["query", "--like", "nope-a"]):
        ran = run(*command, "--index", tmp_path / "i", code=1)
        assert command[1] in one_line(ran.err) or command[2] in one_line(ran.err)


def test_captions_without_the_columns_name_the_existing_ones(micrograph, tmp_path):
    (tmp_path / "captions.csv").write_text("bild,text_der_abbildung\ngood.png,Etwas\n", encoding="utf-8")
    ran = run("ingest", tmp_path, "--index", tmp_path / "i", code=1)
    assert "bild" in ran.err
    assert "--column" in ran.err
    mapped = ["--column", "file=bild", "--column", "caption=text_der_abbildung"]
    run("ingest", tmp_path, "--index", tmp_path / "j", *mapped)
    rows = [json.loads(line) for line in run("export", "--index", tmp_path / "j").out.splitlines()]
    assert {row["figure_caption"] for row in rows} == {"Etwas"}


def test_hostile_names_and_captions_do_not_reach_the_terminal(micrograph, tmp_path):
    folder = tmp_path / "hostile"
    folder.mkdir()
    (folder / "x.png").write_bytes(micrograph.read_bytes())
    caption = "\x1b]0;owned\x07[bold]SEM[/bold] \u202egnp"
    (folder / "captions.jsonl").write_text(json.dumps({"file": "x.png", "caption": caption}), encoding="utf-8")
    run("ingest", folder, "--index", tmp_path / "i")
    for command in (["query", "--text", "SEM"], ["stats"], ["query", "--text", "SEM", "--explain"]):
        out = run(*command, "--index", tmp_path / "i").out
        assert "\x1b]" not in out
        assert "\u202e" not in out


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_full_disk_under_stdout_is_one_line(micrograph, tmp_path):
    run("ingest", micrograph, "--index", tmp_path / "i")
    command = [sys.executable, "-m", "mirsearch", "export", "--index", str(tmp_path / "i")]
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert ran.returncode != 0
    assert "Traceback" not in ran.stderr


def test_closed_pipe_is_no_error(micrograph, tmp_path):
    run("ingest", micrograph, "--index", tmp_path / "i")
    command = f"{sys.executable} -m mirsearch export --index {tmp_path / 'i'} | head -c 5"
    ran = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert ran.stderr == ""
