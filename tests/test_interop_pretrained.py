"""A folder that we write, opened by `AutoModelForCausalLM` and `AutoTokenizer`, and read back.

Nothing may ask the network: a connection is an error here. Logits are compared within 8 times what
`transformers` with a cache differs from itself without; texts and weights must be equal. The weights are
drawn large, so that no two tokens are equally likely and experts differ; biases are far from 0.
"""

import errno
import json
import socket
import stat
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from interop_oracle import their_logits_and_tolerance
from transformers import AutoModelForCausalLM, AutoTokenizer

from lessons_lib.config import ModelConfig
from lessons_lib.corpus import Corpus
from lessons_lib.corpus.tokenizer import Vocabulary
from lessons_lib.interop import from_hf, load_pretrained, save_pretrained
from lessons_lib.model import Transformer, routers

MINI = ModelConfig.mini()
DENSE = dict(n_routed_experts=None, n_activated_experts=None, n_shared_experts=0, moe_inter_dim=None)
DENSE |= dict(n_expert_groups=1, n_limited_groups=1, route_scale=1.0)
SHAPES = {
    "mini": MINI,
    "without module": replace(MINI, n_mtp_layers=0),
    "two modules, queries not compressed": replace(MINI, n_mtp_layers=2, q_lora_rank=None),
    "every expert for every token": replace(MINI, n_expert_groups=1, n_limited_groups=1, route_scale=1.0),
    "dense, tied": replace(MINI, n_dense_layers=0, n_mtp_layers=0, tie_embeddings=True, **DENSE),
    "yarn, another vocabulary": replace(MINI, vocab_size=51, rope_factor=4.0, original_seq_len=32),
}


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    def refuse(*args):
        raise AssertionError(f"a connection was opened: {args[1:]}")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def build(config, seed=0):
    """Return a model with large weights and uneven biases, in eval mode."""
    torch.manual_seed(seed)
    model = Transformer(config).eval()
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(1.5) if p.ndim > 1 else p.uniform_(0.5, 1.5)
        for router in routers(model, mtp=True).values():
            router.bias.uniform_(-0.5, 0.0)
    return model


def tokens_of(config, shape=(3, 24), seed=1):
    return torch.randint(config.vocab_size, shape, generator=torch.Generator().manual_seed(seed))


def same_weights(a, b):
    a, b = a.state_dict(), b.state_dict()
    return a.keys() == b.keys() and all(a[k].dtype == b[k].dtype and torch.equal(a[k], b[k]) for k in a)


@pytest.mark.parametrize("name", SHAPES)
def test_transformers_opens_it_with_equal_logits_and_equal_text(name, tmp_path):
    ours = build(SHAPES[name])
    theirs = AutoModelForCausalLM.from_pretrained(save_pretrained(ours, tmp_path / "model")).eval()
    tokens = tokens_of(ours.config)
    full, tolerance = their_logits_and_tolerance(theirs, tokens, [1, 5])
    assert (ours(tokens) - full).abs().max() < tolerance
    written = theirs.generate(tokens[:, :5], max_new_tokens=30, do_sample=False)
    assert torch.equal(written, ours.generate(tokens[:, :5], 30))


@pytest.mark.parametrize("name", SHAPES)
def test_it_is_read_back_bit_for_bit(name, tmp_path):
    ours = build(SHAPES[name])
    again = from_hf(*load_pretrained(save_pretrained(ours, tmp_path / "model")))
    assert again.config == ours.config
    assert same_weights(again, ours)


def test_also_after_transformers_has_written_it(tmp_path):
    """Theirs drops the MTP module, which its model does not have; the rest comes back as it was."""
    ours = build(MINI)
    theirs = AutoModelForCausalLM.from_pretrained(save_pretrained(ours, tmp_path / "ours"))
    theirs.save_pretrained(tmp_path / "theirs")
    again = from_hf(*load_pretrained(tmp_path / "theirs"))
    assert again.config == replace(MINI, n_mtp_layers=0)
    kept = ours.state_dict()
    assert all(torch.equal(tensor, kept[name]) for name, tensor in again.state_dict().items())
    assert {name.split(".")[0] for name in kept.keys() - again.state_dict().keys()} == {"mtp"}
    third = save_pretrained(again, tmp_path / "third")
    tokens = tokens_of(MINI, (2, 6))
    opened = AutoModelForCausalLM.from_pretrained(third)
    written = opened.generate(tokens, max_new_tokens=30, do_sample=False)
    assert torch.equal(written, ours.generate(tokens, 30))


