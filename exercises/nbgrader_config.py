"""How nbgrader releases and grades the exercises; `release.py` and a teacher's course folder use it.

For a class: copy this file into the course folder, the notebooks of `solutions/` into `source/<name>/`.
"""

c = get_config()  # noqa: F821  (nbgrader provides it)

c.ClearSolutions.code_stub = {"python": 'raise NotImplementedError("write your answer here")'}
c.ClearSolutions.text_stub = "*Write your answer here.*"
c.Execute.timeout = 60  # seconds a cell; a check gives up an endless loop long before
