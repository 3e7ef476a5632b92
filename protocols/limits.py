"""Every maximum of the product, with its reason.

Units stand last in the names. A maximum that meets bytes from outside lives here; those that only
servers and laptops need stand in `protocols/hub_limits.py`, so that they cost a board no memory.
"""

# Metadata. A registry of 16 units with four roles each measures about 15 KB; 32 times that is
# room for any province, and still fits the flash and the patience of a microcontroller.
METADATA_BYTES_MAX = 512 * 1024
# A root lists a handful of keys; python-tuf's own default is 512 KB, a real one is below 8 KB.
ROOT_BYTES_MAX = 64 * 1024
# The specification asks for a limit on the root chain; one rotation a month for 20 years.
ROOT_ROTATIONS_MAX = 256
# Timestamp: one snapshot entry, one signature, two fields of ours: below 1 KB in practice.
TIMESTAMP_BYTES_MAX = 16 * 1024
# Delegations visited for one target: targets, registry and unit make three.
DELEGATIONS_MAX = 32
# Delegated roles in one metadata file: 16 units with four roles, with head-room.
DELEGATED_ROLES_MAX = 256
# A role's name, percent-encoded, is a file name: three times this must fit a storage name. Ours,
# `auto-alert-<unit>` with the longest unit, has 36.
ROLE_NAME_BYTES_MAX = 72
# Path patterns (or hash prefixes) of one delegated role: ours have one, bins of others thousands.
PATTERNS_MAX = 4096
# Keys and signatures in one metadata file: every approver of 16 units.
KEYS_MAX = 512
SIGNATURES_MAX = 64
# A public key in PEM: RSA-4096, the longest we take, is 800 bytes.
PEM_BYTES_MAX = 1024

# A manifest names media, it holds none.
MANIFEST_BYTES_MAX = 256 * 1024
# Media: two hours of 16 kHz mono PCM is 230 MB; anything longer is a mistake.
BLOB_BYTES_MAX = 256 * 1024 * 1024
# Decoded sound: two hours of 16 kHz mono; a bulletin decoded at install takes its room on flash.
PCM_BYTES_MAX = 2 * 3600 * 16000 * 2
# Items queued on an audio stream: one fading, one playing, and one to follow without a gap.
AUDIO_ITEMS_MAX = 4
# One DMX512 universe.
DMX_SLOTS_MAX = 512
# Board pictures: a full-HD panel is the largest synchronous board; 256 KB of PNG data is one chunk
# that any encoder writes, and a picture has few chunks besides its data.
BOARD_SIDE_PX_MAX = 1920
PNG_CHUNKS_MAX = 4096
# A ticker's strip: a minute of text at 50 pixels a second on a tall board, and what a node holds.
BOARD_STRIP_PX_MAX = 16384
# Text faster than this cannot be read from a motorcycle, slower not before it has passed.
SCROLL_PX_S_MAX = 200
# A WAV head with a few info chunks; editors put pictures there, which are refused.
WAV_HEAD_BYTES_MAX = 4096

# One event of a stream: a unit and a number; and one stream, which is then opened anew: heartbeats
# of eleven days.
EVENT_BYTES_MAX = 512
EVENT_STREAM_BYTES_MAX = 64 * 1024

# JSON: nothing we sign nests deeper than six; integers must survive every JSON parser unchanged.
JSON_DEPTH_MAX = 16
JSON_INTEGER_MAX = 9007199254740991
JSON_STRING_BYTES_MAX = 64 * 1024

# Records: a batch fills one 3G round trip; one record holds a play with its evidence.
RECORD_BATCH_BYTES_MAX = 256 * 1024
RECORD_BATCH_COUNT_MAX = 200
RECORD_BYTES_MAX = 4096
# A kind is a short word; an answer holds a position, a time and a nonce, a refusal one sentence.
RECORD_KIND_BYTES_MAX = 16
RECORD_ANSWER_BYTES_MAX = 1024
# Journal: 64 segments of 64 KiB hold about 12,000 records of 300 bytes: 90 days offline at 130 a
# day, on the smallest flash we use. Read in pieces that a broken heap still has room for.
JOURNAL_SEGMENT_BYTES = 64 * 1024
JOURNAL_SEGMENTS_MAX = 64
JOURNAL_PIECE_BYTES = 1024
# One upload: 100 records, 16 s at 16 kbit/s. A small heap holds one record of the longest in its
# batch, several times over while it is built and signed.
UPLINK_BATCH_BYTES = 32 * 1024
UPLINK_BATCH_BYTES_SMALL = 5 * 1024
# Facts waiting in memory while the disk refuses to write: a day of plays.
FACTS_WAITING_MAX = 64
# HTTP message signatures: our own headers are below 300 bytes; a key id of TUF is 64 hex digits,
# a nonce 32; labels are free text of the other side's library.
SIGNATURE_HEADER_BYTES_MAX = 512
SIGNATURE_TEXT_BYTES_MAX = 128
SIGNATURE_LABEL_BYTES_MAX = 32

