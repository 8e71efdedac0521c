"""A configuration refuses what it cannot mean when it is made, not after a base has trained."""

import math
import random
from dataclasses import dataclass, replace
from typing import Literal

import pytest

from lessons_lib.config import (
    BaseConfig,
    CorpusConfig,
    HuntConfig,
    ModelConfig,
    R1Config,
    RLConfig,
    StageConfig,
    StudentConfig,
    TracesConfig,
    TrainConfig,
)
from lessons_lib.config.reasoning import REASONER
from lessons_lib.config.validation import require_choices
from lessons_lib.corpus import Corpus, mixed
from lessons_lib.reasoning.budgets import Budget
from lessons_lib.reasoning.grpo import AGGREGATIONS, LEVELS
from lessons_lib.reasoning.hunts import LANGUAGES, Hunts
from lessons_lib.reasoning.scaling import SamplesConfig

SHAPE = dict(vocab_size=11, dim=8, n_layers=1, n_heads=2)
EXPERTS = SHAPE | dict(n_routed_experts=4, n_activated_experts=1, moe_inter_dim=8)
RUN = dict(model=ModelConfig(**SHAPE), corpus=CorpusConfig(), steps=1)
SHORT = BaseConfig(model=replace(REASONER, max_seq_len=108))

# what is made, with which fields, and the sentence that refuses it
REFUSED = [
    (ModelConfig, SHAPE | dict(score_func="relu"), 'score_func must be "sigmoid" or "softmax", got \'relu\''),
    (ModelConfig, EXPERTS | dict(group_score="top3"), 'group_score must be "top2" or "max", got \'top3\''),
    (ModelConfig, EXPERTS | dict(route_scale=math.inf), "route_scale must be above 0 and finite, got inf"),
    (ModelConfig, SHAPE | dict(rope_theta=math.nan), "rope_theta must be above 1 and finite, got nan"),
    (ModelConfig, SHAPE | dict(norm_eps="small"), "norm_eps must be a number, got 'small'"),
    (ModelConfig, SHAPE | dict(rope_amplitude=0.0), "rope_amplitude must be above 0 and finite, got 0.0"),
    (ModelConfig, SHAPE | dict(mscale=-1.0), "mscale must be 0 or above and finite, got -1.0"),
    (ModelConfig, SHAPE | dict(n_dense_layers=-1), "n_dense_layers must be at least 0, got -1"),
    (ModelConfig, SHAPE | dict(n_mtp_layers=True), "n_mtp_layers must be a whole number, got True"),
    (CorpusConfig, dict(kind="novels"), 'kind must be "mixed" or "languages", got \'novels\''),
    (CorpusConfig, dict(domains=("copy", "poems")), "domains must be .* got 'poems'"),
    (CorpusConfig, dict(domains=()), r"domains must be a tuple of one or more, got \(\)"),
    (CorpusConfig, dict(kind="languages", domains=("copy",)), "name mixed ones; of the languages choose n"),
    (CorpusConfig, dict(seed=-1), "seed must be at least 0, got -1"),
    (TrainConfig, RUN | dict(aux_alpha=-1.0), "aux_alpha must be 0 or above and finite, got -1.0"),
    (TrainConfig, RUN | dict(recipe="fp8"), "recipe must be a Recipe or None, got 'fp8'"),
    (HuntConfig, dict(go_on=math.nan), "go_on must be between 0 and 1, got nan"),
    (HuntConfig, dict(doors=9), "2 to 8 doors"),
    (BaseConfig, dict(hunts=()), r"hunts must be a tuple of one or more, got \(\)"),
    (BaseConfig, dict(hunts=(HuntConfig(max_tries=40),)), "190 tokens, which do not fit max_seq_len=128"),
    (RLConfig, dict(aggregation="x"), 'aggregation must be "grpo", "bnpo", "dr_grpo" or "dapo", got \'x\''),
    (RLConfig, dict(aggregation=None), "aggregation must be .* got None"),
    (RLConfig, dict(level="word"), 'level must be "token" or "sequence", got \'word\''),
    (RLConfig, dict(advantage="mean"), 'advantage must be "group", "reward" or "correct", got \'mean\''),
    (RLConfig, dict(wanted_language="klingon"), 'must be "english" or "german", got \'klingon\''),
    (RLConfig, dict(tasks=()), r"tasks must be a tuple of one or more, got \(\)"),
    (RLConfig, dict(clip_low=-1), "clip_low must be 0 or above and finite, got -1"),
    (RLConfig, dict(clip_high=math.nan), "clip_high must be 0 or above and finite, got nan"),
    (RLConfig, dict(beta=-0.1), "beta must be 0 or above and finite, got -0.1"),
    (RLConfig, dict(format_weight=math.inf), "format_weight must be finite, got inf"),
    (RLConfig, dict(temperature=math.inf), "temperature must be above 0 and finite, got inf"),
    (RLConfig, dict(max_new=104), "max_new=104 tokens are 129, which do not fit max_seq_len=128"),
    (TracesConfig, dict(batch_size=0), "batch_size must be at least 1, got 0"),
    (R1Config, dict(tasks=()), r"tasks must be a tuple of one or more, got \(\)"),
    (R1Config, dict(language_weight=math.nan), "language_weight must be finite, got nan"),
    (R1Config, dict(base=SHORT, tasks=(HuntConfig(), HuntConfig(8, 2))), "tokens are 109, which do not"),
    (StageConfig, dict(name="second RL"), "name must be .* got 'second RL'"),
    (StudentConfig, dict(way="prayer"), 'way must be "traces", "reward" or "corpus", got \'prayer\''),
    (StudentConfig, dict(way="reward", teacher=-1), "teacher must be .*-1"),
    (Budget, dict(forced="always"), 'forced must be "blindly", "after a miss" or "from the start"'),
    (Budget, dict(waits=-1), "waits must be at least 0, got -1"),
    (SamplesConfig, dict(rl=RLConfig(), trained=True, budgets=()), "budgets must be a tuple of one or more"),
    (SamplesConfig, dict(rl=RLConfig(), trained=True, max_new=110), "tokens are 135, which do not fit"),
]


