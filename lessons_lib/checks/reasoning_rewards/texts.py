"""Show a case's texts one a line, counted, so that "format[7]" can be found and the whole pasted."""


def one_a_line(texts: tuple[str, ...]) -> str:
    """Return Python code for a tuple of texts; a very long one is written as a product."""
    lines = (f"    {_shortened(text)},  # {number}" for number, text in enumerate(texts))
    return "\n".join(("(", *lines, "  )"))


def _shortened(text: str) -> str:
    return repr(text) if len(set(text)) > 1 or len(text) < 100 else f"{text[0]!r} * {len(text)}"
