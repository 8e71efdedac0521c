"""How fast is the course's model beside others? `python start.py bench` runs this.

Two contests on one thread, at lesson 01's sizes, against torch's unchanged
`nn.TransformerEncoder` with as many parameters (within 1 %), the same optimizer and the same
tokens:

  training   tokens per second of whole steps (forward, backward, clip, AdamW): at least 0.9 of
             torch's;
  decoding   tokens per second of greedy writing with our cache, beside torch's encoder in its
             inference fast path, which has no cache and reads the whole text again: at least 1.0.

The two take turns within every round and the median of the rounds' ratios counts, so that a
machine that slows down or is shared slows both. A second table sets writing with latent attention
beside the `transformers` library (`bench_transformers.py`), a third is about training with experts
(`bench_experts.py`), a fourth about writing with experts (`bench_whole.py`), a fifth about what emulating
8 bits costs (`bench_precision.py`), a sixth sets sampling many answers beside `transformers`
(`bench_sampling.py`), a seventh simulates a pipeline beside torch (`bench_pipeline.py`). Exit code 1 when one
is too slow.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable

import bench_experts
import bench_pipeline
import bench_precision
import bench_sampling
import bench_transformers
import bench_whole
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lessons_lib.config import CorpusConfig, ModelConfig, TrainConfig
from lessons_lib.corpus import Corpus
from lessons_lib.model import Transformer
from lessons_lib.training.optimizer import make_optimizer

DIM, N_LAYERS, N_HEADS, BATCH, LENGTH = 96, 3, 4, 16, 96  # lesson 01
NEW_TOKENS = 95  # decoding starts at one token, as a sample from the corpus does
LOWEST = {"training": 0.9, "decoding": 1.0}


class TorchGPT(nn.Module):
    """Map tokens (batch, position) to logits with torch's causal encoder and learned positions."""

    def __init__(self, vocab_size: int, feed_forward: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocab_size, DIM)
        self.position = nn.Embedding(LENGTH, DIM)
        layer = nn.TransformerEncoderLayer(
            DIM, N_HEADS, feed_forward, dropout=0.0, batch_first=True, norm_first=True
        )
        # Nested tensors are for padded batches and exclude norm_first; asking for them only warns.
        self.encoder = nn.TransformerEncoder(
            layer, N_LAYERS, norm=nn.LayerNorm(DIM), enable_nested_tensor=False
        )
        self.head = nn.Linear(DIM, vocab_size, bias=False)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(LENGTH))

    def forward(self, tokens: Tensor) -> Tensor:
        length = tokens.shape[1]
        x = self.embed(tokens) + self.position.weight[:length]
        x = self.encoder(x, mask=self.mask[:length, :length], is_causal=True)
        return self.head(x)

    @torch.no_grad()
    def generate(self, tokens: Tensor, max_new_tokens: int) -> Tensor:
        """Continue `tokens` greedily, reading the whole text again for every new token."""
        for _ in range(max_new_tokens):
            best = self(tokens)[:, -1].argmax(dim=-1, keepdim=True)
            tokens = torch.cat([tokens, best], dim=1)
        return tokens


def n_parameters(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def pair_of_models(config: TrainConfig) -> tuple[Transformer, TorchGPT]:
    """Return our model and torch's, whose feed-forward width is chosen to match our parameters."""
    torch.manual_seed(0)
    vocab_size = config.model.vocab_size
    ours = Transformer(config.model)
    narrow, wide = (n_parameters(TorchGPT(vocab_size, width)) for width in (8, 16))
    per_unit = (wide - narrow) / 8
    width = round(8 + (n_parameters(ours) - narrow) / per_unit)
    theirs = TorchGPT(vocab_size, width)
    apart = abs(n_parameters(ours) - n_parameters(theirs)) / n_parameters(ours)
    assert apart <= 0.01, f"parameters differ by {apart:.1%}"
    return ours, theirs


def trainer(model: nn.Module, config: TrainConfig, batches: list[Tensor]) -> Callable[[], None]:
    """Return a function that takes one whole training step."""
    optimizer = make_optimizer(model, config)
    turn = 0

    def step() -> None:
        nonlocal turn
        tokens = batches[turn % len(batches)]
        turn += 1
        logits = model(tokens[:, :-1])
        loss = F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), config.optimizer.grad_clip)
        optimizer.step()

    return step


