"""A double of a SIM7600 or EC25 on its AT port, written from the manuals that `protocols.at` names.

It shows consistency with those manuals, not with a modem: no real one was at hand.
"""

import asyncio
import os
import pty
import tty

PIN_TRIES = 3


class AtDouble:
    """Answer commands as the modem does; what a test may turn is an attribute."""

    def __init__(self, kind="sim7600", pin=""):
        self.kind = kind
        self.pin = pin
        self.tries = PIN_TRIES
        self.sim = "SIM PIN" if pin else "READY"
        self.csq = 17
        self.registered = 1
        self.operator = "Viettel"
        self.apn = "internet"
        self.echo = True
        self.is_silent = False
        self.is_locating = False
        # How often it is asked before it has found satellites.
        self.searches = 2
        self.unasked = b""
        self.commands: list[str] = []
        self._line = b""

    def receive(self, data: bytes) -> bytes:
        """Take bytes and return what the modem says."""
        out = b""
        for byte in data:
            if byte == 13:
                line, self._line = self._line.decode("ascii", "replace"), b""
                out += self._answer(line)
            elif byte != 10:
                self._line += bytes([byte])
        return b"" if self.is_silent else out

    def _answer(self, line: str) -> bytes:
        self.commands.append(line)
        echo = line.encode() + b"\r" if self.echo else b""
        told = [b"\r\n" + text.encode() + b"\r\n" for text in self._do(line)]
        return echo + self.unasked + b"".join(told)

    def _do(self, line: str) -> list[str]:
        if line == "AT" or line in ("AT+CGATT=0", "AT+CGATT=1"):
            return ["OK"]
        if line == "AT+CPIN?":
            return ["+CME ERROR: 10"] if not self.sim else ["+CPIN: " + self.sim, "OK"]
        if line.startswith('AT+CPIN="'):
            return self._try_pin(line[9:-1])
        if line in ("AT+CRESET", "AT+CFUN=1,1"):
            fits = (line == "AT+CRESET") == (self.kind == "sim7600")
            return ["OK"] if fits else ["ERROR"]
        if line in ("AT+CGPS=1", "AT+QGPS=1"):
            was, self.is_locating = self.is_locating, True
            return ["+CME ERROR: 504"] if was else ["OK"]
        if line in ("AT+CGPSINFO", "AT+QGPSLOC=2"):
            return self._locate(line)
        if self.sim != "READY":
            return ["+CME ERROR: 11"]
        return self._do_ready(line)

    def _do_ready(self, line: str) -> list[str]:
        if line.startswith('AT+CGDCONT=1,"IP","'):
            self.apn = line[19:-1]
            return ["OK"]
        told = {
            "AT+CSQ": "+CSQ: %d,99" % self.csq,
            "AT+CREG?": "+CREG: 0,%d" % self.registered,
            "AT+CGREG?": "+CGREG: 0,%d" % self.registered,
            "AT+CEREG?": "+CEREG: 0,%d" % self.registered,
            "AT+COPS?": '+COPS: 0,0,"%s",7' % self.operator,
            "AT+CGDCONT?": '+CGDCONT: 1,"IP","%s","0.0.0.0",0,0' % self.apn,
            "AT+CPSI?": "+CPSI: LTE,Online,452-04,0x5A1E,187214780,257,EUTRAN-BAND3,1650,5,5",
            "AT+QNWINFO": '+QNWINFO: "FDD LTE","45204","LTE BAND 3",1650',
        }.get(line)
        own = {"AT+CPSI?": "sim7600", "AT+QNWINFO": "ec25"}.get(line, self.kind)
        return ["ERROR"] if told is None or own != self.kind else [told, "OK"]

    def _locate(self, line: str) -> list[str]:
        self.searches = max(0, self.searches - 1)
        if line == "AT+CGPSINFO":
            found = "1358.800000,N,10800.600000,E,281126,095512.0,702.1,0.0,"
            return ["+CGPSINFO: " + (",,,,,,,," if self.searches else found), "OK"]
        if self.searches:
            return ["+CME ERROR: 516"]
        return ["+QGPSLOC: 095512.000,13.98000,108.01000,1.1,702.1,3,0.0,0.0,0.0,281126,07", "OK"]

    def _try_pin(self, given: str) -> list[str]:
        if given == self.pin and self.tries:
            self.sim, self.tries = "READY", PIN_TRIES
            return ["OK", "+CPIN: READY"]
        self.tries = max(0, self.tries - 1)
        self.sim = "SIM PIN" if self.tries else "SIM PUK"
        return ["+CME ERROR: 16"]


class PtyModem:
    """Hold an `AtDouble` behind a pseudo-terminal that the running loop serves."""

    def __init__(self, double: AtDouble):
        self.double = double
        self._master, self._slave = pty.openpty()
        tty.setraw(self._master)
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        asyncio.get_running_loop().add_reader(self._master, self._serve)

    def _serve(self) -> None:
        answer = self.double.receive(os.read(self._master, 4096))
        if answer:
            os.write(self._master, answer)

    def say(self, data: bytes) -> None:
        """Speak unasked."""
        os.write(self._master, data)

    def close(self) -> None:
        """Unplug."""
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)
        os.close(self._slave)
