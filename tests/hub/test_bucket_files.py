"""Signed files on their way to a bucket while the hub publishes on."""

from hub.bucket_files import PublicFiles


class Kept:
    """Stand in for a bucket: keep what is put, in order, and say so before."""

    def __init__(self, before):
        self.order = []
        self._before = before

    def names(self, _under):
        return iter(())

    def put_bytes(self, name, data):
        self._before()
        self.order.append((name.removeprefix("repository/"), data))


def test_a_timestamp_that_was_replaced_meanwhile_waits_for_what_it_names(tmp_path):
    timestamp, role = "units/03.a/metadata/timestamp.json", "metadata/%d.unit-03.a.json"

    def publish(version):
        for name in (role % version, timestamp):
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"%d" % version * version)

    kept = Kept(lambda: publish(2) if not kept.order else None)
    publish(1)
    files = PublicFiles(tmp_path, kept)
    assert files.send() == 1 and kept.order == [(role % 1, b"1")]
    assert files.send() == 2
    assert kept.order[1:] == [(role % 2, b"22"), (timestamp, b"22")]
    assert files.send() == 0
