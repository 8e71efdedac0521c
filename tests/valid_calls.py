"""One valid call of every public function and class of precision, config and model, of sizes that are drawn.

`draw(least, most)` gives a whole number. What may be spoiled without harm stands beside the call: axes that
have no partner, types that are rounded first, values that have a meaning at their ends.
"""

from collections.abc import Callable, Iterator

import torch
from spoiling import Call

from lessons_lib import config as configs
from lessons_lib import model as models
from lessons_lib import precision
from lessons_lib.config import CorpusConfig, HuntConfig, ModelConfig, TrainConfig, WindowMLPConfig
from lessons_lib.config.book import BookConfig
from lessons_lib.model.cache import SharedPrompts
from lessons_lib.precision import E4M3, E5M2, Format, Recipe

Draw = Callable[[int, int], int]
SHAPE = dict(vocab_size=11, dim=8, n_layers=2, n_heads=2, max_seq_len=12)
LATENT = SHAPE | dict(kv_lora_rank=6, qk_nope_head_dim=4, qk_rope_head_dim=2, v_head_dim=4)
EXPERTS = LATENT | dict(n_routed_experts=6, n_activated_experts=2, n_shared_experts=1, moe_inter_dim=4)
SPARSE = LATENT | dict(index_n_heads=8, index_head_dim=3, index_topk=2)
WHOLE = EXPERTS | dict(n_dense_layers=1, n_mtp_layers=2)


def axes(argument: str, *places: int) -> set[str]:
    """Return the ways in which axes that have no partner may change their size."""
    return {f"{argument}: axis {i} {how}" for i in places for how in ("longer", "shorter", "one", "empty")}


def may(*sets: set[str] | str) -> frozenset[str]:
    """Return all of these ways, single ones and sets of them."""
    return frozenset().union(*({s} if isinstance(s, str) else s for s in sets))


def any_shape(argument: str) -> set[str]:
    """Return the ways that a function of single numbers, which are rounded to FP32 first, does not mind."""
    return axes(argument, 0, 1) | {f"{argument}: {way}" for way in ("bf16", "axis more", "axis less")}


