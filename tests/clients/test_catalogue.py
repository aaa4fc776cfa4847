"""The table of clients and environments is complete, and each file matches its entry."""

import json
import re
from pathlib import Path

import pytest

from harness.clients.catalogue import CLIENTS, ENVIRONMENTS, tier_of
from harness.clients.client import FINISH, HERE, REASONING, TEXT, TOOLS, USAGE, Client
from harness.clients.environments import Environment
from harness.errors import NotInstalled

SLUG = re.compile(r"[a-z0-9]+(?:[-.][a-z0-9]+)*")
LONGEST = 100
FILES = sorted(path for name in ("idioms", "real") for path in (HERE / name).iterdir() if path.is_file())
PYTHON = {name: one for name, one in ENVIRONMENTS.items() if one.kind == "python"}
NODE = {name: one for name, one in ENVIRONMENTS.items() if one.kind == "node" and one.packages}
PIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][0-9a-z.+!]*")
EXACT = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+(?:-[0-9a-z.]+)?")


def pinned(environment: Environment) -> str:
    assert environment.pins
    return environment.pins.read_text(encoding="utf-8")


def entries(client: Client) -> set[str]:
    """Return the entry functions that a client's file has; one may take them from a file that it imports."""
    if client.path.suffix == ".py":
        return set(re.findall(r"^(?:async )?def (\w+)\(", client.code, re.MULTILINE))
    named = re.findall(r"^export (?:async )?function\*? (\w+)\(", client.code, re.MULTILINE)
    unpacked = re.findall(r"^export const \{ ([\w, ]+) \} =", client.code, re.MULTILINE)
    return {
        *named,
        *re.findall(r"\w+", " ".join(unpacked)),
        *re.findall(r"^export const (\w+) =", client.code, re.MULTILINE),
    }


def test_there_are_clients_of_every_tier() -> None:
    assert {tier_of(one) for one in CLIENTS.values()} == {0, 1, 2}
    assert len(CLIENTS) > 80


def test_ids_are_slugs_and_titles_are_unique() -> None:
    assert [name for name in (*CLIENTS, *ENVIRONMENTS) if not SLUG.fullmatch(name)] == []
    assert [name for name, one in CLIENTS.items() if name != one.id] == []
    titles = [one.title for one in CLIENTS.values()]
    assert sorted(titles) == sorted(set(titles))


def test_no_line_of_the_table_is_lost_to_another_with_its_id() -> None:
    table = (HERE / "catalogue.py").read_text(encoding="utf-8")
    written = re.findall(r'^    _(?:own|old028|real|idiom)\("([^"]+)"', table, re.MULTILINE)
    assert sorted(written) == sorted(set(written))
    assert set(written) <= set(CLIENTS)
    assert len(re.findall(r'^    Environment\("', table, re.MULTILINE)) == len(ENVIRONMENTS)


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_is_a_short_file_with_a_head_and_the_entries_that_the_table_says(name: str) -> None:
    client = CLIENTS[name]
    assert client.path.is_file()
    assert len(client.path.read_text(encoding="utf-8").splitlines()) <= LONGEST
    assert client.about
    assert client.about[-1] == "."
    assert "Source:" not in client.about
    assert client.about not in client.code
    assert client.code.strip()
    loops = any(one.loops for one in CLIENTS.values() if one.path == client.path)
    assert entries(client) & {"read", "loop"} == ({"read", "loop"} if loops else {"read"})


def test_every_file_says_where_it_comes_from() -> None:
    said = {
        path.name: re.findall(r"^[ *]*Source: (.+)", path.read_text(encoding="utf-8"), re.MULTILINE) for path in FILES
    }
    assert {name: found for name, found in said.items() if len(found) != 1} == {}


@pytest.mark.parametrize("name", CLIENTS)
def test_a_source_is_a_public_address_or_none(name: str) -> None:
    source = CLIENTS[name].source
    assert source is None or re.fullmatch(r"https?://[\w.-]+\.[a-z]+/\S+", source)


def test_most_clients_were_seen_in_public() -> None:
    assert sum(one.source is not None for one in CLIENTS.values()) > len(CLIENTS) / 2


def test_every_client_reads_the_text_and_runs_in_an_environment_of_the_table() -> None:
    known = {TEXT, REASONING, FINISH, USAGE, TOOLS}
    assert [name for name, one in CLIENTS.items() if not {TEXT} <= one.reads <= known] == []
    assert {one.env for one in CLIENTS.values()} == set(ENVIRONMENTS)
    assert [name for name, one in CLIENTS.items() if one.loops and TOOLS not in one.reads] == []


