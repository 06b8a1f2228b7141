"""`mirsearch config`: where values come from, and that the file is written and read as it should be."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from mirsearch import configuration, settings
from mirsearch.configuration import KEYS, SECRETS
from mirsearch.configuration.writing import remove_value, write_value
from mirsearch.errors import UsageError
from mirsearch.indexes import open_index
from mirsearch.search.option_values import hits_per_article
from tests.cli.test_start import imported, mirsearch
from tests.support import index_records
from tests.support.cli_runner import run


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The place of a config file that is not there yet."""
    path = tmp_path / "user" / "config.toml"
    monkeypatch.setenv("MIRSEARCH_CONFIG", str(path))
    for name in settings.ENVIRONMENT:
        if name != "MIRSEARCH_CONFIG":
            monkeypatch.delenv(name, raising=False)
    return path


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    location = tmp_path_factory.mktemp("corpus") / "idx"
    with open_index(str(location), create=index_records.IDENTITY) as index, index.writer() as writer:  # type: ignore[attr-defined]
        for number in range(12):
            writer.put(index_records.record(number))
    return location


def value(key: str) -> tuple[object, str]:
    (row,) = [row for row in run("config", "list", "--format", "json").json()["values"] if row["key"] == key]
    return row["value"], row["from"]


def test_values_come_from_the_option_the_environment_the_file_or_the_default(
    file: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("config", "path").out.strip() == str(file)
    assert value("index") == ("mirsearch-index", "default")
    assert "there is none yet" in run("config").out
    run("config", "set", "index", corpus)
    assert value("index") == (str(corpus), "file")
    assert (
        run("stats", "--format", "json").json()["panels"]
        == run("stats", "-i", corpus, "--format", "json").json()["panels"]
    )
    monkeypatch.setenv("MIRSEARCH_INDEX", "elsewhere")
    assert value("index") == ("elsewhere", "environment: MIRSEARCH_INDEX")
    assert "elsewhere" in run("stats", code=1).err
    assert run("config", "get", "MIRSEARCH_INDEX").out.strip() == "elsewhere"
    assert run("stats", "--index", corpus, "--format", "json").json()["panels"]
    assert "comes before the file" in run("config", "set", "index", "third").err


def test_options_of_a_query_have_defaults_in_the_file(file: Path, corpus: Path) -> None:
    words = ("query", "--text", "panel figure image", "--index", corpus, "--format", "json")
    plain = run(*words).json()
    assert len(plain["hits"]) > 3
    for key, given in (("top", "3"), ("weights.text", "0.7"), ("sigma", "0.2"), ("missing", "penalize")):
        run("config", "set", key, given)
    told = run(*words).json()
    assert len(told["hits"]) == 3
    assert told["weights"] == plain["weights"] | {"text": 0.7}
    assert (told["sigma"], told["missing"]) == (0.2, "penalize")
    options = ("--top", 2, "--weight", "visual=0.1", "--missing", "neutral")
    asked = run(*words, *options).json()
    assert len(asked["hits"]) == 2
    assert asked["weights"] == plain["weights"] | {"text": 0.7, "visual": 0.1}
    assert asked["missing"] == "neutral"
    assert run("list", "--index", corpus, "--format", "csv").out.count("\n") > 4
    assert hits_per_article(None, True, False) == settings.PER_ARTICLE
    run("config", "set", "per_article", "0")
    assert hits_per_article(None, True, False) == 0
    assert hits_per_article(5, True, False) == 5


def test_the_settings_of_the_library_follow_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mirsearch.acquisition.http.client import user_agent

    for key, given in (
        ("threads", "3"),
        ("device", "cpu"),
        ("contact", "me@x.org"),
        ("cache", "~/c"),
        ("http_cache_mb", "5"),
    ):
        run("config", "set", key, given)
    assert settings.thread_count() == 3
    assert settings.device() == "cpu"
    assert settings.cache_dir() == Path("~/c").expanduser()
    assert settings.http_cache_bytes() == 5 << 20
    assert "me@x.org" in user_agent()
    monkeypatch.setenv("MIRSEARCH_THREADS", "2")
    assert settings.thread_count() == 2
    run("config", "unset", "device")
    assert settings.device() == "auto"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("top = 'x'\n", "top is 'x', but holds a whole number from 1"),
        ("top = 0\n", "top is 0"), ("top = true\n", "top is True"),
        ("tpo = 3\n", "no key is named 'tpo'"), ("weights = 3\n", "no key is named 'weights'"),
        ("top = \n", "is no TOML"),
        ("[weights]\ntext = -1\n", "weights.text is -1"), ("missing = 'all'\n", "neutral, penalize or exclude"),
        ("es_password = 'p'\n", "es_password is a secret"), ("es_api_key = 'p'\n", "MIRSEARCH_ES_API_KEY"),
        ("index = 'http://u:p@h/x'\n", "must not have a user or a password"), ("sigma = nan\n", "sigma is nan"),
        ("threads = 1.5\n", "threads is 1.5"), ("contact = ''\n", "contact is ''"),
        ("a = " + "[" * 5_000, "is no TOML"),
    ],
)  # fmt: skip
def test_a_bad_file_is_told_with_file_key_and_remedy(file: Path, corpus: Path, text: str, problem: str) -> None:
    file.parent.mkdir()
    file.write_text(text)
    result = run("query", "--text", "a", "--index", corpus, code=2)
    assert problem in result.err
    assert str(file) in result.err
    assert result.err.count("\n") == 1
    assert "Usage" in run("query", "--help").out
    if "TOML" not in problem:
        run("config", "unset", text.partition("=")[0].strip().replace("[weights]\n", "weights."))
        assert run("config", "list")