def precision_calls(draw: Draw) -> Iterator[Call]:
    """Yield a call of every public function of `precision`."""
    rows, columns, out = draw(3, 9), draw(3, 40), draw(3, 9)
    tile = (draw(1, 4), draw(1, 16))
    x, weight, fmt = torch.randn(rows, columns), torch.randn(out, columns), (E4M3, E5M2)[draw(0, 1)]
    for cast in (precision.cast_e4m3, precision.cast_e5m2):
        yield Call(cast, dict(x=x), may(any_shape("x")))
    for cast in (precision.cast_to, precision.cast_fast):
        yield Call(cast, dict(x=x, fmt=fmt), may(any_shape("x")))
    yield Call(precision.power_of_two_at_least, dict(x=x.abs() + 0.1), may(any_shape("x")))
    yield Call(precision.cut_off, dict(x=x, bits=draw(2, 14)), may(any_shape("x")))
    yield Call(precision.decode, dict(codes=torch.arange(draw(4, 16)), fmt=fmt), may(any_shape("codes")))
    yield Call(precision.values, dict(fmt=fmt))
    number = {f"{name}: {way}" for name in ("value", "x") for way in ("negative", "infinite", "zero")}
    yield Call(precision.neighbours, dict(x=1.0, fmt=fmt), may(number))
    for function in (precision.encode, precision.bit_fields):
        held = {"value: nan"} | (number if fmt == E5M2 else number - {"value: infinite"})
        yield Call(function, dict(value=1.0, fmt=fmt), may(held))
    fields = dict(name="E3M2", exponent_bits=3, mantissa_bits=2, bias=3, has_sign=True)
    yield Call(Format, fields, may("name: unknown", "mantissa_bits: zero", "bias: zero"))
    of_tiles = dict(x=x, tile=tile, ue8m0=False, fmt=fmt)
    for function in (precision.quantize_tiles, precision.round_tiles):
        yield Call(function, of_tiles, may(axes("x", 0, 1), "x: bf16"))
    codes, scales = precision.quantize_tiles(x, tile)
    same_grid = {f"codes: axis {i} {how}" for i in (0, 1) for how in ("longer", "shorter", "one")}
    yield Call(
        precision.dequantize_tiles,
        dict(codes=codes, scales=scales, tile=tile),
        may(same_grid, "codes: bf16", "scales: bf16"),
    )
    other = (draw(1, 4), tile[1])
    b_codes, b_scales = precision.quantize_tiles(weight, other)
    tiles = dict(
        a_codes=codes, a_scales=scales, b_codes=b_codes, b_scales=b_scales, a_tile=tile, b_tile=other
    )
    free = {
        f"{name}: {way}"
        for name in tiles
        for way in ("bf16", "axis 0 longer", "axis 0 shorter", "axis 0 one")
    }
    yield Call(precision.multiply_tiles, tiles, may(free))
    group = draw(2, 8)
    limited = dict(a=x, b=weight, bits=14, group=group, promote_every=2 * group)
    free = {"promote_every: none", "promote_every: huge", "bits: bool", "group: bool", "a: bf16", "b: bf16"}
    yield Call(precision.multiply_limited, limited, may(free, axes("a", 0), axes("b", 0)))
    recipe = precision.tiles_of(draw(1, 16))
    product = dict(x=x, weight=weight, recipe=recipe)
    yield Call(
        precision.multiply_quantized, product, may(axes("x", 0), axes("weight", 0), "x: bf16", "weight: bf16")
    )
    layer = precision.quantized_linear(recipe)(columns, out)
    yield Call(layer, dict(x=x), may(axes("x", 0), "x: bf16", "x: axis more", "x: axis less"))
    yield Call(precision.quantized_linear, dict(recipe=recipe))
    yield Call(precision.Fp8Linear, dict(in_features=draw(1, 9), out_features=draw(1, 9), bias=True), HUGE)
    sorted_rows = dict(x=x, weight=torch.randn(2, out, columns), ends=torch.tensor([1, rows]))
    free = axes("weight", 1) | {"x: bf16", "weight: bf16"}
    yield Call(precision.Fp8Linear.grouped, sorted_rows, may(free))
    yield Call(precision.tiles_of, dict(size=draw(1, 99)), may("size: huge"))
    fields = dict(inputs=E4M3, weights=E5M2, scaling="tile", input_tile=(1, 8), ue8m0=True)
    fields |= dict(loss_scale=1.0, products=("forward",), gradient_tile=(1, 8), weight_tile=(8, 8))
    free = {"inputs: none", "weights: none", "products: short", "products: long"}
    yield Call(Recipe, fields, may(free))
    for method in ("round_inputs", "round_weights"):
        name = "x" if method == "round_inputs" else "weight"
        yield Call(getattr(recipe, method), {name: x}, may(axes(name, 0, 1), f"{name}: bf16"))
    yield Call(recipe.round_gradients, dict(gradient=x), may(axes("gradient", 0, 1), "gradient: bf16"))


HUGE = may(*(f"{n}: huge" for n in ("in_features", "out_features")))


