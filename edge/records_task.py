"""Send the journal to the hub, and take its signed position and time.

The decisions are `protocols.outbox` (what next, when again) and `protocols.records`; this task
reads, signs, posts and checks. One request is under way at a time, plays before health. An answer
counts only with a signature by the hub's key over this very request; an unsigned refusal can delay
a batch, never lose one.
"""

import hashlib
from collections import namedtuple

from edge import records_request, small_heap
from edge.hub_keys import read_hub_keys
from edge.journal_book import JournalBook
from edge.journal_store import JournalStore
from edge.supervisor import Task
from hw import ports
from protocols import canonical, http_signature, keys, outbox, records
from protocols.backoff import seed_of
from protocols.budget import ALERT, CONTROL
from protocols.errors import Fault, LocalFault, RemoteFault, WorldFault
from protocols.hub_addresses import HubAddresses
from protocols.limits import ID_BYTES_MAX, RECORD_ANSWER_BYTES_MAX

# A node with nothing to say still asks for the time and shows that it lives.
ASK_MS = 3_600_000
# While the disk refuses facts they are offered to it again after this.
RETRY_MS = 1_000
# While the SIM's bytes are spent, or nothing is due.
REST_MS_MAX = 60_000
# A node that knows no time asks for it out of the reserve, so often at most.
TIME_MS = 600_000
_REMEDY = "Check the hub's address and clock; the records are kept and sent again"

Ties = namedtuple("Ties", ("now", "offer_hub", "note", "clear", "allowed"))
"""How the task touches its neighbours, all of them calls: `now() -> (wall_ms, source,
uncertainty_ms)`, `offer_hub(hub_ms, sent_ticks_ms, received_ticks_ms)`, `note(place, error)` and
`clear(place)` of a fault, `allowed(purpose) -> bytes` of the SIM's budget."""


