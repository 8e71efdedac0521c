"""Rules for one notebook: sizes, outputs, what may stand in a cell and what may not.

A rule takes a notebook (as nbformat reads it) and returns a list of complaints, empty when all
is well.
"""

import ast
import re
import statistics

MAX_CODE_LINES, MAX_WORDS = 30, 150  # of one cell
MAX_CODE_CELLS, MEDIAN_CODE_LINES, MAX_PROSE = 45, 10, 2500  # of a whole notebook

# Paths of one machine: Linux and macOS folders, a Windows drive. A URL's path is not one.
LOCAL_PATH = re.compile(
    r"(?<![\w/.:])/(?:root|home|work|tmp|Users|var|private|mnt|opt|usr|workspaces)/\w"
    r"|(?<!\w)[A-Za-z]:\\{1,2}\w|file://"
)
REMOTE_IMAGE = re.compile(r"!\[[^\]]*\]\(\s*<?https?:|<img[^>]+src\s*=\s*[\"']?https?:", re.IGNORECASE)
ADDRESS = re.compile(r"\b0x[0-9a-f]{6,}\b", re.IGNORECASE)
AUTO_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){0,3}(-[0-9a-f]{12})?")
READABLE_ID = re.compile(r"[a-z][a-z0-9_-]{1,63}")
# What a cell that only loads or draws carries in its metadata, under "jupyter": one click opens it.
FOLDED = {"source_hidden": True}

# Forbidden in code cells, with the reason a reader of the complaint needs.
FORBIDDEN = {
    r"\bsys\.path\b": "changes sys.path; lessons_lib is installed and imports from any folder",
    r"^\s*[%!]": "uses a magic or a shell command, which other machines and checkers do not share",
    r"\binteract(?:ive|_manual)?\(": "uses interact, which nbval can't capture; use show.Explore",
    r"\b(?:widgets|W|ipywidgets)\.Output\(": "uses an Output widget, which nbval does not capture",
    r"\bsavefig\(": "saves a figure; lessons show figures and write no files",
    r"#\s*(?:NBVAL|PYTEST_VALIDATE)_": "steers nbval by a comment; put a tag in the metadata",
}


def name_of(cell: dict, number: int) -> str:
    """Return how complaints name a cell: nbval's number (code cells from 0) and the cell's id."""
    return f"cell {number} ({cell.get('id', 'without id')})"


def code_cells(notebook: dict) -> list[tuple[str, dict]]:
    """Return (name, cell) of every code cell, in order."""
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return [(name_of(cell, number), cell) for number, cell in enumerate(cells)]


def markdown_cells(notebook: dict) -> list[tuple[str, dict]]:
    """Return (name, cell) of every markdown cell, in order."""
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "markdown"]
    return [(f"text {cell.get('id', number)}", cell) for number, cell in enumerate(cells)]


def tags(cell: dict) -> list[str]:
    return cell.get("metadata", {}).get("tags", [])


def texts(output: dict) -> list[str]:
    """Return everything in an output that a person would read as text."""
    data = [v for k, v in output.get("data", {}).items() if k.startswith("text/")]
    parts = [output.get("text", ""), *data, *output.get("traceback", []), output.get("evalue", "")]
    return ["".join(part) for part in parts]


def lines_of(cell: dict) -> int:
    return len(cell["source"].strip().splitlines())


def words_of(cell: dict) -> int:
    """Return how many words of a text cell are prose: no formula, code block, address or tag."""
    prose = re.sub(r"\$[^$]*\$|```.*?```|\]\([^)]*\)|<[^>]*>|[|*`#-]", " ", cell["source"], flags=re.S)
    return len(re.findall(r"\w[\w'.,/+-]*", prose))


def small_cells(notebook: dict) -> list[str]:
    """Code of at most 30 lines a cell, none without code; markdown of at most 150 words a cell."""
    complaints = []
    for name, cell in code_cells(notebook):
        if lines_of(cell) > MAX_CODE_LINES:
            complaints.append(f"{name} has {lines_of(cell)} lines of code, {MAX_CODE_LINES} is the limit")
        if lines_of(cell) == 0:
            complaints.append(f"{name} is empty")
    for name, cell in markdown_cells(notebook):
        if words_of(cell) > MAX_WORDS:
            complaints.append(f"{name} has {words_of(cell)} words, {MAX_WORDS} is the limit")
    return complaints


