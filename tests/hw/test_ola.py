"""OLA, a receiver nobody here wrote, holds every universe byte for byte."""

import json

from tests.hw.two_hosts import run_scene


def test_e131_by_unicast_and_multicast():
    result = json.loads(run_scene("tests.hw.ola_scene", "e131"))
    assert result == {"unicast": 24, "multicast": 24}


def test_artnet_by_unicast_and_its_poll():
    result = json.loads(run_scene("tests.hw.ola_scene", "artnet"))
    assert result == {"unicast": 24, "present": [True, True]}
