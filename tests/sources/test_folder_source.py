"""Folders of images with tables beside them: columns, dialects, encodings, and what is wrong with them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from mirsearch.errors import SourceError
from mirsearch.settings import Limits
from mirsearch.sources.articles import (
    clean_text,
    figure_label,
    make_article,
    normalize_doi,
    normalize_license,
    normalize_pmcid,
)
from mirsearch.sources.base import FoundFigure, SourceFailure, SourceRequest
from mirsearch.sources.folder import MAX_FAILURES, FolderSource
from mirsearch.sources.permissions import permission_note
from mirsearch.sources.tables import COLUMNS, read_table
from tests.conftest import REPOSITORY


def draw(folder: Path, *names: str) -> None:
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (4 + number % 200, 4), number % 250).save(folder / name)


def find(
    *paths: Path, columns: dict[str, str] | None = None, **options: str
) -> tuple[list[FoundFigure], list[SourceFailure]]:
    found = list(FolderSource().find_figures(SourceRequest(paths, columns or {}, options)))
    figures = [item for item in found if isinstance(item, FoundFigure)]
    return figures, [item for item in found if isinstance(item, SourceFailure)]


def names(figures: list[FoundFigure]) -> list[str]:
    return [figure.path.name for figure in figures]


def test_images_of_a_folder_and_below_without_a_table(tmp_path: Path) -> None:
    draw(tmp_path, "b.png", "a.jpg", "sub/c.tif", ".hidden.png", ".cache/d.png")
    (tmp_path / "notes.txt").write_text("no image")
    figures, failures = find(tmp_path)
    assert names(figures) == ["a.jpg", "b.png", "c.tif"]
    assert failures == []
    assert all(figure.caption == "" and figure.article is None and figure.panels is None for figure in figures)
    assert figures[0].origin.source == "folder"
    assert Path(figures[0].origin.location) == (tmp_path / "a.jpg").resolve()
    assert names(find(tmp_path, recursive="no")[0]) == ["a.jpg", "b.png"]


def test_every_column(tmp_path: Path) -> None:
    draw(tmp_path, "a.png", "b.png")
    (tmp_path / "captions.csv").write_text(
        "file,caption,label,title,doi,pmcid,journal,year,license,url,authors,permission\n"
        'a.png,"SEM of rods, grown at 500 °C",Fig. 3,On rods,https://doi.org/10.1000/ABC.1,PMC123,J. Rods,2021-05-01,'
        "http://creativecommons.org/licenses/by/4.0/,https://example.org/a,Ada B; C. D.,with permission of E\n"
        "b.png,TEM,,,,,,,,,,\n",
        encoding="utf-8",
    )
    (first, second), failures = find(tmp_path)
    assert failures == []
    assert first.caption == "SEM of rods, grown at 500 °C"
    assert first.label == "Fig. 3"
    assert first.permission_note == "with permission of E"
    article = first.article
    assert article is not None
    assert article.id == "doi:10.1000/abc.1"
    assert (article.title, article.pmcid, article.journal, article.year) == ("On rods", "PMC123", "J. Rods", 2021)
    assert (article.license, article.url, article.authors) == ("CC BY 4.0", "https://example.org/a", ("Ada B", "C. D."))
    assert second.caption == "TEM"
    assert second.article is None


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_dialects_and_encodings(tmp_path: Path, delimiter: str, encoding: str) -> None:
    draw(tmp_path, "a.png")
    rows = [["file", "caption", "year"], ["a.png", '"bar: 2 µm; grown, then ""cut"""', "2020"]]
    text = "\r\n".join(delimiter.join(row) for row in rows)
    (tmp_path / "captions.csv").write_bytes(text.encode(encoding))
    (figure,), failures = find(tmp_path)
    assert failures == []
    assert figure.caption == 'bar: 2 µm; grown, then "cut"'


def test_spreadsheet_separator_line_and_lines_in_quotes(tmp_path: Path) -> None:
    draw(tmp_path, "a.png", "b.png")
    (tmp_path / "captions.csv").write_text('sep=;\nfile;caption\na.png;"two\nlines"\nmissing.png;x\nb.png;y\n')
    figures, failures = find(tmp_path)
    assert [figure.caption for figure in figures] == ["two lines", "y"]
    assert [failure.location.rpartition(":")[2] for failure in failures] == ["5"]


