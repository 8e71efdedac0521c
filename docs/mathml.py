"""Formulas as MathML, which every browser draws by itself: no script, no font, no network."""

import re

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml

# What docutils does not know, in words that it does.
WRITTEN_OTHERWISE = [
    (r"\\[dD]ots\b", r"\\ldots "),
    (r"\\([bB]igg?)(?=[(\[|])", r"\\\1l"),
    (r"\\([bB]igg?)(?=[)\]])", r"\\\1r"),
    (r"\\[bB]igg?(?![a-z])", ""),
    (r"\\frac\s*(\w)(\w)", r"\\frac{\1}{\2}"),
    ("°", r"^\\circ "),
]


def mathml(tex: str, block: bool) -> str:
    for pattern, instead in WRITTEN_OTHERWISE:
        tex = re.sub(pattern, instead, tex)
    return str(tex2mathml(tex, as_block=block))


def visit(self, node: nodes.Element) -> None:
    block = isinstance(node, nodes.math_block)
    try:
        formula = mathml(node.astext(), block)
    except MathError as fault:
        raise ValueError(f"{self.builder.current_docname}: {node.astext()!r}: {fault}") from None
    self.body.append(f'<div class="formula">{formula}</div>' if block else formula)
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", inline_renderers=(visit, None), block_renderers=(visit, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
