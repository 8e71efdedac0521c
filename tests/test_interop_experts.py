"""Models with experts beside `DeepseekV3ForCausalLM` of `transformers`, on the same weights.

Its experts run as the plain loop ("eager"), since its faster kernels refuse odd widths. The tolerance is 8
times what `transformers` with a cache differs from itself without. The biases are clearly negative and far
apart: a masked group that counts as 0, a bias that enters a weight or a group scored otherwise would show.
No gain is 1, and the weights are large enough that every expert says something of its own.
"""

import functools
import json

import pytest
import torch
from interop_oracle import SMALL, their_logits_and_tolerance
from safetensors.torch import load_file
from transformers import DeepseekV3Config, DeepseekV3ForCausalLM

from lessons_lib.config import ModelConfig
from lessons_lib.interop import from_hf, to_hf
from lessons_lib.interop.configuration import config_from_hf
from lessons_lib.interop.experts import EXPERT_DEFAULTS, stack_experts
from lessons_lib.interop.huggingface import hf_name
from lessons_lib.model import Transformer, dead_experts, expert_load, routers, watch_routing

FIELDS = SMALL | dict(
    num_hidden_layers=3,
    first_k_dense_replace=1,
    n_routed_experts=12,
    num_experts_per_tok=4,
    n_shared_experts=1,
    moe_intermediate_size=16,
    n_group=4,
    topk_group=2,
    routed_scaling_factor=2.5,
    norm_topk_prob=True,
    max_position_embeddings=64,
)
YARN = dict(
    rope_type="yarn",
    rope_theta=50.0,
    factor=4.0,
    original_max_position_embeddings=16,
    mscale=1.0,
    mscale_all_dim=1.0,
)
SHAPES = {
    "groups": {},
    "one group": dict(n_group=1, topk_group=1),
    "all groups": dict(topk_group=4),
    "six groups of two": dict(n_group=6, topk_group=3),
    "odd widths": dict(moe_intermediate_size=7, hidden_size=25, intermediate_size=11),
    "weights not normalised": dict(norm_topk_prob=False, routed_scaling_factor=1.5),
    "one expert per token": dict(num_experts_per_tok=1, routed_scaling_factor=1.0),
    "every expert": dict(n_group=1, topk_group=1, num_experts_per_tok=12),
    "two shared": dict(n_shared_experts=2),
    "no dense layer": dict(first_k_dense_replace=0),
    "the last layer only": dict(first_k_dense_replace=2),
    "everything at once": dict(
        q_lora_rank=None,
        tie_word_embeddings=True,
        rope_interleave=False,
        qk_rope_head_dim=8,
        rope_parameters=YARN,
        n_shared_experts=3,
        moe_intermediate_size=9,
        norm_topk_prob=False,
    ),
}
CUTS = [(1,) * 20, (13, 7)]


@functools.cache
def build_theirs(shape="groups"):
    """A model of `transformers` whose every weight is drawn here; no test may change it."""
    theirs = DeepseekV3ForCausalLM(DeepseekV3Config(**FIELDS | SHAPES[shape])).eval()
    theirs.set_experts_implementation("eager")
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in theirs.parameters():
            noise = torch.randn(weight.shape, generator=rng)
            weight.copy_(1 + 0.3 * noise if weight.ndim < 2 else noise * weight.shape[-1] ** -0.5)
        for name, buffer in theirs.named_buffers():
            if name.endswith("e_score_correction_bias"):
                buffer.copy_(0.15 * torch.randn(buffer.shape, generator=rng) - 3.0)
    return theirs


def build_ours(shape="groups"):
    theirs = build_theirs(shape)
    return from_hf(theirs.state_dict(), theirs.config)


def draw_tokens(batch=2, length=20, seed=1):
    return torch.randint(37, (batch, length), generator=torch.Generator().manual_seed(seed))


# ---- equal to transformers


@torch.no_grad()
@pytest.mark.parametrize("shape", SHAPES)
def test_logits_are_those_of_transformers_read_at_once_or_with_a_cache(shape):
    ours, tokens = build_ours(shape), draw_tokens()
    theirs, tolerance = their_logits_and_tolerance(build_theirs(shape), tokens, CUTS)
    assert theirs.std() > 0.3 and tolerance < 1e-3  # they say something, and the bound means something
    torch.testing.assert_close(ours(tokens), theirs, atol=tolerance, rtol=0)
    for cut in CUTS:
        cache = ours.new_cache(len(tokens))
        pieces = torch.cat([ours(piece, cache) for piece in tokens.split(cut, 1)], 1)
        torch.testing.assert_close(pieces, theirs, atol=tolerance, rtol=0)


@pytest.mark.parametrize("shape", SHAPES)
def test_greedy_tokens_are_those_of_transformers(shape):
    theirs, ours, prompt = build_theirs(shape), build_ours(shape), draw_tokens(3, 7)
    settings = dict(do_sample=False, max_new_tokens=20, min_new_tokens=20, pad_token_id=0)
    written = theirs.generate(prompt, attention_mask=torch.ones_like(prompt), **settings)
    assert torch.equal(ours.generate(prompt, 20), written)


