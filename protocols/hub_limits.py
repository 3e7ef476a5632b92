"""Maxima that only servers and laptops need, with their reasons; see `protocols/limits.py`."""

# Hub. A client that has not sent its request head, or stalls in a body, for this long is dropped;
# a 3G link in trouble still moves a byte every few seconds.
HUB_HEAD_S_MAX = 15
HUB_STALL_S_MAX = 30
# No request body may take longer in all: 256 KB at 16 kbit/s, a two-hour recording at 7 Mbit/s.
HUB_BODY_S_MAX = 300
# Open connections of one hub process: ten thousand event streams and their requests.
HUB_CONNECTIONS_MAX = 12_000
# Uploaded recordings: two hours of 24-bit stereo WAV is never needed; MP3 stays far below.
UPLOAD_BYTES_MAX = 64 * 1024 * 1024
# A piece of a recording that travels in pieces: half a minute at 2 Mbit/s; and how many one author
# may have on their way. Unsent forms: more than this nobody finishes.
UPLOAD_PIECE_BYTES_MAX = 8 * 1024 * 1024
UPLOADS_OPEN_MAX = 8
DRAFTS_MAX = 40
# Pictures for boards: a telephone's photograph has 5 MB and 12 to 40 megapixels; a rotation of more
# than these is looked at by nobody; words that say what one shows, for those who do not see it.
PICTURE_BYTES_MAX = 24 * 1024 * 1024
PICTURE_PIXELS_MAX = 40_000_000
PICTURES_MAX = 8
PICTURE_ALT_LETTERS_MAX = 200
# Words that one hub reads in its own way: place names, local abbreviations.
SPOKEN_WORDS_MAX = 1000
# Sound that a speech service returns for one request: a few minutes of WAV at 48 kHz.
SPEECH_ANSWER_BYTES_MAX = 48 * 1024 * 1024
# Text of one bulletin: ten minutes of speech is about 9 KB of Vietnamese.
BULLETIN_TEXT_BYTES_MAX = 32 * 1024
# A form without a recording: the texts, percent-encoded at worst, and short fields: a merged
# commune has a hundred hamlets to tick, a bulletin eight pictures and five languages.
FORM_BYTES_MAX = 256 * 1024
FORM_FIELDS_MAX = 384
# A new password: NIST SP 800-63B asks for 8 letters at least, 15 where no second factor stands.
PASSWORD_LETTERS_MIN = 12
PASSWORD_BYTES_MAX = 256
# Roles on units that one account may hold; somebody with more is given a unit above.
GRANTS_MAX = 32
# Event streams: one line waiting for a client is enough, since only the newest version matters.
EVENT_STREAMS_MAX = 10_000
# A stick carries at most what a node is asked to hold (DESIGN section 2: goal 90 days).
PACK_DAYS_MAX = 90
# Settings and orders of other nodes that go along; in a larger unit each node asks for its own.
PACK_NODE_PAPERS_MAX = 8
# Wrapped keys: what a key file may ask of the machine that opens it. The passphrase is generated
# (72 bits), so more work would only serve to stop a hub or an old laptop.
KEY_FILE_BYTES_MAX = 64 * 1024
KDF_MEMORY_KIB_MAX = 256 * 1024
KDF_PASSES_MAX = 10
KDF_LANES_MAX = 4
# Answers of a province: 500 verdicts, or a page of 50 bulletins with their texts.
PEER_ANSWER_BYTES_MAX = 8 * 1024 * 1024
# What a province pushes: 50 bulletins with their texts are about 100 KB; media are fetched.
WEBHOOK_BYTES_MAX = 512 * 1024
WEBHOOK_DIRECTIVES_MAX = 200
# A push is signed with its time; the two clocks may differ by this.
WEBHOOK_AGE_S_MAX = 300
# CAP 1.2. The largest warnings of national services, with polygons of a coast in six languages,
# have 150 KB, 1,500 elements and 1,000 points; a signature nests eight deep.
CAP_BYTES_MAX = 512 * 1024
CAP_ELEMENTS_MAX = 8192
CAP_DEPTH_MAX = 16
CAP_POINTS_MAX = 2048
# Each is measured from every node; an earthquake has a few.
CAP_CIRCLES_MAX = 64
# A word that names something: a sender, an identifier, a code.
CAP_WORD_BYTES_MAX = 200
CAP_REFERENCES_MAX = 64
# A feed's index of CAP files, and how many new ones are fetched in one round.
CAP_FEED_BYTES_MAX = 2 * 1024 * 1024
CAP_FEED_ENTRIES_MAX = 32
# A file of units or hamlets: a province of 200 communes with 2,000 hamlets, and its history.
UNITS_FILE_BYTES_MAX = 1024 * 1024
UNITS_FILE_ROWS_MAX = 4000
# Days on which one file changes the tree; each is checked as a whole tree.
UNITS_FILE_DAYS_MAX = 64
# A podcast feed with years of broadcasts; redirects that podcast counters put before a file; how
# long a source may say nothing; and a whole file at a slow broadcaster's pace.
RELAY_FEED_BYTES_MAX = 4 * 1024 * 1024
RELAY_REDIRECTS_MAX = 6
RELAY_STALL_S_MAX = 30
RELAY_FILE_S_MAX = 1800
# New broadcasts of one feed within a day: hourly news. What goes on air by itself is fetched by
# every node that lets it in, of its budget.
RELAY_PER_DAY_MAX = 24
# Two hours of a stream at 192 kbit/s; nodes get the 24 kbit/s that are made of it.
RELAY_BYTES_MAX = 192 * 1024 * 1024
# A playlist that keeps hours in its window, and a piece of ten seconds at 6 Mbit/s: television
# where a channel sends no sound alone.
RELAY_PLAYLIST_BYTES_MAX = 1024 * 1024
RELAY_SEGMENT_BYTES_MAX = 8 * 1024 * 1024
