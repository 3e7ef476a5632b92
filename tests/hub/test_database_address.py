"""A database's password: in a file, in ~/.pgpass, never among the words of a command."""

import json
import os

import psycopg
import pytest

from hub import database_address
from hub.main import main
from protocols.errors import LocalFault
from tests.hub import postgres


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://chieng:bi-mat@db.lan/chieng",
        "postgres://chieng:b%C3%AD@db.lan/chieng",
        "postgresql://chieng@db.lan/chieng?password=bi-mat",
        "postgresql://chieng@db.lan/chieng?sslmode=require&sslpassword=bi-mat",
        "postgresql://chieng:bi-mat@[fe80/chieng",
        "postgresql://chieng:#bi-mat@db.lan/chieng",
        "postgresql://chieng:?bi-mat@db.lan/chieng",
        "postgresql://db.lan/chieng#?password=bi-mat",
    ],
)
def test_a_password_among_the_words_is_refused_and_not_repeated(address, tmp_path, capsys):
    words = ["init", "--data", tmp_path / "hub", "--database", address, "--group", "03"]
    assert main([*map(str, words), "--offline-keys", str(tmp_path / "stick")]) == 1
    said = capsys.readouterr().err
    assert "[hub.database_password]" in said and "--database-file" in said and "pgpass" in said
    assert "bi-mat" not in said and not (tmp_path / "hub").exists()


def test_addresses_without_a_password_are_taken(tmp_path):
    for address in ("postgresql:///chieng?host=/run", "postgresql://chieng@db.lan:5433/chieng"):
        assert database_address.from_words(address, None) == address
    assert database_address.from_words(None, None) is None
    for given in ("mysql://x/y", "chieng.sqlite3"):
        with pytest.raises(LocalFault) as caught:
            database_address.from_words(given, None)
        assert caught.value.code == "hub.database"


@pytest.fixture(scope="module")
def guarded():
    """Give the address, without its password, of a database that asks for one; and that."""
    name, secret, cluster = "nguoi_giu", "mật khẩu: 1", postgres.cluster()
    cluster.do(f"CREATE ROLE {name} LOGIN PASSWORD '{secret}'")
    rules = cluster.folder / "data" / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text(f"local all {name} scram-sha-256\n{before}")
    cluster.do("SELECT pg_reload_conf()")
    address = cluster.fresh()
    base = address.partition("?host=")[0].rpartition("/")[2]
    cluster.do(f"ALTER DATABASE {base} OWNER TO {name}")
    yield address.replace("//chieng@", f"//{name}@"), base, name, secret
    rules.write_text(before)
    cluster.do("SELECT pg_reload_conf()")


def run(capsys, *words):
    """Run `chieng-hub`; return its exit code and what it said."""
    code = main([str(word) for word in words])
    said = capsys.readouterr()
    return code, said.out + said.err


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_holds_no_address_is_one_sentence(tmp_path, capsys, content):
    file = tmp_path / "address"
    if content is not None:
        file.touch(0o600)
        file.write_bytes(content)
    words = ["init", "--data", tmp_path / "hub", "--group", "03", "--offline-keys", tmp_path / "k"]
    code, said = run(capsys, *words, "--database-file", file)
    assert code == 1 and "address" in said and "Traceback" not in said


def test_a_password_is_found_in_a_file_and_in_pgpass(guarded, tmp_path, capsys, monkeypatch):
    address, base, name, secret = guarded
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(address)
    data, file = tmp_path / "hub", tmp_path / "address"
    quoted = secret.replace(" ", "%20").replace(":", "%3A")
    file.write_text(address.replace(f"//{name}@", f"//{name}:{quoted}@") + "\n")
    words = ["init", "--data", data, "--group", "03", "--offline-keys", tmp_path / "stick"]
    words += ["--sheets", tmp_path / "sheets", "--database-file", file]
    os.chmod(file, 0o644)
    code, said = run(capsys, *words)
    assert code == 1 and "others can read" in said and "chmod 600" in said and secret not in said
    os.chmod(file, 0o600)
    code, said = run(capsys, *words)
    assert code == 0, said
    # From now on the folder knows it; PostgreSQL's own programs are told, too.
    assert (data / "database").stat().st_mode & 0o777 == 0o600
    code, said = run(capsys, "backup", "--data", data, "--to", tmp_path / "copies")
    assert code == 0 and json.loads(said)["copy"], said
    pgpass = tmp_path / "pgpass"
    pgpass.write_text("*:*:{}:{}:{}\n".format(base, name, secret.replace(":", "\\:")))
    pgpass.chmod(0o600)
    (data / "database").write_text(address)
    monkeypatch.setenv("PGPASSFILE", str(pgpass))
    for verb in ("audit", "migrate"):
        code, said = run(capsys, verb, "--data", data, "--database", address)
        assert code == 0, said
    code, said = run(capsys, "backup", "--data", data, "--to", tmp_path / "more")
    assert code == 0, said
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "none"))
    code, said = run(capsys, "audit", "--data", data)
    assert code == 1 and "psql with the same address" in said