def short_notebook(notebook: dict) -> list[str]:
    """At most 45 code cells and 2,500 words of prose; the median code cell has 10 lines or fewer."""
    code = [lines_of(cell) for _, cell in code_cells(notebook)]
    prose = sum(words_of(cell) for _, cell in markdown_cells(notebook))
    complaints = []
    if len(code) > MAX_CODE_CELLS:
        complaints.append(f"{len(code)} code cells, {MAX_CODE_CELLS} is the limit")
    if prose > MAX_PROSE:
        complaints.append(f"{prose:,} words of prose, {MAX_PROSE:,} is the limit")
    if code and (median := statistics.median(code)) > MEDIAN_CODE_LINES:
        complaints.append(f"the median code cell has {median:g} lines, {MEDIAN_CODE_LINES} is the limit")
    return complaints


def run_in_order(notebook: dict) -> list[str]:
    """Every code cell was run, once, from top to bottom in a fresh kernel: counts 1, 2, 3, ..."""
    complaints = []
    for number, (name, cell) in enumerate(code_cells(notebook), start=1):
        count = cell.get("execution_count")
        if count is None:
            complaints.append(f"{name} was never run; nbval would not compare it at all")
        elif count != number:
            complaints.append(f"{name} has execution count {count}, in a fresh kernel it is {number}")
        for output in cell.get("outputs", []):
            if output["output_type"] == "execute_result" and output.get("execution_count") != count:
                complaints.append(f"{name} holds an output of run {output.get('execution_count')}")
    return complaints


def plain_metadata(notebook: dict) -> list[str]:
    """Kernel python3, no widget state, no record of clocks, cell ids that a diff can name."""
    complaints = []
    metadata = notebook.get("metadata", {})
    kernel = metadata.get("kernelspec", {}).get("name")
    if kernel != "python3":
        complaints.append(f"the kernel is called {kernel!r}, readers have python3")
    if "widgets" in metadata:
        complaints.append("stores the state of widgets; readers would see nothing instead of the picture")
    extra = set(metadata) - {"kernelspec", "language_info", "widgets"}
    if extra:
        complaints.append(f"metadata that nobody needs: {', '.join(sorted(extra))}")
    if set(metadata.get("language_info", {})) - {"name"}:
        complaints.append("language_info holds a version; keep its name only")
    seen = set()
    for cell in notebook["cells"]:
        cell_id = cell.get("id", "")
        if not READABLE_ID.fullmatch(cell_id) or AUTO_ID.fullmatch(cell_id):
            complaints.append(f"cell id {cell_id!r} is not a name; tests/refresh.py gives it one")
        if cell_id in seen:
            complaints.append(f"cell id {cell_id!r} stands twice")
        seen.add(cell_id)
        noise = set(cell.get("metadata", {})) - {
            "tags",
            "nbgrader",
            "jupyter",
            "editable",
            "deletable",
        }
        if noise:
            complaints.append(f"cell {cell_id!r} carries metadata: {', '.join(sorted(noise))}")
        if cell.get("metadata", {}).get("jupyter", FOLDED) != FOLDED:
            complaints.append(f"cell {cell_id!r} carries more of Jupyter's than that its source is folded")
    return complaints


def clean_outputs(notebook: dict) -> list[str]:
    """No error without its tag, nothing on stderr, no SVG (it holds a date), no memory address."""
    complaints = []
    for name, cell in code_cells(notebook):
        for output in cell.get("outputs", []):
            if output["output_type"] == "error" and "raises-exception" not in tags(cell):
                complaints.append(f"{name} stores an error ({output.get('ename')}) without its tag")
            if output.get("name") == "stderr":
                complaints.append(f"{name} writes to stderr: {''.join(output['text'])[:60]!r}")
            if "image/svg+xml" in output.get("data", {}):
                complaints.append(f"{name} shows an SVG, which holds a date and never compares equal")
            if "application/vnd.jupyter.widget-view+json" in output.get("data", {}):
                complaints.append(f"{name} stores a widget's random id; tests/refresh.py drops it")
            if any(ADDRESS.search(text) for text in texts(output)):
                complaints.append(f"{name} prints a memory address")
    return complaints


