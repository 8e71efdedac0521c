"""What a model costs: parameters, operations for a token, bytes of memory for a token, hours of a chip.

Three ideas:
  at work     a token passes through K of E experts, so the parameters that work for it are fewer than those
              that are held; operations follow the first number, storage the second;
  six         a matrix costs 2 operations for each of its numbers and each token on the way forward, and twice
              that on the way back: 6 N D for N parameters at work and D tokens. Attention's own two products
              have no parameters and are counted apart;
  use         chips never reach their peak. Operations over what the chips could have done is the utilisation;
              a utilisation that was computed from a run's hours can't be used to predict them.

Operations are those of the mathematics: only positions that a query may see, half of the square and its
diagonal. What a kernel does besides (padding, scores computed twice) is not counted.
Sources: DeepSeek-V3 report, arXiv:2412.19437, sections 1 and 4.2; Kaplan et al., arXiv:2001.08361 (6 N D).
Letters: N parameters at work, D tokens.
"""

from dataclasses import dataclass

from lessons_lib.config import ModelConfig
from lessons_lib.signatures import checked


@dataclass(frozen=True)
class Parameters:
    """Numbers that a model holds, routing biases among them; its MTP modules stand apart."""

    total: int
    active: int  # at work for one token, embedding and head among them
    mtp: int  # of all modules; embedding and head are the main model's
    mtp_active: int


@dataclass(frozen=True)
class Work:
    """Operations of one forward pass for one token, on average over a text."""

    in_blocks: float  # products with the blocks' matrices: what V3's recipe computes in 8 bits
    outside: float  # products with routers and the head, in higher precision
    attention: float  # queries with keys, weights with values

    @property
    def forward(self) -> float:
        return self.in_blocks + self.outside + self.attention

    @property
    def training(self) -> float:
        """Forward, and twice that backward: once for the inputs, once for the matrices."""
        return 3 * self.forward

    @property
    def quantized_share(self) -> float:
        """The part of all operations that V3's recipe computes in 8 bits, 0 to 1."""
        return self.in_blocks / self.forward


@checked()
def count_parameters(config: ModelConfig) -> Parameters:
    """Return what a model of `config` holds and what works for a token; nothing is built."""
    ends = config.vocab_size * config.dim * (1 if config.tie_embeddings else 2) + config.dim
    layers = [_layer(config, layer) for layer in range(config.n_layers)]
    joined = 2 * config.dim**2 + 3 * config.dim  # the matrix M, two norms before it and one behind
    module = [n + joined for n in _layer(config, config.n_layers - 1)]
    return Parameters(
        total=ends + sum(held for held, _ in layers),
        active=ends + sum(at_work for _, at_work in layers),
        mtp=config.n_mtp_layers * module[0],
        mtp_active=config.n_mtp_layers * module[1],
    )


@checked(length="1..")
def flops_per_token(config: ModelConfig, length: int, *, mtp: bool = False) -> Work:
    """Return the operations of a forward pass over texts of `length` tokens, for each token.

    With `mtp`, those of the MTP modules are added; module k works at `length - k` positions.
    """
    head = config.vocab_size * config.dim
    in_blocks: float = sum(_matrices(config, layer) for layer in range(config.n_layers))
    outside: float = head + sum(_router(config, layer) for layer in range(config.n_layers))
    attention = config.n_layers * _attention_products(config, length)
    for k in range(1, config.n_mtp_layers + 1 if mtp else 1):
        last, share = config.n_layers - 1, max(0, length - k) / length
        in_blocks += share * (_matrices(config, last) + 2 * config.dim**2)
        outside += share * (head + _router(config, last))
        attention += share * _attention_products(config, length - k)
    return Work(2 * in_blocks, 2 * outside, 2 * attention)


@checked(active="0..", tokens="0..")
def rule_of_six(active: float, tokens: float) -> float:
    """Return 6 N D, the operations of a training without those of attention itself."""
    return 6 * active * tokens


@checked()
def kv_numbers_per_token(config: ModelConfig) -> int:
    """Return how many numbers the main model remembers of a token while it writes, all layers."""
    if config.kv_lora_rank is not None:
        one = config.latent.kv_lora_rank + config.latent.qk_rope_head_dim + (config.index_head_dim or 0)
        return config.n_layers * one
    return config.n_layers * 2 * config.kv_heads * config.width_per_head