def test_another_encoding_is_read_and_reported(tmp_path: Path) -> None:
    draw(tmp_path, "a.png")
    (tmp_path / "captions.csv").write_bytes("file,caption\na.png,2 µm and é\n".encode("cp1252"))
    (figure,), (failure,) = find(tmp_path)
    assert figure.caption == "2 µm and é"
    assert failure.is_note
    assert "UTF-8" in failure.reason
    assert "captions.csv" in failure.location


def test_jsonl(tmp_path: Path) -> None:
    draw(tmp_path, "a.png", "b.png")
    lines = [{"image": "a.png", "legend": "first", "year": 2019, "authors": ["A", "B"], "doi": None},
             {"image": "b.png", "legend": "second"}]  # fmt: skip
    text = "\n".join([json.dumps(lines[0]), "{broken", "[1]", "", json.dumps(lines[1])])
    (tmp_path / "captions.jsonl").write_text(text)
    figures, failures = find(tmp_path)
    assert [figure.caption for figure in figures] == ["first", "second"]
    assert [failure.location.rpartition(":")[2] for failure in failures] == ["2", "3"]
    assert "not JSON" in failures[0].reason


@pytest.mark.parametrize(
    ("name", "head", "row"),
    [("captions.csv", "file,caption\n", "a.png,x\n"), ("captions.jsonl", "", '{"file": "a.png", "caption": "x"}\n')],
)
def test_a_table_has_a_largest_number_of_rows(tmp_path: Path, name: str, head: str, row: str) -> None:
    path = tmp_path / name
    path.write_text(head + row * 12)
    table = read_table(path, limits=Limits(table_rows=10))
    assert len(table.rows) == 10
    assert ["more than 10 rows" in reason for _, reason in table.problems] == [True]
    assert len(read_table(path, limits=Limits(table_rows=12)).rows) == 12
    path.write_text(head + row + ("\n" if head else "[1]\n") * 50 + row)  # lines without rows
    assert len(read_table(path).rows) == 2


def test_odd_json_of_one_line_is_the_problem_of_that_line(tmp_path: Path) -> None:
    path = tmp_path / "captions.jsonl"
    many = '{"x": [' + "1," * 20_000 + "1]}"
    odd = ["[" * 100_000, '{"a":' * 5000, '{"file": "b.png", "page": ' + "9" * 5000 + "}", many]
    path.write_text("\n".join([*odd, '{"file": "a.png", "caption": "\\ud800 x", "page": NaN}']))
    table = read_table(path)
    assert [dict(row.fields) for row in table.rows] == [{"file": "b.png"}, {"file": "a.png", "caption": "? x"}]
    assert [line for line, _ in table.problems] == [1, 2, 4]


def test_synonyms_and_mapping(tmp_path: Path) -> None:
    draw(tmp_path, "a.png")
    (tmp_path / "captions.csv").write_text("Image File,Figure Caption,Article DOI\na.png,x,10.1/no\n")
    assert find(tmp_path)[0][0].caption == "x"
    (tmp_path / "captions.csv").write_text("pic,words,caption\na.png,mine,theirs\n")
    (figure,), failures = find(tmp_path, columns={"file": "Pic", "caption": "words"})
    assert (figure.caption, failures) == ("mine", [])


@pytest.mark.parametrize(
    ("header", "columns", "messages"),
    [("name,words", {}, ["no column for the image's file name", "'name', 'words'", "--column file=NAME"]),
     ("file,words", {}, ["no column for the caption", "'file', 'words'", "--column caption=NAME"]),
     ("file,words", {"caption": "legend"}, ["no column 'legend'", "'file', 'words'", "--column caption=NAME"]),
     ("file,words", {"colour": "words"}, ["no column 'colour' to map to", "caption"])],
)  # fmt: skip
def test_missing_columns_are_reported_with_the_existing_ones(
    tmp_path: Path, header: str, columns: dict[str, str], messages: list[str]
) -> None:
    draw(tmp_path, "a.png", "good/b.png")
    (tmp_path / "captions.csv").write_text(f"{header}\na.png,x\n")
    figures, (failure,) = find(tmp_path, columns=columns)
    assert names(figures) == ["b.png"], "images of the folder wait for the table, the others go on"
    assert failure.location.endswith("captions.csv")
    assert all(each in failure.reason for each in messages)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "empty"), (b"\xff\xfe", "no rows"), (b"file,caption\n", "no rows"), (b"\0\0\0\0", "empty")],
)
def test_tables_without_rows(tmp_path: Path, content: bytes, message: str) -> None:
    draw(tmp_path, "a.png")
    (tmp_path / "captions.csv").write_bytes(content)
    figures, (failure,) = find(tmp_path)
    assert figures == []
    assert message in failure.reason


