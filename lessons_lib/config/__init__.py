"""Every hyperparameter of the course, as frozen dataclasses that refuse impossible values."""

from lessons_lib.config.model import ModelConfig
from lessons_lib.config.reasoning import REASONER, BaseConfig, HuntConfig, RLConfig
from lessons_lib.config.training import CorpusConfig, TrainConfig, WindowMLPConfig

__all__ = [
    "REASONER",
    "BaseConfig",
    "CorpusConfig",
    "HuntConfig",
    "ModelConfig",
    "RLConfig",
    "TrainConfig",
    "WindowMLPConfig",
]
