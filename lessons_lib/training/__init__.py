"""How a model learns: the loop, its optimizer, evaluation; the store of runs is offered here as well."""

from lessons_lib.runs import run_seeds, run_store
from lessons_lib.training.evaluate import Evaluation, evaluate, score_windows, token_losses
from lessons_lib.training.loop import Run, first_model, train
from lessons_lib.training.optimizer import learning_rate, make_optimizer, set_learning_rate
from lessons_lib.training.stepper import stepper
from lessons_lib.training.uptraining import Uptrained, fresh_windows, uptrain
from lessons_lib.training.windows import Windows, held_out_windows, pool_windows, training_batches

__all__ = [
    "Evaluation",
    "Run",
    "Uptrained",
    "Windows",
    "evaluate",
    "first_model",
    "fresh_windows",
    "held_out_windows",
    "learning_rate",
    "make_optimizer",
    "pool_windows",
    "run_seeds",
    "run_store",
    "score_windows",
    "set_learning_rate",
    "stepper",
    "token_losses",
    "train",
    "training_batches",
    "uptrain",
]