def test_rows_of_missing_files_are_reported_one_by_one_then_counted(tmp_path: Path) -> None:
    draw(tmp_path, "a.png")
    rows = "".join(f"none{number}.png,x\n" for number in range(50))
    (tmp_path / "captions.csv").write_text(f"file,caption\na.png,here\n{rows}")
    figures, failures = find(tmp_path)
    assert [figure.caption for figure in figures] == ["here"]
    assert len(failures) == MAX_FAILURES + 1
    assert "'none0.png'" in failures[0].reason
    assert failures[0].location.endswith("captions.csv:3")
    assert failures[-1].reason.startswith(f"{50 - MAX_FAILURES} more lines")


@pytest.mark.parametrize("name", ["../secret.png", "sub/../../secret.png", "..\\secret.png"])
def test_names_that_climb_out_are_refused(tmp_path: Path, name: str) -> None:
    draw(tmp_path, "secret.png", "in/a.png")
    (tmp_path / "in" / "captions.csv").write_text(f"file,caption\n{name},x\na.png,y\n")
    figures, (failure,) = find(tmp_path / "in")
    assert names(figures) == ["a.png"]
    assert "outside" in failure.reason


def test_an_absolute_name_finds_only_what_lies_beside(tmp_path: Path) -> None:
    draw(tmp_path, "secret.png", "in/a.png")
    (tmp_path / "in" / "captions.csv").write_text(f"file,caption\n{tmp_path}/secret.png,x\nC:\\data\\a.png,y\n")
    figures, (failure,) = find(tmp_path / "in")
    assert [(figure.path.name, figure.caption) for figure in figures] == [("a.png", "y")]
    assert "secret.png" in failure.reason


def test_names_without_suffix_in_other_case_or_from_another_folder(tmp_path: Path) -> None:
    draw(tmp_path, "a.tif", "B.png", "deep/c.png", "d.png")
    (tmp_path / "captions.csv").write_text("file,caption\na,1\nb.PNG,2\ndeep/c.png,3\nwas/elsewhere/d.png,4\n")
    figures, failures = find(tmp_path)
    assert {figure.path.name: figure.caption for figure in figures} == {
        "a.tif": "1",
        "B.png": "2",
        "c.png": "3",
        "d.png": "4",
    }
    assert failures == []


def test_the_nearest_table_counts(tmp_path: Path) -> None:
    draw(tmp_path, "sub/a.png", "sub/b.png")
    (tmp_path / "captions.csv").write_text("file,caption\nsub/a.png,far\nsub/b.png,only far\n")
    (tmp_path / "sub" / "captions.csv").write_text("file,caption\na.png,near\n")
    figures, failures = find(tmp_path)
    assert {figure.path.name: figure.caption for figure in figures} == {"a.png": "near", "b.png": "only far"}
    assert failures == []


def test_a_file_named_twice(tmp_path: Path) -> None:
    draw(tmp_path, "a.png")
    (tmp_path / "captions.csv").write_text("file,caption\na.png,first\na.png,first\na.png,other\n")
    (figure,), (failure,) = find(tmp_path)
    assert figure.caption == "first"
    assert failure.is_note
    assert "named on line 2" in failure.reason


def test_pages(tmp_path: Path) -> None:
    draw(tmp_path, "a.tif")
    (tmp_path / "captions.csv").write_text("file,page,caption\na.tif,1,one\na.tif,3,three\na.tif,x,bad\na.tif,0,none\n")
    figures, failures = find(tmp_path)
    assert [(figure.page, figure.caption) for figure in figures] == [(0, "one"), (2, "three")]
    assert ["page 'x'" in failures[0].reason, "page '0'" in failures[1].reason] == [True, True]
    assert all("counted from 1" in failure.reason for failure in failures)