def contest(ours: Callable, theirs: Callable, *, rounds: int, repeats: int) -> tuple[list, list]:
    """Return both sides' seconds per call, one number a round; they take turns in going first."""
    seconds = ([], [])
    for round_number in range(-1, rounds):  # round -1 warms up and is not counted
        for who in (0, 1) if round_number % 2 else (1, 0):
            start = time.perf_counter()
            for _ in range(repeats):
                (ours, theirs)[who]()
            if round_number >= 0:
                seconds[who].append((time.perf_counter() - start) / repeats)
    return seconds


def report(kind: str, batch: int, tokens: int, ours: list[float], theirs: list[float]) -> bool:
    """Print one row of the table; return whether the ratio is high enough."""
    ratios = sorted(b / a for a, b in zip(ours, theirs, strict=True))
    ratio, low, high = statistics.median(ratios), ratios[0], ratios[-1]
    speeds = [tokens / statistics.median(s) for s in (ours, theirs)]
    good = ratio >= LOWEST[kind]
    spread = f"{low:.2f} to {high:.2f}"
    print(
        f"{kind + ', batch ' + str(batch):<22}{speeds[0]:>12,.0f}{speeds[1]:>12,.0f}{ratio:>8.2f}"
        f"   {spread:<12}{LOWEST[kind]:>10.1f}   {'ok' if good else 'TOO SLOW'}",
        flush=True,
    )
    return good


def main() -> int:
    """Run both contests, print the table, return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9, help="timed rounds of each contest")
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    corpus, generator = Corpus(), torch.Generator().manual_seed(0)
    batches = [corpus.batch(BATCH, LENGTH, generator)[0] for _ in range(8)]
    model = ModelConfig(corpus.vocab_size, DIM, N_LAYERS, N_HEADS)
    config = TrainConfig(model, CorpusConfig(), steps=1, batch_size=BATCH, length=LENGTH)
    ours, theirs = pair_of_models(config)
    print(
        f"dim {DIM}, {N_LAYERS} layers, {N_HEADS} heads, vocabulary {corpus.vocab_size}, "
        f"windows of {LENGTH}; one thread\n"
        f"parameters: ours {n_parameters(ours):,}, torch's {n_parameters(theirs):,}\n"
    )
    print(f"{'tokens per second':<22}{'ours':>12}{'torch':>12}{'ratio':>8}   {'range':<12}{'at least':>10}")
    steps = (trainer(ours, config, batches), trainer(theirs, config, batches))
    good = report(
        "training",
        BATCH,
        BATCH * LENGTH,
        *contest(*steps, rounds=rounds, repeats=6),
    )
    ours.eval(), theirs.eval()
    for batch in (1, BATCH):
        prompt = batches[0][:batch, :1]
        calls = (
            lambda p=prompt: ours.generate(p, NEW_TOKENS),
            lambda p=prompt: theirs.generate(p, NEW_TOKENS),
        )
        good &= report(
            "decoding",
            batch,
            batch * NEW_TOKENS,
            *contest(*calls, rounds=max(3, rounds // 3), repeats=1),
        )
    good &= bench_transformers.run(max(3, rounds // 2))
    good &= bench_experts.run(contest, trainer, rounds)
    good &= bench_whole.run(max(3, rounds // 2))
    good &= bench_precision.run(rounds)
    good &= bench_sampling.run(max(3, rounds // 2))
    good &= bench_pipeline.run(max(3, rounds // 2))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
