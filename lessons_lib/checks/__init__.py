"""What the reader is told: `check_<exercise>(attempt)` says, `passes_<exercise>(attempt)` only judges.

The judge is in `checker`, the time limit in `limits`; each lesson's subject has a package of its own,
whose `__all__` lists its checks.
"""

from lessons_lib.checks.absorption import *  # noqa: F403
from lessons_lib.checks.balancing import *  # noqa: F403
from lessons_lib.checks.distillation import *  # noqa: F403
from lessons_lib.checks.eight_bit_numbers import *  # noqa: F403
from lessons_lib.checks.experts import *  # noqa: F403
from lessons_lib.checks.fp8_training import *  # noqa: F403
from lessons_lib.checks.latent_attention import *  # noqa: F403
from lessons_lib.checks.policy_gradients import *  # noqa: F403
from lessons_lib.checks.reasoning_rewards import *  # noqa: F403
from lessons_lib.checks.several_tokens import *  # noqa: F403
from lessons_lib.checks.sharing import *  # noqa: F403
from lessons_lib.checks.small_gpt import *  # noqa: F403
from lessons_lib.checks.test_time import *  # noqa: F403
from lessons_lib.checks.the_bill import *  # noqa: F403
