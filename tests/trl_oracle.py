"""TRL's GRPO loss on log-probabilities that we hand it: its own method, without trainer, model or data."""

from types import SimpleNamespace

import torch
from trl import GRPOTrainer


def trl_loss(
    logps,
    old_logps,
    advantages,
    mask,
    *,
    ref_logps,
    beta,
    clip,
    aggregation,
    level,
    max_len,
    bias_correction=False,
):
    """Return what `GRPOTrainer._compute_loss` makes of them on one process, in one step of training.

    Without `bias_correction` the divergence is DeepSeekMath's; with it, V3.2's, which is TRL's default.
    """
    rows, positions = logps.shape
    mask = mask.long()
    tokens = torch.zeros(rows, positions, dtype=torch.long)
    inputs = {
        "prompt_ids": tokens[:, :1],
        "prompt_mask": torch.ones(rows, 1, dtype=torch.long),
        "completion_ids": tokens,
        "completion_mask": torch.ones_like(mask),
        "tool_mask": mask,  # TRL's name for holes; its loss uses the product of both
        "advantages": advantages,
        "num_items_in_batch": mask.sum(),
    }
    if old_logps is not None:
        inputs["old_per_token_logps"] = old_logps
    if ref_logps is not None:
        inputs["ref_per_token_logps"] = ref_logps
    alone = SimpleNamespace(
        num_processes=1,
        sync_gradients=True,
        gather=lambda x: x,
        gather_for_metrics=lambda x: x,
        reduce=lambda x, reduction: x,
    )
    trainer = SimpleNamespace(
        _get_per_token_logps_and_entropies=lambda *_, **__: (logps, torch.zeros_like(logps.detach()), None),
        _metrics={"train": _Anything()},
        _entropy_bonus_enabled=False,
        accelerator=alone,
        model=SimpleNamespace(training=True),
        args=SimpleNamespace(
            use_bias_correction_kl=bias_correction,
            delta=None,
            steps_per_generation=1,
        ),
        aux_loss_enabled=False,
        top_entropy_quantile=1.0,
        off_policy_mask_threshold=None,
        importance_sampling_level=level,
        beta=beta,
        loss_type=aggregation,
        epsilon_low=clip[0],
        epsilon_high=clip[1],
        use_vllm=False,
        current_gradient_accumulation_steps=1,
        max_completion_length=max_len,
    )
    return GRPOTrainer._compute_loss(trainer, None, inputs)


class _Anything(dict):
    """A list for any name: TRL writes down what it measures."""

    def __missing__(self, name):
        return self.setdefault(name, [])