def test_a_file_is_of_the_language_of_its_environment() -> None:
    wrong = [n for n, one in CLIENTS.items() if (one.path.suffix == ".mjs") != (ENVIRONMENTS[one.env].kind == "node")]
    assert wrong == []


def test_every_file_is_in_the_table_or_imported_by_one_that_is() -> None:
    used = {one.path for one in CLIENTS.values()}
    imported = {
        path.parent / found
        for path in used
        for found in re.findall(r'from "\./([\w.]+)"', path.read_text(encoding="utf-8"))
    }
    assert [path.name for path in FILES if path not in used | imported] == []
    assert imported


def test_each_idiom_of_older_releases_is_the_file_of_the_newest() -> None:
    for release in ("openai1", "openai2"):
        older = [one for one in CLIENTS.values() if one.env == release]
        assert len(older) == 5
        assert {one.path for one in older} <= {one.path for one in CLIENTS.values() if one.env == "own"}
        assert all(one.idiom for one in older)


def test_all_that_is_to_be_installed_has_pins_and_all_pins_are_of_an_environment() -> None:
    assert [name for name, one in (PYTHON | NODE).items() if one.pins is None] == []
    assert [name for name, one in ENVIRONMENTS.items() if name not in PYTHON | NODE and one.pins] == []
    assert sorted(path.stem for path in (HERE / "pins").iterdir()) == sorted(PYTHON | NODE)


@pytest.mark.parametrize("name", PYTHON)
def test_the_versions_of_python_packages_are_exact_and_nothing_else(name: str) -> None:
    lines = [line for line in pinned(PYTHON[name]).splitlines() if not line.startswith("#")]
    assert [line for line in lines if not PIN.fullmatch(line)] == []
    names = [line.partition("==")[0].lower() for line in lines]
    assert names == sorted(set(names))
    assert len(names) > 3


@pytest.mark.parametrize("name", NODE)
def test_the_versions_of_node_packages_are_exact_and_locked(name: str) -> None:
    lock = json.loads(pinned(NODE[name]))
    assert NODE[name].pins
    told = json.loads((Path(str(NODE[name].pins)).parent / "package.json").read_text(encoding="utf-8"))
    assert set(told) == {"name", "private", "dependencies"}
    assert [one for one in told["dependencies"].values() if not EXACT.fullmatch(one)] == []
    packages = lock["packages"]
    assert packages.pop("")["dependencies"] == told["dependencies"]
    assert [path for path, one in packages.items() if not path.startswith("node_modules/") or one.get("link")] == []
    assert [path for path, one in packages.items() if not EXACT.fullmatch(one["version"])] == []
    assert [path for path, one in packages.items() if not one["integrity"].startswith("sha512-")] == []
    assert {package: packages[f"node_modules/{package}"]["version"] for package in told["dependencies"]} == told[
        "dependencies"
    ]


@pytest.mark.parametrize("name", NODE)
def test_a_lock_names_no_address_to_fetch_from(name: str) -> None:
    packages = json.loads(pinned(NODE[name]))["packages"].values()
    assert [one for one in packages if "resolved" in one] == []


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_versions_of_an_environment_name_every_package(name: str) -> None:
    environment = ENVIRONMENTS[name]
    assert list(environment.versions) == list(environment.packages or ("node",))
    assert all(environment.versions.values())
    if environment.pins:
        assert [one for one in environment.versions.values() if one not in pinned(environment)] == []


def test_an_environment_of_other_pins_is_another_folder() -> None:
    folders = [one.folder for one in (PYTHON | NODE).values()]
    assert len(set(folders)) == len(folders)
    assert all(re.fullmatch(rf"{name}-[0-9a-f]{{12}}", one.folder.name) for name, one in (PYTHON | NODE).items())


def test_the_environment_of_the_project_itself_is_always_there() -> None:
    own = ENVIRONMENTS["own"]
    assert own.installed
    assert own.extra == {}
    assert all(Path(part).is_file() for part in own.command)


def test_a_cache_that_cannot_be_written_to_is_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cache").write_text("a file")
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_, **__: tmp_path / "cache")
    with pytest.raises(NotInstalled, match=r"langchain-\w+: Not a directory; it is installed there"):
        Environment("langchain", 1, "python").install()