def config_calls(draw: Draw) -> Iterator[Call]:
    """Yield a call of every configuration with every kind of field."""
    optional = ("n_kv_heads", "head_dim", "inter_dim", "q_lora_rank", "rope_factor", "context", "pool")
    optional += ("eval_every", "recipe", "domains", "tasks")
    large = ("vocab_size", "dim", "n_layers", "max_seq_len", "inter_dim", "q_lora_rank", "kv_lora_rank")
    large += ("qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim", "original_seq_len", "moe_inter_dim")
    large += ("n_shared_experts", "n_mtp_layers", "steps", "batch_size", "eval_windows", "checkpoint_every")
    large += (
        "pool",
        "eval_every",
        "context",
        "seed",
        "n",
        "window",
        "embed_dim",
        "hidden_dim",
        "warmup_steps",
    )
    large += ("problems", "group_size", "updates", "eval_problems", "check_every", "curated", "rl_steps")
    large += ("n_heads", "head_dim", "asked", "samples", "last_steps", "judged", "base_steps", "rope_theta")
    zero = ("n_dense_layers", "n_shared_experts", "n_mtp_layers", "mscale", "seed", "warmup_steps")
    zero += ("weight_decay", "min_lr_ratio", "mtp_weight", "bias_update_speed", "aux_alpha", "seq_alpha")
    zero += (
        "clip_low",
        "clip_high",
        "beta",
        "direct",
        "go_on",
        "practice",
        "accuracy_weight",
        "language_weight",
    )
    signed = ("accuracy_weight", "language_weight", "format_weight")
    free = {f"{name}: none" for name in optional} | {f"{name}: huge" for name in large}
    free |= {f"{name}: zero" for name in zero} | {f"{name}: negative" for name in signed}
    free |= {
        "grad_clip: infinite",
        "domains: long",
        "domains: short",
        "tasks: long",
        "hunts: long",
        "betas: zero",
    }
    plain = SHAPE | dict(n_heads=4, n_kv_heads=2, head_dim=2 * draw(1, 4), inter_dim=draw(1, 30))
    plain |= dict(rope_theta=100.0, norm_eps=1e-6, tie_embeddings=True, rope_interleaved=False)
    yield Call(ModelConfig, plain, may(free))
    latent = WHOLE | dict(q_lora_rank=draw(1, 9), rope_factor=4.0, original_seq_len=draw(4, 99), mscale=1.0)
    latent |= dict(beta_fast=32.0, beta_slow=1.0, rope_amplitude=1.0, n_expert_groups=3, n_limited_groups=2)
    latent |= dict(score_func="softmax", norm_topk=False, group_score="top2", route_scale=2.5)
    yield Call(ModelConfig, latent, may(free, "n_routed_experts: huge") - {"rope_theta: huge"})
    yield Call(
        WindowMLPConfig, dict(vocab_size=9, window=3, embed_dim=4, hidden_dim=5, max_seq_len=9), may(free)
    )
    yield Call(CorpusConfig, dict(kind="mixed", seed=0, domains=("copy", "facts"), n=4), may(free))
    run = dict(model=ModelConfig(**WHOLE), corpus=CorpusConfig(), steps=draw(1, 9), batch_size=2, length=8)
    run |= dict(
        bias_update_speed=0.001, aux_alpha=0.1, seq_alpha=0.1, mtp_weight=0.3, recipe=Recipe(), pool=4
    )
    run |= dict(context=5, eval_every=3, eval_windows=4, checkpoint_every=5)
    run |= dict(optimizer=configs.OptimizerConfig())
    yield Call(TrainConfig, run, may(free))
    large_enough = ModelConfig(vocab_size=36, dim=8, n_layers=1, n_heads=2)
    book = dict(model=large_enough, entries=9, steps=3, batch_size=2, aux_alpha=0.0, checkpoint_every=2)
    yield Call(BookConfig, book, may(free))
    turned = dict(base=TrainConfig(large_enough, CorpusConfig(), 3), conversion="averaged", size=1, steps=9)
    turned |= dict(optimizer=configs.OptimizerConfig(), measured_at=(0, 5, 9), eval_windows=4)
    yield Call(configs.UptrainConfig, turned, may(free, "measured_at: short", "size: huge"))
    steps = dict(learning_rate=1e-3, min_lr_ratio=0.1, warmup_steps=4, weight_decay=0.1, betas=(0.9, 0.9))
    yield Call(configs.OptimizerConfig, steps | dict(grad_clip=1.0), may(free))
    hunt = dict(doors=6, lookups=1, max_tries=3, direct=0.5, go_on=0.5, practice=0.5, practice_reads=3)
    yield Call(HuntConfig, hunt, may(free, "max_tries: huge", "practice_reads: huge"))
    base = configs.BaseConfig()
    fields = dict(hunts=base.hunts, model=base.model, steps=5, batch_size=3, optimizer=base.optimizer)
    yield Call(configs.BaseConfig, fields | dict(check_every=2, checkpoint_every=2), may(free))
    fields = dict(base=base, tasks=base.hunts, steps=5, problems=2, group_size=2, max_new=9, temperature=1.0)
    fields |= dict(optimizer=base.optimizer, accuracy_weight=1.0, wanted_language="german", advantage="group")
    fields |= dict(normalize_std=True, aggregation="dapo", level="token", clip_low=0.2, updates=1, beta=0.1)
    yield Call(configs.RLConfig, fields | dict(eval_every=3, eval_problems=4, checkpoint_every=2), may(free))
    traces = configs.TracesConfig()
    yield Call(configs.TracesConfig, dict(steps=3, batch_size=2, optimizer=base.optimizer), may(free))
    plan = dict(base=base, tasks=base.hunts, curated=3, cold_start=traces, rl_steps=2, language_weight=0.2)
    plan |= dict(asked=2, samples=2, tuning=traces, last_steps=2, judged=2)
    yield Call(configs.R1Config, plan, may(free) - {"tasks: none"})
    yield Call(configs.StageConfig, dict(name="R1-Zero", plan=configs.R1Config()))
    student = dict(way="traces", plan=configs.R1Config(), base=base, teacher=1)
    student |= dict(rl_steps=2, traces=traces)
    yield Call(configs.StudentConfig, student, may(free))


