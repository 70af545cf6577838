"""Evidence: one archive that holds a run, with the hash of everything in it, signed by who measured.

Knows keys, archives and hashes, but nothing of what the files say.
"""

from bakeoff.evidence.archive import Content, Unpacked, no_room, pack, read_member, safety, unpack
from bakeoff.evidence.finding import Finding
from bakeoff.evidence.keys import (
    Key,
    find_key,
    key_folder,
    key_id,
    list_keys,
    make_key,
    read_public,
    sign,
    trust,
    vouches,
)
from bakeoff.evidence.lines import SIZE, LineHasher, Moved, where_changed
from bakeoff.evidence.manifest import (
    FILES,
    LINES,
    MANIFEST,
    REQUIRED,
    RESULTS,
    SIGNATURE,
    DataFacts,
    FileFacts,
    Manifest,
    Signature,
    manifest_bytes,
    read_manifest,
)

__all__ = [
    "FILES",
    "LINES",
    "MANIFEST",
    "REQUIRED",
    "RESULTS",
    "SIGNATURE",
    "SIZE",
    "Content",
    "DataFacts",
    "FileFacts",
    "Finding",
    "Key",
    "LineHasher",
    "Manifest",
    "Moved",
    "Signature",
    "Unpacked",
    "find_key",
    "key_folder",
    "key_id",
    "list_keys",
    "make_key",
    "manifest_bytes",
    "no_room",
    "pack",
    "read_manifest",
    "read_member",
    "read_public",
    "safety",
    "sign",
    "trust",
    "unpack",
    "vouches",
    "where_changed",
]