@pytest.mark.parametrize(
    "kind, given, sentence", REFUSED, ids=lambda part: part.__name__ if isinstance(part, type) else ""
)
def test_what_cannot_be_meant_is_refused_in_one_sentence(kind, given, sentence):
    with pytest.raises(ValueError, match=sentence) as refusal:
        kind(**given)
    assert "\n" not in str(refusal.value)


def test_what_may_be_missing_may_be_missing_and_a_literal_alone_needs_no_or():
    @dataclass
    class Choice:
        one: Literal["a"] = "a"
        several: tuple[Literal["a", "b"], ...] = ("a", "b", "a")
        missing: Literal["a", "b"] | None = None
        other: int | None = None

    require_choices(Choice())
    with pytest.raises(ValueError, match="one must be \"a\", got 'b'"):
        require_choices(Choice(one="b"))
    with pytest.raises(ValueError, match='missing must be "a" or "b", got 3'):
        require_choices(Choice(missing=3))


def test_the_choices_are_those_that_the_library_knows():
    assert mixed.NAMES == Corpus().domains == (*mixed.LANGUAGES, *mixed.RULES)
    for language in LANGUAGES:
        assert RLConfig(wanted_language=language).wanted_language == language
    for aggregation in AGGREGATIONS:
        for level in LEVELS:
            assert RLConfig(aggregation=aggregation, level=level).level == level


@pytest.mark.parametrize("hunt", [HuntConfig(), HuntConfig(3, 2, max_tries=2, practice_reads=9)])
def test_the_longest_line_is_as_long_as_a_configuration_says(hunt):
    wanted = dict(direct=0.0, go_on=1.0) | {f: getattr(hunt, f) for f in ("doors", "lookups", "max_tries")}
    searcher, rng = Hunts(HuntConfig(**wanted, practice_reads=hunt.practice_reads)), random.Random(0)
    lines = [searcher.example(rng) for _ in range(400)]
    assert {len(prompt) for prompt, _ in lines} == {hunt.prompt_length}
    assert max(len(prompt) + len(follows) for prompt, follows in lines) == hunt.longest


def test_a_part_that_a_model_lacks_has_no_shape_and_one_that_it_has_is_whole():
    plain, v3 = ModelConfig(**SHAPE), ModelConfig.deepseek_v3()
    with pytest.raises(ValueError, match="this model has plain attention"):
        _ = plain.latent
    with pytest.raises(ValueError, match="this model has no experts"):
        _ = plain.routed
    for shape in (v3.latent, v3.routed):
        assert vars(shape) == {name: getattr(v3, name) for name in vars(shape)}
