"""How nbgrader releases and grades the exercises; `release.py` and a teacher's course folder use it.

`start.py classroom FOLDER` copies this file into the class's folder.

Nothing that is handed in runs in a kernel of the grader's. `Judge` takes the place of nbgrader's Execute: it
hands each answer, as text, to `lessons_lib.checks.grading`, which runs it in a process of its own and judges
what comes back. Before that, `Mend` leaves one of each cell, as it was released, so that a copied, deleted or
edited one costs nobody a mark.
"""

import nbformat
from nbconvert.preprocessors import ClearMetadataPreprocessor
from nbgrader import preprocessors, utils
from nbgrader.api import Gradebook

STUB = "write your answer here"


class Mend(preprocessors.NbGraderPreprocessor):
    """Let each of the assignment's cells stand once, with nbgrader's marks as they were released."""

    def preprocess(self, nb, resources):
        """Take the marks off copies and off what is not the assignment's; put back the cells for marks."""
        known = self.released(resources["nbgrader"])
        kept = {}
        for cell in nb.cells:
            cell.source = cell.source.replace("\r\n", "\n").replace("\r", "\n")
            marks = cell.metadata.pop("nbgrader", None)
            name = marks.get("grade_id") if isinstance(marks, dict) else None
            if not isinstance(name, str) or name not in known:
                continue
            if name in kept:
                self.log.warning("%s stands in the notebook more than once: one of them counts", name)
            if name not in kept or (STUB in kept[name].source and STUB not in cell.source):
                kept[name] = cell  # a written answer counts before an untouched one
        for name, (released, marks) in known.items():
            if name not in kept and marks["grade"] and not marks["solution"]:
                self.log.warning("%s is missing, and was put back", name)
                kept[name] = nbformat.v4.new_code_cell(released.source)
                nb.cells.append(kept[name])
            if name in kept:
                kept[name].metadata["nbgrader"] = nbformat.from_dict(marks)
        return nb, resources

    def released(self, about):
        """Return {name: (cell, marks)} of the assignment, from the gradebook."""
        with Gradebook(about["db_url"]) as gradebook:
            notebook = gradebook.find_notebook(about["notebook"], about["assignment"])
            points = {cell.name: cell.max_score for cell in notebook.grade_cells}
            written, tasks = (
                {c.name for c in group} for group in (notebook.solution_cells, notebook.task_cells)
            )
            return {
                cell.name: (
                    cell,
                    self.marks(cell, points.get(cell.name), cell.name in written, cell.name in tasks),
                )
                for cell in notebook.source_cells
            }

    def marks(self, cell, points, solution, task):
        """Return what nbgrader notes in a cell of this kind."""
        grade = points is not None and not task
        found = {"grade_id": cell.name, "cell_type": cell.cell_type, "checksum": cell.checksum}
        found.update(grade=grade, solution=solution, task=task, locked=cell.locked, schema_version=3)
        return found | ({"points": points} if points is not None else {})


class Judge(preprocessors.NbGraderPreprocessor):
    """Write under each cell for marks what the judge says; nbgrader reads the marks from there."""

    def preprocess(self, nb, resources):
        """Judge all exercises of a notebook."""
        from lessons_lib.checks import grading

        cells = [cell.source for cell in nb.cells if cell.cell_type == "code" and not utils.is_grade(cell)]
        for cell in nb.cells:
            if utils.is_grade(cell) and cell.cell_type == "code":
                mark = grading.mark(cells, cell.metadata.nbgrader.grade_id.removesuffix("_points"))
                first, text = mark.lines[0], "\n".join(mark.lines)
                cell.outputs = [
                    nbformat.v4.new_output("stream", name="stdout", text=text + "\n")
                    if mark.right
                    else nbformat.v4.new_output("error", ename="No mark", evalue=first, traceback=[text])
                ]
        return nb, resources


c = get_config()  # noqa: F821  (nbgrader provides it)

c.ClearSolutions.code_stub = {"python": f'raise NotImplementedError("{STUB}")'}
c.ClearSolutions.text_stub = "*Write your answer here.*"
c.Autograde.sanitize_preprocessors = [
    Mend,
    preprocessors.ClearOutput,
    preprocessors.OverwriteKernelspec,
    preprocessors.OverwriteCells,
    preprocessors.CheckCellMetadata,
]
c.Autograde.autograde_preprocessors = [
    Judge,
    ClearMetadataPreprocessor,
    preprocessors.LimitOutput,
    preprocessors.SaveAutoGrades,
    preprocessors.AssignLatePenalties,
    preprocessors.CheckCellMetadata,
]