def test_sixteen_bits_stay_sixteen_bits(tmp_path):
    ours = build(MINI).bfloat16()
    folder = save_pretrained(ours, tmp_path / "model")
    theirs = AutoModelForCausalLM.from_pretrained(folder)
    assert theirs.lm_head.weight.dtype == torch.bfloat16
    bias = theirs.model.layers[1].mlp.gate.e_score_correction_bias
    assert bias.dtype == torch.float32 and torch.equal(bias, routers(ours)[1].bias)
    assert same_weights(from_hf(*load_pretrained(folder)), ours)


@pytest.mark.parametrize("name", ["all characters", "a text of the corpus"])
def test_their_tokenizer_is_ours(name, tmp_path):
    tokenizer = AutoTokenizer.from_pretrained(save_pretrained(build(MINI), tmp_path / "model"))
    corpus, vocabulary = Corpus(), Vocabulary()
    tokens, _ = corpus.batch(1, 90, torch.Generator().manual_seed(3))
    text = "".join(vocabulary.names) + "\n\n  " if name == "all characters" else corpus.decode(tokens[0])
    ids = tokenizer(text).input_ids
    assert ids == corpus.encode(text)  # nothing put before or behind
    assert tokenizer.decode(ids) == text
    assert tokenizer.pad_token_id == corpus.token("<pad>") and tokenizer.eos_token_id == corpus.token("<eos>")
    assert len(tokenizer) == len(vocabulary) and tokenizer.model_max_length == MINI.max_seq_len


def test_a_strange_character_is_refused_and_not_skipped(tmp_path):
    tokenizer = AutoTokenizer.from_pretrained(save_pretrained(build(MINI), tmp_path / "model"))
    with pytest.raises(Exception, match="UNK"):
        tokenizer("é")


def test_a_readers_own_text_brings_its_own_tokenizer(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("Größe und Maß.\nÜber alles <b>.", encoding="utf-8")
    corpus = Corpus.from_text(path)
    model = build(replace(MINI, vocab_size=corpus.vocab_size))
    tokenizer = AutoTokenizer.from_pretrained(save_pretrained(model, tmp_path / "model", tokenizer=corpus))
    ids = tokenizer("Maß über <eos>\n".replace("ü", "Ü")).input_ids
    assert ids == corpus.encode("Maß Über <eos>\n")
    with pytest.raises(ValueError, match=f"{corpus.vocab_size} tokens, the model only 20"):
        save_pretrained(build(replace(MINI, vocab_size=20)), tmp_path / "other", tokenizer=corpus)
    assert not (tmp_path / "other").exists()


def test_a_model_with_an_unknown_vocabulary_has_no_tokenizer(tmp_path):
    folder = save_pretrained(build(SHAPES["yarn, another vocabulary"]), tmp_path / "model")
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "config.json",
        "generation_config.json",
        "model.safetensors",
    ]
    assert "AutoTokenizer" not in (folder / "README.md").read_text(encoding="utf-8")


def test_the_card_says_how_it_was_trained_and_its_code_runs(tmp_path):
    folder = save_pretrained(build(MINI), tmp_path / "model", trained="800 steps\nof the **mixed** corpus.")
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "800 steps\nof the **mixed** corpus." in card
    assert f"{sum(p.numel() for p in Transformer(MINI).parameters()):,}" in card
    code = card.split("```python")[1].split("```")[0].replace("this folder", folder.as_posix())
    exec(code, {"print": lambda text: None})
    silent = save_pretrained(build(MINI), tmp_path / "silent")
    assert "Not told" in (silent / "README.md").read_text(encoding="utf-8")


def test_what_is_there_is_never_overwritten(tmp_path):
    model = build(MINI)
    folder = tmp_path / "model"
    folder.mkdir()
    save_pretrained(model, folder)  # an empty folder is fine
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(FileExistsError, match="already holds 6 files or folders, 'README.md' among them"):
        save_pretrained(build(MINI, seed=1), folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(FileExistsError, match="is a file; choose another name"):
        save_pretrained(model, tmp_path / "taken")
    assert (tmp_path / "taken").read_text() == "mine"


def test_without_space_nothing_is_left_and_one_sentence_says_so(tmp_path, monkeypatch):
    model, write = build(MINI), Path.write_bytes

    def full(path, content):
        if path.name == "model.safetensors":
            write(path, content[:1000])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match=r"could not write 6\.\d MB to .*model: No space left on device"):
        save_pretrained(model, tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="could not write .* nothing was kept"):
        save_pretrained(build(MINI), tmp_path / "file" / "model")


