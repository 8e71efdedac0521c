"""Every hyperparameter of the course, as frozen dataclasses that refuse impossible values."""

from lessons_lib.config.conversion import UptrainConfig
from lessons_lib.config.model import ModelConfig
from lessons_lib.config.optimizer import OptimizerConfig
from lessons_lib.config.r1 import STAGES, R1Config, StageConfig, StudentConfig, TracesConfig
from lessons_lib.config.reasoning import REASONER, BaseConfig, HuntConfig, RLConfig
from lessons_lib.config.training import CorpusConfig, TrainConfig, WindowMLPConfig

__all__ = [
    "REASONER",
    "STAGES",
    "BaseConfig",
    "CorpusConfig",
    "HuntConfig",
    "ModelConfig",
    "OptimizerConfig",
    "RLConfig",
    "R1Config",
    "StageConfig",
    "StudentConfig",
    "TracesConfig",
    "TrainConfig",
    "UptrainConfig",
    "WindowMLPConfig",
]