@checked(bytes_per_number="1..")
def kv_bytes_per_token(config: ModelConfig, bytes_per_number: int = 2) -> int:
    """Return the bytes of that memory; 2 a number in BF16."""
    return bytes_per_number * kv_numbers_per_token(config)


@checked(flops="0<..", peak="0<..", utilisation="0<..1")
def gpu_hours(flops: float, peak: float, utilisation: float) -> float:
    """Return the hours of one chip of `peak` operations a second that `flops` operations take."""
    return flops / (peak * utilisation) / 3600


@checked(flops="0<..", hours="0<..", peak="0<..")
def utilisation(flops: float, hours: float, peak: float) -> float:
    """Return `flops` as a share of what one chip could have done in `hours` at `peak` operations a second."""
    return flops / (hours * 3600 * peak)


def _attention_matrices(config: ModelConfig) -> int:
    """Count the numbers of one layer's attention matrices."""
    dim, heads = config.dim, config.n_heads
    if config.kv_lora_rank is None:
        return 2 * dim * config.width_per_head * (heads + config.kv_heads)  # q and o, k and v
    shape = config.latent
    query = heads * (shape.qk_nope_head_dim + shape.qk_rope_head_dim)
    queries = dim * query if shape.q_lora_rank is None else shape.q_lora_rank * (dim + query)
    keys = dim * (shape.kv_lora_rank + shape.qk_rope_head_dim)
    rebuilt = shape.kv_lora_rank * heads * (shape.qk_nope_head_dim + shape.v_head_dim)
    return queries + keys + rebuilt + heads * shape.v_head_dim * dim + _indexer_matrices(config)


def _indexer_matrices(config: ModelConfig) -> int:
    """Count the numbers of one layer's indexer that may be in 8 bits, without its norm's."""
    if config.index_topk is None:
        return 0
    n, width = config.indexer.index_n_heads, config.indexer.index_head_dim
    return (config.q_lora_rank or config.dim) * n * width + config.dim * width


def _attention_products(config: ModelConfig, length: int) -> float:
    """Count one layer's multiplications of queries with keys and of weights with values, per token."""
    seen = (length + 1) / 2  # position t sees t + 1 tokens
    if config.kv_lora_rank is None:
        return config.n_heads * 2 * config.width_per_head * seen
    shape, kept = config.latent, config.index_topk
    if kept is None or length <= kept:
        return config.n_heads * (shape.qk_nope_head_dim + shape.qk_rope_head_dim + shape.v_head_dim) * seen
    scored, looked = pair_products(config)
    few = kept - kept * (kept - 1) / 2 / length  # seen and kept, on average
    return scored * seen + looked * few


@checked()
def pair_products(config: ModelConfig) -> tuple[int, int]:
    """Return the multiplications of one layer for one query and one position: indexer's and attention's.

    Attention's are those of the absorbed form, in which a chosen row serves all heads. Raises ValueError for
    a model that looks at everything.
    """
    shape, indexer = config.latent, config.indexer
    looked = config.n_heads * (2 * shape.kv_lora_rank + shape.qk_rope_head_dim)
    return indexer.index_n_heads * indexer.index_head_dim, looked


def _router(config: ModelConfig, layer: int) -> int:
    """Count the numbers of a block's matrices that stay out of 8 bits: the router's, and an indexer's."""
    n = config.routed.n_routed_experts if layer in config.expert_layers else 0
    return (n + (config.index_n_heads or 0)) * config.dim


def _matrices(config: ModelConfig, layer: int) -> int:
    """Count the numbers of a block's matrices at work for one token, without the router's."""
    if layer not in config.expert_layers:
        return _attention_matrices(config) + 3 * config.dim * config.ffn_dim
    n_experts = config.routed.n_activated_experts + config.n_shared_experts
    return _attention_matrices(config) + 3 * config.dim * config.routed.moe_inter_dim * n_experts


def _layer(config: ModelConfig, layer: int) -> tuple[int, int]:
    """Return what one layer holds, and what of it works for a token."""
    norms = 2 * config.dim
    if config.kv_lora_rank is not None:
        norms += config.kv_lora_rank + (config.q_lora_rank or 0) + 2 * (config.index_head_dim or 0)
    at_work = _matrices(config, layer) + _router(config, layer) + norms
    if layer not in config.expert_layers:
        return at_work, at_work
    routed = config.routed
    at_work += routed.n_routed_experts  # biases
    idle = routed.n_routed_experts - routed.n_activated_experts
    return at_work + idle * 3 * config.dim * routed.moe_inter_dim, at_work
