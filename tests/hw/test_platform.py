"""The settings pick the store."""

from hw import platform


def test_the_setting_picks_the_store(tmp_path):
    for kind, folder in (("files", "f"), ("slots", "slots")):
        store = platform.storage(str(tmp_path), kind)
        writer = store.stage("new")
        writer.write(b"1")
        writer.commit("f/a")
        assert store.size("f/a") == 1
        assert [path.name for path in (tmp_path / folder).iterdir() if path.is_file()]