def test_wrong_calls_are_refused(file: Path) -> None:
    for words, problem in (
        (("set", "tpo", "3"), "did you mean top?"), (("set", "top", "many"), "a whole number from 1"),
        (("set", "es_password", "x"), "no place for secrets"), (("get", "es_api_key"), "MIRSEARCH_ES_API_KEY"),
        (("get", "contact"), "has no value"), (("unset", "top"), "has no top"), (("get", "nothing"), "no key is named"),
        (("set", "index", "https://me:secret@host/x"), "must not have a user"),
    ):  # fmt: skip
        assert problem in run("config", *words, code=2).err
    assert not file.exists()


def test_secrets_of_the_environment_are_not_shown(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIRSEARCH_ES_PASSWORD", "hunter2-hunter2")
    assert value("es_password") == ("(set)", "environment: MIRSEARCH_ES_PASSWORD")
    assert "hunter2" not in run("config").out


def test_comments_and_other_values_stay(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "config.toml"
    write_value(path, "weights.text", 0.5)
    assert path.read_text() == "[weights]\ntext = 0.5\n"
    path.write_text("# mine\ntop = 5  # few\n\n[weights]  # of terms\n# none\ntext = 1\nscale = 2\n")
    write_value(path, "top", 7)
    write_value(path, "contact", 'a "b" \\ c@x\t')
    write_value(path, "weights.text", 0.25)
    assert tomllib.loads(path.read_text()) == {
        "top": 7, "contact": 'a "b" \\ c@x\t', "weights": {"text": 0.25, "scale": 2}
    }  # fmt: skip
    assert {"# mine", "# none", "[weights]  # of terms"} <= set(path.read_text().splitlines())
    assert remove_value(path, "weights.scale")
    assert not remove_value(path, "weights.scale")
    assert tomllib.loads(path.read_text())["weights"] == {"text": 0.25}
    for text in ("weights = {text = 1}\n", 'top = """a\n"""\n', "weights.text = 1\n"):
        path.write_text(text)
        with pytest.raises(UsageError, match="can't be changed here"):
            write_value(path, "weights.text" if "weights" in text else "top", 2)
        assert path.read_text() == text


def test_every_key_has_a_meaning_and_no_secret_is_one() -> None:
    variables = {name.removeprefix("MIRSEARCH_").lower() for name in settings.ENVIRONMENT} - {"config"}
    assert variables == {name for name, key in KEYS.items() if key.is_variable} | set(SECRETS)
    assert all(key.meaning for key in KEYS.values() if not key.is_variable)
    docs = (Path(__file__).parents[2] / "docs" / "settings.md").read_text()
    assert all(f"`{name}`" in docs for name, key in KEYS.items() if not key.is_variable)


def test_a_command_without_a_config_file_reads_none(file: Path) -> None:
    assert (
        imported(("tomllib", "platformdirs", "mirsearch.cli.config_cmd"), "query", "--text", "a", "--index", "no") == []
    )
    assert mirsearch("config", "path").stdout.strip() == str(file)


def test_the_file_lies_where_the_platform_has_such_files(monkeypatch: pytest.MonkeyPatch) -> None:
    from platformdirs import user_config_path

    monkeypatch.delenv("MIRSEARCH_CONFIG")
    assert configuration.config_path() == user_config_path("mirsearch", appauthor=False) / "config.toml"
    monkeypatch.setenv("XDG_CONFIG_HOME", "/somewhere/else")
    assert configuration.config_path() == user_config_path("mirsearch", appauthor=False) / "config.toml"
