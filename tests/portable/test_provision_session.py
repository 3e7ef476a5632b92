"""The two ends of a service cable: cuts, copies, strangers, restarts."""

from protocols import framing, provision_session
from protocols.errors import Fault
from protocols.framing import Frame, Packet, Reader
from protocols.provision_session import (
    ASKER_TABLE,
    BUSY,
    CLOSED,
    DOER_TABLE,
    DOING,
    GAP_MS,
    HOLDING,
    OWNER_MS,
    RETRY_MS,
    SILENT_MS,
    WAITING,
    WELCOME,
    Answer,
    Asker,
    Busy,
    Close,
    Doer,
    Incompatible,
    Met,
    Opened,
    Request,
    Silent,
)

TEXTS = ["chieng", "0.1.0", "linux", "n-1"]


class Cable:
    """Two ends, a clock, and the count of what the node did."""

    def __init__(self):
        self.now_ms = 0
        self.asker = Asker(b"session1", 0)
        self.doer = Doer(TEXTS, framing.READY)
        self.done = []
        self.events = []

    def work(self):
        """Let the node do what it was asked and put it on its disk."""
        event = self.doer.next_event()
        while event is not None:
            self.done.append(event.message)
            self.doer.submit(Answer(event.number, b"did " + event.message), self.now_ms)
            self.doer.confirm(event.number)
            event = self.doer.next_event()

    def step(self, up=None, down=None):
        """Carry what both ends have to say; `up` and `down` cut it after so many bytes."""
        self.asker.tick(self.now_ms)
        self.doer.tick(self.now_ms)
        self.doer.receive(self.asker.data_to_send()[:up], self.now_ms)
        self.work()
        self.asker.receive(self.doer.data_to_send()[:down], self.now_ms)
        event = self.asker.next_event()
        while event is not None:
            self.events.append(event)
            event = self.asker.next_event()

    def until(self, kind):
        """Step until the tool is told an event of a kind, and return it."""
        for _ in range(40):
            for event in self.events:
                if isinstance(event, kind):
                    self.events.remove(event)
                    return event
            self.now_ms += GAP_MS
            self.step()
        raise AssertionError("never told " + str(kind))

    def replug(self):
        """Pull the cable and put it back."""
        self.asker.link_lost(self.now_ms)
        self.doer.link_lost(self.now_ms)


def test_steps_are_asked_done_and_answered_in_order():
    cable = Cable()
    assert cable.until(Opened).version == 1
    assert cable.until(Met).texts == TEXTS
    for number in range(1, 5):
        cable.asker.submit(Request(number, b"step %d" % number), cable.now_ms)
        assert cable.until(Answer) == Answer(number, b"did step %d" % number)
        cable.asker.confirm(number)
    assert len(cable.done) == 4


def test_a_cut_after_any_byte_loses_and_doubles_nothing():
    for up, down in [(cut, None) for cut in range(60)] + [(None, cut) for cut in range(60)]:
        for begun in (False, True):
            cable = Cable()
            if begun:
                cable.until(Opened)
                cable.asker.submit(Request(1, b"the step"), cable.now_ms)
            cable.step(up, down)
            cable.replug()
            if not begun:
                cable.until(Opened)
                cable.asker.submit(Request(1, b"the step"), cable.now_ms)
            assert cable.until(Answer).message == b"did the step", (up, down, begun)
            assert cable.done == [b"the step"], (up, down, begun)


def test_a_node_that_lost_power_does_the_step_again():
    cable = Cable()
    cable.until(Opened)
    cable.asker.submit(Request(1, b"x"), cable.now_ms)
    cable.step(None, 0)
    cable.doer = Doer(TEXTS, framing.READY)
    assert cable.until(Answer).message == b"did x"
    assert cable.done == [b"x", b"x"]


