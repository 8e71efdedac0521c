"""Every hyperparameter of the course, as frozen dataclasses that refuse impossible values."""

from lessons_lib.config.model import ModelConfig
from lessons_lib.config.training import CorpusConfig, TrainConfig, WindowMLPConfig

__all__ = ["CorpusConfig", "ModelConfig", "TrainConfig", "WindowMLPConfig"]