class RecordsTask(Task):
    """Empty the journal into the hub for as long as the node runs."""

    name = "records"

    def __init__(
        self,
        node: str,
        hubs: HubAddresses,
        journal: JournalStore,
        book: JournalBook,
        storage: ports.Storage,
        link: ports.Link,
        clock: ports.Clock,
        identity: ports.Identity,
        verifier: ports.Verifier,
        entropy: ports.Entropy,
        ties: Ties,
    ):
        """`journal` is open."""
        self._node = node
        self._hubs = hubs
        self._hub = 0
        self._journal = journal
        self._book = book
        self._storage = storage
        self._link = link
        self._clock = clock
        self._identity = identity
        self._verifier = verifier
        self._entropy = entropy
        self._ties = ties
        self._keys: dict[str, bytes] = {}
        # Why the hub takes nothing of this node, until it does.
        self.refusal = ""
        self._ask_ms = 0
        self._time_ticks = 0
        self._boxes: dict[str, outbox.Outbox] = {}
        for index, name in enumerate(records.CHAINS):
            seed = seed_of(node) + index
            box = outbox.Outbox(seed, journal.runs(name), journal.positions(name))
            self._boxes[name] = box

    async def run(self) -> None:
        """Send for ever."""
        while True:
            if not await self.step():
                await self._book.news.wait(self._clock, self._rest_ms())

    def ask(self) -> None:
        """Exchange with the hub now, even with nothing to send: its time or the link is new."""
        for box in self._boxes.values():
            box.submit(outbox.Ask(), self._clock.ticks_ms())
        self._book.news.ring()

    def carried(self, name: str, epoch: str, last: int) -> None:
        """Note that a stick took records along up to `last`: the hub may hold them before us."""
        self._boxes[name].submit(outbox.Carried(epoch, last), self._clock.ticks_ms())

    def pending(self, name: str) -> int:
        """Return how many records of a chain the hub has not acknowledged."""
        self._follow_journal(name)
        return self._boxes[name].pending()

    async def step(self) -> bool:
        """Do one exchange if one is due; tells whether there was one."""
        self._book.retry()
        now_ms = self._clock.ticks_ms()
        if now_ms >= self._ask_ms:
            self._ask_ms = now_ms + ASK_MS
            self._boxes[records.HEALTH].submit(outbox.Ask(), now_ms)
        for name in records.CHAINS:
            self._follow_journal(name)
            box = self._boxes[name]
            box.tick(now_ms)
            if not self._ties.allowed(CONTROL):
                await self._ask_for_time(now_ms)
                continue
            span = box.data_to_send()
            if span is not None:
                await self._exchange(name, span)
                self._tell(name)
                return True
        return False

    async def _ask_for_time(self, now_ms: int) -> None:
        """Ask for the time alone, where none is known and only the reserve is left.

        Without it no new period of the SIM would ever begin, nor could an alert be judged.
        """
        is_known = self._ties.now()[0] is not None
        if is_known or now_ms < self._time_ticks or not self._ties.allowed(ALERT):
            return
        self._time_ticks = now_ms + TIME_MS
        name = records.HEALTH
        try:
            body = records.build_batch(self._node, name, self._journal.epoch(name), 0, [])
            await self._post(name, body)
            self._ties.clear("records.link")
        except LocalFault:
            raise
        except Fault as fault:
            self._ties.note("records.link", fault)
            self._hub += 1

    def _rest_ms(self) -> int:
        now_ms = self._clock.ticks_ms()
        rest_ms = max(self._ask_ms - now_ms, 10)
        if self._book.waiting():
            rest_ms = min(rest_ms, RETRY_MS)
        if not self._ties.allowed(CONTROL):
            rest_ms = min(rest_ms, REST_MS_MAX)
        for box in self._boxes.values():
            deadline_ms = box.deadline_ms()
            if deadline_ms is not None:
                rest_ms = min(rest_ms, max(deadline_ms - now_ms, 10))
        return rest_ms

    def _follow_journal(self, name: str) -> None:
        """Pass on what has come to stand on disk and what was dropped."""
        while True:
            change = self._journal.next_change(name)
            if change is None:
                return
            if isinstance(change, outbox.Run):
                self._boxes[name].confirm(change)
            else:
                self._boxes[name].submit(change, self._clock.ticks_ms())

    def _tell(self, name: str) -> None:
        """Pass on what the hub said of a chain."""
        place = "records." + name
        while True:
            event = self._boxes[name].next_event()
            if event is None:
                return
            if isinstance(event, outbox.Acknowledged):
                self._journal.acknowledge(name, event.epoch, event.position)
                self.refusal = ""
                self._ties.clear(place)
            elif isinstance(event, outbox.Rewound):
                self._journal.acknowledge(name, event.epoch, event.position)
                body = {"chain": name, "epoch": event.epoch, "position": event.position}
                self._book.write(records.HEALTH, "rewind", body)
                self._ask_others(name)
            elif isinstance(event, outbox.Forked):
                if self._journal.epoch(name) == event.epoch:
                    self._journal.new_epoch(name)
                remedy = "Was this node's card copied or restored? Its old records are kept"
                self._ties.note(place, WorldFault("records.fork", event.epoch, remedy))
            elif isinstance(event, outbox.Blocked):
                self.refusal = event.code
                remedy = "Register or release the node at the hub; its records are kept"
                self._ties.note(place, WorldFault(event.code, "the hub refuses", remedy))

    def _ask_others(self, name: str) -> None:
        """Ask where the other chains stand: a restored hub lost records of all of them."""
        for other in records.CHAINS:
            if other != name:
                self._boxes[other].submit(outbox.Ask(), self._clock.ticks_ms())

    async def _exchange(self, name: str, span: outbox.Span) -> None:
        """Post one span and hand the outcome to the outbox."""
        box = self._boxes[name]
        try:
            small_heap.tidy()
            bytes_max = min(small_heap.batch_bytes(), self._ties.allowed(CONTROL))
            found = self._journal.read(name, span, bytes_max)
            if found is None:
                box.link_lost(self._clock.ticks_ms())
                return
            body = records.build_batch(self._node, name, span.epoch, span.after, found)
            answer = await self._post(name, body)
            now_ms = self._clock.ticks_ms()
            if isinstance(answer, outbox.Refused):
                box.submit(answer, now_ms)
            else:
                box.receive(answer, now_ms)
            self._ties.clear("records.link")
        except LocalFault:
            raise
        except Fault as fault:
            self._ties.note("records.link", fault)
            self._hub += 1
            if box.state == outbox.WAITING:
                box.link_lost(self._clock.ticks_ms())

    async def _post(self, name: str, body: bytes) -> "bytes | outbox.Refused":
        """Return the verified answer's body, or the refusal."""
        known = self._hubs.known()
        signed = records_request.sign(
            known[self._hub % len(known)],
            body,
            self._node,
            self._ties.now()[0],
            self._identity,
            self._entropy,
        )
        nonce, digest = signed.nonce, signed.headers["content-digest"]
        sent_ms = self._clock.ticks_ms()
        response = await self._link.request("POST", signed.url, signed.headers, body)
        received_ms = self._clock.ticks_ms()
        try:
            data = await _read_all(response)
        finally:
            await response.close()
        if response.status != 200:
            return _refusal(response.status, data)
        self._check(response, data, digest, nonce)
        answer = records.read_answer(data)
        if answer.chain != name or answer.nonce != nonce:
            raise RemoteFault("records.answer", "the answer is to another question", _REMEDY)
        self._ties.offer_hub(answer.time_ms, sent_ms, received_ms)
        # It told the time and showed that this node lives: no need to ask for that alone.
        self._ask_ms = received_ms + ASK_MS
        return data

    def _check(self, response: ports.Response, data: bytes, digest: str, nonce: str) -> None:
        """Refuse an answer that the hub's key did not sign for this request."""
        sha256 = hashlib.sha256(data).digest()
        signed = http_signature.read_answer(
            response.status, response.headers, sha256, digest, nonce
        )
        if signed.key_id not in self._keys:
            self._keys = read_hub_keys(self._storage)
        public = self._keys.get(signed.key_id)
        if public is None:
            raise RemoteFault("records.hub_key", "signed by a key the root does not name", _REMEDY)
        if not self._verifier.verify(keys.ED25519, public, signed.signature, [signed.base]):
            raise RemoteFault("records.hub_signature", "the answer's signature is wrong", _REMEDY)


async def _read_all(response: ports.Response) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while True:
        piece = await response.read(RECORD_ANSWER_BYTES_MAX + 1 - size)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)
        size += len(piece)
        if size > RECORD_ANSWER_BYTES_MAX:
            raise RemoteFault("records.answer", "the answer does not end", _REMEDY)


def _refusal(status: int, data: bytes) -> "outbox.Refused":
    """Return what a refusing hub said; anything that is no hub's answer is a fault of the way."""
    if status in (400, 401, 403, 409):
        try:
            value = canonical.decode(data, RECORD_ANSWER_BYTES_MAX)
        except RemoteFault:
            value = None
        code = value.get("code") if isinstance(value, dict) else None
        if isinstance(code, str) and code.startswith("records.") and len(code) <= ID_BYTES_MAX:
            return outbox.Refused(code)
    message = "status " + str(status)
    raise WorldFault("link.status", message, "Look at the hub's log; it is tried again")