# HTTP/1.1 heads, as most servers bound them.
HTTP_LINE_BYTES_MAX = 8 * 1024
HTTP_HEADERS_MAX = 64
HTTP_HEAD_BYTES_MAX = 16 * 1024
HTTP_CHUNK_LINE_BYTES_MAX = 64
# Interim (1xx) answers before the real one: servers send at most one or two.
HTTP_INTERIM_MAX = 8
# A body in a coding may take so much beyond what it comes to: 5 bytes in 16 KB, and a piece ahead.
CODING_SURPLUS_BYTES_MAX = 64 * 1024

# Links. Opening includes name lookup and the TLS handshake: four lost packets on 2G.
LINK_OPEN_MS_MAX = 20_000
# From the last byte of the request to the end of the head; the hub itself allows 15 s.
LINK_HEAD_MS_MAX = 30_000
# Silence inside a body, or before the peer takes the next piece of a request.
LINK_IDLE_MS_MAX = 30_000
# An event stream is silent between heartbeats.
LINK_EVENTS_IDLE_MS_MAX = 120_000
# A body must bring this much in this much waiting: half a kilobit a second, below any 2G link.
LINK_RATE_WINDOW_MS = 60_000
LINK_RATE_BYTES_MIN = 4096
# A kept connection is forgotten after this idle time (aiohttp and nginx close after 75 s), and is
# trusted with a request that must not be sent twice only while it is fresh.
LINK_KEPT_MS_MAX = 60_000
LINK_KEPT_FRESH_MS = 5_000
# Kept connections: the hub, its blobs' host, a neighbour.
LINK_KEPT_MAX = 3

# Storage names: role files are percent-encoded role names; littlefs and FAT both end at 255.
STORAGE_NAME_BYTES_MAX = 240

# A wall clock before the year 2000 was never set: boards start at 1970 or at 2000.
CLOCK_WALL_MS_MIN = 946771200000

# Modbus RTU: 256 bytes is the specification's largest frame; as much noise again may precede it.
MODBUS_FRAME_BYTES_MAX = 256
MODBUS_NOISE_BYTES_MAX = 256

# A pack: the metadata of one unit's chain, its manifests, and 14 days' media on a stick.
PACK_MEMBERS_MAX = 4096
# Its papers (metadata, manifests): a first sync of the largest unit is 200 KB; their names are held
# in memory while the pack is read.
PACK_PAPERS_BYTES_MAX = 2 * 1024 * 1024
PACK_PAPERS_MAX = 512
# Sound of open alerts that goes along: four minutes of Opus; more is fetched by range.
PACK_ALERT_BYTES_MAX = 1024 * 1024

