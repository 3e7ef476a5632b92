"""Build the clock-true virtual card, and read back what was heard on it and when."""

import subprocess
from pathlib import Path

RATE_HZ = 16000
SOURCE = Path(__file__).with_name("clock_card.c")


class ClockCard:
    """Hold one card: its ALSA configuration, its recording, its plug; and a second one, `spare`."""

    def __init__(self, folder: Path, ppm: int = 0) -> None:
        self.file = folder / "heard"
        self.gone = folder / "gone"
        self.config = folder / "asound.conf"
        library = folder / "libclock_card.so"
        command = ["gcc", "-O2", "-shared", "-fPIC", "-DPIC", "-o", library, SOURCE, "-lasound"]
        subprocess.run(command, check=True)
        self.config.write_text(
            "</usr/share/alsa/alsa.conf>\n"
            'pcm_type.clock_card { lib "%s" }\n'
            'pcm.card { type clock_card; file "%s"; unplugged "%s"; ppm %d }\n'
            'pcm.spare { type clock_card; file "%s.spare"; unplugged "%s.spare"; ppm %d }\n'
            % (library, self.file, self.gone, ppm, self.file, self.gone, ppm)
        )
        self.ppm = ppm

    def environment(self) -> dict[str, str]:
        """Return what makes ALSA find the card, for a process of its own."""
        return {"ALSA_CONFIG_PATH": str(self.config)}

    def heard(self, suffix: str = "") -> list[tuple[float, int]]:
        """Return every sample that is not silence with the wall time (ms) it was heard at."""
        file = Path(str(self.file) + suffix)
        data = memoryview(file.read_bytes()).cast("h")
        lines = Path(str(file) + ".log").read_text().splitlines()
        starts = [tuple(int(word) for word in line.split()) for line in lines]
        per_frame_ms = 1000 / RATE_HZ / (1 + self.ppm / 1e6)
        result = []
        for i, (frame, wall_ns) in enumerate(starts):
            end = starts[i + 1][0] if i + 1 < len(starts) else len(data)
            for at in range(frame, end):
                if data[at]:
                    result.append((wall_ns / 1e6 + (at - frame) * per_frame_ms, data[at]))
        return result
