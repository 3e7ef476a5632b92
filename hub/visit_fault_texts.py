"""What pages say about tickets, enrolments and what technicians bring home, by code."""

from hub.translations import N_

TEXTS = {
    "carried.cut": (
        N_("The file is not whole."),
        N_("Take it from the stick or laptop again; the node still has its records."),
    ),
    "enrolment.elsewhere": (
        N_("This node is known in another unit, or was revoked or replaced."),
        N_("Wipe the node by its button and install it anew."),
    ),
    "enrolment.late": (
        N_("It arrived after its ticket had expired; it says it was made in time."),
        N_("Ask the technician, then confirm or leave it."),
    ),
    "enrolment.node": (
        N_("The node's id does not belong to its key."),
        N_("Read the enrolment from the node again."),
    ),
    "enrolment.replaced_alive": (
        N_("The node whose place it takes was in contact a short while ago."),
        N_("Make sure that the old one is really down, then confirm."),
    ),
    "enrolment.replaces": (
        N_("The node whose place it takes stands in another unit."),
        N_("Check the old node's id with the technician."),
    ),
    "enrolment.signature": (
        N_("The node did not sign this enrolment."),
        N_("Read it from the node again."),
    ),
    "enrolment.unit_ended": (
        N_("This unit has been merged into another."),
        N_("Issue a ticket of the unit that took over:"),
    ),
    "enrolment.wiped": (
        N_("This box was wiped by its button and has a new key."),
        N_("Ask the technician why, then confirm."),
    ),
    "fleet.hamlet_id": (
        N_("The hub does not know this hamlet."),
        N_("Let the hamlet be added, then hand the file over again."),
    ),
    "fleet.node_id": (
        N_("No such node waits for this."),
        N_("Look at the list again; somebody may have been faster."),
    ),
    "fleet.unit_id": (N_("There is no such unit in force."), N_("Choose a unit from the list.")),
    "form.file_long": (
        N_("A file is too long to be a node's."),
        N_("Choose only enrolments and the stick's folder records."),
    ),
    "form.files": (
        N_("Too many files at once."),
        N_("Hand over 256 files at most, then the rest."),
    ),
    "records.quarantined": (
        N_("The node is in quarantine; its records stay with it."),
        N_("Confirm the node first, then hand the file over again."),
    ),
    "records.replaced": (
        N_("The node has been replaced by another."),
        N_("Take it down, or wipe it and install it anew."),
    ),
    "records.revoked": (
        N_("The node was revoked; its records are refused."),
        N_("Wipe it and install it anew, if it is to speak again."),
    ),
    "records.signature": (
        N_("The records are not signed by this node's key."),
        N_("Leave the files as the node wrote them."),
    ),
    "records.unknown_node": (
        N_("The hub does not know this node."),
        N_("Hand over its enrolment first."),
    ),
    "signature.digest": (
        N_("The file was changed on its way."),
        N_("Leave the files as the node wrote them."),
    ),
    "ticket.count": (
        N_("A ticket is for 1 to 500 nodes."),
        N_("Write how many nodes may be installed."),
    ),
    "ticket.days": (N_("A ticket is valid for 1 to 366 days."), N_("Write a number of days.")),
    "ticket.expired": (
        N_("The ticket had expired when the node was installed."),
        N_("Issue a new ticket; the technician installs the node anew."),
    ),
    "ticket.signature": (
        N_("This hub did not sign the ticket."),
        N_("Hand the file to the hub that issued it."),
    ),
    "ticket.unit": (
        N_("The ticket is for another unit."),
        N_("Issue a ticket of the node's unit."),
    ),
    "ticket.unknown": (N_("There is no such ticket."), N_("Look at the list again.")),
    "ticket.used": (
        N_("As many nodes as the ticket allows have joined already."),
        N_("Issue a new ticket; the technician installs the node anew."),
    ),
    "ticket.withdrawn": (
        N_("The ticket was withdrawn, or is none of this hub's."),
        N_("Issue a new ticket; the technician installs the node anew."),
    ),
    "visit.file": (
        N_("This file is neither an enrolment nor records of a node."),
        N_("Choose enrolments from the laptop, or the stick's folder records."),
    ),
    "visit.hub": (
        N_("The hub's address is missing or is none."),
        N_("Write it as nodes reach it, such as https://hub.example."),
    ),
    "visit.node_name": (
        N_("The id of the node was not repeated exactly."),
        N_("Type it as it is shown."),
    ),
    "visit.nothing": (N_("No file was chosen."), N_("Choose one file or several.")),
}
