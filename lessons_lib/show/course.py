"""The lessons of the course, under the name that pages and notebooks ask for: see `lessons_lib.lessons`."""

from lessons_lib.lessons import BY_NUMBER, LESSONS, NOTEBOOKS, PARTS, Lesson

__all__ = ["BY_NUMBER", "LESSONS", "NOTEBOOKS", "PARTS", "Lesson"]
