"""What a technician has set up, merged with what came with the system."""

from edge import state_file
from edge.installation import INSTALLED, Installation
from hw.sim.storage import Storage
from protocols import canonical

CONFIG = {"node": "n-1", "unit": "03.a", "kind": "speaker", "hub": ["http://hub"], "audio": {}}


def test_devices_of_the_box_stay_when_it_is_set_up():
    base = {"data": "/d", "watchdog": {"kind": "kernel"}, "rtc": {"kind": "ds3231"}, "poll_s": 60}
    base["lan"] = {"interface": "eth0"}
    storage = Storage()
    installed = {"config": CONFIG, "enrolment": {}}
    state_file.write(storage, INSTALLED, canonical.encode(installed))
    config = Installation(storage, base).config()
    assert (config.watchdog, config.rtc, config.poll_s) == (base["watchdog"], base["rtc"], 60)
    assert config.lan.interface == "eth0" and config.place.unit == "03.a"