# Manifests. A commune's year fits: 64 rules, 200 bulletins at a time; the file's own limit binds
# first. What grows with these numbers is the memory of a microcontroller.
ITEMS_MAX = 512
RULES_MAX = 256
RULE_ITEMS_MAX = 32
RULE_TIMES_MAX = 48
# All times of all rules of a bundle: one start every 84 seconds of the day, far beyond a station.
BUNDLE_TIMES_MAX = 1024
# Explicit dates of a rule: lunar days for 400 days are at most 400.
RULE_DATES_MAX = 400
# One rule's items together: nothing runs longer than a day, so looking back a day finds it.
RULE_DURATION_MS_MAX = 24 * 3600 * 1000
RENDITIONS_MAX = 8
PAGES_MAX = 128
FALLBACK_MAX = 16
# Province, a level between, commune, and head-room: depth is data.
ANCESTORS_MAX = 8
TARGET_NAMES_MAX = 64
# Languages one hamlet asks for, and different orders of them in one unit.
LANGUAGES_MAX = 8
ORDERS_MAX = 16
BANDS_MAX = 16
MOURNING_MAX = 16
SOURCES_MAX = 32
ALERTS_MAX = 64
REFERENCES_MAX = 16
ORDERS_MAX = 16
# Names: a title is one spoken sentence; ids are made by machines.
TITLE_BYTES_MAX = 500
TOPIC_BYTES_MAX = 100
LANGUAGE_BYTES_MAX = 35
PROFILE_BYTES_MAX = 40
MEDIA_TYPE_BYTES_MAX = 80
ID_BYTES_MAX = 64
NODE_ID_BYTES_MAX = 40
GROUP_BYTES_MAX = 8
UNIT_RANDOM_BYTES_MAX = 16
# One item plays at most four hours; one page stays at most an hour before the next.
DURATION_MS_MAX = 4 * 3600 * 1000
DWELL_S_MAX = 3600
# How late an occurrence may still start. Below half a minute a busy node would miss its own slot.
LATE_S_MIN = 30
LATE_S_MAX = 24 * 3600
# An alert's life: storms are renewed daily by an update; a longer one is a programme.
ALERT_LIFE_S_MAX = 14 * 24 * 3600
ALERT_GAP_S_MAX = 24 * 3600
# Alerts that no person signed: two minutes of sound, repeated for six hours at most, not begun when
# an hour old, six a day: a flood warning and its updates, never a station of somebody else's.
AUTO_SOUND_MS_MAX = 120_000
AUTO_LIFE_S_MAX = 6 * 3600
AUTO_AGE_S_MAX = 3600
AUTO_GAP_S_MIN = 300
# The hub's clock may be ahead of a node's by this.
AUTO_AHEAD_S_MAX = 900
AUTO_PER_DAY_MAX = 6
AUTO_SEEN_BYTES_MAX = 2048
# Recorded broadcasts of one source: today's, and what it takes the place of; with the units that
# have switched it off, of a province's few hundred. A month old is no news.
RELAY_BYTES_MAX = 16 * 1024
RELAY_RECORDINGS_MAX = 4
RELAY_REFUSED_MAX = 256
RELAY_AGE_S_MAX = 31 * 24 * 3600
# No rendition is larger than 16 kHz mono PCM of its duration and a head.
RELAY_PCM_BYTES_PER_MS = 32
RELAY_HEAD_BYTES_MAX = 64 * 1024
# Seconds since 1970 up to the end of 2100.
EPOCH_S_MAX = 4133980799
# Offsets in use on Earth reach from -12 to +14 hours.
UTC_OFFSET_MIN_MAX = 14 * 60

# A key of the play-out's memory: unit, rule id, date and time.
PLAY_KEY_BYTES_MAX = 120
# A preview of the calendar: a start and an end for every time of a full bundle, 14 days.
PREVIEW_STEPS_MAX = 32768

# Schedule: the longest window one call expands: a year of rules and the lunar table's head-room.
SCHEDULE_WINDOW_MS_MAX = 401 * 24 * 3600 * 1000

# Room on a node's disk that only alerts may fill: a minute of PCM and the file it came from.
ALERT_ROOM_BYTES = 8 * 1024 * 1024

# Offline alerts: carried by hand into a cut-off commune, so short-lived. A day outlives a night's
# flood; ten minutes forgive a laptop's clock. One carries one alert and its signatures.
OFFLINE_ALERT_LIFE_S_MAX = 24 * 3600
OFFLINE_ALERT_AHEAD_S_MAX = 600
OFFLINE_ALERT_BYTES_MAX = 16 * 1024
# Ids kept until they expire: one alert every 22 minutes for a day.
OFFLINE_ALERTS_MAX = 64
# The memory of that many: an id, a unit and a time each.
OFFLINE_REPLAYS_BYTES_MAX = 16 * 1024

# Faults a node keeps open at once; each place has one, and a node has a few dozen places.
FAULTS_OPEN_MAX = 64
# Words of one fault: a sentence each; two of them fit a record with room.
FAULT_TEXT_BYTES_MAX = 300

# A node's configuration file: a page of JSON; its paths are those of a Linux file system.
CONFIG_BYTES_MAX = 16 * 1024
CONFIG_PATH_BYTES_MAX = 255
# Addresses of one hub: a name, an address, a spare way.
HUBS_MAX = 4
# Linux's own bound for the name of an interface (IFNAMSIZ), without its end.
INTERFACE_BYTES_MAX = 15
# Time servers asked in one go: three outvote a liar; a fourth covers for one that is silent.
TIME_SERVERS_MAX = 4
# One address: a host name and a port; and the file that remembers four lists of them.
HUB_ADDRESS_BYTES_MAX = 120
HUB_ADDRESSES_FILE_BYTES_MAX = 4096

# Events that may wait for one task of the agent: a burst of media after a long cut.
INBOX_EVENTS_MAX = 256