def attention_calls(draw: Draw) -> Iterator[Call]:
    """Yield calls of what attention is made of: rotation, the product, the layers, their caches."""
    batch, heads, new, width = draw(2, 3), 2 * draw(1, 2), draw(3, 6), 2 * draw(2, 4)
    q, k = torch.randn(batch, heads, new, width), torch.randn(batch, 2, new + 2, width)
    v = torch.randn(batch, 2, new + 2, width)
    fewer = {"q: axis 2 shorter", "q: axis 2 one", "q: axis 2 longer", "q: axis 2 empty"}
    free = axes("v", 3) | fewer | {"scale: none", "q: axis 1 empty", "scale: infinite"} - {"scale: infinite"}
    yield Call(models.attend, dict(q=q, k=k, v=v, scale=0.5), may(free))
    yield Call(models.rope_frequencies, dict(head_dim=2 * draw(1, 9), theta=100.0), HUGE_ROPE)
    table = models.rope_table(new, width, 100.0)
    turned = dict(n_positions=new, head_dim=width, theta=100.0, frequencies=torch.rand(width // 2))
    yield Call(
        models.rope_table,
        turned,
        may("n_positions: bool", "n_positions: huge", "frequencies: none", "frequencies: bf16")
        - {"n_positions: bool"},
    )
    free = axes("x", 0, 1) | {"x: axis more", "x: axis less", "x: bf16", "table: bf16"}
    yield Call(models.apply_rope, dict(x=q, table=table, interleaved=False), may(free))
    for fields, layer in (
        (SHAPE, models.Attention),
        (LATENT, models.LatentAttention),
        (SPARSE, models.SparseAttention),
    ):
        config = ModelConfig(**fields)
        layer, x = layer(config), torch.randn(batch, new, config.dim)
        rope = models.rope_table(new, config.rope_width, 100.0)
        cache = models.Transformer(config).new_cache(batch)
        yield Call(layer, dict(x=x, rope=rope, cache=None), may(axes("x", 0), "rope: bf16", "cache: none"))
        yield Call(layer.forward, dict(x=x, rope=rope, cache=cache, layer=1), OF_LAYER)
        yield Call(models.Block(config), dict(x=x, rope=rope, cache=cache, layer=0), OF_LAYER)
        yield Call(type(layer), dict(config=config, linear=torch.nn.Linear))
    yield from sparse_calls(batch, new)
    sizes = dict(n_layers=2, batch=batch, max_len=9)
    free = {f"{name}: huge" for name in ("n_layers", "batch", "max_len", "n_kv_heads", "head_dim", "width")}
    yield Call(models.KVCache, sizes | dict(n_kv_heads=2, head_dim=width), may(free, "max_len: zero"))
    yield Call(models.LatentCache, sizes | dict(width=width), may(free, "max_len: zero"))
    cache, keys = models.KVCache(**sizes, n_kv_heads=2, head_dim=width), torch.randn(batch, 2, new, width)
    free = axes("keys", 2) & axes("values", 2)
    yield Call(cache.append, dict(layer=1, keys=keys, values=keys), may(free, "layer: zero"))
    cache, rows = models.LatentCache(**sizes, width=width), torch.randn(batch, new, width)
    free = axes("vectors", 1)
    yield Call(cache.append, dict(layer=1, vectors=rows), may(free, "layer: zero"))
    yield Call(cache.advance, dict(new=0), may("new: zero"))
    yield Call(cache.rewind, dict(length=0), may("length: zero"))
    yield Call(
        SharedPrompts(3, 9).of,
        dict(rows=torch.tensor([0, 2, 1, 1])),
        may(axes("rows", 0)) - {"rows: axis 0 empty"},
    )


def sparse_calls(batch: int, new: int) -> Iterator[Call]:
    """Yield calls of sparse attention and its indexer."""
    config = ModelConfig(**SPARSE)
    layer, x = models.SparseAttention(config), torch.randn(batch, new, config.dim)
    rope, indexer = models.rope_table(new, config.rope_width, 100.0), layer.indexer
    yield Call(models.Indexer, dict(config=config, linear=torch.nn.Linear))
    keys, scores = indexer.keys(x, rope), layer.index_scores(x, rope)
    yield Call(indexer.keys, dict(x=x, rope=rope), may(axes("x", 0), "rope: bf16"))
    free = axes("keys", 1) - {"keys: axis 1 empty"}
    yield Call(indexer, dict(latent=x, x=x, keys=keys, rope=rope), may(free, "rope: bf16", "keys: bf16"))
    own = layer.own_weights(x, rope)
    yield Call(layer.own_weights, dict(x=x, rope=rope), may(axes("x", 0), "rope: bf16"))
    kept = torch.ones(batch, new, new, dtype=torch.int64)
    anything = {f"kept: {way}" for way in ("bool", "fraction", "large", "negative")}  # but 0 is kept
    free = axes("attention", 1) | anything | {"kept: none", "scores: bf16", "attention: bf16"}
    yield Call(models.indexer_loss, dict(scores=scores, attention=own, kept=kept), may(free))
    (q_nope, q_rotary), memory = layer.queries(x, rope), layer.memory(x, rope)
    chosen = dict(q_nope=q_nope, q_rotary=q_rotary, memory=memory, ids=scores.topk(1).indices)
    yield Call(layer.look_chosen, chosen, may(axes("ids", 2), axes("memory", 1), "q_rotary: bf16"))


HUGE_ROPE = may("head_dim: huge")
OF_LAYER = may("rope: bf16", "cache: none", "layer: zero")


def expert_calls(draw: Draw) -> Iterator[Call]:
    """Yield calls of routers, experts, their balance and their statistics."""
    tokens, dim, n, k, inner = draw(4, 9), draw(3, 6), 2 * draw(3, 5), draw(2, 3), draw(2, 5)
    x, weight, bias = torch.randn(tokens, dim), torch.randn(n, dim), torch.randn(n)
    scores = models.affinities(x, weight)
    free = axes("x", 0) | axes("weight", 0) | {"x: bf16", "weight: bf16"}
    yield Call(models.affinities, dict(x=x, weight=weight, score_func="sigmoid"), may(free))
    choice = dict(scores=scores, bias=bias, k=k, n_groups=2, n_limited_groups=1, group_score="max")
    free = axes("scores", 0) | {"scores: bf16", "bias: bf16", "k: bool", "n_limited_groups: bool"}
    yield Call(models.choose_experts, choice, may(free - {"k: bool", "n_limited_groups: bool"}))
    ids = models.choose_experts(**choice)
    weights = scores.gather(1, ids)
    parts = dict(ids=ids, weights=weights, affinities=scores)
    free = axes("affinities", 1) | {"weights: bf16", "affinities: bf16", "ids: large", "ids: negative"}
    yield Call(models.Routing, parts, may(free))
    routing = models.Routing(**parts)
    w13, w2 = torch.randn(n, 2 * inner, dim), torch.randn(n, dim, inner)
    for form in (models.loop_over_experts, models.dense_masked, models.grouped):
        yield Call(form, dict(x=x, routing=routing, w13=w13, w2=w2))
    ends = models.expert_load(ids, n).cumsum(0)
    free = axes("weight", 1)
    rows = x.repeat_interleave(k, 0)
    yield Call(models.grouped_linear, dict(x=rows, weight=w13, ends=ends), may(free))
    config = ModelConfig(**EXPERTS)
    for part in (models.Router, models.Experts, models.MoE, models.Block):
        arguments = dict(config=config) if part is models.Router else dict(config=config, form="loop")
        yield Call(part, arguments)
    inside = torch.randn(tokens, config.dim)
    yield Call(models.Router(config), dict(x=inside), may(axes("x", 0), "x: bf16"))
    yield Call(models.MoE(config), dict(x=inside), may(axes("x", 0), "x: axis more"))
    yield Call(models.update_bias, dict(bias=bias, load=torch.arange(n), speed=0.1), UPDATE)
    yield Call(models.auxiliary_loss, dict(affinities=scores, ids=ids, alpha=0.1), LOSS)
    sequences = dict(affinities=scores, k=k, length=tokens, alpha=0.1)
    yield Call(models.sequence_wise_loss, sequences, LOSS)
    free = axes("ids", 0, 1) | {"ids: axis more", "ids: axis less", "n_experts: huge"}
    yield Call(models.expert_load, dict(ids=ids, n_experts=n), may(free))
    load = torch.arange(1, 2 * n + 1).view(2, n)
    free = axes("load", 0, 1) | {"load: axis more", "load: axis less", "load: fraction"}
    free |= {"load: large"} - {"load: axis 1 empty"}
    for number in (models.maximum_violation, models.load_entropy, models.dead_experts):
        yield Call(number, dict(load=load), may(free - {"load: axis 0 empty", "load: axis 1 empty"}))
    domains = torch.arange(tokens) % 2
    counted = dict(ids=ids, domains=domains, n_experts=n, n_domains=2)
    yield Call(models.expert_by_domain, counted, may(axes("ids", 1), "n_experts: huge", "n_domains: huge"))
    free = axes("table", 0, 1) | {"table: fraction", "table: large"}
    empty = {"table: axis 0 empty", "table: axis 1 empty"}
    yield Call(models.mutual_information, dict(table=load), may(free - empty))


UPDATE = may("bias: bf16", "load: fraction", "load: large", "speed: zero")
MORE = {"affinities: axis 1 longer", "affinities: axis 1 shorter"}
LOSS = may(MORE, "affinities: bf16", "alpha: zero", axes("ids", 1) - {"ids: axis 1 empty"})


def model_calls(draw: Draw) -> Iterator[Call]:
    """Yield calls of whole models and what is done with them."""
    config = ModelConfig(**WHOLE)
    model = models.Transformer(config).eval()
    tokens = torch.randint(0, 11, (draw(2, 3), draw(4, 7)))
    free = axes("tokens", 0, 1) - {"tokens: axis 0 empty", "tokens: axis 1 empty"}
    yield Call(models.Transformer, dict(config=config, linear=torch.nn.Linear, form="dense"))
    yield Call(model, dict(tokens=tokens, cache=None), may(free, "cache: none"))
    yield Call(model.hidden_states, dict(tokens=tokens), may(free))
    yield Call(model.mtp_logits, dict(tokens=tokens, depth=2), may(free - {"tokens: axis 1 one"}))
    yield Call(model.all_logits, dict(tokens=tokens), may(free - {"tokens: axis 1 one"}))
    hidden = model.hidden_states(tokens)
    yield Call(model.look_ahead, dict(hidden=hidden, following=tokens, depth=1))
    yield Call(model.new_cache, dict(batch=2, max_len=5), may("batch: huge", "max_len: none"))
    writing = dict(tokens=tokens[:1], max_new_tokens=2, temperature=0.5, generator=None, stop=3)
    may_write = {"max_new_tokens: zero", "temperature: zero", "generator: none", "stop: zero", "stop: none"}
    yield Call(model.generate, writing, may(free, may_write))
    speculated = dict(model=model, tokens=tokens[:1], max_new_tokens=2, temperature=0.5, drafts=2)
    may_write |= {"drafts: zero", "drafts: huge"} | (axes("tokens", 1) - {"tokens: axis 1 empty"})
    yield Call(models.speculate, speculated, may(may_write))
    chances = torch.rand(3, 5).softmax(-1)
    draft = dict(
        drafted=[1, 4], draft=chances[:2], target=chances, choose=lambda weights: int(weights.argmax())
    )
    yield Call(models.accept_draft, draft, may("draft: bf16", "target: bf16"))
    logits = model.all_logits(tokens[:, :-1])[1:]
    yield Call(models.mtp_loss, dict(logits=logits, tokens=tokens))
    plain, free = models.Transformer(ModelConfig(**SHAPE)), free_tokens()
    yield Call(models.average_heads, dict(model=plain, sets=1))
    yield Call(models.align_heads, dict(model=plain, tokens=tokens, sets=2), may(free))
    yield Call(models.compress_heads, dict(model=plain, tokens=tokens, rank=3), may(free))
    yield Call(models.attention_inputs, dict(model=plain, tokens=tokens), may(free))
    yield Call(models.RMSNorm, dict(dim=4, eps=1e-6), may("dim: huge"))
    yield Call(models.FeedForward, dict(dim=4, inter_dim=8), may("dim: huge", "inter_dim: huge"))
    for part in (models.RMSNorm(6), models.FeedForward(6, 4)):
        free = {"x: axis more", "x: axis less"} | ({"x: bf16"} if isinstance(part, models.RMSNorm) else set())
        yield Call(part, dict(x=torch.randn(3, 6)), may(axes("x", 0), free))
    yield Call(models.MultiToken, dict(config=config, block=models.Block(config)))
    module = model.mtp[0]
    rope = model.rope[: tokens.shape[1]]
    yield Call(
        module, dict(hidden=hidden, embedded=hidden, rope=rope, cache=None), may("cache: none", "rope: bf16")
    )
    window = WindowMLPConfig(11, window=3, embed_dim=4, hidden_dim=5, max_seq_len=12)
    yield Call(models.WindowMLP, dict(config=window))
    yield Call(models.WindowMLP(window), dict(tokens=tokens), may(free_tokens()))
    for function in (models.yarn_frequencies, models.yarn_mscale, models.yarn_ramp):
        yield Call(function, dict(config=config))
    yield Call(models.routers, dict(model=model, mtp=True))
    yield Call(lambda **given: _entered(models.watch_routing, given), dict(model=model, mtp=True))
    yield Call(lambda **given: _entered(models.without_experts, given), dict(model=model, removed={1: [0]}))


def free_tokens() -> set[str]:
    """Return how tokens (batch, position) may change."""
    return axes("tokens", 0, 1) - {"tokens: axis 0 empty", "tokens: axis 1 empty"}


def _entered(context, given):
    with context(**given):
        return None


ROOMS = {
    "precision": [precision_calls],
    "config": [config_calls],
    "model": [attention_calls, expert_calls, model_calls],
}


def calls_of(room: str, draw: Draw) -> list[Call]:
    """Return the valid calls of a room."""
    return [call for calls in ROOMS[room] for call in calls(draw)]
