"""What the reader sees: one style for all figures, pictures with sliders, the map of the course."""

from lessons_lib.show.course import LESSONS, PARTS, Lesson
from lessons_lib.show.figures.model_diagram import model_diagram
from lessons_lib.show.figures.training_bill import training_bill
from lessons_lib.show.map import course_map, map_in_words, save_course_map
from lessons_lib.show.measured import approx, within
from lessons_lib.show.predictions import Predictions, predict, you_said
from lessons_lib.show.story.claims import CLAIMS, Claim
from lessons_lib.show.story.page import claims_table
from lessons_lib.show.style import COLOURS, HATCHES, LINES, MARKERS, figure, use_style
from lessons_lib.show.widgets import Explore

__all__ = [
    "CLAIMS",
    "COLOURS",
    "HATCHES",
    "LESSONS",
    "LINES",
    "MARKERS",
    "PARTS",
    "Predictions",
    "Claim",
    "Explore",
    "Lesson",
    "approx",
    "claims_table",
    "course_map",
    "figure",
    "map_in_words",
    "model_diagram",
    "predict",
    "save_course_map",
    "training_bill",
    "use_style",
    "within",
    "you_said",
]
