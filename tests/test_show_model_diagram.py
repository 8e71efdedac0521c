"""The block diagram: which boxes a configuration has, what stands in them, what is lit, in which words."""

from dataclasses import replace

import matplotlib.pyplot as plt
import pytest

from lessons_lib import show
from lessons_lib.config import ModelConfig
from lessons_lib.show.figures.boxes import RIGHT, STREAM
from lessons_lib.show.figures.model_parts import parts

GPT = ModelConfig(vocab_size=106, dim=96, n_layers=3, n_heads=4)
MQA = ModelConfig(vocab_size=106, dim=96, n_layers=3, n_heads=4, n_kv_heads=1)
MINI, V3 = ModelConfig.mini(), ModelConfig.deepseek_v3()
SPARSE = replace(V3, index_n_heads=64, index_head_dim=128, index_topk=2048)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def written(config) -> dict[str, str]:
    trunk, block = parts(config)
    return {box.name: box.text.replace("\n", " ") for box in trunk.boxes + block.boxes}


def bold(fig) -> set[str]:
    return {t.get_text().split("\n")[0] for t in fig.axes[0].texts if t.get_weight() == "bold"}


def tagged(config, lit) -> list[float]:
    """Return the heights of the tags "cached"."""
    fig, _ = show.model_diagram(config, lit)
    return [t.get_position()[1] for t in fig.axes[0].texts if t.get_text() == "cached"]


def test_widths_are_the_configurations():
    text = written(GPT)
    assert text["embedding"] == "embedding 106 → 96" and text["head"] == "head 96 → 106"
    assert text["queries"] == "queries 4 heads of 24" and text["output"] == "output 4 × 24 → 96"
    assert text["gate"] == "gate 96 → 256" and text["down"].endswith("256 → 96")
    assert written(MQA)["keys"] == "keys 1 head of 24" and written(MQA)["values"] == "values 1 head of 24"


def test_deepseek_v3_has_its_own_widths():
    text = written(V3)
    assert text["query latent"] == "query latent 1,536" and text["latent"] == "latent 512"
    assert text["rotary key"] == "rotary key one of 64" and text["queries"] == "queries 128 of 128 + 64"
    assert text["keys"] == text["values"].replace("values", "keys") == "keys 128 of 128"
    assert (
        text["router"] == "router picks 8 of 256" and text["routed experts"] == "256 experts of width 2,048"
    )
    assert text["shared experts"] == "1 shared, always on" and text["MTP"] == "MTP, 1 module one block"
    assert [name for name in text if name.startswith("block") or name == "…"] == [
        "block 1",
        "block 2",
        "…",
        "block 61",
    ]


def test_a_box_stands_only_for_what_the_model_has():
    assert not {"latent", "rotary key", "router", "MTP"} & set(written(GPT))
    assert written(MINI)["query latent"] == "query latent 48" and not {"gate", "up"} & set(written(MINI))
    assert "query latent" not in written(replace(MINI, q_lora_rank=None))
    assert "indexer" not in written(V3) and "all keys" in written(V3)["attend"]
    sparse = written(SPARSE)
    assert "keeps 2,048 positions" in sparse["indexer"] and "the chosen keys" in sparse["attend"]
    no_shared = ModelConfig(8, 16, 1, 2, n_routed_experts=4, n_activated_experts=2, moe_inter_dim=8)
    assert "shared experts" not in written(no_shared) and "router" in written(no_shared)


@pytest.mark.parametrize("config", [GPT, MQA, MINI, V3, SPARSE])
def test_boxes_neither_overlap_nor_leave_the_page_and_arrows_end_at_boxes_or_sums(config):
    trunk, block = parts(config)
    boxes = trunk.boxes + block.boxes
    for i, box in enumerate(boxes):
        assert box.x - box.width / 2 >= 0 and box.x + box.width / 2 <= RIGHT + 0.1
        assert 0 < box.bottom < box.top < block.height
        for other in boxes[:i]:
            apart_x = abs(box.x - other.x) >= (box.width + other.width) / 2
            apart_y = abs(box.y - other.y) >= (box.height + other.height) / 2
            assert apart_x or apart_y, (box.name, other.name)
    for arrow in block.arrows:
        x, y = arrow[-1]
        at_box = any(
            abs(x - b.x) <= b.width / 2 + 1e-9 and b.bottom - 1e-9 <= y <= b.top + 1e-9 for b in block.boxes
        )
        assert at_box or (abs(x - STREAM) < 0.1 and y in block.sums)
    has_shared = bool(config.n_routed_experts and config.n_shared_experts)
    assert len(block.sums) == 2 + has_shared and list(block.starts) == ["attention", "feed-forward"]


def test_a_shared_expert_is_added_to_the_stream_past_the_weighted_sum():
    block = parts(V3)[1]
    at = {box.name: box for box in block.boxes}
    into_sum = [arrow[0][0] for arrow in block.arrows if arrow[-1] == (at["sum"].x + 0.6, at["sum"].y)]
    assert into_sum == [at["routed experts"].x]
    (by_itself,) = [
        arrow for arrow in block.arrows if arrow[0] == (at["shared experts"].x, at["shared experts"].top)
    ]
    assert by_itself[-1][1] == block.sums[-1] > at["sum"].top