def test_others_may_read_it_and_no_text_ends_by_itself(tmp_path):
    folder = save_pretrained(build(MINI), tmp_path / "deep" / "model")
    assert stat.S_IMODE(folder.stat().st_mode) & 0o555 == 0o555
    settings = json.loads((folder / "generation_config.json").read_text())
    assert settings["eos_token_id"] is None


def test_saving_changes_neither_model_nor_random_numbers(tmp_path):
    model = build(MINI).train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    state = torch.get_rng_state()
    save_pretrained(model, tmp_path / "model")
    assert model.training and torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_plain_attention_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError, match="kv_lora_rank"):
        save_pretrained(Transformer(ModelConfig(20, 16, 1, 2)), tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_the_miniature_has_every_idea_of_v3_but_longer_texts():
    v3, nothing = ModelConfig.deepseek_v3(), ModelConfig(vocab_size=1, dim=2, n_layers=1, n_heads=1)
    told = [name for name in vars(v3) if getattr(v3, name) != getattr(nothing, name)]
    assert [name for name in told if getattr(MINI, name) == getattr(nothing, name)] == [
        "max_seq_len",
        "rope_theta",
        "rope_factor",
    ]


def test_the_miniature_fits_the_mixed_corpus_and_its_experts_the_dense_block():
    assert MINI.vocab_size == Corpus().vocab_size
    at_work = MINI.n_activated_experts + MINI.n_shared_experts
    assert at_work * MINI.moe_inter_dim == MINI.inter_dim


def test_their_batch_of_texts_is_padded_where_nothing_is_continued(tmp_path):
    """On the right, padding would stand between a text and what is written behind it."""
    folder = save_pretrained(build(MINI), tmp_path / "model")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    theirs = AutoModelForCausalLM.from_pretrained(folder).eval()
    asked = tokenizer(["A3+5", "C"], return_tensors="pt", padding=True)
    assert asked.input_ids[1].tolist() == [0, 0, 0, *Corpus().encode("C")]
    assert asked.attention_mask[1].tolist() == [0, 0, 0, 1]
    together = theirs.generate(**asked, max_new_tokens=5, do_sample=False)[1, 4:]
    alone = theirs.generate(**tokenizer("C", return_tensors="pt"), max_new_tokens=5, do_sample=False)[0, 1:]
    assert torch.equal(together, alone)


def cut(folder):
    (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:-1000])


HARMS = {
    "cut off": (cut, ValueError, "model.safetensors is damaged or no file of weights"),
    "empty": (
        lambda folder: (folder / "model.safetensors").write_bytes(b""),
        ValueError,
        "damaged or no file of weights",
    ),
    "a page of text": (
        lambda folder: (folder / "model.safetensors").write_text("<html>not found</html>"),
        ValueError,
        "damaged or no file of weights",
    ),
    "no weights": (
        lambda folder: (folder / "model.safetensors").unlink(),
        FileNotFoundError,
        "holds no model.safetensors, only README.md, config.json",
    ),
    "no configuration": (
        lambda folder: (folder / "config.json").unlink(),
        FileNotFoundError,
        "holds no config.json",
    ),
    "half a configuration": (
        lambda folder: (folder / "config.json").write_text('{"a":'),
        ValueError,
        "config.json is damaged",
    ),
    "endless": (
        lambda folder: (folder / "config.json").write_text("[" * 100_000),
        ValueError,
        "config.json is damaged",
    ),
    "a list": (lambda folder: (folder / "config.json").write_text("[1]"), ValueError, "but a list"),
}


@pytest.mark.parametrize("harm", HARMS)
def test_a_damaged_folder_is_told_in_one_sentence(harm, tmp_path):
    folder = save_pretrained(build(MINI), tmp_path / "model")
    do, kind, words = HARMS[harm]
    do(folder)
    with pytest.raises(kind) as caught:
        load_pretrained(folder)
    assert words in str(caught.value) and "\n" not in str(caught.value)
