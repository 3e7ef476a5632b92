"""Words for faults of nodes that have none of their own: those of their family."""

from hub.translations import N_

FAMILIES = {
    "config": (
        N_("A setting in the node's file is wrong."),
        N_("Send a technician to correct it by cable."),
    ),
    "crypto": (
        N_("The node's machine can check no signatures: OpenSSL is missing or forbids it."),
        N_("Send a technician to install libssl3, or to allow Ed25519 in its openssl.cnf."),
    ),
    "events": (
        N_("The node cannot listen to the hub between its checks."),
        N_("Nothing is urgent: it looks in every few minutes."),
    ),
    "format": (
        N_("The node refuses a file: its content breaks the rules."),
        N_("Publish again; if it stays so, tell the technician the code."),
    ),
    "image": (
        N_("The node refuses new software."),
        N_("Stop the roll-out and tell the software's maker the code."),
    ),
    "hub": (
        N_("The node cannot use the hub addresses it was given."),
        N_("Check the new server, then lay down the addresses once more."),
    ),
    "button": (
        N_("A button or key of the box does not answer."),
        N_("Check its wire at the next visit."),
    ),
    "identity": (
        N_("The node's own key is damaged or was readable by others."),
        N_("Enrol the node anew at the next visit."),
    ),
    "indicator": (
        N_("The lamp of the box does not light."),
        N_("Check its wire at the next visit."),
    ),
    "memory": (
        N_("The node's memory ran out."),
        N_("Restart the node; if it repeats, tell the technician the code."),
    ),
    "offline_alert": (
        N_("An alert from a stick was refused."),
        N_("Write the stick again with the signing tool."),
    ),
    "pack": (
        N_("A parcel of content arrived damaged."),
        N_("The node asks again by itself; a stick must be written again."),
    ),
    "sntp": (
        N_("A time server gives answers that cannot be used."),
        N_("Check the time servers that the node was given."),
    ),
    "watchdog": (
        N_("What restarts a hanging node does not work."),
        N_("Check its driver and the node's rights at the next visit."),
    ),
    "wipe": (
        N_("The node could not be emptied."),
        N_("Destroy its card."),
    ),
    "order": (
        N_("The node did not do what it was asked."),
        N_("Ask again; if it happens again, tell the technician the code."),
    ),
    "agent": (
        N_("The node's software has a fault."),
        N_("Tell the technician the code."),
    ),
    "amplifier": (
        N_("The amplifier does not obey or draws no power."),
        N_("Check amplifier, relay and loudspeaker line."),
    ),
    "audio": (N_("The node's sound output has a fault."), N_("Send a technician.")),
    "blob": (
        N_("A recording is missing or damaged on the node."),
        N_("The node fetches it again by itself; look again in some minutes."),
    ),
    "board": (N_("The board does not show what it should."), N_("Send a technician.")),
    "budget": (
        N_("The node's SIM has used up its data."),
        N_("Add data to the SIM; alerts still pass."),
    ),
    "http": (N_("The node does not reach the hub well."), N_("Check SIM, signal and network.")),
    "link": (N_("The node does not reach the hub well."), N_("Check SIM, signal and network.")),
    "media": (
        N_("The node cannot play a recording."),
        N_("Make the bulletin again and publish it anew."),
    ),
    "modbus": (
        N_("The node does not reach its amplifier or meter."),
        N_("Check the serial cable at the next visit."),
    ),
    "network": (N_("The node does not reach the hub well."), N_("Check SIM, signal and network.")),
    "records": (
        N_("Some records are lost for good."),
        N_("Check the node's storage at the next visit."),
    ),
    "serial": (
        N_("The node does not reach its amplifier or meter."),
        N_("Check the serial cable at the next visit."),
    ),
    "storage": (N_("The node's storage is full or failing."), N_("Send a technician.")),
    "trust": (
        N_("The node refuses new content: a signature does not hold."),
        N_("Check that the hub renews its signatures and that the node's clock is right."),
    ),
    "calibration": (
        N_("The node's amplifier could not be calibrated."),
        N_("Calibrate it again at the next visit."),
    ),
    "clock": (
        N_("The node's clock has a fault."),
        N_("Send a technician."),
    ),
    "ethernet": (
        N_("The node does not reach its board."),
        N_("Check the cable at both ends."),
    ),
    "gpio": (
        N_("An input or output of the node has a fault."),
        N_("Check the wiring and the node's settings."),
    ),
    "modem": (
        N_("The node's modem has a fault."),
        N_("Check SIM, signal and network."),
    ),
    "rtc": (
        N_("The node's clock has a fault."),
        N_("Send a technician."),
    ),
    "stick": (
        N_("A USB stick could not be read or written."),
        N_("Try another stick, or write this one again."),
    ),
    "time": (
        N_("The node's clock has a fault."),
        N_("Send a technician."),
    ),
}
# Families that say the same to a person.
AS = {
    "at": "modem",
    "firmware": "image",
    "frame": "agent",
    "gauge": "button",
    "i2c": "rtc",
    "journal": "agent",
    "json": "format",
    "key": "trust",
    "manifest": "format",
    "meter": "modbus",
    "orders": "format",
    "playout": "agent",
    "record": "records",
    "relay": "agent",
    "schedule": "agent",
    "settings": "order",
    "signature": "trust",
    "sync": "agent",
}
