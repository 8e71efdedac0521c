"""What a model is made of: the boxes of its diagram, their widths read off a configuration."""

from __future__ import annotations

from typing import Any

from lessons_lib.config import ModelConfig
from lessons_lib.show.explained import explained
from lessons_lib.show.figures.boxes import LEFT, RIGHT, Box, Plan


def _attention(plan: Plan, c: ModelConfig) -> None:
    heads, base, middle = c.n_heads, plan.height, (LEFT + RIGHT) / 2 - 0.16
    about: dict[str, Any] = dict(group="attention", linear=True)
    rope: dict[str, Any] = dict(height=0.26, group="attention")
    if c.kv_lora_rank is None:
        d, y = c.width_per_head, base + 0.86
        query = Box("queries", f"queries\n{heads} heads of {d}", 3.95, y, **about)
        key = Box("keys", f"keys\n{_heads(c.kv_heads)} of {d}", 5.3, y, cached=True, **about)
        value = Box(
            "values", f"values\n{_heads(c.kv_heads)} of {d}", 6.55, y, cached=True, tagged=True, **about
        )
        plan.fan("attention", (query, key, value))
        turned, top = [query, key], [query, key, value]
        width = d
    else:
        s, y = c.latent, base + 0.86
        q_text = f"queries\n{heads} of {s.qk_nope_head_dim} + {s.qk_rope_head_dim}"
        latent = Box("latent", f"latent\n{s.kv_lora_rank}", 5.45, y, 0.72, cached=True, tagged=True, **about)
        shared = f"rotary key\none of {s.qk_rope_head_dim}"
        rotary = Box("rotary key", shared, 6.6, y, 0.96, cached=True, **about)
        query = Box("queries", q_text, 3.95, y + (0 if s.q_lora_rank is None else 0.68), 1.2, **about)
        start = query
        if s.q_lora_rank is not None:
            start = Box("query latent", f"query latent\n{s.q_lora_rank:,}", 3.95, y, **about)
            plan.boxes.append(query)
            plan.up(start, query)
        plan.fan("attention", (start, latent, rotary))
        key = Box("keys", f"keys\n{heads} of {s.qk_nope_head_dim}", 5.02, y + 0.68, 0.8, **about)
        value = Box("values", f"values\n{heads} of {s.v_head_dim}", 5.9, y + 0.68, 0.8, **about)
        for made in (key, value):
            plan.arrows.append(
                ((latent.x, latent.top), (latent.x, y + 0.33), (made.x, y + 0.33), (made.x, made.bottom))
            )
        plan.boxes += [key, value]
        turned, top = [query, rotary], [query, key, value, rotary]
        width = s.v_head_dim
    line = max(box.top for box in top) + 0.26
    seen = "all keys so far" if c.index_topk is None else "the chosen keys"
    attend = Box(
        "attend",
        f"scores of {seen} → softmax → mean of the values",
        middle,
        line + 0.42,
        RIGHT - LEFT + 0.3,
        0.28,
        "attention",
    )
    for box in top:
        if box in turned:
            part = box is query and c.kv_lora_rank is not None  # of latent attention's query, not the whole
            turns, width_ = (f"RoPE on the {c.latent.qk_rope_head_dim}", 1.06) if part else ("RoPE", 0.62)
            turn = Box("RoPE", turns, box.x, line, width_, cached=box.cached, tagged=box.cached, **rope)
            plan.boxes.append(turn)
            plan.up(box, turn)
            plan.up(turn, attend)
        else:
            plan.up(box, attend)
    out = Box("output", f"output\n{heads} × {width} → {c.dim:,}", 3.95, attend.y + 0.52, 1.2, **about)
    plan.up(attend, out, 3.95)
    plan.boxes += [attend, out]
    if c.index_topk is not None:
        i = c.indexer
        chooses = f"indexer, {i.index_n_heads} heads of {i.index_head_dim}\nkeeps {i.index_topk:,} positions"
        indexer = Box("indexer", chooses, 6.0, out.y, 1.75, cached=True, tagged=True, **about)  # its keys
        plan.boxes.append(indexer)
        side, read = RIGHT + 0.06, plan.starts["attention"]  # it reads what attention reads
        plan.arrows += [
            ((LEFT, read), (side, read), (side, out.y), (indexer.x + indexer.width / 2, out.y)),
            ((indexer.x, indexer.bottom), (indexer.x, attend.top)),
        ]
    plan.join(out)