@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_are_those_of_transformers(shape):
    """Up to 2^-17 of the largest of a matrix, which is at least 100 times that."""
    theirs = DeepseekV3ForCausalLM(build_theirs(shape).config).eval()
    theirs.load_state_dict(build_theirs(shape).state_dict())
    theirs.set_experts_implementation("eager")
    ours, tokens = from_hf(theirs.state_dict(), theirs.config), draw_tokens()
    mix = torch.randn(2, 20, 37, generator=torch.Generator().manual_seed(2))
    for model, logits in ((theirs, theirs(tokens).logits), (ours, ours(tokens))):
        model.zero_grad()
        (logits * mix).sum().backward()
    gradients = {name: parameter.grad for name, parameter in theirs.named_parameters()}
    gradients.setdefault("lm_head.weight", gradients["model.embed_tokens.weight"])
    for name, parameter in ours.named_parameters():
        wanted = gradients[hf_name(name)]
        bound = 2**-17 * max(1.0, wanted.abs().max().item())
        torch.testing.assert_close(parameter.grad, wanted, atol=bound, rtol=0, msg=name)
        has_none = "router" in name and shape == "one expert per token"  # a weight that is always 1
        assert has_none or wanted.abs().max() > 100 * bound, name


@torch.no_grad()
@pytest.mark.parametrize("shape", ["groups", "six groups of two"])
def test_the_tests_see_what_they_are_for(shape):
    """Nearly every expert is used, the limit on groups changes choices, and so does the bias."""
    ours, tokens = build_ours(shape), draw_tokens(8)
    with watch_routing(ours) as seen:
        ours(tokens)
        for router in routers(ours).values():
            router.config = ModelConfig(
                **vars(router.config) | dict(n_limited_groups=router.config.n_expert_groups)
            )
        ours(tokens)
        for router in routers(ours).values():
            router.bias.zero_()
        ours(tokens)
    for limited, unlimited, unbiased in seen.values():
        sets = [r.ids.sort().values for r in (limited, unlimited, unbiased)]
        assert dead_experts(expert_load(limited.ids, 12)) <= 1
        assert (sets[0] != sets[1]).any(1).float().mean() > 0.2
        assert (sets[1] != sets[2]).any(1).float().mean() > 0.2


# ---- names and layouts


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_written_is_what_transformers_writes_and_reads(shape, tmp_path):
    theirs = build_theirs(shape)
    theirs.save_pretrained(tmp_path, safe_serialization=True)
    on_disk = load_file(tmp_path / "model.safetensors")
    weights, config = to_hf(build_ours(shape))
    assert on_disk.keys() == weights.keys()
    assert all(torch.equal(on_disk[name], weights[name]) for name in on_disk)
    saved = json.loads((tmp_path / "config.json").read_text())
    assert {key: config[key] for key in EXPERT_DEFAULTS} == {key: saved[key] for key in EXPERT_DEFAULTS}


@torch.no_grad()
@pytest.mark.parametrize("shape", SHAPES)
def test_a_file_with_single_experts_and_a_model_in_memory_give_the_same_model(shape):
    ours = build_ours(shape)
    again = from_hf(*to_hf(ours))
    assert again.config == ours.config
    for name, tensor in ours.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name


def test_stacked_rows_are_gate_first():
    weights, _ = to_hf(build_ours())
    stacked = build_theirs().state_dict()["model.layers.1.mlp.experts.gate_up_proj"]
    for expert in (0, 5, 11):
        prefix = f"model.layers.1.mlp.experts.{expert}"
        assert torch.equal(weights[f"{prefix}.gate_proj.weight"], stacked[expert, :16])
        assert torch.equal(weights[f"{prefix}.up_proj.weight"], stacked[expert, 16:])


def test_experts_are_ordered_by_number_not_by_text():
    """Expert 10 comes after expert 2, in whatever order a file lists them."""
    weights, config = to_hf(build_ours())
    shuffled = dict(sorted(weights.items(), reverse=True))
    assert torch.equal(
        from_hf(shuffled, config).layers[2].ffn.experts.w2, build_ours().layers[2].ffn.experts.w2
    )


def test_weights_written_are_copies():
    ours = build_ours()
    weights, _ = to_hf(ours)
    for tensor in weights.values():
        tensor.zero_()
    assert torch.equal(ours.layers[1].ffn.experts.w13, build_ours().layers[1].ffn.experts.w13)


def test_a_model_in_bf16_keeps_the_bias_in_float32():
    weights = {
        name: tensor if name.endswith("correction_bias") else tensor.bfloat16()
        for name, tensor in build_theirs().state_dict().items()
    }
    router = from_hf(weights, build_theirs().config).layers[1].ffn.router
    assert router.weight.dtype == torch.bfloat16 and router.bias.dtype == torch.float32
    assert torch.equal(router.bias, weights["model.layers.1.mlp.gate.e_score_correction_bias"])