def test_the_module_is_given_the_state_and_the_next_tokens_embedding_and_shares_the_head():
    trunk = parts(MINI)[0]
    at = {box.name: box for box in trunk.boxes}
    module, head, embed = at["MTP"], at["head"], at["embedding"]
    leads = [(arrow[0], arrow[-1]) for arrow in trunk.arrows]
    assert ((embed.x + embed.width / 2, embed.y), (module.x + module.width / 2, module.y)) in leads
    assert [end for start, end in leads if start[1] == module.top] == [(module.x, head.bottom)]
    assert (
        sum(end[1] == head.bottom for _, end in leads) == 2 and head.bottom > module.top > at["last norm"].top
    )


@pytest.mark.parametrize(
    ("lit", "inside"), [("MTP", "MTP"), ("experts", "block 61"), (("MTP", "head"), "block 61")]
)
def test_dashes_lead_from_the_opened_box_to_its_block(lit, inside):
    box = next(box for box in parts(V3)[0].boxes if box.name == inside)
    fig, words = show.model_diagram(V3, lit)
    starts = [(line.get_xdata()[0], line.get_ydata()[0]) for line in fig.axes[0].lines]
    assert (box.x + box.width / 2, box.top) in starts and (box.x + box.width / 2, box.bottom) in starts
    assert ("the module's block" in words) == (inside == "MTP")


def test_rope_stands_over_what_is_turned():
    over = {round(box.x, 2) for box in parts(GPT)[1].boxes if box.name == "RoPE"}
    assert over == {round(box.x, 2) for box in parts(GPT)[1].boxes if box.name in ("queries", "keys")}
    turns = {round(box.x, 2): box.text for box in parts(V3)[1].boxes if box.name == "RoPE"}
    at = {box.name: round(box.x, 2) for box in parts(V3)[1].boxes}
    assert turns == {at["queries"]: "RoPE on the 64", at["rotary key"]: "RoPE"}  # not on the whole query
    assert "RoPE on" not in show.model_diagram(V3)[1]  # the words tell it in a sentence of their own


@pytest.mark.parametrize(
    ("config", "lit", "expected"),
    [
        (GPT, (), set()),
        (GPT, "values", {"values"}),
        (GPT, ("keys", "head"), {"keys", "head"}),
        (GPT, "cache", {"keys", "values", "RoPE"}),
        (V3, "cache", {"latent", "rotary key", "RoPE"}),
        (V3, "experts", {"router", "256 experts", "1 shared,", "weighted sum"}),
        (GPT, "linear", {"queries", "keys", "values", "output", "gate", "up", "gate × up, then down"}),
        (V3, "MTP", {"MTP,"}),
        (SPARSE, "indexer", {"indexer, 64 heads of 128"}),
        (SPARSE, "cache", {"latent", "rotary key", "RoPE", "indexer, 64 heads of 128"}),
    ],
)  # fmt: skip
def test_the_part_in_question_is_bold(config, lit, expected):
    fig, words = show.model_diagram(config, lit)
    assert bold(fig) == expected
    names = [lit] if isinstance(lit, str) else sorted(lit)
    assert words.endswith(f"Lit: {', '.join(names)}." if names else "RoPE turns queries and keys.")


def test_feed_forward_is_lit_with_and_without_experts():
    assert "router" in bold(show.model_diagram(V3, "feed-forward")[0])
    assert "gate" in bold(show.model_diagram(GPT, "feed-forward")[0])
    assert "router" not in bold(show.model_diagram(V3, "linear")[0])  # it stays in higher precision


def test_what_is_kept_of_a_token_is_tagged_where_it_is_kept():
    """Keys are kept turned, so the tag stands over RoPE and not over the key; nothing is tagged unasked."""
    for config, kept in ((GPT, "values"), (V3, "latent")):
        block = {
            box.name: box for box in parts(config)[1].boxes if not (box.name == "RoPE" and not box.cached)
        }
        heights = sorted(block[name].top + 0.02 for name in (kept, "RoPE"))
        assert sorted(tagged(config, "cache")) == pytest.approx(heights)
        assert tagged(config, "attention") == []


def test_an_unknown_part_is_refused_with_the_names_of_those_there_are():
    with pytest.raises(ValueError, match="no latent in this model; it has RoPE, attend, attention, block 1"):
        show.model_diagram(GPT, "latent")


def test_the_picture_is_800_pixels_wide_and_says_what_it_shows():
    fig, words = show.model_diagram(GPT, title="A GPT adds")
    assert round(fig.get_figwidth() * 110) == 800
    assert "A GPT adds" in {t.get_text() for t in fig.axes[0].texts}
    assert "embedding 106 → 96; block 1; block 2; block 3; head 96 → 106" in words
    assert "residual stream of 96 numbers" in words and "RoPE turns queries and keys" in words
    assert "a part of the queries and the rotary key" in show.model_diagram(V3)[1]


def test_an_indexer_reads_what_attention_reads_and_leads_to_it():
    _, block = parts(SPARSE)
    indexer, attend = (next(box for box in block.boxes if box.name == name) for name in ("indexer", "attend"))
    (ways_in,) = [way for way in block.arrows if way[-1] == (indexer.x + indexer.width / 2, indexer.y)]
    assert ways_in[0][1] == block.starts["attention"]
    assert ((indexer.x, indexer.bottom), (indexer.x, attend.top)) in block.arrows
