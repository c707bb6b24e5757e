"""The largest frame that is decoded, so that one file cannot fill the memory."""

# 8192 x 8192, more than any camera's film; sixteen such frames take 3 GB.
MAX_PIXELS = 2**26
TOO_LARGE = f"its frames have more than the {MAX_PIXELS:,} pixels that are read"


def is_huge(width: int, height: int) -> bool:
    """Asked of what a file's header says, before anything is decoded."""
    return width * height > MAX_PIXELS