def test_what_is_absent_from_a_configuration_is_as_in_transformers():
    theirs = DeepseekV3Config().to_dict()
    assert {key: theirs[key] for key in EXPERT_DEFAULTS} == EXPERT_DEFAULTS
    config, v3 = config_from_hf({}), ModelConfig.deepseek_v3()
    for name in (
        n for n in vars(v3) if "expert" in n or "group" in n or n in ("moe_inter_dim", "route_scale")
    ):
        assert getattr(config, name) == getattr(v3, name), name
    assert config.n_dense_layers == 3 and config.norm_topk and config.score_func == "sigmoid"


@torch.no_grad()
@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
def test_a_model_without_shared_experts_is_read_and_its_empty_matrices_are_not_written():
    theirs = DeepseekV3ForCausalLM(DeepseekV3Config(**FIELDS | dict(n_shared_experts=0))).eval()
    theirs.set_experts_implementation("eager")
    ours, tokens = from_hf(theirs.state_dict(), theirs.config), draw_tokens()
    wanted, tolerance = their_logits_and_tolerance(theirs, tokens, CUTS)
    torch.testing.assert_close(ours(tokens), wanted, atol=tolerance, rtol=0)
    assert ours.layers[1].ffn.shared is None
    assert not any("shared" in name for name in to_hf(ours)[0])
    assert from_hf(*to_hf(ours)).config == ours.config


def test_the_number_of_experts_may_stand_under_its_other_name():
    config = {key: value for key, value in FIELDS.items() if key != "n_routed_experts"}
    assert config_from_hf(config | dict(num_local_experts=16)).n_routed_experts == 16
    assert DeepseekV3Config(num_local_experts=16).to_dict()["n_routed_experts"] == 16


def test_a_model_without_layers_for_experts_has_none():
    config = config_from_hf(FIELDS | dict(first_k_dense_replace=3))
    assert config.n_routed_experts is None and list(config.expert_layers) == []


# ---- refusals


def spoil(change):
    weights, config = to_hf(build_ours())
    change(weights)
    return weights, config


@pytest.mark.parametrize(
    "change, sentence",
    [
        (lambda w: w.pop("model.layers.1.mlp.gate.e_score_correction_bias"), "missing: .*correction_bias"),
        (lambda w: w.pop("model.layers.2.mlp.experts.3.up_proj.weight"), r"missing: .*experts\.3\.up_proj"),
        (lambda w: w.pop("model.layers.2.mlp.experts.11.down_proj.weight"), r"missing: .*11\.down_proj"),
        (
            lambda w: [
                w.pop(f"model.layers.2.mlp.experts.11.{kind}_proj.weight") for kind in ("gate", "up", "down")
            ],
            r"gate_up_proj is \(11, 32, 28\), the configuration says \(12, 32, 28\)",
        ),
        (
            lambda w: w.update({"model.layers.1.mlp.experts.0.gate_proj.weight": torch.zeros(15, 28)}),
            r"gate_proj has several shapes, \(15, 28\), \(16, 28\)",
        ),
        (lambda w: w.update({"model.layers.1.mlp.gate.bias": torch.zeros(12)}), "unexpected: .*gate.bias"),
    ],
)
def test_a_state_dict_that_does_not_fit_is_refused_with_its_names(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        from_hf(*spoil(change))


def test_gate_and_up_of_different_widths_are_refused():
    name = "model.layers.0.mlp.experts.0."
    matrices = {"gate": (3, 4), "up": (5, 4), "down": (4, 3)}
    with pytest.raises(ValueError, match=r"gate_proj is \(1, 3, 4\), up_proj \(1, 5, 4\)"):
        stack_experts({f"{name}{kind}_proj.weight": torch.zeros(shape) for kind, shape in matrices.items()})


@pytest.mark.parametrize(
    "key, value", [("scoring_func", "softmax"), ("topk_method", "greedy"), ("moe_layer_freq", 2)]
)
def test_a_router_that_transformers_would_ignore_is_refused_by_name(key, value):
    with pytest.raises(ValueError, match=f"{key} must be .* got {value!r}"):
        config_from_hf(FIELDS | {key: value})


@pytest.mark.parametrize(
    "changes, sentence",
    [
        (dict(score_func="softmax"), "has score_func=\"sigmoid\", this one 'softmax'"),
        (dict(group_score="max"), "has group_score=\"top2\", this one 'max'"),
    ],
)
def test_a_router_that_v3_does_not_have_is_not_written(changes, sentence):
    fields = vars(config_from_hf(FIELDS)) | changes
    with pytest.raises(ValueError, match=sentence):
        to_hf(Transformer(ModelConfig(**fields)))
