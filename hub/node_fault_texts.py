"""What pages say about the faults that nodes report: a sentence and what to do, by code."""

from hub.node_fault_families import AS, FAMILIES
from hub.translations import N_

_TEXTS = {
    "alert.unheard": (
        N_("An emergency has not sounded here."),
        N_("Spread it by other means now; then see why the node did not play it."),
    ),
    "alert.auto": (
        N_("The hub's key relayed an alert that only an approver may sign."),
        N_("Find out who used the hub's key; let the unit's approver sign the alert."),
    ),
    "alert.auto_rate": (
        N_("More relayed alerts came than a day allows; the node plays no further one."),
        N_("Find out who sends them; let the unit's approver sign what matters."),
    ),
    "order.expired": (
        N_("It reached the node too late."),
        N_("Ask again when the node is in contact."),
    ),
    "order.interrupted": (
        N_("The node lost power while it did this."),
        N_("Ask again; check the node's power supply."),
    ),
    "order.unknown": (
        N_("The node's software is too old for this."),
        N_("Update the node's software first."),
    ),
    "order.widening": (
        N_("The hub's key asked for something that only approvers may lay down."),
        N_("Find out who used the hub's key, and change the key."),
    ),
    "settings.widening": (
        N_("The hub's key asked for something that only approvers may lay down."),
        N_("Find out who used the hub's key, and change the key."),
    ),
    "hub.rehome": (
        N_("The new hub addresses never answered; the node stays with the old hub."),
        N_("Check the new server, then lay down the addresses once more."),
    ),
    "firmware.rolled_back": (
        N_("The new software did not run; the node went back to the one before."),
        N_("Stop the roll-out and tell the software's maker the code."),
    ),
    "records.fork": (
        N_("Two different histories under one key."),
        N_("The card may have been copied: send a technician."),
    ),
    "records.hole": (
        N_("Some records are lost for good."),
        N_("Check the node's storage at the next visit."),
    ),
    "amplifier.dropped": (
        N_("The amplifier's relay opened while it should have held."),
        N_("Check the relay board's supply and the serial cable."),
    ),
    "amplifier.not_heard": (
        N_("It plays, but neither the power drawn nor the loudspeaker line shows any sound."),
        N_("Check the amplifier's volume and fuse, the loudspeaker line and the horns."),
    ),
    "amplifier.stuck": (
        N_("The amplifier did not switch on."),
        N_("Check the relay, its contact and the amplifier's supply."),
    ),
    "amplifier.welded": (
        N_("The amplifier stays on though it was switched off: the relay's contact is stuck."),
        N_("Cut the amplifier's supply by hand and replace the relay."),
    ),
    "audio.busy": (
        N_("Another program holds the node's sound card."),
        N_("Restart the node; if it stays so, send a technician."),
    ),
    "audio.lost": (
        N_("The node's sound card is gone; it plays again as soon as the card is back."),
        N_("Check that the USB sound card is plugged in."),
    ),
    "audio.missing": (
        N_("The node finds no sound card."),
        N_("Plug the sound card in, or set another one up."),
    ),
    "audio.stalled": (
        N_("The node's sound has stopped flowing; the amplifier was let go."),
        N_("The node mends this by itself; if it repeats, change the sound card."),
    ),
    "blob.damaged": (
        N_("A recording on the node was damaged on its card."),
        N_("It is fetched again by itself; if this repeats, change the card."),
    ),
    "blob.no_room": (
        N_("The node's card is too full for a recording."),
        N_("Shorten the programme or use a larger card; alerts still find room."),
    ),
    "board.lost": (
        N_("The board does not answer."),
        N_("Check the board's power and its cable."),
    ),
    "board.permission": (
        N_("The node may not use the board's output."),
        N_("Send a technician to set up the rights."),
    ),
    "board.read_back": (
        N_("The board shows something else than what was sent."),
        N_("Check the cable; if it stays so, replace the board's controller."),
    ),
    "button.silent": (
        N_("The node's button is not there."),
        N_("Check its wire at the next visit."),
    ),
    "clock.unknown": (
        N_("The node does not know the time; it plays nothing but alerts."),
        N_("Bring it into contact, or set its clock by cable; change the clock's battery."),
    ),
    "decoder.missing": (
        N_("The node's software lacks the decoder for recordings."),
        N_("Install the node's package again."),
    ),
    "ethernet.down": (
        N_("The network cable to the board is unplugged."),
        N_("Check the cable at both ends."),
    ),
    "ethernet.missing": (
        N_("The node's network port for the board is missing."),
        N_("Check the adapter, or set another port up."),
    ),
    "gauge.missing": (
        N_("A gauge of the box does not answer."),
        N_("Check its wiring at the next visit."),
    ),
    "gpio.busy": (
        N_("Another program holds an input or output of the node."),
        N_("Restart the node; if it stays so, send a technician."),
    ),
    "gpio.missing": (
        N_("An input or output of the node is missing."),
        N_("Check the wiring and the node's settings."),
    ),
    "link.certificate": (
        N_("The hub's certificate is not the one the node trusts."),
        N_("Check the hub's certificate and the node's clock."),
    ),
    "link.portal": (
        N_("The network asks for a sign-in page instead of letting the node through."),
        N_("Sign the network in, or use another SIM or network."),
    ),
    "link.slow": (
        N_("The network is too slow to bring what is wanted."),
        N_("Check signal and antenna."),
    ),
    "meter.implausible": (
        N_("The power meter shows what cannot be."),
        N_("Check the meter's wiring; calibrate the node again."),
    ),
    "modem.link": (
        N_("The modem is connected but nothing comes through."),
        N_("The node resets the modem by itself; check SIM data and signal."),
    ),
    "modem.silent": (
        N_("The modem does not answer."),
        N_("The node switches it off and on; if it stays so, check its USB cable and supply."),
    ),
    "modem.sim_pin_refused": (
        N_("The SIM refused its PIN; the node does not try it again."),
        N_("Correct the PIN at the node by cable before the card locks itself."),
    ),
    "node.silent": (
        N_("The node has fallen silent."),
        N_("Look at its page: power, SIM or modem; it plays its programme meanwhile."),
    ),
    "node.hot": (
        N_("The box is too hot."),
        N_("Check its ventilation and shade."),
    ),
    "power.mains": (
        N_("The mains are gone; the node runs on its battery."),
        N_("Ask the power company; alerts still play while the battery lasts."),
    ),
    "power.supply": (
        N_("The node's supply voltage is too low."),
        N_("Check battery and power supply."),
    ),
    "rtc.lost": (
        N_("The node's clock chip does not answer."),
        N_("Check its wiring; without network a power cut now loses the time."),
    ),
    "rtc.stopped": (
        N_("The node's clock chip had stopped: its battery is empty."),
        N_("Change the clock's battery (CR2032)."),
    ),
    "serial.permission": (
        N_("The node may not use its serial port."),
        N_("Send a technician to set up the rights."),
    ),
    "storage.full": (
        N_("The node's card is full."),
        N_("Use a larger card, or shorten the programme."),
    ),
    "storage.io": (
        N_("The node's card fails."),
        N_("Change the card soon; what plays is checked before every use."),
    ),
    "time.disagree": (
        N_("The time servers do not agree; the node keeps its own time."),
        N_("Check the time servers that the node was given."),
    ),
    "time.silent": (
        N_("No time server answers."),
        N_("Nothing is to be done while the node meets the hub, which tells the time, too."),
    ),
    "agent.stuck": (
        N_("A part of the node's software hung; the node started itself anew."),
        N_("Tell the technician the code if this repeats."),
    ),
    "amplifier.over_run": (
        N_("The amplifier ran longer than it may and was switched off."),
        N_("Look at the programme; a play that never ends must be cancelled."),
    ),
    "amplifier.no_source": (
        N_("The node has no such line input."),
        N_("Correct the window of the line input, or the node's settings."),
    ),
    "offline_alert.role": (
        N_("An alert from a stick was signed by someone who may not send alerts."),
        N_("Find out where the stick comes from."),
    ),
    "replays.taken": (
        N_("The alert on the stick was taken before."),
        N_("Nothing is to be done."),
    ),
    "lan.address": (
        N_("The node has no address on its local network."),
        N_("Look at the network cable and the switch there."),
    ),
    "lan.mdns": (
        N_("The node hears nobody on its local network."),
        N_("Look at the network cable and the switch there."),
    ),
    "lan.serve": (
        N_("The node cannot hand its files on to its neighbours."),
        N_("Check interface and port in the node's configuration."),
    ),
    "watchdog.busy": (
        N_("Another program holds what restarts a hanging node."),
        N_("Take RuntimeWatchdogSec out of the system's configuration."),
    ),
    "modem.sim_absent": (
        N_("No SIM is in the node's modem."),
        N_("Put a SIM in at the next visit."),
    ),
    "modem.sim_puk": (
        N_("The SIM is locked and asks for its PUK."),
        N_("Unlock it in a telephone, or put another SIM in."),
    ),
    "modem.weak": (
        N_("The node's mobile signal is too weak."),
        N_("Check the antenna and its cable, or place it higher."),
    ),
    "modem.network": (
        N_("No network takes the node's SIM."),
        N_("Ask the operator whether the SIM is paid and allowed."),
    ),
}
_UNKNOWN = (
    N_("The node reports a fault."),
    N_("Tell the technician the code."),
)


def words(code: str) -> tuple[str, str]:
    """Return (text, remedy) of a node's fault, untranslated: its own, or those of its family."""
    return _TEXTS.get(code, FAMILIES.get(_family(code), _UNKNOWN))


def is_known(code: str) -> bool:
    """Tell whether a code or its family has words of its own."""
    return code in _TEXTS or _family(code) in FAMILIES


def _family(code: str) -> str:
    first = code.split(".", maxsplit=1)[0]
    return AS.get(first, first)