def test_an_answer_waits_for_the_disk_and_says_that_it_is_under_way():
    cable = Cable()
    cable.until(Opened)
    cable.work = lambda: None
    cable.asker.submit(Request(1, b"slow"), cable.now_ms)
    cable.step()
    cable.doer.submit(Answer(1, b"done"), cable.now_ms)
    for _ in range(3 * SILENT_MS // GAP_MS):
        cable.now_ms += GAP_MS
        cable.step()
    assert cable.asker.state == WAITING and not any(isinstance(e, Silent) for e in cable.events)
    cable.doer.confirm(1)
    assert cable.until(Answer).message == b"done"
    assert cable.asker.state == HOLDING


def test_a_second_tool_waits_until_the_first_is_gone():
    cable = Cable()
    cable.until(Opened)
    cable.until(Met)
    first, cable.asker = cable.asker, Asker(b"session2", cable.now_ms)
    cable.events = []
    assert cable.until(Busy) == Busy()
    cable.now_ms += OWNER_MS
    assert cable.until(Opened).version == 1
    cable.asker = first
    cable.asker.submit(Request(1, b"mine"), cable.now_ms)
    assert cable.until(Busy) == Busy()
    assert cable.done == []


def test_a_tool_that_says_farewell_makes_room_at_once():
    cable = Cable()
    cable.until(Opened)
    cable.until(Met)
    cable.asker.submit(Close(), cable.now_ms)
    cable.step()
    cable.asker = Asker(b"session2", cable.now_ms)
    cable.events = []
    assert cable.until(Opened).version == 1
    assert not [one for one in cable.events if isinstance(one, Busy)] and cable.done == []


def test_versions_are_agreed_or_refused():
    doer = Doer(TEXTS, framing.READY)
    for least, most, chosen in ((0, 9, 1), (1, 1, 1), (2, 9, 0), (0, 0, 0)):
        doer.receive(framing.encode(1, bytes((least, most)) + b"sssssss" + bytes((most,))), 0)
        (welcome,) = Reader().receive(doer.data_to_send())
        assert welcome.kind == WELCOME and tuple(welcome.body[8:]) == (chosen, 1, 1)
        doer.link_lost(0)
    asker = Asker(b"session1", 0)
    asker.tick(0)
    asker.receive(framing.encode(WELCOME, b"session1" + bytes((0, 4, 6))), 1)
    assert asker.next_event() == Incompatible(4, 6)
    assert asker.is_closed()


def test_silence_and_noise_are_told_once():
    asker = Asker(b"session1", 0)
    told = []
    for now_ms in range(0, 3 * SILENT_MS, RETRY_MS):
        asker.tick(now_ms)
        asker.receive(b"login: ", now_ms)
        told.append(asker.next_event())
    silent = [event for event in told if event is not None]
    assert len(silent) == 1 and silent[0].noise > 0


def test_improv_tools_may_say_hello():
    doer = Doer(TEXTS, framing.PROVISIONED, "http://hub.example")
    wanted = [
        (framing.call(framing.CALL_STATE), (framing.STATE, b"\x04")),
        (framing.packet(framing.RPC, b"\x01\x00"), (framing.ERROR, b"\x02")),
        (framing.packet(framing.RPC, b"\x01\x09"), (framing.ERROR, b"\x01")),
    ]
    for asked, answer in wanted:
        doer.receive(asked, 0)
        assert Reader().receive(doer.data_to_send())[0] == Packet(answer[0], answer[1])


def test_every_pair_of_state_and_trigger_moves_or_is_refused():
    for role, table in ((Asker, ASKER_TABLE), (Doer, DOER_TABLE)):
        states = sorted(set(state for state, _ in table) | {CLOSED})
        triggers = sorted(set(trigger for _, trigger in table))
        for state in states:
            for trigger in triggers:
                one = Asker(b"session1", 0) if role is Asker else Doer(TEXTS, framing.READY)
                one.state = state
                if (state, trigger) in table:
                    one._move(trigger)
                    assert one.state == table[(state, trigger)]
                else:
                    assert _code(one._move, trigger) == "provision.order"
                    assert one.state == state


def test_wrong_calls_are_refused_and_change_nothing():
    asker, doer = Asker(b"session1", 0), Doer(TEXTS, framing.READY)
    assert _code(Asker, b"short", 0) == "provision.session"
    assert _code(asker.submit, Request(2, b""), 0) == "provision.number"
    assert _code(asker.submit, Request(1, b""), 0) == "provision.order"
    assert _code(asker.submit, Busy(), 0) == "provision.event"
    assert _code(asker.confirm, 7) == "provision.number"
    assert _code(doer.submit, Answer(3, b""), 0) == "provision.number"
    assert _code(doer.submit, Busy(), 0) == "provision.event"
    assert _code(doer.confirm, 0) == "provision.order"
    for one in (asker, doer):
        one.submit(Close(), 0)
        assert one.is_closed()
        one.receive(framing.encode(BUSY, b"session1"), 0)
        assert one.next_event() is None
    assert provision_session.VERSION_MIN <= provision_session.VERSION_MAX
    assert isinstance(Reader().receive(framing.encode(DOING == "doing", b""))[0], Frame)


def _code(function, *arguments):
    try:
        function(*arguments)
    except Fault as fault:
        return fault.code
    return None
