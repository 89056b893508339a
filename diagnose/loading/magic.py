"""First bytes that tell packed files, whatever they are called."""

GZIP = b"\x1f\x8b"
PACKED = (GZIP, b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"Rar!")