def _feed_forward(plan: Plan, c: ModelConfig) -> None:
    group = "feed-forward"
    y = plan.height + 0.82
    if c.n_routed_experts is None:
        inner = f"{c.dim:,} → {c.ffn_dim:,}"
        gate = Box("gate", f"gate\n{inner}", 5.3, y, group=group, linear=True)
        up = Box("up", f"up\n{inner}", 6.55, y, group=group, linear=True)
        plan.fan(group, (gate, up))
        out = Box(
            "down",
            f"gate × up, then down\n{c.ffn_dim:,} → {c.dim:,}",
            4.0,
            y + 0.56,
            1.5,
            group=group,
            linear=True,
        )
        for box in (gate, up):
            plan.arrows.append(((box.x, box.top), (box.x, out.y), (out.x + out.width / 2, out.y)))
        plan.boxes.append(out)
        return plan.join(out)
    e, group = c.routed, "experts"
    router = Box(
        "router", f"router\npicks {e.n_activated_experts} of {e.n_routed_experts}", 3.95, y, 1.1, group=group
    )
    many = f"{e.n_routed_experts} experts\nof width {e.moe_inter_dim:,}"
    routed = Box("routed experts", many, 5.3, y, 1.1, group=group, linear=True)
    boxes = [router, routed]
    if c.n_shared_experts:
        always = f"{c.n_shared_experts} shared,\nalways on"
        boxes.append(Box("shared experts", always, 6.55, y, 1.0, group=group, linear=True))
    plan.fan("feed-forward", boxes)
    plan.arrows.append(((router.x + 0.55, y), (routed.x - 0.55, y)))
    out = Box("sum", "weighted sum", 3.95, y + 0.52, 1.2, 0.3, group)
    plan.arrows.append(((routed.x, routed.top), (routed.x, out.y), (out.x + out.width / 2, out.y)))
    plan.boxes.append(out)
    plan.join(out)
    for shared in boxes[2:]:  # which nobody weighs: added to the stream by itself
        plan.join_by(shared, out.top + 0.17)


def _heads(n: int) -> str:
    return f"{n} head" + "s" * (n > 1)


def _trunk(c: ModelConfig, height: float) -> Plan:
    """Return the whole model as a column, as high as the opened block beside it."""
    x, plan = 0.95, Plan(height)
    names = [f"block {i}" for i in range(1, c.n_layers + 1)]
    if c.n_layers > 4:
        names = ["block 1", "block 2", "…", f"block {c.n_layers}"]
    embed = Box("embedding", f"embedding\n{c.vocab_size:,} → {c.dim:,}", x, 0.72, 1.3)
    room = 0.66 if c.n_mtp_layers else 0  # for the module, between the last norm and the head
    norm = Box("last norm", "norm", x, height - 1.32 - room, 1.3, 0.28)
    low, high = embed.top + 0.22, norm.bottom - 0.2
    step = (high - low) / len(names)
    blocks = [
        Box(name, name, x, low + step * (i + 0.5), 1.3, min(0.42, step - 0.16))
        for i, name in enumerate(names)
    ]
    width = "" if c.n_mtp_layers else f"{c.dim:,} "  # two arrows lead in where there is a module
    head = Box("head", f"head\n{width}→ {c.vocab_size:,}", x, height - 0.74, 1.3)
    column = [embed, *blocks, norm]
    for lower, upper in zip(column, column[1:]):
        plan.up(lower, upper)
    plan.arrows.append(((x, 0.38), (x, embed.bottom)))
    plan.boxes = [*column, head]
    if c.n_mtp_layers:
        _look_ahead(plan, c, embed, norm, head)
    else:
        plan.up(norm, head)
        plan.arrows.append(((x, head.top), (x, head.top + 0.2)))
    return plan


def _look_ahead(plan: Plan, c: ModelConfig, embed: Box, norm: Box, head: Box) -> None:
    """Add the module: it joins the state and the next token's embedding, and shares the head."""
    many = f"MTP,\n{c.n_mtp_layers} module{'s' * (c.n_mtp_layers > 1)}\none block"
    module = Box("MTP", many, 1.2, norm.top + 0.46, 0.8, 0.54)
    plan.boxes.append(module)
    plan.up(norm, module)
    plan.up(module, head)
    plan.arrows.append(((embed.x + 0.65, embed.y), (1.86, embed.y), (1.86, module.y), (1.6, module.y)))
    plan.arrows.append(((0.5, norm.top), (0.5, head.bottom)))
    for end in (0.5, module.x):
        plan.arrows.append(((end, head.top), (end, head.top + 0.2)))


@explained
def parts(config: ModelConfig) -> tuple[Plan, Plan]:
    """Return (the whole model, one of its blocks opened) as plans."""
    block = Plan(0.3)
    _attention(block, config)
    _feed_forward(block, config)
    block.height += 0.16
    return _trunk(config, block.height), block
