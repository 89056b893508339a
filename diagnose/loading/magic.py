"""The first bytes of packed and pickled files."""

GZIP = b"\x1f\x8b"
PACKED = (GZIP, b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"Rar!")
PICKLED = tuple(bytes((0x80, protocol)) for protocol in range(2, 6))