def no_local_paths(notebook: dict) -> list[str]:
    """No path of one machine in a source or an output."""
    complaints = []
    for number, cell in enumerate(notebook["cells"]):
        where = cell.get("id", number)
        for text in [cell["source"], *(t for o in cell.get("outputs", []) for t in texts(o))]:
            if found := LOCAL_PATH.search(text):
                around = text[max(0, found.start() - 10) : found.end() + 15]
                complaints.append(f"cell {where} names a path of one machine: {around!r}")
    return complaints


def no_remote_images(notebook: dict) -> list[str]:
    """No picture that a reader without network would not see."""
    return [
        f"cell {cell.get('id', number)} shows an image from the network"
        for number, cell in enumerate(notebook["cells"])
        if any(
            REMOTE_IMAGE.search(text)
            for text in [cell["source"], *(t for o in cell.get("outputs", []) for t in texts(o))]
        )
    ]


def plain_code(notebook: dict) -> list[str]:
    """No sys.path, magics, interact or Output widgets; no `;` to hush a last line."""
    complaints = []
    for name, cell in code_cells(notebook):
        for pattern, reason in FORBIDDEN.items():
            if re.search(pattern, cell["source"], flags=re.MULTILINE):
                complaints.append(f"{name} {reason}")
        last = cell["source"].rstrip().rsplit("\n", 1)[-1].split("#")[0].rstrip()
        if last.endswith(";"):
            complaints.append(f"{name} ends in ';', which hides nothing under nbval; write `_ = ...`")
    return complaints


def syntax_of(cell: dict) -> ast.Module:
    """Return the syntax tree of a code cell; an empty one for a magic, which `plain_code` refuses."""
    try:
        return ast.parse(cell["source"])
    except SyntaxError:
        return ast.Module(body=[], type_ignores=[])


def asserts(cell: dict) -> bool:
    """Does this code cell contain an assert statement?"""
    return any(isinstance(node, ast.Assert) for node in ast.walk(syntax_of(cell)))


def few_ignored(notebook: dict) -> list[str]:
    """At most max(2, 10 %) of the cells are not compared, each with an assert there or next."""
    cells, complaints, ignored = code_cells(notebook), [], 0
    for number, (name, cell) in enumerate(cells):
        for tag in tags(cell):
            if tag.startswith("nbval") and tag != "nbval-ignore-output":
                complaints.append(f"{name} has the tag {tag}; only nbval-ignore-output is allowed")
        if "nbval-ignore-output" in tags(cell):
            ignored += 1
            if not any(asserts(near) for _, near in cells[number : number + 2]):
                complaints.append(
                    f"{name} is not compared, and neither it nor the next cell asserts anything"
                )
    limit = max(2, len(cells) // 10)
    if ignored > limit:
        complaints.append(f"{ignored} of {len(cells)} code cells are not compared, {limit} is the limit")
    return complaints


def alt_text(notebook: dict) -> list[str]:
    """Every picture carries words (the text/plain beside its PNG) for those who cannot see it."""
    complaints = []
    for name, cell in code_cells(notebook):
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if not {"image/png", "image/jpeg"} & set(data):
                continue
            alt = "".join(data.get("text/plain", ""))
            if alt.startswith(("<Figure", "<IPython", "<PIL")) or len(alt.split()) < 3:
                complaints.append(f"{name} shows a picture whose alt text is {alt[:50]!r}")
    return complaints


RULES = [
    small_cells,
    short_notebook,
    run_in_order,
    plain_metadata,
    clean_outputs,
    no_local_paths,
    no_remote_images,
    plain_code,
    few_ignored,
    alt_text,
]
# A blank is cleared by nbgrader, so it has no outputs and counts; the rules about its text remain.
RULES_FOR_BLANKS = [no_local_paths, no_remote_images, plain_code]