# Orders. A kind is a word or two. An order waits at most a month for a node; its id is remembered
# for as long, so that nothing is done twice: one order every eleven hours.
ORDER_KIND_BYTES_MAX = 24
ORDER_LIFE_S_MAX = 31 * 24 * 3600
ORDERS_REMEMBERED_MAX = 64
ORDERS_MEMORY_BYTES_MAX = 32 * 1024
# Application images: the agent's sources are 1 MB in 200 files; compiled drivers may treble that.
IMAGE_BYTES_MAX = 16 * 1024 * 1024
IMAGE_FILES_MAX = 1024
# The event log of a node: a few days of what goes wrong on a bad link, sent as five records.
LOG_LINES_MAX = 128
LOG_LINE_BYTES_MAX = 140
LOG_RECORD_LINES_MAX = 16
# Mandates of one unit: every node of a large ward, each with a change that has not arrived yet.
MANDATES_MAX = 256
STANDING_BYTES_MAX = 16 * 1024

# What play-out remembers over a restart: ids of finished alerts, positions of what was interrupted.
PLAYOUT_MEMORY_BYTES_MAX = 64 * 1024

# One press of the emergency microphone's key: an announcement, not a programme.
MICROPHONE_S_MAX = 900
# What was learned of one amplifier: four numbers.
CALIBRATION_BYTES_MAX = 512
# The slowest valve amplifier of an old station is warm after this.
WARM_UP_MS_MAX = 30_000

# Mount points of one node: its USB ports.
STICKS_MAX = 4
# The head of a batch that travels by hand: three signature headers and the address.
CARRIED_HEAD_BYTES_MAX = 4096
# What is left free on a stick: file systems refuse odd things when they are full to the brim.
STICK_SPARE_BYTES = 1024 * 1024
# The file that says that a stick is ours: a dozen short fields.
STICK_MARK_BYTES_MAX = 4096
# Files looked at on one stick; a technician's stick holds one alert, an overloaded one hundreds.
STICK_FILES_MAX = 64

# A frame on a service cable: one record (4 KB) with its envelope, or a piece of a file. At 115,200
# baud it takes 0.4 s, and a microcontroller holds two of them.
FRAME_BODY_BYTES_MAX = 4608
# An Improv packet tells its length in one byte.
IMPROV_DATA_BYTES_MAX = 255
# A piece of a file in one step: half a frame, so that the words beside it always fit.
SERVICE_PIECE_BYTES_MAX = 2048
# A signed paper must fit one frame with its envelope: a ticket is 600 bytes, an enrolment with all
# its checks 2.5 KB.
PAPER_BYTES_MAX = 4096
# A node's name on the map, a technician's name: a line on a label.
SERVICE_NAME_BYTES_MAX = 200
# Nodes that one ticket may enrol: the largest merged commune.
TICKET_COUNT_MAX = 500
# Things tried at a node, and numbers read at each: the sheet is one page.
CHECKS_MAX = 16
CHECK_READINGS_MAX = 12
# A technician's kit: a province of 200 communes with 100 hamlets each; one laptop, never a node.
KIT_BYTES_MAX = 4 * 1024 * 1024
KIT_UNITS_MAX = 4096
KIT_HAMLETS_MAX = 512
KIT_TICKETS_MAX = 64

# A node says how it is once a day at least; the hub judges its silence by what it said.
STATUS_S_MAX = 86_400

# Modem. A line of AT holds an operator's name or a cell's dozen numbers; a reply a dozen lines, and
# +COPS=? of a border town, the longest, which we never ask, 2 KB.
AT_LINE_BYTES_MAX = 512
AT_LINES_MAX = 32
AT_REPLY_BYTES_MAX = 8192
# The ladder of a dead link is climbed four times a day at least: masts come back by day.
LADDER_PAUSE_MS_MAX = 6 * 3600 * 1000

# mDNS on a LAN: our words take under 40 bytes; a commune's house has a handful of our boxes.
LAN_WORDS_BYTES_MAX = 200
LAN_FOUND_MAX = 32
# What a node hands on to its neighbours: our heads have under 400 bytes, a target's address 200;
# a commune has a handful of nodes, and a store that plays must not be held up by those that ask.
NEIGHBOUR_HEAD_BYTES_MAX = 4096
NEIGHBOUR_TARGET_BYTES_MAX = 512
NEIGHBOUR_CONNECTIONS_MAX = 4
NEIGHBOUR_RATE_BYTES_S = 256 * 1024
NEIGHBOUR_HEAD_MS_MAX = 5_000
NEIGHBOUR_ANSWER_MS_MAX = 600_000
NEIGHBOURS_MAX = 8
LAN_PORT = 8473
