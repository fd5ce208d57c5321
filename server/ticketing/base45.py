"""Base45 (RFC 9285): bytes in the 45 characters that a QR code stores most tightly."""

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_VALUE = {letter: value for value, letter in enumerate(ALPHABET)}


def encode45(raw: bytes) -> str:
    """Return three characters for every two bytes, two for a last one."""
    found: list[str] = []
    for place in range(0, len(raw) - 1, 2):
        number = raw[place] << 8 | raw[place + 1]
        found += (ALPHABET[number % 45], ALPHABET[number // 45 % 45], ALPHABET[number // 2025])
    if len(raw) % 2:
        found += (ALPHABET[raw[-1] % 45], ALPHABET[raw[-1] // 45])
    return "".join(found)


def decode45(text: str) -> bytes | None:
    """Return the bytes, or None for what no bytes are written as."""
    found = bytearray()
    for place in range(0, len(text), 3):
        values = [_VALUE.get(letter, -1) for letter in text[place : place + 3]]
        number = sum(value * 45**power for power, value in enumerate(values))
        size = len(values) - 1
        if -1 in values or size < 1 or number >= 256**size:
            return None
        found += number.to_bytes(size)
    return bytes(found)