def test_single_images_take_their_rows_and_leave_the_others(tmp_path: Path) -> None:
    draw(tmp_path, "a.png", "b.png")
    (tmp_path / "captions.csv").write_text("file,caption\na.png,A\nb.png,B\nnone.png,C\n")
    figures, failures = find(tmp_path / "a.png")
    assert [(figure.path.name, figure.caption) for figure in figures] == [("a.png", "A")]
    assert failures == []


def test_the_tables_name_in_any_case(tmp_path: Path) -> None:
    draw(tmp_path, "a.png")
    (tmp_path / "Captions.CSV").write_text("file,caption\na.png,A\n")
    assert [figure.caption for figure in find(tmp_path)[0]] == ["A"]
    assert [figure.caption for figure in find(tmp_path / "a.png")[0]] == ["A"]


def test_a_table_given_by_itself(tmp_path: Path) -> None:
    draw(tmp_path, "a.png", "b.png")
    (tmp_path / "mine.csv").write_text("file;caption\nb.png;B\n")
    figures, failures = find(tmp_path / "mine.csv")
    assert [(figure.path.name, figure.caption) for figure in figures] == [("b.png", "B")]
    assert failures == []
    assert [figure.caption for figure in find(tmp_path, captions="mine.csv")[0]] == ["", "B"]


def test_a_row_with_too_many_cells(tmp_path: Path) -> None:
    draw(tmp_path, "a.png", "b.png")
    (tmp_path / "captions.csv").write_text("file,caption\na.png,one, two\nb.png,fine\n")
    figures, (failure,) = find(tmp_path)
    assert {figure.path.name: figure.caption for figure in figures} == {"a.png": "", "b.png": "fine"}
    assert "3 cells for 2 columns" in failure.reason


def test_a_table_too_large(tmp_path: Path) -> None:
    (tmp_path / "captions.csv").write_text("file,caption\n" + "a,b\n" * 100)
    with pytest.raises(SourceError, match="more than 50 bytes"):
        read_table(tmp_path / "captions.csv", limits=Limits(table_bytes=50))


def test_an_empty_folder_or_a_missing_one(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no image files") as caught:
        find(tmp_path)
    assert str(tmp_path) in caught.value.message


def test_links_in_a_circle_and_folders_that_cannot_be_read(tmp_path: Path) -> None:
    draw(tmp_path, "a.png", "sub/b.png")
    (tmp_path / "sub" / "up").symlink_to(tmp_path)
    (tmp_path / "self.png").symlink_to(tmp_path / "self.png")
    figures, failures = find(tmp_path)
    assert names(figures) == ["a.png", "self.png", "b.png"]
    assert failures == []


def test_recognizes(tmp_path: Path) -> None:
    source = FolderSource()
    draw(tmp_path, "in/a.png")
    (tmp_path / "odd.dat").write_bytes((tmp_path / "in" / "a.png").read_bytes())
    (tmp_path / "notes.txt").write_text("words")
    assert source.recognizes(tmp_path / "in")
    assert source.recognizes(tmp_path)  # so that odd.dat is told
    assert source.recognizes(tmp_path / "odd.dat")
    (tmp_path / "odd.dat").unlink()
    assert not source.recognizes(tmp_path)
    assert not source.recognizes(tmp_path / "notes.txt")


def test_captions_are_fit_for_a_terminal() -> None:
    assert clean_text("a\x1b[31mred\x1b[0m\r\nb\tc\u202e d\u00ad\u200b") == "a[31mred[0m b c d"
    assert clean_text("e\u0301") == "é"
    assert clean_text("x" * 50, 10) == "x" * 9 + "…"


@pytest.mark.parametrize(
    ("text", "doi"),
    [("10.1/x", None), ("doi:10.1000/AbC", "10.1000/abc"), ("https://doi.org/10.1016/S0(99)1.", "10.1016/s0(99)1"),
     ("(10.1000/xyz)", "10.1000/xyz"), ("", None), (None, None)],
)  # fmt: skip
def test_dois(text: str | None, doi: str | None) -> None:
    assert normalize_doi(text) == doi


@pytest.mark.parametrize(("text", "pmcid"), [("PMC0123", None), ("pmc7080552", "PMC7080552"), ("7080552", "PMC7080552"),
                                             ("PMC123.2", "PMC123"), ("x1234", None)])  # fmt: skip
def test_pmcids(text: str, pmcid: str | None) -> None:
    assert normalize_pmcid(text) == (pmcid if text != "PMC0123" else "PMC123")


@pytest.mark.parametrize(
    ("text", "name"),
    [("http://creativecommons.org/licenses/by-nc-nd/4.0/", "CC BY-NC-ND 4.0"), ("cc by", "CC BY"),
     ("CC-BY-4.0", "CC BY 4.0"),
     ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0 1.0"), ("CC0", "CC0"),
     ("An article under the Creative Commons Attribution-NonCommercial License 3.0", "CC BY-NC 3.0"),
     ("© 2020 A Publisher", "© 2020 A Publisher"), ("", None)],
)  # fmt: skip
def test_licenses(text: str, name: str | None) -> None:
    assert normalize_license(text) == name


def test_ids_of_articles() -> None:
    assert make_article(journal="J", year=2020) is None
    by_title = make_article(title="On  Rods.")
    assert by_title is not None
    assert by_title == make_article(title="On Rods.")
    assert by_title.id.startswith("title:")
    assert by_title.id == make_article(title="ON RODS").id  # type: ignore[union-attr]
    assert make_article(title="On Rods", pmcid="PMC77777").id == "pmcid:PMC77777"  # type: ignore[union-attr]
    assert make_article(fallback_id="thesis-7").id == "folder:thesis-7"  # type: ignore[union-attr]
    assert make_article(title="T", url="javascript:alert(1)").url is None  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("caption", "label"),
    [("Figure 2. Rods", "Figure 2"), ("Fig. S3: Rods", "Fig. S3"), ("FIGURE 10 | Rods", "FIGURE 10"),
     ("Figures of rods", None),
     ("Scheme 1 – Route", "Scheme 1"), ("Figure 2b shows", None)],
)  # fmt: skip
def test_labels_from_captions(caption: str, label: str | None) -> None:
    assert figure_label(caption) == label


