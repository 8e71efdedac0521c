"""Rules for the modules of `lessons_lib`: which may import which, what happens on import, size,
docstrings.

Everything is read from the syntax tree; nothing is imported. A rule takes the package's folder.
"""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

# In the order in which data passes through; a room may use those before it.
ROOMS = [
    "lessons",  # one module: the list of the lessons
    "helping",  # one module: where a reader is sent for help
    "axes",  # one module: the tensors that a public function may be handed
    "arguments",  # one module: what else it may be handed
    "signatures",  # one module: the same, read from its annotations
    "precision",
    "config",
    "corpus",
    "model",
    "parallel",
    "runs",
    "training",
    "reasoning",
    "interop",
    "show",
    "checks",
]
MAY_USE_ALL = {"show", "checks"}
PROGRAMS = {"parallel.pretrain"}  # started, never imported: may use rooms below its own
DRAWING = {"matplotlib", "pylab", "seaborn", "plotly", "ipywidgets"}
NETWORK = {"urllib", "http", "requests", "httpx", "socket", "ftplib", "aiohttp", "huggingface_hub"}
MAX_LINES = 200
TABLES = {
    "show.story.questions",
    "show.story.verdicts",
}  # data, one row after the other: not read in one sitting

# Calls and names that must not run while a module is imported.
AT_IMPORT = {
    "os.environ": "reads the environment",
    "os.getenv": "reads the environment",
    "os.environb": "reads the environment",
    "torch.manual_seed": "sets the seed",
    "torch.seed": "sets the seed",
    "torch.set_rng_state": "sets the seed",
    "random.seed": "sets the seed",
    "np.random.seed": "sets the seed",
    "numpy.random.seed": "sets the seed",
    "torch.set_num_threads": "sets the number of threads",
    "torch.set_default_dtype": "sets the default type",
    "torch.hub.load": "reads the network",
}


def modules(package: Path) -> Iterator[tuple[str, Path, ast.Module]]:
    """Yield (dotted name below the package, file, syntax tree) of every module."""
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        yield ".".join(parts), path, ast.parse(path.read_text(encoding="utf-8"), str(path))


def imported(tree: ast.AST, module: str, package: str) -> Iterator[tuple[str, int]]:
    """Yield (dotted name, line) of everything imported anywhere in a file, relative ones resolved."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                here = [package, *module.split(".")][: -node.level]
                base = ".".join([*here, *filter(None, [base])])
            yield base, node.lineno
            if base == package:  # `from lessons_lib import show`
                yield from ((f"{package}.{alias.name}", node.lineno) for alias in node.names)


def imports_one_way(package: Path) -> list[str]:
    """A room imports only rooms before it; `show` and `checks` may use all; there are no others."""
    complaints = []
    for module, _, tree in modules(package):
        room = module.split(".")[0]
        if room != "__init__" and room not in ROOMS:
            complaints.append(f"{module}: {room} is not a room of the house")
            continue
        for name, line in imported(tree, module, package.name):
            parts = name.split(".")
            if parts[0] != package.name or len(parts) == 1:
                continue
            used = parts[1]
            allowed = room in MAY_USE_ALL or used == room or module in PROGRAMS
            if not allowed and used in ROOMS and room in ROOMS:
                allowed = ROOMS.index(used) < ROOMS.index(room)
            if not allowed:
                complaints.append(f"{module}:{line} imports {name}, but {room} comes before {used}")
            if ".".join(parts[1:]) in PROGRAMS or ".".join(parts[1:3]) in PROGRAMS:
                complaints.append(f"{module}:{line} imports {name}, a program")
    return complaints


def no_circles(package: Path) -> list[str]:
    """Following imports from a module never leads back to it, not even by an import inside a function."""
    trees = {module: tree for module, _, tree in modules(package)}
    needs = {}
    for module, tree in trees.items():
        names = {name for name, _ in imported(tree, module, package.name)}
        needs[module] = {name.removeprefix(f"{package.name}.") for name in names} & trees.keys()
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        return [f"{' <- '.join(error.args[1])}: these modules import each other"]
    return []


def only_show_draws(package: Path) -> list[str]:
    """No module but those of `show` imports matplotlib or widgets, anywhere in its file."""
    return [
        f"{module}:{line} imports {name}; only show draws"
        for module, _, tree in modules(package)
        for name, line in imported(tree, module, package.name)
        if name.split(".")[0] in DRAWING and module.split(".")[0] != "show"
    ]


def no_network(package: Path) -> list[str]:
    """No module imports what speaks to a network; the course runs offline."""
    return [
        f"{module}:{line} imports {name}; the library never uses the network"
        for module, _, tree in modules(package)
        for name, line in imported(tree, module, package.name)
        if name.split(".")[0] in NETWORK
    ]


def runs_on_import(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield every node that is evaluated on import: all but the bodies of functions and lambdas."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting += [
                *node.decorator_list,
                *node.args.defaults,
                *filter(None, node.args.kw_defaults),
            ]
        elif isinstance(node, ast.If) and ast.unparse(node.test).startswith("__name__"):
            continue
        elif not isinstance(node, ast.Lambda):
            waiting += ast.iter_child_nodes(node)


def quiet_on_import(package: Path) -> list[str]:
    """Importing a module reads no environment and no network, sets no seed and no global switch."""
    complaints = []
    for module, _, tree in modules(package):
        for node in runs_on_import(tree):
            if isinstance(node, ast.Attribute) and (reason := AT_IMPORT.get(ast.unparse(node))):
                complaints.append(f"{module}:{node.lineno} {reason} on import ({ast.unparse(node)})")
            if isinstance(node, ast.ImportFrom) and node.module == "os":
                wanted = {alias.name for alias in node.names} & {"environ", "getenv"}
                if wanted:
                    complaints.append(
                        f"{module}:{node.lineno} imports {wanted.pop()} by name; write os.environ"
                    )
    return complaints


def documented(package: Path) -> list[str]:
    """Modules, and their functions and classes without a leading underscore, say what they do."""
    complaints = []
    for module, _, tree in modules(package):
        if tree.body and not ast.get_docstring(tree):
            complaints.append(f"{module} has no docstring")
        for node in tree.body:
            is_public = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            if is_public and not node.name.startswith("_") and not ast.get_docstring(node):
                complaints.append(f"{module}:{node.lineno} {node.name} has no docstring")
    return complaints


def short_modules(package: Path) -> list[str]:
    """A module can be read in one sitting: at most 200 lines."""
    return [
        f"{module} has {n} lines, {MAX_LINES} is the limit"
        for module, path, _ in modules(package)
        if module not in TABLES and (n := len(path.read_text(encoding="utf-8").splitlines())) > MAX_LINES
    ]


RULES = [
    imports_one_way,
    no_circles,
    only_show_draws,
    no_network,
    quiet_on_import,
    documented,
    short_modules,
]
