"""What pages say about faults of writing: topics, pictures, languages."""

from hub.translations import N_

TEXTS = {
    "form.topic": (
        N_("This topic is not in today's list."),
        N_("Choose one of the list, or leave it open."),
    ),
}