@pytest.mark.parametrize(
    ("caption", "note"),
    [("Rods. Reproduced with permission from Smith et al. (2019). More.",
      "Reproduced with permission from Smith et al. (2019)"),
     ("(a) Adapted from ref. 12 and (b) ours.", "Adapted from ref. 12 and (b) ours"),
     ("SEM of rods taken from the film.", None), ("Plain.", None),
     ("Rods. Copyright 2018 Elsevier.", "Copyright 2018 Elsevier")],
)  # fmt: skip
def test_permission_notes(caption: str, note: str | None) -> None:
    assert permission_note(caption) == note


TABLE = st.one_of(
    st.binary(max_size=300),
    st.text(max_size=200).map(lambda text: b"file,caption\na.png," + text.encode("utf-8", "surrogatepass")),
    st.lists(st.sampled_from(["file", "caption", "a.png", "../x", '"', *",;\n\t\0µ{[:"]), max_size=40)
    .map(lambda parts: "".join(parts).encode()),
)  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(data=b"file,caption\n\x00,\r.", name="captions.csv")
@example(data=b"file,caption\n.,a dot\n", name="captions.csv")
@given(data=TABLE, name=st.sampled_from(["captions.csv", "captions.jsonl", "captions.tsv"]))
def test_any_table_gives_figures_or_failures(tmp_path: Path, data: bytes, name: str) -> None:
    if not (tmp_path / "a.png").exists():
        draw(tmp_path, "a.png")
    for old in tmp_path.glob("captions.*"):
        old.unlink()
    (tmp_path / name).write_bytes(data)
    figures, failures = find(tmp_path)
    assert figures or failures
    for figure in figures:
        assert figure.path.parent == tmp_path.resolve()
        assert figure.caption.isprintable()
    assert all(failure.reason and "\n" not in failure.reason for failure in failures)


def test_the_documented_columns_are_the_accepted_ones() -> None:
    text = (REPOSITORY / "docs" / "sources.md").read_text(encoding="utf-8")
    rows = "\n".join(line for line in text.splitlines() if line.startswith("| `"))
    for column, others in COLUMNS.items():
        assert f"`{column}`" in rows
        assert all(other in rows for other in others)


@pytest.mark.data
def test_real_captions(shared_data: Path) -> None:
    figures, failures = find(shared_data / "micrograph_extractor")
    assert failures == []
    assert len(figures) >= 150
    assert all(figure.caption and figure.article for figure in figures)
