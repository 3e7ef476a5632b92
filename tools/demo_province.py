"""The demo's reference province: started, compared with the hub, stopped, and caught up with."""

import http.cookiejar
import json
import re
import socket
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tools.demo_process import DemoFault, Program, wait_until

PEER, NAME, PASSWORD = "tinh", "HTTTN tỉnh (mẫu)", "thu-nghiem"
# A restarted hub tries again within seconds; its longest wait by then is under a minute.
CATCH_UP_S = 120
Hub = Callable[..., Any]


class Province:
    """Run the reference province beside the story's hub, and look at both."""

    def __init__(self, folder: Path, hub: Hub, start: Callable[..., Program]):
        self._folder, self._hub, self._start = folder, hub, start
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = int(probe.getsockname()[1])
        self.address = f"http://127.0.0.1:{self._port}/"

    def start(self) -> Program:
        """Start the province's process."""
        data = str(self._folder / "province")
        words = ("province", "--data", data, "--port", str(self._port), "--password", PASSWORD)
        return self._start("province", "tools.main", *words)

    def introduce(self) -> None:
        """Let the hub tell this province what happens."""
        secret = self._folder / "province-password"
        secret.write_text(PASSWORD)
        self._hub(
            *("peer", "add", "--id", PEER, "--name", NAME, "--url", self.address),
            *("--user", "hub", "--password-file", str(secret)),
        )

    def _view(self, what: str) -> Any:
        address = f"{self.address}_tinh/xem/{what}"
        with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310
            return json.load(answer)

    def _plays(self) -> set[tuple[str, ...]]:
        """Return the plays as the province has them: node, item, start, outcome, evidence."""
        try:
            found = self._view("nhat-ky-phat?het=1")
        except OSError:
            return set()
        return {
            (
                one["CumLoaID"],
                one["BanTinID"],
                one["ThoiDiemBatDau"],
                one["KetQua"],
                str(one["BangChung"]["CapDo"]),
            )
            for one in found
        }

    def _hub_plays(self) -> set[tuple[str, ...]]:
        return {
            (
                one["node"],
                one["item"],
                time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(one["started_ms"] // 1000)),
                one["outcome"],
                str(one["grade"]),
            )
            for one in self._hub("report")["plays"]
        }

    def agreed(self, programs: list[Program]) -> dict[str, Any]:
        """Wait until both hold the same plays and nothing waits; return the two views."""

        def look() -> dict[str, Any] | None:
            ours, theirs, state = self._hub_plays(), self._plays(), self.state()
            if not ours or ours != theirs or state["waiting"]:
                return None
            nodes = self._view("trang-thai-thiet-bi")
            states = {one["CumLoaID"]: one["TrangThaiKetNoi"] for one in nodes}
            return {"hub": len(ours), "province": len(theirs), "nodes": states, "agree": True}

        return dict(wait_until("hub and province to agree", CATCH_UP_S, look, programs))

    def state(self) -> dict[str, Any]:
        """Return how far behind the hub says this province is."""
        (found,) = self._hub("peer", "list")
        return dict(found)

    def behind(self, page: str, account: str, password: str, hub: Program) -> dict[str, Any]:
        """Wait until the hub says that nothing gets through; return its words, also the page's."""

        def look() -> dict[str, Any] | None:
            state = self.state()
            return state if state["waiting"] and state["failing_ms"] else None

        state = wait_until("the hub to say that it is behind", CATCH_UP_S, look, [hub])
        text = _page(page, account, password)
        told = re.search(r"<dt>đang chờ</dt><dd>(\d+)</dd>", text)
        if told is None or "Không gửi được gì từ" not in text or int(told[1]) < 1:
            raise DemoFault("the province's page does not say that it is behind")
        return {
            "waiting": state["waiting"],
            "lag_ms": state["lag_ms"],
            "why": state["failure_code"],
            "page_says_waiting": int(told[1]),
        }


def agreement(views: dict[str, Any]) -> str:
    """Return the two views in a sentence."""
    return (
        f"the province's view beside the hub's: {views['province']} and {views['hub']} plays, "
        f"{len(views['nodes'])} nodes: they agree"
    )


def _page(base: str, account: str, password: str) -> str:
    """Return the province's page as an administrator reads it."""
    jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    opener = urllib.request.build_opener(jar)
    opener.addheaders = [("Sec-Fetch-Site", "same-origin")]
    sent = urllib.parse.urlencode({"account": account, "password": password, "code": ""})
    for path, data in (("login", sent.encode()), ("mirror?lang=vi", None)):
        with opener.open(base + path, data, timeout=20) as answer:
            text = answer.read().decode()
    return str(text)
