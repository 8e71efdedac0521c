"""What a comparison with `transformers` needs: logits read in pieces with a cache, and how near is equal."""

import torch
from transformers import DynamicCache

# Small, with no two widths of one head equal, so that parts exchanged would not fit or would show.
SMALL = dict(
    vocab_size=37,
    hidden_size=28,
    intermediate_size=44,
    num_attention_heads=4,
    num_key_value_heads=4,
    kv_lora_rank=12,
    q_lora_rank=18,
    qk_nope_head_dim=8,
    qk_rope_head_dim=6,
    v_head_dim=10,
    bos_token_id=None,
    eos_token_id=None,
)

YARN = dict(
    rope_type="yarn",
    rope_theta=50.0,
    factor=8.0,
    original_max_position_embeddings=64,
    beta_fast=4.0,
    beta_slow=0.5,
)


def draw_tokens(batch=2, length=40, seed=1, vocab=37):
    return torch.randint(vocab, (batch, length), generator=torch.Generator().manual_seed(seed))


def their_cached_logits(theirs, tokens, cut):
    """Return the logits of a model of `transformers` that reads `tokens` in pieces as long as `cut` says."""
    cache = DynamicCache(config=theirs.config)
    pieces = [theirs(piece, past_key_values=cache, use_cache=True).logits for piece in tokens.split(cut, 1)]
    return torch.cat(pieces, 1)


def our_cached_logits(ours, tokens, cut):
    """The same of our model."""
    cache = ours.new_cache(tokens.shape[0])
    return torch.cat([ours(piece, cache) for piece in tokens.split(cut, 1)], 1)


@torch.no_grad()
def their_logits_and_tolerance(theirs, tokens, cuts):
    """Return their logits, and 8 times the largest difference between them and their own with a cache.

    At least 8 roundings (2^-23 of the largest number), since two paths can agree by luck.
    """
    full = theirs(tokens).logits
    noise = max((their_cached_logits(theirs, tokens, cut) - full).abs().max() for cut in cuts)
    return full, max(8 * noise.item(), 8 * 2**-23 * full.abs().max().item())


def assert_logits_agree(ours, theirs, tokens, cuts):
    """Compare our logits with theirs, read at once and in pieces; return theirs and the tolerance."""
    logits, tolerance = their_logits_and_tolerance(theirs, tokens, cuts)
    assert logits.std() > 0.3 and tolerance < 1e-3  # they say something, and the bound means something
    with torch.no_grad():
        torch.testing.assert_close(ours(tokens), logits, atol=tolerance, rtol=0)
        for cut in cuts:
            torch.testing.assert_close(our_cached_logits(ours, tokens, cut), logits, atol=tolerance, rtol=0)
    return logits, tolerance
